"""Engines that misbehave: what they leave behind is on the attempt and is ended, wherever it went."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sr_adapters.subprocess import seen
from sr_adapters.subprocess.invoker import SubprocessInvoker
from sr_adapters.subprocess.seen import Note, Seen, start_of
from sr_ports import EndsAbandoned, Leftover, Readiness, ReadinessFor, ReasonCode
from sr_ports.conformance.invoker_kit import HOLD
from sr_ports.conformance.invokers import is_free, run, was_held
from sr_ports.masking import Redactor
from tests.adapters.test_subprocess_invoker import RUN_ID, eventually, make_call, make_invoker

LINUX = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="the system shows no environments")


def python(code: str, *arguments: str) -> list[str]:
    return ["{python}", "-I", "-S", "-c", code, *arguments]


class TestLeftBehind:
    @pytest.mark.parametrize("away", [False, True], ids=["its group", "a daemon"])
    def test_a_process_that_the_engine_leaves_is_told_and_ended(self, tmp_path: Path, away: bool) -> None:
        lock = tmp_path / "lock"
        code = HOLD + f"child(sys.argv[1], deaf=True, away={away})"
        result = run(make_invoker(python(code, str(lock)), tmp_path), make_call())
        assert (result.reason, result.remarks) == (None, ("it left 1 process behind when it ended",))
        assert was_held(lock)
        assert eventually(lambda: is_free(lock))

    def test_an_engine_that_waits_for_its_children_has_left_none(self, tmp_path: Path) -> None:
        code = "import subprocess, sys; subprocess.run([sys.executable, '-I', '-S', '-c', ''], check=True)"
        result = run(make_invoker(python(code), tmp_path), make_call())
        assert (result.reason, result.remarks) == (None, ())

    def test_children_that_a_time_limit_ends_were_not_left(self, tmp_path: Path) -> None:
        code = (
            "import subprocess, sys; subprocess.run([sys.executable, '-I', '-S', '-c', 'import time; time.sleep(60)'])"
        )
        result = run(make_invoker(python(code), tmp_path, timeout_seconds=0.5), make_call())
        assert (result.reason, result.remarks) == (ReasonCode.ENGINE_TIMEOUT, ())


class TestMuchOutput:
    CODE = "import sys\nfor _ in range(int(sys.argv[1])): print('password=hunter2\\n' * 3840, flush=True)"

    @pytest.fixture(autouse=True)
    def slow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A masker that takes its time."""
        masks = Redactor.write

        def write(self: Redactor, data: bytes) -> None:
            time.sleep(0.15)
            masks(self, data)

        monkeypatch.setattr(Redactor, "write", write)

    def test_masking_it_is_not_the_engines_time(self, tmp_path: Path) -> None:
        result = run(make_invoker(python(self.CODE, "12"), tmp_path, timeout_seconds=1.5), make_call())
        assert result.reason is None
        assert b"hunter2" not in result.stdout

    def test_an_engine_that_only_talks_ends_all_the_same(self, tmp_path: Path) -> None:
        began = time.monotonic()
        result = run(make_invoker(python(self.CODE, "1000000"), tmp_path, timeout_seconds=0.5), make_call())
        assert result.reason is ReasonCode.ENGINE_TIMEOUT
        assert b"hunter2" not in result.stdout
        assert time.monotonic() - began < 20


class TestAgainstItsSupervisor:
    @LINUX
    def test_when_it_is_killed_a_daemon_of_the_engine_is_ended_too(self, tmp_path: Path) -> None:
        lock = tmp_path / "lock"
        code = HOLD + "child(sys.argv[1], deaf=True, away=True)\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(60)"
        result = run(make_invoker(python(code, str(lock)), tmp_path), make_call())
        assert (result.reason, result.exit_code) == (ReasonCode.ENGINE_CANCELLED, None)
        assert any("behind" in one for one in result.remarks)
        assert eventually(lambda: is_free(lock))

    @pytest.mark.skipif(not hasattr(os, "waitid"), reason="the system does not tell of a stopped child")
    def test_when_it_is_stopped_it_goes_on_and_the_attempt_says_so(self, tmp_path: Path) -> None:
        code = "import os, signal; os.kill(os.getppid(), signal.SIGSTOP); print('done')"
        result = run(make_invoker(python(code), tmp_path), make_call())
        assert (result.reason, result.stdout) == (None, b"done\n")
        assert result.remarks == ("its supervisor was stopped by a signal once, and continued",)

    def test_closed_output_and_deaf_ears_end_with_the_time_limit(self, tmp_path: Path) -> None:
        code = """import os, signal, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(number, signal.SIG_IGN)
os.close(1), os.close(2)
time.sleep(60)"""
        result = run(make_invoker(python(code), tmp_path, timeout_seconds=0.5), make_call())
        assert (result.reason, result.stdout) == (ReasonCode.ENGINE_TIMEOUT, b"")

    def test_endless_output_is_bounded_and_ends_with_the_time_limit(self, tmp_path: Path) -> None:
        code = "import os\nwhile True: os.write(1, b'x' * 65536)"
        invoker = make_invoker(python(code), tmp_path, timeout_seconds=0.5, log_limit_bytes=1024)
        result = run(invoker, make_call())
        assert (result.reason, len(result.stdout) <= 1024) == (ReasonCode.ENGINE_TIMEOUT, True)


