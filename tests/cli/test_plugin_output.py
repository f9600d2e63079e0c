"""What a plugin prints, wherever and however, is on stderr; what it raises names it, and no answer is spoilt."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from sr_adapters.cli import output
from sr_plugins.wiring.sinks import FanOut
from sr_ports import ObsEvent
from tests.cli.conftest import Answer, Shell
from tests.plugins.conftest import Site, site

__all__ = ["site"]
REPO = Path(__file__).resolve().parents[2]
LOUD = """
    import os, subprocess, sys
    from sr_ports import Adapter, hookimpl

    def shout(what):
        print("PRINTED", what, flush=True)
        sys.stdout.write("PRINTED written\\n")
        {more}

    shout("at import")

    class Sink:
        def emit(self, event):
            shout("in emit")
        def close(self):
            shout("in close")

    class Law:
        kind = "loud"
        def digest(self, bundle):
            shout("in digest")
            import hashlib
            paths = [fact.path for fact in bundle.files()]
            return bundle.sha256(paths)

    def build(wiring):
        shout("in build")
        return Sink()

    @hookimpl
    def sr_observability_sinks():
        shout("in a hook")
        return [Adapter("loud", build)]

    @hookimpl
    def sr_hashing_laws():
        return [Law()]
"""
BENEATH = """
        os.write(1, b"PRINTED below Python\\n")
        subprocess.run(["echo", "PRINTED by a child"], check=True)
"""


def profiled(sr: Shell, **sections: Any) -> None:
    node = {"runtime_root": "runs", "engine": {"interface_pack": "pack"}, **sections}
    (sr.folder / "profile.yaml").write_text(json.dumps(node))


def gated(sr: Shell, kind: str) -> None:
    """The pack's first gate under another law; its flag stays what plain concatenation gives."""
    path = sr.folder / "pack" / "engine_gates.map.yaml"
    node = json.loads(path.read_text())
    node["gates"][0]["verification_method"] = {"kind": kind, "exclude_filenames": ["_passed.flag"]}
    path.write_text(json.dumps(node))


@pytest.fixture(autouse=True)
def streams_are_given_back() -> Iterator[None]:
    before = sys.stdout
    yield
    assert sys.stdout is before


def test_a_print_in_a_plugin_spoils_no_json_document(sr: Shell, site: Site) -> None:
    site.install("acme-loud", LOUD.format(more=""))
    profiled(sr, observability={"sinks": ["loud", "file"]})
    answer = sr("--json", "submit", sr.request())
    assert (answer.code, answer.json["state"]) == (0, "READY")
    for where in ("at import", "in a hook", "in build", "in emit", "in close"):
        assert f"PRINTED {where}" in answer.err
    assert "PRINTED" not in answer.out


def test_a_print_in_a_laws_digest_is_on_stderr(sr: Shell, site: Site) -> None:
    site.install("acme-loud", LOUD.format(more=""))
    gated(sr, "loud")
    answer = sr("--json", "submit", sr.request())
    assert answer.json["state"] == "READY"
    assert "PRINTED in digest" in answer.err


def test_an_error_line_repeats_no_password_of_an_address(sr: Shell, site: Site) -> None:
    refusal = "raise OSError('no way to http://user:s3cretpw@127.0.0.1:9/x by http://127.0.0.1:8/y')"
    site.install("acme-bus", RAISES.format(build=refusal, publish="pass"))
    profiled(sr, control_bus={"adapter": "pigeon"})
    for command in (["list"], ["--json", "list"]):
        answer = sr(*command)
        assert "http://user:***@127.0.0.1:9/x by http://127.0.0.1:8/y" in answer.err
        assert "s3cretpw" not in answer.out + answer.err


def test_a_law_whose_plugin_is_broken_is_told_with_that_plugin(sr: Shell, site: Site) -> None:
    site.install("acme-broken", "raise RuntimeError('no licence')")
    why = "zz_law; acme-broken 1.2: cannot be imported: RuntimeError: no licence"
    gated(sr, "sha256_bundle_digest")
    assert "acme-broken" not in sr("plan", sr.request()).err
    gated(sr, "zz_law")
    for command in (["plan", sr.request()], ["contracts", "check", "pack"], ["submit", sr.request()]):
        answer = sr(*command)
        assert answer.code != 0
        assert why in " ".join((answer.out + answer.err).split()), command


@pytest.mark.parametrize("command", [["--help"], ["status", "--help"], ["--version"], []])
def test_help_stays_on_standard_output(sr: Shell, command: list[str]) -> None:
    answer = sr.bare(*command)
    assert answer.out
    assert not answer.err


def test_what_is_written_beneath_python_is_on_stderr_too(sr: Shell, site: Site) -> None:
    site.install("acme-loud", LOUD.format(more=BENEATH))
    profiled(sr, observability={"sinks": ["loud"]})
    done = process(sr, site, "--json", "submit", sr.request())
    assert json.loads(done.stdout)["state"] == "READY"
    for what in ("below Python", "by a child", "written"):
        assert f"PRINTED {what}" in done.stderr


def test_what_a_plugin_prints_as_the_process_ends_is_on_stderr(sr: Shell, site: Site) -> None:
    site.install("acme-loud", LOUD.format(more="import atexit; atexit.register(print, 'PRINTED at exit')"))
    profiled(sr, evidence={"law_isolation": "none"})  # else it is imported elsewhere, and that process is ended
    done = process(sr, site, "--json", "plugins")
    assert "loud" in {one["name"] for one in json.loads(done.stdout)["plugins"]}
    assert "PRINTED at exit" in done.stderr


