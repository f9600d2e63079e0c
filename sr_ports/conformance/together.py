"""Several callers at once, for the laws that say "of any number of callers"."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Generic, TypeVar

from sr_ports.stores import ObjectStore

T = TypeVar("T")
PATIENCE_S = 100.0
OFTEN_S = 1e-6
MANY_TRIES = 2_000
"""Turns of a compare-and-swap that nobody loses so often, but by reading what was replaced long ago."""


class Started(Generic[T]):
    """A call in a thread of its own. A call that never ends keeps neither the test nor the process."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._answer: list[T] = []
        self._raised: BaseException | None = None
        self.done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="conformance", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._answer.append(self._call())
        except BaseException as exc:  # noqa: BLE001 - carried to whoever waits for the answer, and raised there
            self._raised = exc
        finally:
            self.done.set()

    def answer(self) -> T:
        """What the call returned; what it raised is raised."""
        assert self.done.wait(PATIENCE_S), f"a call did not end within {PATIENCE_S:g} seconds; it is at\n{self._at()}"
        if self._raised is not None:
            raise self._raised
        return self._answer[0]

    def _at(self) -> str:
        """Where the call is now, as in a traceback."""
        frame = sys._current_frames().get(self._thread.ident or 0)
        return "".join(traceback.format_stack(frame)) if frame else "no line: its thread is gone"


def together(calls: Sequence[Callable[[], T]], *, switch_s: float | None = OFTEN_S) -> list[T]:
    """Start every call at the same moment, each in a thread of its own; results in order.

    Threads are switched every `switch_s` seconds meanwhile, far more often than usual, so that a gap
    between a look and a write is met. None leaves that as it is.
    """
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        start.wait(PATIENCE_S)
        return call()

    with _switching(switch_s):
        return [one.answer() for one in [Started(partial(run, call)) for call in calls]]


@contextmanager
def _switching(switch_s: float | None) -> Iterator[None]:
    usual_s = sys.getswitchinterval()
    if switch_s is not None:
        sys.setswitchinterval(switch_s)
    try:
        yield
    finally:
        sys.setswitchinterval(usual_s)


def count_up(store: ObjectStore, key: str, *, times: int) -> None:
    """Add one to the number under `key`, `times` times, by compare-and-swap."""
    for _ in range(times):
        _count_one(store, key)


def _count_one(store: ObjectStore, key: str) -> None:
    for _ in range(MANY_TRIES):
        blob = store.read(key)
        if blob is None:
            raise AssertionError(f"{key} vanished")
        if store.replace(key, b"%d" % (int(blob.data) + 1), etag=blob.etag) is not None:
            return
    tried = f"replace of {key} was refused {MANY_TRIES} times, each time with the ETag that was just read"
    raise AssertionError(f"{tried}: what is read is stale, or an ETag that is current is refused")
