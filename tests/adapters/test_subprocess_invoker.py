"""The subprocess invoker: the port's laws, and what its spec adds to them."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sr_adapters.memory.invoker import ScriptedInvoker
from sr_adapters.subprocess import process
from sr_adapters.subprocess.environment import engine_environment
from sr_adapters.subprocess.invoker import SubprocessInvoker, build_subprocess
from sr_adapters.subprocess.settings import EngineEnvironment, SubprocessSettings
from sr_adapters.subprocess.template import Unresolved, placeholder_values, render
from sr_domain.encoding.ids import scenario_id_for
from sr_ports import BadInput, EngineCall, EngineInvoker, EngineResult, ReasonCode, Wiring
from sr_ports.conformance.invokers import CallFactory, EngineInvokerLaws, InvokerFactory, is_free, run, was_held
from sr_ports.logs import LINES_A_SECOND, LogLines, LogTail
from tests.wired import wired

RUN_ID = "0123456789abcdef" * 2
INVOCATION: Mapping[str, Any] = {
    "manifest_fingerprint": "ab" * 32,
    "parameter_hash": "cd" * 32,
    "seed": 7,
    "run_id": RUN_ID,
    "scenario_binding": {"scenario_id": "baseline"},
}


def make_call(*, engine_run_root: str | None = None, attempt_no: int = 1, **overrides: Any) -> EngineCall:
    return EngineCall({**INVOCATION, **overrides}, attempt_no, engine_run_root)


def make_invoker(command: Sequence[str], tmp_path: Path, **overrides: Any) -> SubprocessInvoker:
    settings: dict[str, Any] = {"runs_root": str(tmp_path / "runs"), "timeout_seconds": 30.0, "grace_seconds": 0.15}
    return SubprocessInvoker(command, **{**settings, **overrides})


class TestSubprocessInvoker(EngineInvokerLaws):
    @pytest.fixture
    def log_limit_bytes(self) -> int:
        return 1 << 16

    @pytest.fixture
    def invoker_for(self, tmp_path: Path, log_limit_bytes: int) -> InvokerFactory:
        def make(script: str, *, timeout_s: float = 30.0) -> EngineInvoker:
            path = tmp_path / "engine.py"
            path.write_text(script)
            command = ["{python}", "-I", "-S", "-X", "utf8", str(path), "{scenario_id}", "{engine_run_root}"]
            return make_invoker(command, tmp_path, timeout_seconds=timeout_s, log_limit_bytes=log_limit_bytes)

        return make

    @pytest.fixture
    def call(self) -> CallFactory:
        return make_call

    @pytest.fixture
    def unstartable(self, tmp_path: Path) -> Mapping[ReasonCode, EngineInvoker]:
        return {
            ReasonCode.ENGINE_COMMAND_MISSING: make_invoker([], tmp_path),
            ReasonCode.ENGINE_COMMAND_TEMPLATE_UNRESOLVED: make_invoker(["engine", "{colour}"], tmp_path),
        }


PRINT_ENV = "import json, os; print(json.dumps(dict(os.environ)))"


def engine_env(result: EngineResult) -> dict[str, str]:
    assert result.reason is None
    found: dict[str, str] = json.loads(result.stdout)
    return found


class TestStarting:
    def test_a_program_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        result = run(make_invoker(["no-such-engine"], tmp_path), make_call())
        assert result.reason is ReasonCode.ENGINE_COMMAND_MISSING
        assert "no-such-engine" in result.detail

    def test_a_script_without_interpreter_is_not_given_to_a_shell(self, tmp_path: Path) -> None:
        script = tmp_path / "engine"
        script.write_text(f"touch {tmp_path / 'owned'}\n")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        result = run(make_invoker([str(script)], tmp_path), make_call())
        assert result.reason is ReasonCode.ENGINE_COMMAND_UNUSABLE
        assert not (tmp_path / "owned").exists()

    def test_a_missing_working_directory_is_named(self, tmp_path: Path) -> None:
        result = run(make_invoker(["true"], tmp_path, cwd=str(tmp_path / "gone")), make_call())
        assert result.reason is ReasonCode.ENGINE_COMMAND_UNUSABLE
        assert str(tmp_path / "gone") in result.detail

    def test_the_unresolved_placeholder_is_named(self, tmp_path: Path) -> None:
        result = run(make_invoker(["true", "--x={colour}"], tmp_path), make_call())
        assert "{colour}" in result.detail

    def test_the_engine_runs_in_the_given_folder(self, tmp_path: Path) -> None:
        command = ["{python}", "-I", "-S", "-c", "import os; print(os.getcwd())"]
        result = run(make_invoker(command, tmp_path, cwd=str(tmp_path)), make_call())
        assert result.stdout.decode().strip() == str(tmp_path.resolve())

    def test_the_engine_has_its_own_group_default_signals_and_nothing_of_srs(self, tmp_path: Path) -> None:
        code = """import os, signal, sys
