"""The laws of `sr_ports.invoker.EngineInvoker`, for engines that are processes.

Subclass `EngineInvokerLaws` and give it the fixtures it names. The engines are small Python
scripts; that one of their processes is gone is proved by a file lock it held, which the
kernel frees when the last holder ends, whoever its parent was.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from sr_ports import EndsAbandoned, EngineInvoker, EngineResult, Leftover, Readiness, ReasonCode
from sr_ports.conformance.engines import run
from sr_ports.conformance.invoker_kit import (
    HOLD,
    CallFactory,
    InvokerFactory,
    is_free,
    run_into_timeout,
    was_held,
)
from sr_ports.conformance.lawful import Laws

__all__ = ["CallFactory", "EngineInvokerLaws", "InvokerFactory", "is_free", "run", "run_into_timeout", "was_held"]

_HOSTILE = (
    "; rm -rf /",
    "$(touch owned)",
    "`touch owned`",
    "two\nlines\tand a tab",
    "{seed} {{run_id}} {",
    "%s %(seed)s $HOME ~ * ?",
    "'\"\\",
    "-n",
    " spaces ",
    "naïve 你好 🙂",
    "| cat /etc/passwd > owned &",
)


class EngineInvokerLaws(Laws):
    """Fixtures: `invoker_for`, `call`, `unstartable`, `log_limit_bytes`."""

    states = (EngineInvoker, EndsAbandoned)
    time_limit_s = 45.0  # less than what a child that nobody ends sleeps

    @pytest.fixture
    def invoker_for(self) -> InvokerFactory:
        raise NotImplementedError("give the suite an invoker_for fixture")

    @pytest.fixture
    def call(self) -> CallFactory:
        raise NotImplementedError("give the suite a call fixture")

    @pytest.fixture
    def unstartable(self) -> Mapping[ReasonCode, EngineInvoker]:
        """Invokers that cannot even start, by the reason they must give."""
        raise NotImplementedError("give the suite an unstartable fixture")

    @pytest.fixture
    def log_limit_bytes(self) -> int:
        """The most bytes that the invoker keeps of each stream."""
        return 1 << 20

    # I1: a result, whatever the engine does

    def test_i1_success_has_no_reason(self, invoker_for: InvokerFactory, call: CallFactory) -> None:
        result = run(invoker_for("print('done')"), call())
        assert (result.reason, result.exit_code, result.stdout) == (None, 0, b"done\n")

    @pytest.mark.parametrize(
        ("script", "exit_code"),
        [
            ("raise SystemExit(3)", 3),
            ("1/0", 1),
            ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9),
            ("import os, signal; os.killpg(0, signal.SIGTERM)", -15),
        ],
        ids=["exit", "traceback", "sigkill", "ends-its-own-group"],
    )
    def test_i1_a_failing_engine_is_a_result(
        self, invoker_for: InvokerFactory, call: CallFactory, script: str, exit_code: int
    ) -> None:
        result = run(invoker_for(script), call())
        assert (result.reason, result.exit_code) == (ReasonCode.ENGINE_EXIT_NONZERO, exit_code)
        assert result.detail and "\n" not in result.detail

    def test_i1_what_cannot_start_is_a_result(
        self, unstartable: Mapping[ReasonCode, EngineInvoker], call: CallFactory
    ) -> None:
        assert {ReasonCode.ENGINE_COMMAND_MISSING, ReasonCode.ENGINE_COMMAND_TEMPLATE_UNRESOLVED} <= set(unstartable)
        for reason, invoker in unstartable.items():
            result = run(invoker, call())
            assert result.reason is reason
            assert result.detail

    def test_i1_an_engine_past_its_time_is_ended(
        self, invoker_for: InvokerFactory, call: CallFactory, tmp_path: Path
    ) -> None:
        lock = tmp_path / "engine"
        script = f"{HOLD}\nkept = hold({str(lock)!r})\ntime.sleep(60)"
        assert run_into_timeout(invoker_for, script, call(), [lock]).reason is ReasonCode.ENGINE_TIMEOUT
        assert is_free(lock)

    def test_i1_an_engine_may_close_its_output_and_go_on(
        self, invoker_for: InvokerFactory, call: CallFactory, tmp_path: Path
    ) -> None:
        script = f"import os\nos.close(1)\nos.close(2)\nopen({str(tmp_path / 'later')!r}, 'w').write('x')\nos._exit(0)"
        assert run(invoker_for(script), call()).reason is None
        assert (tmp_path / "later").exists()

    def test_i1_output_that_is_no_text_is_a_log(self, invoker_for: InvokerFactory, call: CallFactory) -> None:
        script = "import sys; sys.stdout.buffer.write(bytes(range(256)) * 3)"
        lines: list[str] = []
        result = run(invoker_for(script), call(), progress=lines.append)
        assert result.reason is None
        assert result.stdout == bytes(range(256)) * 3
        assert not any("\x1b" in line or "\n" in line for line in lines)

    def test_i1_calls_at_once_do_not_mix(self, invoker_for: InvokerFactory, call: CallFactory) -> None:
        invoker = invoker_for("import sys; print(sys.argv[1])")
        results: dict[str, EngineResult] = {}

        def attempt(name: str) -> None:
            results[name] = run(invoker, call(scenario_binding={"scenario_id": name}))

        threads = [threading.Thread(target=attempt, args=(f"s{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {name: result.stdout for name, result in results.items()} == {
            f"s{n}": f"s{n}\n".encode() for n in range(4)
        }

    # I2: ended, all of it

    def test_i2_cancelled_before_it_starts_nothing_runs(
        self, invoker_for: InvokerFactory, call: CallFactory, tmp_path: Path
    ) -> None:
        script = f"open({str(tmp_path / 'ran')!r}, 'w')"
        assert run(invoker_for(script), call(), cancelled=lambda: True).reason is ReasonCode.ENGINE_CANCELLED
        assert not (tmp_path / "ran").exists()

    @pytest.mark.parametrize("deaf", [False, True], ids=["heeds-sigterm", "ignores-sigterm"])
    def test_i2_cancelling_ends_the_engine_and_its_children(
        self, invoker_for: InvokerFactory, call: CallFactory, tmp_path: Path, deaf: bool
    ) -> None:
        one, two = tmp_path / "one", tmp_path / "two"
        deafen = "signal.signal(signal.SIGTERM, signal.SIG_IGN)" if deaf else ""
        script = f"{HOLD}\n{deafen}\nkept = hold({str(one)!r})\nchild({str(two)!r}, deaf={deaf})\ntime.sleep(60)"

        assert run(invoker_for(script), call(), cancelled=lambda: was_held(two)).reason is ReasonCode.ENGINE_CANCELLED
        assert is_free(one)
        assert is_free(two)

    @pytest.mark.parametrize("exit_code", [0, 5, None], ids=["success", "failure", "timeout"])
    @pytest.mark.parametrize("away", [False, True], ids=["in-its-group", "daemonised"])
    def test_i2_nothing_is_left_however_the_engine_ends(
        self, invoker_for: InvokerFactory, call: CallFactory, tmp_path: Path, exit_code: int | None, away: bool
    ) -> None:
        """The children hold the output pipes open and ignore SIGTERM."""
        locks = [tmp_path / "first", tmp_path / "second"]
        children = "\n".join(f"child({str(lock)!r}, deaf=True, away={away})" for lock in locks)
        if exit_code is None:
            result = run_into_timeout(invoker_for, f"{HOLD}\n{children}\ntime.sleep(60)", call(), locks)
            assert result.reason is ReasonCode.ENGINE_TIMEOUT
        else:
            result = run(invoker_for(f"{HOLD}\n{children}\nraise SystemExit({exit_code})"), call())
            assert result.exit_code == exit_code
        assert all(map(is_free, locks))

    def test_i2_an_error_of_the_watcher_ends_the_engine_too(
        self, invoker_for: InvokerFactory, call: CallFactory, tmp_path: Path
    ) -> None:
        script = f"{HOLD}\nkept = hold({str(tmp_path / 'engine')!r})\nprint('up', flush=True)\ntime.sleep(60)"

        def progress(_line: str) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run(invoker_for(script), call(), progress=progress)
        assert is_free(tmp_path / "engine")

    # I3: a value is one argument

    @pytest.mark.parametrize("value", _HOSTILE)
    def test_i3_a_value_is_one_argument_never_syntax(
        self, invoker_for: InvokerFactory, call: CallFactory, value: str
    ) -> None:
        script = "import sys; sys.stdout.buffer.write(ascii(sys.argv[1:2]).encode())"
        result = run(invoker_for(script), call(scenario_binding={"scenario_id": value}))
        assert result.reason is None
        assert result.stdout.decode() == ascii([value])

    @pytest.mark.parametrize("value", ["a\0b", "x" * (4 << 20)], ids=["nul", "four-mebibytes"])
    def test_i3_a_value_that_cannot_be_an_argument_is_refused(
        self, invoker_for: InvokerFactory, call: CallFactory, value: str
    ) -> None:
        result = run(invoker_for("pass"), call(scenario_binding={"scenario_id": value}))
        assert result.reason is ReasonCode.ENGINE_INVOCATION_INVALID

    # I4: logs

    @pytest.mark.parametrize("exit_code", [0, 4])
    def test_i4_logs_are_bounded_and_keep_the_tail(
        self, invoker_for: InvokerFactory, call: CallFactory, log_limit_bytes: int, exit_code: int
    ) -> None:
        script = f"""import sys
