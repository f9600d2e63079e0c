"""Crashes and lost answers at any port call of a flow, by number.

    plan = CrashPlan()                                  # counts only
    flow(**crash(ports, plan))                          # plan.calls, plan.trace
    for plan in every_crash(plan.calls):
        with contextlib.suppress(Died, Unreachable):
            flow(**crash(ports, plan))                  # one process, cut off at one call
        flow(**ports)                                   # another process finds what it left

Calls are numbered from 0 across all ports of one `crash`, so a flow must call in a fixed
order to be cut everywhere: one thread, no heartbeat. Wrap the ports that hold or move truth
(object store, authority, control bus, engine invoker, engine roots); clocks, ids and pools
have nothing to lose.
"""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self

import attrs

from sr_ports import OutcomeUnknown, ReasonCode, SrError, Unreachable


class Died(BaseException):
    """The process was cut off. No port error, so that no handler of a flow takes it for one."""


class Mode(enum.Enum):
    """What happens at the chosen call."""

    BEFORE = "the process dies before the call"
    AFTER = "the call takes effect and the process dies before the answer"
    LOST_DONE = "the call takes effect and its answer is lost: an ambiguous error, once"
    LOST_UNDONE = "the call takes no effect and its answer is lost: the same error, once"


@attrs.frozen
class PortCall:
    """One call. `key`: what it was about, for people: an object key, a run, a message id."""

    index: int
    port: str
    method: str
    key: str


@attrs.define
class CrashPlan:
    """Cuts the call numbered `at` in the given `mode`; with `at` None nothing is cut.

    One plan is one process of the flow: once it died every further call raises `Died`.
    `error`: makes the ambiguous error of a call; None for the one its port's laws allow.
    """

    at: int | None = None
    mode: Mode = Mode.BEFORE
    error: Callable[[PortCall], SrError] | None = None
    dead: bool = attrs.field(default=False, init=False)
    trace: list[PortCall] = attrs.field(factory=list, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False, repr=False, eq=False)

    @property
    def calls(self) -> int:
        """How many port calls were begun."""
        return len(self.trace)

    def begin(self, port: str, method: str, key: str) -> PortCall:
        """Number a call. Raises `Died` when the process is dead."""
        with self._lock:
            self.check()
            call = PortCall(len(self.trace), port, method, key)
            self.trace.append(call)
            return call

    def check(self) -> None:
        """Raise `Died` when the process is dead."""
        if self.dead:
            raise Died(self)

    def die(self) -> Died:
        """End the process here."""
        self.dead = True
        return Died(self)


def every_crash(calls: int, modes: Sequence[Mode] = tuple(Mode)) -> Iterator[CrashPlan]:
    """A plan for each of the first `calls` calls in each of `modes`."""
    return (CrashPlan(at, mode) for at in range(calls) for mode in modes)


def crash(ports: Mapping[str, Any], plan: CrashPlan) -> dict[str, Any]:
    """The same ports as one process sees them under `plan`."""
    return {
        name: (CrashingRoots if hasattr(port, "keep") else Crashing)(name, port, plan) for name, port in ports.items()
    }


_UNCOUNTED = frozenset({"describe", "location", "close"})
"""For people and for tidying up: they change no truth, and a dead process calls neither."""

_LOST_WRITES = frozenset({"create", "replace"})
_CODES = (
    ("replace", ReasonCode.STORE_UNREACHABLE),
    ("admit", ReasonCode.AUTHORITY_UNREACHABLE),
    ("publish", ReasonCode.BUS_UNREACHABLE),
    ("stream", ReasonCode.ENGINE_ROOT_UNREACHABLE),
    ("open", ReasonCode.ENGINE_ROOT_UNREACHABLE),
)
"""A port is known by a method that it alone has."""


class Crashing:
    """A port whose every call counts. Attributes that are no methods are the port's own.

    An iterator that a call returns belongs to that one call; an engine root that `open`
    returns is wrapped too. An invoker raises nothing by its law I1, so a lost answer leaves
    its call as it is.
    """

    def __init__(self, name: str, port: Any, plan: CrashPlan) -> None:
        self._name = name
        self._port = port
        self._plan = plan

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._port, method)
        if method in _UNCOUNTED or not callable(found):
            return found

        def counted(*args: Any, **kwargs: Any) -> Any:
            call = self._plan.begin(self._name, method, _key((*args, *kwargs.values())))
            answer = self._answer(call, lambda: found(*args, **kwargs))
            return self._wrapped(method, answer)

        return counted

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._port.close()

    def _answer(self, call: PortCall, act: Callable[[], Any]) -> Any:
        plan = self._plan
        if call.index != plan.at or (plan.mode in {Mode.LOST_DONE, Mode.LOST_UNDONE} and call.method == "invoke"):
            return act()
        if plan.mode is Mode.BEFORE:
            raise plan.die()
        if plan.mode is not Mode.LOST_UNDONE:
            act()
        if plan.mode is Mode.AFTER:
            raise plan.die()
        raise plan.error(call) if plan.error else self._lost(call)

    def _lost(self, call: PortCall) -> SrError:
        what = f"call {call.index}: the answer to {call.method} {call.key} was lost"
        if call.method in _LOST_WRITES:
            return OutcomeUnknown(what)
        codes = (code for method, code in _CODES if hasattr(self._port, method))
        return Unreachable(next(codes, ReasonCode.OUTCOME_UNKNOWN), what)

    def _wrapped(self, method: str, answer: Any) -> Any:
        if method == "open":
            return Crashing(f"{self._name}.open", answer, self._plan)
        return self._while_alive(answer) if isinstance(answer, Iterator) else answer

    def _while_alive(self, items: Iterator[Any]) -> Iterator[Any]:
        for item in items:
            self._plan.check()
            yield item


class CrashingRoots(Crashing):
    """Engine roots that write copies: `sr_ports.Keeping` is told by methods that a class has."""

    def open(self, uri: str) -> Any:
        return self.__getattr__("open")(uri)

    def keep(self, uri: str, path: str, source: Callable[..., object]) -> None:
        self.__getattr__("keep")(uri, path, source)


def _key(values: Sequence[Any]) -> str:
    """What a call is about: its first argument, or the name that argument goes by."""
    first: Any = values[0] if values else ""
    for name in ("run_equivalence_key", "message_id", "resource"):
        if hasattr(first, name):
            return str(getattr(first, name))
    if hasattr(first, "invocation"):
        return f"{first.invocation.get('run_id', '')}#{first.attempt_no}"
    return first if isinstance(first, str) else ""
