"""The laws of `sr_ports.EngineInvoker`, as tests, for engines of any kind: a process, a pod, a job of somebody's queue.

Subclass `InvokerLaws` and give it the fixtures `invoker_for`, a callable that makes an invoker whose engine does what
an `Act` says, and `running`, a callable that counts the engines at work, as whoever runs them knows it. Nothing else is
known of an engine. `call`, `log_limit_bytes`, `endless` and `unstartable` have defaults. An invoker
whose engines are processes of this machine has more to keep: `invokers.EngineInvokerLaws`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

import attrs
import pytest

from sr_ports.conformance.heartbeats import eventually
from sr_ports.conformance.lawful import Laws
from sr_ports.conformance.together import Started, together
from sr_ports.invoker import EngineCall, EngineInvoker, EngineResult
from sr_ports.reasons import ReasonCode

HOSTILE = (
    "; rm -rf /",
    "$(id)",
    "`id`",
    "two\nlines",
    "{seed} {{run_id}}",
    "%s $HOME ~ * ?",
    "'\"\\",
    "-n",
    " a ",
    "你好 🙂",
)
SECRETS = (
    "password=hunter2secret postgres://u:hunter2secret@h/db",
    "Authorization: Bearer hunter2secret",
    '{"api_key": "hunter2secret", "token": "hunter2secret"}',
)
PATIENT_S = 60.0


@attrs.frozen
class Act:
    """What an engine does: writes `out` and `err` to its streams, then the invocation's scenario id to the first of
    them where it `echoes`; then `waits`, until it is ended from outside, or ends at once, well or because it `fails`.
    """

    out: bytes = b""
    err: bytes = b""
    echoes: bool = False
    waits: bool = False
    fails: bool = False


class Engines(Protocol):
    """Makes an invoker whose engine does that. `timeout_s`: after how many seconds the invoker ends it."""

    def __call__(self, act: Act, *, timeout_s: float = PATIENT_S) -> EngineInvoker: ...


def a_call(**overrides: Any) -> EngineCall:
    """A call that fits the contract; `overrides` replace entries of its invocation."""
    invocation = {
        "manifest_fingerprint": "ab" * 32,
        "parameter_hash": "cd" * 32,
        "seed": 7,
        "run_id": "0123456789abcdef" * 2,
        "scenario_binding": {"scenario_id": "baseline"},
    }
    return EngineCall({**invocation, **overrides}, 1, None)


def run(
    invoker: EngineInvoker,
    call: EngineCall,
    *,
    cancelled: Callable[[], bool] = lambda: False,
    progress: Callable[[str], None] = lambda _line: None,
) -> EngineResult:
    """Invoke; what came back is a result of the port."""
    result = invoker.invoke(call, cancelled=cancelled, progress=progress)
    assert isinstance(result, EngineResult)
    assert "\n" not in result.detail
    assert result.reason is None or (result.reason.value.startswith("ENGINE_") and result.detail)
    return result


class InvokerLaws(Laws):
    """Laws I1 to I5. Needs `invoker_for` and `running`."""

    states = (EngineInvoker,)

    @pytest.fixture
    def invoker_for(self) -> Engines:
        raise NotImplementedError("give the suite an invoker_for fixture")

    @pytest.fixture
    def running(self) -> Callable[[], int]:
        raise NotImplementedError("say how many engines are at work")

    @pytest.fixture
    def call(self) -> Callable[..., EngineCall]:
        """Makes a call; an invoker that takes none without a run root gives its own."""
        return a_call

    @pytest.fixture
    def log_limit_bytes(self) -> int:
        """The most bytes that the invoker keeps of each stream."""
        return 1 << 20

    @pytest.fixture
    def endless(self, invoker_for: Engines) -> Engines:
        """`invoker_for`, of engines that wait; skips where an engine cannot be ended from outside."""
        return invoker_for

    @pytest.fixture
    def unstartable(self) -> Mapping[ReasonCode, EngineInvoker]:
        """Invokers that cannot even start an engine, by the reason they must give."""
        pytest.skip("no way is given to make this invoker unable to start")

    # I1

    def test_i1_success_has_no_reason(self, invoker_for: Engines, call: Callable[..., EngineCall]) -> None:
        result = run(invoker_for(Act(b"done\n", b"said\n")), call())
        assert (result.reason, result.stdout, result.stderr) == (None, b"done\n", b"said\n")

    def test_i1_a_failing_engine_is_a_result(self, invoker_for: Engines, call: Callable[..., EngineCall]) -> None:
        result = run(invoker_for(Act(fails=True)), call())
        assert result.reason is ReasonCode.ENGINE_EXIT_NONZERO

    def test_i1_what_cannot_start_is_a_result(
        self, unstartable: Mapping[ReasonCode, EngineInvoker], call: Callable[..., EngineCall]
    ) -> None:
        for reason, invoker in unstartable.items():
            assert run(invoker, call()).reason is reason

    def test_i1_an_engine_past_its_time_is_ended(
        self, endless: Engines, running: Callable[[], int], call: Callable[..., EngineCall]
    ) -> None:
        assert run(endless(Act(waits=True), timeout_s=1.0), call()).reason is ReasonCode.ENGINE_TIMEOUT
        assert running() == 0

    def test_i1_output_that_is_no_text_is_a_log(self, invoker_for: Engines, call: Callable[..., EngineCall]) -> None:
        lines: list[str] = []
        result = run(invoker_for(Act(bytes(range(256)) * 3)), call(), progress=lines.append)
        assert (result.reason, result.stdout) == (None, bytes(range(256)) * 3)
        assert not any("\x1b" in line or "\n" in line for line in lines)

    def test_i1_calls_at_once_do_not_mix(self, invoker_for: Engines, call: Callable[..., EngineCall]) -> None:
        invoker, names = invoker_for(Act(echoes=True)), [f"s{n}" for n in range(4)]
        calls = [partial(run, invoker, call(scenario_binding={"scenario_id": name})) for name in names]
        assert [result.stdout.strip() for result in together(calls)] == [name.encode() for name in names]

    # I2

    def test_i2_cancelled_before_it_starts_nothing_runs(
        self, invoker_for: Engines, running: Callable[[], int], call: Callable[..., EngineCall]
    ) -> None:
        result = run(invoker_for(Act(b"ran\n")), call(), cancelled=lambda: True)
        assert (result.reason, result.stdout) == (ReasonCode.ENGINE_CANCELLED, b"")
        assert running() == 0

    def test_i2_cancelling_ends_the_engine(
        self, endless: Engines, running: Callable[[], int], call: Callable[..., EngineCall]
    ) -> None:
        invoker = endless(Act(b"up\n", waits=True))
        ended: list[bool] = []
        doing = Started(partial(run, invoker, call(), cancelled=lambda: bool(ended)))
        assert eventually(lambda: running() == 1)
        ended.append(True)
        assert doing.answer().reason is ReasonCode.ENGINE_CANCELLED
        assert running() == 0, "the engine still runs"

    def test_i2_an_error_of_the_watcher_ends_the_engine_too(
        self, endless: Engines, running: Callable[[], int], call: Callable[..., EngineCall]
    ) -> None:
        def progress(_line: str) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run(endless(Act(b"up\n", waits=True)), call(), progress=progress)
        assert running() == 0, "the engine still runs"

    def test_i2_when_it_returns_nothing_runs(
        self, invoker_for: Engines, running: Callable[[], int], call: Callable[..., EngineCall]
    ) -> None:
        for act in (Act(b"done\n"), Act(b"done\n", fails=True)):
            run(invoker_for(act), call())
            assert running() == 0

    # I3

    @pytest.mark.parametrize("value", HOSTILE, ids=ascii)
    def test_i3_a_value_is_one_value_never_syntax(
        self, invoker_for: Engines, call: Callable[..., EngineCall], value: str
    ) -> None:
        result = run(invoker_for(Act(echoes=True)), call(scenario_binding={"scenario_id": value}))
        assert (result.reason, result.stdout.decode().removesuffix("\n")) == (None, value)

    # I4

    @pytest.mark.parametrize("fails", [False, True], ids=["success", "failure"])
    def test_i4_logs_are_bounded_and_keep_the_tail(
        self, invoker_for: Engines, call: Callable[..., EngineCall], log_limit_bytes: int, fails: bool
    ) -> None:
        long = b"".join(b"%063d\n" % n for n in range(log_limit_bytes // 32))
        result = run(invoker_for(Act(long + b"end of out", long + b"end of err", fails=fails)), call())
        for log, end in ((result.stdout, b"end of out"), (result.stderr, b"end of err")):
            assert log_limit_bytes // 2 <= len(log) <= log_limit_bytes
            assert log.endswith(end)

    def test_i4_logs_are_kept_when_the_engine_is_ended(self, endless: Engines, call: Callable[..., EngineCall]) -> None:
        seen: list[str] = []
        invoker = endless(Act(b"out\n", b"err\n", waits=True))
        result = run(invoker, call(), progress=seen.append, cancelled=lambda: {"out", "err"} <= set(seen))
        assert (result.reason, result.stdout, result.stderr) == (ReasonCode.ENGINE_CANCELLED, b"out\n", b"err\n")

    # I5

    @pytest.mark.parametrize("fails", [False, True], ids=["success", "failure"])
    @pytest.mark.parametrize("printed", SECRETS)
    def test_i5_a_secret_is_masked_wherever_the_output_goes(
        self, invoker_for: Engines, call: Callable[..., EngineCall], printed: str, fails: bool
    ) -> None:
        seen: list[str] = []
        said = f"before\n{printed}\n".encode()
        result = run(invoker_for(Act(said, said, fails=fails)), call(), progress=seen.append)
        told = [result.stdout.decode(), result.stderr.decode(), result.detail, *seen]
        assert "hunter2" not in "".join(told)
        assert all(log.startswith("before\n") and "***" in log for log in told[:2])
