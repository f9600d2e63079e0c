"""Two calls that meet: one runs up to some line of its adapter, there the other runs, then the first goes on.

Threads meet in a gap between a look and a write by chance. Here every line of the adapter's own code is
tried in turn, so that a gap is met every time. Where the second call cannot end before the first has gone on,
since the adapter holds a lock, both go on. Whatever the order, the laws hold: no adapter is blamed for a slow machine.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, TypeVar

from sr_ports.conformance.together import Started

A = TypeVar("A")
B = TypeVar("B")
MOST = 64
"""Lines at which calls meet; of an adapter with more of them some are chosen, evenly spread."""
_PATIENT, _PATIENT_S, _SHORT_S = 4, 0.25, 0.02
"""How often the second call is waited for long, in seconds, before it is clear that a lock is in its way."""
_NO_ADAPTER = frozenset({"sr_ports", "builtins", "typing", "abc", "contextlib", "attr", "attrs"})


def lines(adapter: object, call: Callable[[], object]) -> range:
    """Where another call may meet `call`, which is made once: numbers of its lines, at most `MOST`."""
    count = 0

    def at_line(_frame: FrameType) -> None:
        nonlocal count
        count += 1

    _traced(adapter, call, at_line)
    return range(0, count, -(-count // MOST) or 1)


class Meetings:
    """Lets two calls on one adapter meet, again and again. `adapter`: whose own code the first call runs."""

    def __init__(self, adapter: object) -> None:
        self._adapter = adapter
        self._held = 0

    def at(self, line: int, first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
        """What both answered. `second` runs where `first` is about to run its line number `line`, or after it."""
        passed = 0
        met: list[Started[B]] = []

        def at_line(_frame: FrameType) -> None:
            nonlocal passed
            if passed == line:
                met.append(self._meet(second))
            passed += 1

        answer = _traced(self._adapter, first, at_line)
        return answer, (met[0] if met else Started(second)).answer()

    def _meet(self, second: Callable[[], B]) -> Started[B]:
        started = Started(second)
        if not started.done.wait(_PATIENT_S if self._held < _PATIENT else _SHORT_S):
            self._held += 1
        return started


def _traced(adapter: object, call: Callable[[], A], at_line: Callable[[FrameType], None]) -> A:
    """The answer of the call, made in a thread of its own; `at_line` is told of each line of the adapter's code."""
    own = frozenset(homes(adapter))

    def trace(frame: FrameType, event: str, _arg: object) -> Any:
        if event == "call":
            return trace if str(frame.f_globals.get("__name__")).partition(".")[0] in own else None
        if event == "line":
            at_line(frame)
        return trace

    def run() -> A:
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            return call()
        finally:
            sys.settrace(before)

    return Started(run).answer()


def homes(adapter: object) -> Iterator[str]:
    """The top packages that the adapter's class and its bases are written in."""
    return (top for cls in type(adapter).__mro__ if (top := cls.__module__.partition(".")[0]) not in _NO_ADAPTER)
