"""What a person at a terminal does all day: explain, wait, watch, open, diff, complete, doctor."""

from __future__ import annotations

import io
import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from sr_adapters.observability.beat import EngineBeat
from sr_adapters.observability.sinks import ConsoleSink
from sr_domain.encoding.ids import run_id_for
from sr_ports import ObsEvent
from tests.cli.conftest import Shell

RUN = run_id_for("key")


@pytest.fixture
def ready(sr: Shell) -> Shell:
    assert sr("submit", sr.request()).code == 0
    return sr


def test_explain_counts_what_passed_and_lists_it_when_asked(ready: Shell) -> None:
    told = ready("explain", RUN).out
    assert "gates pass" in told
    assert "(-v lists them)" in told
    assert "PROVEN" not in told
    listed = ready("-v", "explain", RUN).out
    assert "PROVEN" in listed
    assert "(-v lists them)" not in listed


def test_explain_puts_faults_first_and_says_each_digest_once(sr: Shell) -> None:
    flag = sr.folder / "root/up/_passed.flag"
    stated = flag.read_text().split("=")[1].strip()
    flag.write_text(f"sha256_hex = {'ab' * 32}\n")
    assert sr("submit", sr.request()).code == 5
    told = sr("explain", RUN).out
    lines = told.splitlines()
    first = next(at for at, line in enumerate(lines) if "CONFLICT of" in line)
    assert lines[first] == "1 CONFLICT of 2 gates"
    assert "gate.up" in lines[first + 1]
    assert "gate.end" not in told
    assert told.count("ab" * 32) <= 2, "once as the reason, once at the gate"
    assert "\n".join(lines[first:]).count(stated) == 1


def test_explain_tells_whether_a_law_hashed_the_bytes(ready: Shell) -> None:
    """The lab's gates hash their own folders, and vouch for outputs that lie elsewhere."""
    outputs = {one["id"]: one["hashed"] for one in ready("--json", "explain", RUN).json["outputs"]}
    assert outputs == {"events": False, "world": False}
    assert "only vouched for: events, world" in ready("explain", RUN).out
    shutil.rmtree(ready.folder / "root")
    outputs = {one["id"]: one["hashed"] for one in ready("--json", "explain", RUN).json["outputs"]}
    assert set(outputs.values()) == {None}, "what is gone cannot be told"


def test_wait_is_a_sensor(sr: Shell, policy: Any) -> None:
    assert sr("wait", RUN, "--timeout", "0").code == 8
    assert sr("wait", "key:key", "--timeout", "0").code == 8
    policy(evidence_wait_seconds=600)
    (sr.folder / "root/data/world.bin").rename(sr.folder / "later")
    assert sr("submit", sr.request()).code == 3
    assert sr("wait", "key:key", "--timeout", "0.2").code == 3
    (sr.folder / "later").rename(sr.folder / "root/data/world.bin")
    resumed = threading.Timer(0.3, lambda: _resume(sr.folder))
    resumed.start()
    assert sr("wait", "key:key", "--timeout", "60").code == 0
    resumed.join()
    watched = sr("--json", "status", RUN, "--watch")
    assert [json.loads(line)["state"] for line in watched.out.splitlines()] == ["READY"]


def _resume(folder: Path) -> None:
    from sr_plugins import build_runner

    with build_runner(str(folder / "profile.yaml"), policy=str(folder / "policy.yaml")) as runner:
        runner.resume(RUN)


def test_open_gives_the_proven_files_and_none_else(ready: Shell) -> None:
    root = ready.folder / "root"
    found = ready("open", RUN[:8], "events")
    files = [Path(line) for line in found.out.splitlines()]
    assert found.code == 0
    assert files
    assert all(one.is_file() and one.is_relative_to(root) for one in files)
    told = ready("--json", "open", "key:key", "world", "--fast").json
    assert [one["path"] for one in told["files"]] == [str(root / "data/world.bin")]
    files[0].write_bytes(b"other")
    spoilt = ready("open", RUN, "events")
    assert (spoilt.code, spoilt.out) == (5, "")
    assert ready("open", RUN, "nope", "--fast").error == "UNKNOWN_OUTPUT_ID"


def test_open_of_a_superseded_run_is_refused_unless_allowed(ready: Shell) -> None:
    assert ready("submit", ready.request("next", supersedes=RUN)).code == 0
    refused = ready("open", RUN, "events", "--fast")
    assert (refused.code, refused.out, refused.error) == (5, "", "SUPERSEDED")
    assert ready("open", RUN, "events", "--fast", "--allow-superseded").code == 0


def test_diff_tells_pins_and_parts(ready: Shell) -> None:
    (ready.folder / "policy.yaml").write_text('policy_id: test\nrevision: "2"\n')
    assert ready.bare("policy", "seal", "policy.yaml").code == 0
    shutil.copytree(ready.folder / "root", ready.folder / "twin")
    window = json.loads((ready.folder / "request.yaml").read_text())["window"]
    twin = ready.request("twin", window={**window, "window_tz": "Europe/Paris"}, engine_run_root="twin")
    assert ready("submit", twin).code == 0
    found = ready("--json", "diff", "key:key", "key:twin").json
    assert found["pins"]["window_tz"] == {"first": window["window_tz"], "second": "Europe/Paris"}
    assert found["policy"]["revision"] == {"first": "1", "second": "2"}
    assert (found["laws"], found["outputs"]["differ"]) == ({}, [])
    told = ready("diff", RUN, "key:twin").out
    assert run_id_for("twin") in told
    assert "window_tz" in told
    assert "with the same bytes" in told
    assert ready("diff", RUN, RUN).out.count("with the same bytes") == 1


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_gives_lines_for_each_shell(sr: Shell, shell: str) -> None:
    script = sr.bare("completion", shell).out
    assert "_SR_COMPLETE" in script
    told = json.loads(sr.bare("--json", "completion", shell).out)
    assert (told["shell"], told["script"] + "\n") == (shell, script)