STOPPED_HOST = """
import os, signal, sys
from sr_adapters.subprocess.invoker import SubprocessInvoker
from sr_ports import EngineCall
runs, run_id, *command = sys.argv[1:]
def stop(line):
    os.kill(os.getpid(), signal.SIGSTOP)
call = EngineCall({"run_id": run_id}, 1, "/nowhere")
SubprocessInvoker(command, runs_root=runs).invoke(call, cancelled=lambda: False, progress=stop)
"""


class TestAbandoned:
    @LINUX
    def test_an_engine_whose_holder_was_stopped_is_ended_before_the_next(self, tmp_path: Path) -> None:
        """Its holder is alive and stopped, so that no lifeline closes; one of its processes is a daemon."""
        lock = tmp_path / "lock"
        code = HOLD + "child(sys.argv[1], deaf=True, away=True)\nprint('up', flush=True)\ntime.sleep(60)"
        command = [sys.executable, "-I", "-S", "-c", code.replace("{", "{{").replace("}", "}}"), str(lock)]
        invoker = make_invoker(["true"], tmp_path)
        host = subprocess.Popen([sys.executable, "-c", STOPPED_HOST, str(tmp_path / "runs"), RUN_ID, *command])
        try:
            os.waitid(os.P_PID, host.pid, os.WSTOPPED)
            assert was_held(lock)
            assert make_invoker(["true"], tmp_path / "other").end_abandoned(RUN_ID, 1) == Leftover()
            assert invoker.end_abandoned(RUN_ID, 2) == Leftover()
            assert not is_free(lock)
            found = invoker.end_abandoned(RUN_ID, 1)
            assert (found.ended >= 2, found.left) == (True, 0)
            assert eventually(lambda: is_free(lock))
        finally:
            host.kill()
            host.wait()
        assert invoker.end_abandoned(RUN_ID, 1) == Leftover()

    def test_an_attempt_that_ended_leaves_no_note(self, tmp_path: Path) -> None:
        run(make_invoker(["true"], tmp_path), make_call())
        assert list((tmp_path / "runs" / "engine_processes").iterdir()) == []

    def test_a_pid_that_is_anothers_now_is_left_alone(self, tmp_path: Path) -> None:
        other = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"])
        try:
            assert Seen({other.pid: "another start"}, {}).end() == Leftover()
            note = Note(tmp_path)
            note.write("r", 1, [other.pid], {})
            assert other.poll() is None
            standing = note.read("r", 1)
            assert standing is not None
            assert standing.end() == Leftover(1, 0)
            assert other.wait() == -signal.SIGKILL
        finally:
            other.kill()
            other.wait()
        assert start_of(other.pid) is None

    def test_a_note_of_another_boot_or_host_names_nothing_here(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        note = Note(tmp_path)
        note.write("r", 1, [os.getpid()], {})
        monkeypatch.setattr(seen, "this_boot", lambda: "another")
        assert note.read("r", 1) is None

    @pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b'{"boot": 1}', b"\xff"])
    def test_what_is_no_note_names_nothing(self, tmp_path: Path, data: bytes) -> None:
        (tmp_path / "r.1.json").write_bytes(data)
        assert Note(tmp_path).read("r", 1) is None

    def test_a_note_that_cannot_be_kept_holds_nothing_up(self, tmp_path: Path) -> None:
        (tmp_path / "runs").mkdir()
        (tmp_path / "runs" / "engine_processes").write_text("a file")
        assert run(make_invoker(["true"], tmp_path), make_call()).reason is None


class TestReadiness:
    @pytest.mark.parametrize(
        ("command", "told"), [([], "no command"), ([""], "no command"), (["no-such-engine"], "not found on PATH")]
    )
    def test_an_engine_that_cannot_be_started_is_known_beforehand(
        self, tmp_path: Path, command: list[str], told: str
    ) -> None:
        assert told in str(make_invoker(command, tmp_path).unready())

    @pytest.mark.parametrize(
        ("command", "told"),
        [
            (["/"], "it is a folder"),
            ([__file__], "it may not be executed"),
            (["true", "{nosuch}"], "no value for {nosuch}"),
            (["true", "{"], "a literal brace is written twice"),
            (["true", "a\0b"], "a NUL character"),
        ],
        ids=["a folder", "no program", "another placeholder", "half a placeholder", "a NUL"],
    )
    def test_a_command_that_no_run_could_start_is_known_beforehand(
        self, tmp_path: Path, command: list[str], told: str
    ) -> None:
        assert told in str(make_invoker(command, tmp_path).unready())

    @pytest.mark.parametrize(
        "command",
        [["true"], ["{python}", "-V"], ["{scenario_id}"], ["true", "{scenario_set}", "{{nosuch}}", "{seed}"]],
    )
    def test_against_any_other_nothing_is_known(self, tmp_path: Path, command: list[str]) -> None:
        assert make_invoker(command, tmp_path).unready() is None

    def test_a_placeholder_that_one_invocation_has_no_value_for_is_known_beforehand(self, tmp_path: Path) -> None:
        invoker: object = make_invoker(["true", "{scenario_set}"], tmp_path)
        assert isinstance(invoker, ReadinessFor)
        one, many = ({"scenario_id": "x"}, {"scenario_set": ["x", "y"]})
        assert "no value for {scenario_set}" in str(invoker.unready_for(make_call(scenario_binding=one).invocation))
        assert invoker.unready_for(make_call(scenario_binding=many).invocation) is None

    def test_it_says_so(self, tmp_path: Path) -> None:
        invoker: object = make_invoker(["true"], tmp_path)
        assert isinstance(invoker, SubprocessInvoker)
        assert isinstance(invoker, Readiness)
        assert isinstance(invoker, EndsAbandoned)
