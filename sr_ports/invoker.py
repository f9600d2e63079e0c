"""Port: running the opaque engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import attrs

from sr_ports.compared import Compared
from sr_ports.reasons import ReasonCode


@attrs.frozen(eq=False, repr=False)
class EngineCall(Compared):
    """What the engine is asked. `invocation`: fits the engine-invocation contract.

    `engine_run_root`: the folder the engine writes to, None when the invoker chooses one. `traceparent`: the span of
    the attempt, for the engine's environment; None where runs are not traced.
    """

    invocation: Mapping[str, Any]
    attempt_no: int
    engine_run_root: str | None
    traceparent: str | None = None


@attrs.frozen(eq=False, repr=False)
class EngineResult(Compared):
    """How an attempt ended. `reason`: None on success, else one of the ENGINE_* codes.

    `detail`: one line for people. `stdout`, `stderr`: bounded logs (the tail is kept). `remarks`: what else the
    engine did that is to be on record, a sentence each: a process that it left behind, say.
    """

    reason: ReasonCode | None
    engine_run_root: str | None
    stdout: bytes = b""
    stderr: bytes = b""
    detail: str = ""
    exit_code: int | None = None
    remarks: tuple[str, ...] = ()


@attrs.frozen(eq=False, repr=False)
class Leftover(Compared):
    """What was seen of an attempt whose holder is gone. `ended`: processes that were; `left`: that could not be."""

    ended: int = 0
    left: int = 0


class EngineInvoker(Protocol):
    """Runs the engine once per call.

    Laws:

    I1  `invoke` returns a result whatever the engine does; it raises nothing for a bad command,
        a crash, a timeout or a signal.
    I2  Once `cancelled()` is true the engine and everything it started are ended within
        seconds and the reason is ENGINE_CANCELLED; when `invoke` returns, nothing of the
        engine is still running.
    I3  No shell is involved: a value of the invocation is one argument, never syntax.
    I4  Logs are bounded and kept also when the engine fails.
    I5  Secrets that the engine prints (passwords, tokens, keys) are masked before anything is kept,
        quoted or shown: in the logs, in the detail, in the lines given to `progress`.
    """

    def invoke(
        self, call: EngineCall, *, cancelled: Callable[[], bool], progress: Callable[[str], None]
    ) -> EngineResult:
        """Run the engine to its end. `progress` gets the engine's output lines as they come; it is slow, so
        of a flood of lines it gets some and how many are missing: it must not hold the engine up."""

    def describe(self) -> str:
        """What is run, for people; never a secret."""


@runtime_checkable
class Readiness(Protocol):
    """An invoker that can tell beforehand that it could start no engine at all, for whatever run."""

    def unready(self) -> str | None:
        """Why not, for people: no command, or a program that is not there. None where nothing is known against it."""


@runtime_checkable
class ReadinessFor(Protocol):
    """An invoker that can tell beforehand that it could start no engine for one invocation."""

    def unready_for(self, invocation: Mapping[str, Any]) -> str | None:
        """Why not, for people: what its command needs and the invocation lacks. None where nothing is known against
        it. Asked before a run is admitted and before an attempt; starts and writes nothing."""


@runtime_checkable
class EndsAbandoned(Protocol):
    """An invoker that sees, on its own host, what an attempt left whose holder died.

    Law I6: only processes of that very attempt count, and none of them is still running when `left` is 0.
    """

    def end_abandoned(self, run_id: str, attempt_no: int) -> Leftover:
        """End what is seen of the attempt. An attempt of another host has nothing that is seen here."""