print(os.getpgrp() == os.getpid(), os.getsid(0) != int(sys.argv[1]), sys.stdin.read() == "")
print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, sorted(map(int, os.listdir("/dev/fd")))[:3])
print(len(os.listdir("/dev/fd")))  # its three, and the one that lists"""
        command = ["{python}", "-I", "-S", "-c", code, str(os.getsid(0))]
        result = run(make_invoker(command, tmp_path), make_call())
        assert result.stdout == b"True True True\nTrue [0, 1, 2]\n4\n"

    @pytest.mark.parametrize(("number", "name"), [("signal.SIGSEGV", "SIGSEGV"), ("signal.SIGRTMIN + 2", "signal 36")])
    def test_the_signal_is_named(self, tmp_path: Path, number: str, name: str) -> None:
        code = f"import os, signal; os.kill(os.getpid(), {number})"
        result = run(make_invoker(["{python}", "-I", "-S", "-c", code], tmp_path), make_call())
        assert result.detail == f"ended by {name}"

    def test_the_last_error_line_is_the_detail(self, tmp_path: Path) -> None:
        code = "raise SystemExit('no such world')"
        result = run(make_invoker(["{python}", "-I", "-S", "-c", code], tmp_path), make_call())
        assert result.detail == "exit code 1: no such world"

    def test_a_command_with_a_secret_in_it_is_not_quoted(self, tmp_path: Path) -> None:
        invoker = make_invoker(["engine --password=hush"], tmp_path)
        assert "hush" not in run(invoker, make_call()).detail + invoker.describe()


class TestRoot:
    def test_without_a_root_each_attempt_gets_its_own_folder(self, tmp_path: Path) -> None:
        result = run(make_invoker(["true"], tmp_path), make_call(attempt_no=3))
        expected = tmp_path / "runs" / "engine_runs" / f"run_id={RUN_ID}" / "attempt_no=3"
        assert result.engine_run_root == str(expected)
        assert expected.is_dir()

    def test_a_given_root_is_left_alone(self, tmp_path: Path) -> None:
        given_root = str(tmp_path / "elsewhere")
        result = run(make_invoker(["true"], tmp_path), make_call(engine_run_root=given_root))
        assert result.engine_run_root == given_root
        assert not Path(given_root).exists()

    @pytest.mark.parametrize("run_id", ["../../up", "/abs", ".", "..", "", "a/b", "a\0b"])
    def test_a_run_id_never_leaves_the_runs_root(self, tmp_path: Path, run_id: str) -> None:
        result = run(make_invoker(["true"], tmp_path), make_call(run_id=run_id))
        assert result.reason is ReasonCode.ENGINE_INVOCATION_INVALID
        assert list(tmp_path.iterdir()) == []

    def test_a_root_that_cannot_be_made_is_a_result(self, tmp_path: Path) -> None:
        (tmp_path / "runs").write_text("a file")
        result = run(make_invoker(["true"], tmp_path), make_call())
        assert result.reason is ReasonCode.ENGINE_ROOT_MISSING