def process(sr: Shell, site: Site, *args: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "sr_adapters.cli", "--profile", "profile.yaml", "--policy", "policy.yaml", *args]
    env = {**os.environ, "PYTHONPATH": f"{site.folder}{os.pathsep}{REPO}"}
    return subprocess.run(words, cwd=sr.folder, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_a_terminal_that_takes_nothing_changes_no_answer(sr: Shell) -> None:
    """The story has no place to go: the answer and the exit code are as ever, and the process ends."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 65536)
    except BlockingIOError:
        os.set_blocking(writing, True)
    words = [sys.executable, "-m", "sr_adapters.cli", "-v", "--json", "--profile", "profile.yaml", "--policy"]
    words += ["policy.yaml", "submit", sr.request()]
    env = {**os.environ, "PYTHONPATH": str(REPO)}
    done = subprocess.run(
        words, cwd=sr.folder, env=env, stdout=subprocess.PIPE, stderr=writing, text=True, timeout=60, check=False
    )
    os.close(writing)
    os.close(reading)
    assert (done.returncode, json.loads(done.stdout)["state"]) == (0, "READY")
    (log,) = (sr.folder / "runs" / "fraud-platform").glob("*/session.jsonl")
    assert '"TELEMETRY_LOST"' in log.read_text()


def test_a_plugin_that_is_not_needed_is_not_imported(sr: Shell, site: Site) -> None:
    site.install("acme-loud", LOUD.format(more=""))
    assert sr("submit", sr.request()).code == 0
    assert "plugin_acme_loud" not in sys.modules
    assert sr("plugins").code == 0
    assert "plugin_acme_loud" not in sys.modules
    profiled(sr, observability={"sinks": ["loud"]})
    assert sr("submit", sr.request("other")).code == 0
    assert "plugin_acme_loud" in sys.modules


RAISES = """
    from sr_ports import Adapter, hookimpl
    import asyncio

    class Bus:
        def publish(self, envelope):
            {publish}
        def tail(self, topic, **how):
            return iter(())
        def close(self):
            pass

    def build(wiring):
        {build}
        return Bus()

    @hookimpl
    def sr_control_buses():
        return [Adapter("pigeon", build)]
"""
RUDE = ["ValueError('no')", "SystemExit(0)", "GeneratorExit", "asyncio.CancelledError"]


MUTE = "type('Mute', (Exception,), {'__str__': lambda self: 1 / 0})()"
HOLLOW = "type('Hollow', (__import__('sr_ports').Unreachable,), {'__init__': lambda self: None})()"


@pytest.mark.parametrize("error", [*RUDE, MUTE, HOLLOW])
def test_a_build_that_raises_ends_in_one_line_that_names_it(sr: Shell, site: Site, error: str) -> None:
    site.install("acme-bus", RAISES.format(build=f"raise {error}", publish="pass"))
    profiled(sr, control_bus={"adapter": "pigeon"})
    answer = sr("submit", sr.request())
    assert (answer.code, answer.error) == (2, "PLUGIN_BROKEN")
    assert "the control_bus adapter 'pigeon' of acme-bus 1.2 cannot be built" in answer.err
    assert "bug" not in answer.err
    assert not (sr.folder / "runs").exists()


@pytest.mark.parametrize("error", [*RUDE, MUTE, HOLLOW])
def test_an_adapter_that_raises_later_leaves_the_run_where_it_was(sr: Shell, site: Site, error: str) -> None:
    site.install("acme-bus", RAISES.format(build="pass", publish=f"raise {error}"))
    profiled(sr, control_bus={"adapter": "pigeon"})
    answer = sr("--json", "submit", sr.request())
    assert (answer.code, answer.json["state"], answer.json.get("published")) == (0, "READY", False)
    shown = sr("show", answer.json["run_id"])
    assert "PLUGIN_FAILED" in shown.out


@pytest.mark.parametrize("error", ["SystemExit(0)", MUTE, HOLLOW])
def test_a_plugin_of_the_callers_that_ends_the_process_does_not_end_it_well(
    sr: Shell, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    """Where no guard stands, the outer edge does: SystemExit(0) of somebody else's is no exit 0."""
    from sr_domain.runner import ScenarioRunner

    def ends(*args: object, **kwargs: object) -> None:
        raise eval(error)

    monkeypatch.setattr(ScenarioRunner, "status", ends)
    answer: Answer = sr("status", "0" * 32)
    assert answer.code == 1
    assert answer.error == "INTERNAL"


def test_an_answer_comes_after_the_story_that_was_told_before_it() -> None:
    class Slow:
        def __init__(self) -> None:
            self.got: list[str] = []

        def emit(self, event: ObsEvent) -> None:
            time.sleep(0.01)
            self.got.append(event.message)

        def close(self) -> None:
            """Nothing to let go of."""

    sink = Slow()
    fan = FanOut([sink])
    for word in ("one", "two"):
        fan.emit(ObsEvent("X", "COMMIT", "OK", "INFO", "2026-01-31T13:42:00Z", {}, message=word))
    output.answers()
    assert sink.got == ["one", "two"]
    fan.close()


def test_the_kept_stream_is_used_for_answers_alone(capsys: pytest.CaptureFixture[str]) -> None:
    @click.command()
    def noisy() -> None:
        print("noise")  # noqa: T201
        output.answer("answer")

    with output.opened():
        output.apart(noisy).main([], standalone_mode=False)
        output.apart(noisy).main([], standalone_mode=False)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("answer\n" * 2, "noise\n" * 2)