def test_runs_keys_and_commands_are_completed(ready: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(line: str) -> str:
        words = line.split(" ")
        with monkeypatch.context() as patch:
            patch.setenv("_SR_COMPLETE", "fish_complete")
            patch.setenv("COMP_WORDS", line)
            patch.setenv("COMP_CWORD", words[-1])
            return ready.bare().out

    assert RUN in asked(f"sr --profile profile.yaml status {RUN[:4]}")
    assert "key:key" in asked("sr --profile profile.yaml status key:")
    assert "outlet" not in asked("sr --profile profile.yaml open x")
    assert "events" in asked(f"sr --profile profile.yaml open {RUN} ev")
    assert "status" in asked("sr sta")
    assert asked("sr --profile nope.yaml status a").strip() == ""


def test_doctor_tells_one_cause_once_and_counts(sr: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from sr_adapters.file.store import FileObjectStore
    from sr_ports import ReasonCode, Unreachable

    def away(*args: object, **kwargs: object) -> None:
        raise Unreachable(ReasonCode.STORE_UNREACHABLE, "the store is away")

    for method in ("create", "read", "stat", "list", "delete", "replace"):
        monkeypatch.setattr(FileObjectStore, method, away)
    answer = sr("doctor")
    assert answer.code == 9
    assert answer.err.count("the store is away") == 1
    assert "1 broken, " in answer.out.splitlines()[-1]


@pytest.mark.parametrize(
    ("profile", "code"),
    [
        ("engine: {interface_pack: nopack}", "PACK_INVALID"),
        ("engine: {interface_pack: pack}\ninvoker: {command: [/no/such/engine]}", "ENGINE_COMMAND_MISSING"),
        ("engine: {interface_pack: pack}\ninvoker: {adapter: subprocess}", "ENGINE_COMMAND_MISSING"),
    ],
)
def test_doctor_sees_what_the_profile_names(sr: Shell, profile: str, code: str) -> None:
    (sr.folder / "profile.yaml").write_text(f"runtime_root: runs\n{profile}\n")
    answer = sr("doctor")
    assert (answer.code, answer.error) == (5, code)


def test_the_story_says_why_an_attempt_failed(sr: Shell) -> None:
    engine = json.dumps(["sh", "-c", "echo no customer_id >&2; exit 1"])
    (sr.folder / "profile.yaml").write_text(
        f"runtime_root: runs\nengine: {{interface_pack: pack}}\ninvoker: {{command: {engine}}}\n"
    )
    path = sr.folder / sr.request()
    path.write_text(
        json.dumps({key: one for key, one in json.loads(path.read_text()).items() if key != "engine_run_root"})
    )
    first = sr("submit", "request.yaml")
    assert first.code == 4
    assert "the engine's attempt failed: " in sr("show", RUN).out
    again = sr("submit", "request.yaml")
    assert "no customer_id" in again.err
    assert "(already known)" in again.out


class Screen(io.StringIO):
    """A terminal that tells when a line has come."""

    def __init__(self) -> None:
        super().__init__()
        self.came = threading.Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        done = super().write(text)
        if "running" in text:
            self.came.set()
        return done


def event(kind: str, severity: str = "INFO") -> ObsEvent:
    return ObsEvent(kind, "ENGINE", "OK", severity, "2026-01-31T13:42:00Z", {"run_id": RUN}, message="told")


def test_a_terminal_sees_that_an_engine_runs() -> None:
    screen = Screen()
    sink = ConsoleSink(screen)
    sink._beat = EngineBeat(sink._say_running, every_s=0.01)
    sink.emit(event("ENGINE_ATTEMPT_LAUNCH_REQUESTED"))
    sink.emit(event("ENGINE_OUTPUT", "DEBUG"))
    assert screen.came.wait(30)
    assert f"run {RUN[:8]}  the engine is running, 0 s so far" in screen.getvalue()
    sink.emit(event("ENGINE_ATTEMPT_FINISHED"))
    assert sink._beat._ended is None
    sink.close()


def test_a_pipe_sees_events_alone() -> None:
    before = set(threading.enumerate())  # an earlier test's beat may be ending
    sink = ConsoleSink(io.StringIO())
    sink.emit(event("ENGINE_ATTEMPT_LAUNCH_REQUESTED"))
    assert "engine beat" not in {one.name for one in set(threading.enumerate()) - before}
    sink.close()


def test_nothing_wraps_on_80_columns(ready: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    class Terminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    from sr_adapters.cli.app import run

    monkeypatch.setitem(os.environ, "COLUMNS", "80")
    for words in (["list"], ["facts", RUN], ["show", RUN], ["status", RUN], ["plugins"], ["contracts", "check"],
                  ["diff", RUN, RUN], ["check", "nowhere", "--request", "request.yaml"]):  # fmt: skip
        for wide in (False, True):
            raw = io.BytesIO()
            with monkeypatch.context() as patch:
                patch.setattr(sys, "stdout", Terminal(raw, encoding="utf-8", write_through=True))
                run(["--profile", "profile.yaml", *words, *(["--wide"] if wide else [])])
                text = raw.getvalue().decode()
            lines = [click_unstyled(line) for line in text.splitlines() if line.startswith(" ")]
            lines = [line for line in lines if "next: " not in line]
            if not wide:
                assert max(map(len, lines), default=0) <= 80, (words, max(lines, key=len))
            elif words[0] in ("list", "facts"):
                assert any(RUN in line for line in lines)


def click_unstyled(text: str) -> str:
    import click

    return click.unstyle(text)