class TestEnvironment:
    def test_the_engine_gets_invocation_and_root(self, tmp_path: Path) -> None:
        call = make_call(engine_run_root="s3://bucket/engine", notes="naïve\n")
        env = engine_env(run(make_invoker(["{python}", "-I", "-S", "-c", PRINT_ENV], tmp_path), call))
        assert json.loads(env["SR_ENGINE_INVOCATION_JSON"]) == call.invocation
        assert env["SR_ENGINE_RUN_ROOT"] == "s3://bucket/engine"

    def test_what_the_profile_does_not_list_stays_behind(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("SR_PROFILE", "SR_PG_DSN", "AWS_SECRET_ACCESS_KEY", "DATABASE", "path", "LD_PRELOADED", "XLC_ALL"):
            monkeypatch.setenv(name, "hush")
        monkeypatch.setenv("LC_PAPER", "en_GB.UTF-8")
        env = engine_env(run(make_invoker(["{python}", "-I", "-S", "-c", PRINT_ENV], tmp_path), make_call()))
        assert env["LC_PAPER"] == "en_GB.UTF-8"
        assert "hush" not in json.dumps(env)
        assert {name for name in env if name.startswith("SR_")} == {
            "SR_ENGINE_INVOCATION_JSON", "SR_ENGINE_RUN_ROOT", "SR_RUN_ID", "SR_ATTEMPT_NO",
            "SR_MANIFEST_FINGERPRINT", "SR_PARAMETER_HASH", "SR_SEED", "SR_SCENARIO_ID",
        }  # fmt: skip
        assert (env["SR_RUN_ID"], env["SR_ATTEMPT_NO"], env["SR_SEED"]) == (RUN_ID, "1", "7")

    def test_what_it_lists_and_sets_is_there_and_takes_no_pins_place(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MY_NAME", "t")
        given = EngineEnvironment(pass_=("PATH", "MY_*"), set_={"COLOUR": "blue", "SR_SEED": "8"})
        invoker = make_invoker(["{python}", "-I", "-S", "-c", PRINT_ENV], tmp_path, env=given)
        env = engine_env(run(invoker, make_call()))
        assert (env["MY_NAME"], env["COLOUR"], env["SR_SEED"]) == ("t", "blue", "7")
        assert "HOME" not in env

    def test_names_are_told_apart_by_their_letters(self) -> None:
        base = {"PATH": "a", "Path": "b", "LC_X": "c", "HOME_": "d"}
        assert engine_environment(base, {"X": "1"}) == {"PATH": "a", "LC_X": "c", "X": "1"}

    def test_any_mapping_is_a_json_object(self, tmp_path: Path) -> None:
        call = make_call(scenario_binding=MappingProxyType({"scenario_id": "frozen"}))
        env = engine_env(run(make_invoker(["{python}", "-I", "-S", "-c", PRINT_ENV], tmp_path), call))
        assert json.loads(env["SR_ENGINE_INVOCATION_JSON"])["scenario_binding"] == {"scenario_id": "frozen"}

    @pytest.mark.parametrize("value", [float("nan"), object()])
    def test_an_invocation_that_is_not_json_is_refused(self, tmp_path: Path, value: object) -> None:
        result = run(make_invoker(["true"], tmp_path), make_call(notes=value))
        assert result.reason is ReasonCode.ENGINE_INVOCATION_INVALID


class TestTemplate:
    @given(st.text(), st.text(alphabet="ab-= "))
    def test_any_value_is_taken_as_it_is(self, value: str, around: str) -> None:
        values = placeholder_values({"scenario_binding": {"scenario_id": value}}, "{}", 1, "/root")
        assert render([around + "{scenario_id}" + around], values) == [around + value + around]

    @given(st.lists(st.text()))
    def test_every_element_is_one_argument(self, elements: list[str]) -> None:
        doubled = [element.replace("{", "{{").replace("}", "}}") for element in elements]
        assert render(doubled, {}) == elements

    @given(st.text())
    def test_any_template_renders_or_is_unresolved(self, element: str) -> None:
        try:
            assert len(render([element], {"seed": "7"})) == 1
        except Unresolved as exc:
            assert exc.part

    @pytest.mark.parametrize("element", ["{", "}", "{}", "{0}", "{seed!r}", "{seed:>9}", "{seed.real}", "{seed[0]}"])
    def test_only_plain_names_are_placeholders(self, element: str) -> None:
        with pytest.raises(Unresolved):
            render([element], {"seed": "7"})

    def test_the_placeholders(self) -> None:
        invocation = {**INVOCATION, "scenario_binding": {"scenario_set": ["b", "a"]}, "request_id": "r-1"}
        assert placeholder_values(invocation, "{whole}", 2, "/root") == {
            "manifest_fingerprint": "ab" * 32,
            "parameter_hash": "cd" * 32,
            "seed": "7",
            "run_id": RUN_ID,
            "scenario_id": scenario_id_for(["a", "b"]),
            "scenario_set": "b,a",
            "request_id": "r-1",
            "invocation_json": "{whole}",
            "engine_run_root": "/root",
            "attempt_no": "2",
            "python": sys.executable,
        }

    def test_the_whole_invocation_is_one_argument_and_is_not_looked_into(self, tmp_path: Path) -> None:
        script = "import json, os, sys; assert sys.argv[1] == os.environ['SR_ENGINE_INVOCATION_JSON']; print('same')"
        binding = {"scenario_set": ["{seed}", "b c"]}
        command = ["{python}", "-I", "-S", "-c", script, "{invocation_json}", "{scenario_set}"]
        result = run(make_invoker(command, tmp_path), make_call(scenario_binding=binding))
        assert (result.reason, result.stdout.split()) == (None, [b"same"])

    def test_a_run_of_one_scenario_has_no_set(self, tmp_path: Path) -> None:
        one = run(make_invoker(["true", "{scenario_set}"], tmp_path), make_call(scenario_binding={"scenario_id": "x"}))
        assert one.reason is ReasonCode.ENGINE_COMMAND_TEMPLATE_UNRESOLVED
        assert run(make_invoker(["true", "{scenario_id}"], tmp_path), make_call()).reason is None


class TestLogs:
    @given(st.lists(st.binary(max_size=900), max_size=30), st.integers(256, 2048))
    def test_a_tail_is_the_end_of_the_stream(self, chunks: list[bytes], limit: int) -> None:
        tail, whole = LogTail(limit), b"".join(chunks)
        for chunk in chunks:
            tail.write(chunk)
        kept = tail.value()
        assert len(kept) <= limit
        if len(whole) <= limit:
            assert kept == whole
        else:
            note, _, last = kept.partition(b"\n")
            assert whole.endswith(last)
            assert note.startswith(f"[{len(whole) - len(last)} bytes cut".encode())

    def test_of_a_flood_the_first_lines_of_each_second_are_shown(self) -> None:
        seen: list[str] = []
        clock = [0.0]
        lines = LogLines(seen.append, lambda: clock[0])
        first = [f"a{n}" for n in range(LINES_A_SECOND)]
        lines.write(("\n\r\n".join(first) + "\nleft\nleft\r\nnow").encode())
        assert seen == first
        lines.write(b" left\nand a piece")
        clock[0] = 1.0
        lines.write(b" of it\nb")
        assert seen[LINES_A_SECOND:] == ["[3 lines of output are not shown]", "and a piece of it"]
        lines.write(b"\n" + b"c\n" * (LINES_A_SECOND + 1) + b"the end")
        assert seen[-1] == "c"
        lines.close()
        assert seen[-2:] == ["[3 lines of output are not shown]", "the end"]

    def test_a_flood_does_not_hold_the_engine_up(self, tmp_path: Path) -> None:
        """Two hundred thousand lines to a listener who takes a millisecond for each."""
        code = "import sys\nfor _ in range(200): sys.stdout.write(('x' * 99 + '\\n') * 1000)"
        began = time.monotonic()
        run(
            make_invoker(["{python}", "-I", "-S", "-c", code], tmp_path),
            make_call(),
            progress=lambda _: time.sleep(0.001),
        )
        assert time.monotonic() - began < 20  # told of every line it would take 200 s

    @given(st.lists(st.binary(max_size=5), max_size=20))  # no more lines than are shown at once
    def test_lines_do_not_depend_on_how_the_bytes_arrive(self, chunks: list[bytes]) -> None:
        piecewise, at_once = list[str](), list[str]()
        for seen, parts in ((piecewise, chunks), (at_once, [b"".join(chunks)])):
            lines = LogLines(seen.append, lambda: 0.0)
            for part in parts:
                lines.write(part)
            lines.close()
        assert piecewise == at_once


HOST = """
import sys
from sr_adapters.subprocess.invoker import SubprocessInvoker
from sr_ports import EngineCall
invoker = SubprocessInvoker(sys.argv[2:], runs_root=sys.argv[1], grace_seconds=0.1)
invoker.invoke(EngineCall({"run_id": "r"}, 1, None), cancelled=lambda: False, progress=lambda line: None)
"""


def eventually(condition: Any, seconds: float = 20.0) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return bool(condition())


class TestDeaths:
    ENGINE = """
import fcntl, os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
then, *names = sys.argv[1:]
child = os.fork() == 0
held = open(names[child], "w")
fcntl.flock(held, fcntl.LOCK_EX)
held.write("held")
held.flush()
while then == "kill-supervisor" and not child:
    if os.path.exists(names[1]) and os.path.getsize(names[1]):
        os.kill(os.getppid(), signal.SIGKILL)
        break
time.sleep(60)
"""

    def test_when_sr_is_killed_the_engine_ends(self, tmp_path: Path) -> None:
        locks = [tmp_path / "parent", tmp_path / "child"]
        command = [sys.executable, "-I", "-S", "-c", self.ENGINE, "sleep", *map(str, locks)]
        host = subprocess.Popen([sys.executable, "-c", HOST, str(tmp_path / "runs"), *command])
        try:
            assert eventually(lambda: all(map(was_held, locks)))
        finally:
            host.kill()
            host.wait()
        assert eventually(lambda: all(map(is_free, locks)))

    def test_when_the_supervisor_is_killed_the_engine_is_ended(self, tmp_path: Path) -> None:
        locks = [tmp_path / "parent", tmp_path / "child"]
        command = ["{python}", "-I", "-S", "-c", self.ENGINE, "kill-supervisor", *map(str, locks)]
        result = run(make_invoker(command, tmp_path), make_call())
        assert (result.reason, result.exit_code) == (ReasonCode.ENGINE_CANCELLED, None)
        assert eventually(lambda: all(map(is_free, locks)))

    def test_a_supervisor_that_is_stuck_holds_nothing_up(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(process, "KILL_S", 0.1)
        monkeypatch.setattr(process, "_SLACK_S", 0.1)
        code = (
            "import os, signal, time\nos.kill(os.getppid(), signal.SIGSTOP)\nprint('stuck', flush=True)\ntime.sleep(60)"
        )
        seen: list[str] = []
        invoker = make_invoker(["{python}", "-I", "-S", "-c", code], tmp_path)
        result = run(invoker, make_call(), cancelled=lambda: "stuck" in seen, progress=seen.append)
        assert result.reason is ReasonCode.ENGINE_CANCELLED

    def test_no_descriptor_is_left_open(self, tmp_path: Path) -> None:
        before = len(list(Path("/dev/fd").iterdir()))
        for command in (["true"], ["no-such-engine"], ["x\0"]):
            run(make_invoker(command, tmp_path), make_call())
        assert len(list(Path("/dev/fd").iterdir())) == before


class TestSettings:
    def wiring(self, tmp_path: Path, **settings: Any) -> Wiring[SubprocessSettings]:
        return wired(SubprocessSettings, "invoker", settings, tmp_path)

    def test_the_profile_section_makes_the_invoker(self, tmp_path: Path) -> None:
        invoker = build_subprocess(self.wiring(tmp_path, command=["{python}", "-V"], timeout_seconds=5))
        assert run(invoker, make_call()).reason is None
        assert (tmp_path / "engine_runs").is_dir()

    def test_its_environment_is_the_profiles(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SHOWN", "s")
        env = {"pass": ["PATH", "SHOWN"], "set": {"SET": "here"}}
        command = ["{python}", "-I", "-S", "-c", PRINT_ENV]
        found = engine_env(run(build_subprocess(self.wiring(tmp_path, command=command, env=env)), make_call()))
        assert (found["SHOWN"], found["SET"]) == ("s", "here")

    @pytest.mark.parametrize("settings", [{}, {"command": []}, {"command": [""]}], ids=str)
    def test_no_command_fails_the_attempt_not_the_start(self, tmp_path: Path, settings: dict[str, Any]) -> None:
        result = run(build_subprocess(self.wiring(tmp_path, **settings)), make_call())
        assert result.reason is ReasonCode.ENGINE_COMMAND_MISSING

    @pytest.mark.parametrize(
        "settings",
        [
            {"command": "python -m engine"},
            {"command": ["a", 1]},
            {"command": 7},
            {"cwd": 1},
            {"timeout_seconds": 0},
            {"timeout_seconds": "soon"},
            {"timeout_seconds": True},
            {"timeout_seconds": float("inf")},
            {"timeout_seconds": float("nan")},
            {"env": {"pass": "PATH"}},
            {"env": {"pass": [""]}},
            {"env": {"pass": ["A=B"]}},
            {"env": {"set": {"A=B": "x"}}},
            {"env": {"set": {"A": "x\0"}}},
            {"env": {"set": {"A": 7}}},
            {"env": {"keep": []}},
        ],
    )
    def test_a_setting_that_cannot_be_is_refused(self, tmp_path: Path, settings: dict[str, Any]) -> None:
        with pytest.raises(BadInput) as caught:
            build_subprocess(self.wiring(tmp_path, **settings))
        assert caught.value.code is ReasonCode.PROFILE_INVALID

    def test_describing_shows_no_argument(self, tmp_path: Path) -> None:
        assert "hush" not in make_invoker(["engine", "--password=hush"], tmp_path).describe()
        assert make_invoker([], tmp_path).describe() == "subprocess: no command"


class TestScriptedInvoker:
    def test_i1_the_behaviours_result_is_the_result(self) -> None:
        result = EngineResult(None, "/root", stdout=b"one\ntwo\n")
        lines: list[str] = []
        assert run(ScriptedInvoker(lambda _call: result), make_call(), progress=lines.append) == result
        assert lines == ["one", "two"]

    def test_i1_what_it_raises_is_a_failed_attempt(self) -> None:
        def broken(call: EngineCall) -> EngineResult:
            raise ValueError(call.attempt_no)

        result = run(ScriptedInvoker(broken), make_call())
        assert (result.reason, result.detail) == (ReasonCode.ENGINE_EXIT_NONZERO, "ValueError: 1")

    def test_i2_cancelled_before_it_starts_it_never_runs(self) -> None:
        calls: list[EngineCall] = []

        def behaviour(call: EngineCall) -> EngineResult:
            calls.append(call)
            return EngineResult(None, None)

        invoker = ScriptedInvoker(behaviour)
        assert run(invoker, make_call(), cancelled=lambda: True).reason is ReasonCode.ENGINE_CANCELLED
        assert calls == []
        assert "behaviour" in invoker.describe()

    def test_i5_no_secret_is_kept_quoted_or_shown(self) -> None:
        said = b"x\npassword=hush\n"
        result = EngineResult(ReasonCode.ENGINE_EXIT_NONZERO, None, said, said, "token: hush")
        lines: list[str] = []
        told = run(ScriptedInvoker(lambda _call: result), make_call(), progress=lines.append)
        assert (told.stdout, told.stderr, told.detail) == (b"x\npassword=***\n",) * 2 + ("token: ***",)
        assert lines == ["x", "password=***"]

        def broken(call: EngineCall) -> EngineResult:
            raise ValueError("postgres://u:hush@h")

        assert run(ScriptedInvoker(broken), make_call()).detail == "ValueError: postgres://u:***@h"

    def test_i4_logs_are_bounded(self) -> None:
        invoker = ScriptedInvoker(lambda _call: EngineResult(None, None, b"x" * 9 + b"y", b"z" * 9), log_limit_bytes=4)
        result = run(invoker, make_call())
        assert (result.stdout, result.stderr) == (b"xxxy", b"zzzz")