for stream in (sys.stdout, sys.stderr):
    for n in range({log_limit_bytes // 32}):
        stream.write('%063d\\n' % n)
    stream.write('the end of ' + stream.name)
sys.exit({exit_code})"""
        result = run(invoker_for(script), call())
        assert result.exit_code == exit_code
        for log, name in ((result.stdout, b"<stdout>"), (result.stderr, b"<stderr>")):
            assert log_limit_bytes // 2 <= len(log) <= log_limit_bytes
            assert log.endswith(b"the end of " + name)
            assert b"cut" in log.splitlines()[0]

    def test_i4_logs_are_kept_when_the_engine_is_ended(self, invoker_for: InvokerFactory, call: CallFactory) -> None:
        seen: list[str] = []
        script = "import sys, time\nprint('out', flush=True)\nprint('err', file=sys.stderr, flush=True)\ntime.sleep(60)"
        result = run(invoker_for(script), call(), progress=seen.append, cancelled=lambda: set(seen) == {"out", "err"})
        assert (result.reason, result.stdout, result.stderr) == (ReasonCode.ENGINE_CANCELLED, b"out\n", b"err\n")

    def test_i4_lines_are_shown_while_the_engine_runs(
        self, invoker_for: InvokerFactory, call: CallFactory, tmp_path: Path
    ) -> None:
        """The engine goes on only after its first line was seen."""
        go = tmp_path / "go"
        script = f"import os, time\nprint('ready', flush=True)\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)"
        result = run(invoker_for(script), call(), progress=lambda line: go.touch() if line == "ready" else None)
        assert result.reason is None

    def test_i4_a_line_without_end_is_bounded_too(
        self, invoker_for: InvokerFactory, call: CallFactory, log_limit_bytes: int
    ) -> None:
        longest = 0

        def progress(line: str) -> None:
            nonlocal longest
            longest = max(longest, len(line))

        script = f"import sys; sys.stdout.write('x' * {3 * log_limit_bytes})"
        result = run(invoker_for(script), call(), progress=progress)
        assert len(result.stdout) <= log_limit_bytes
        assert 0 < longest <= 4096

    def test_i4_a_flood_of_lines_is_kept_and_not_all_shown(
        self, invoker_for: InvokerFactory, call: CallFactory
    ) -> None:
        """`progress` is slow; the first line, and that some are missing, is told all the same."""
        seen: list[str] = []
        script = "for n in range(50_000): print('line', n)"
        result = run(invoker_for(script), call(), progress=seen.append)
        assert result.stdout.endswith(b"line 49998\nline 49999\n")
        assert seen[0] == "line 0"
        assert len(seen) < 5_000
        assert any("not shown" in line for line in seen)

    # I5: no secret is kept, quoted or shown

    @pytest.mark.parametrize(
        "printed",
        [
            "password=hunter2secret postgres://u:hunter2secret@h/db",
            "Authorization: Bearer hunter2secret",
            '{"api_key": "hunter2secret", "token": "hunter2secret"}',
        ],
    )
    @pytest.mark.parametrize("exit_code", [0, 4])
    def test_i5_a_secret_is_masked_wherever_the_output_goes(
        self, invoker_for: InvokerFactory, call: CallFactory, printed: str, exit_code: int
    ) -> None:
        """Written in two halves, so that it arrives in two reads."""
        script = f"""import sys, time
printed = {printed!r}
half = printed.index('hunter2') + 5
for stream in (sys.stdout, sys.stderr):
    stream.write('before\\n' + printed[:half])
    stream.flush()
    time.sleep(0.05)
    stream.write(printed[half:] + '\\n')
    stream.flush()
sys.exit({exit_code})"""
        seen: list[str] = []
        result = run(invoker_for(script), call(), progress=seen.append)
        assert result.exit_code == exit_code
        told = [result.stdout.decode(), result.stderr.decode(), result.detail, *seen]
        assert "hunter2" not in "".join(told)
        assert "secret" not in "".join(told)
        assert all(log.startswith("before\n") and "***" in log for log in told[:2])

    # what only some invokers have

    def test_i6_of_an_attempt_that_ended_or_never_was_nothing_is_seen(
        self, invoker_for: InvokerFactory, call: CallFactory
    ) -> None:
        invoker, asked = invoker_for("print('done')"), call()
        run(invoker, asked)
        if isinstance(invoker, EndsAbandoned):
            run_id = str(asked.invocation["run_id"])
            assert invoker.end_abandoned(run_id, asked.attempt_no) == Leftover()
            assert invoker.end_abandoned(run_id, asked.attempt_no + 1) == Leftover()

    def test_an_invoker_that_can_start_an_engine_is_not_told_unready_and_one_without_a_command_is(
        self, invoker_for: InvokerFactory, unstartable: Mapping[ReasonCode, EngineInvoker]
    ) -> None:
        """`unready` is None where an engine can be started, and says why where none can."""
        able, unable = invoker_for("print('done')"), unstartable[ReasonCode.ENGINE_COMMAND_MISSING]
        if isinstance(able, Readiness) and isinstance(unable, Readiness):
            assert able.unready() is None
            assert unable.unready()
