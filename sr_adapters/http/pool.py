"""Threads with a bound: the runner is synchronous, and nobody gets more of this machine than there is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class Busy(Exception):
    """As much waits already as may: nothing was begun."""


class Pool:
    """At most `threads` calls run at once, and at most `backlog` more wait for their turn."""

    def __init__(self, name: str, threads: int, backlog: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._most = threads + backlog
        self._lock = threading.Lock()
        self._calls: set[Future[Any]] = set()

    def begin(self, work: Callable[[], T]) -> Future[T]:
        """The call, which has its turn when a thread is free. Raises `Busy`."""
        with self._lock:
            if len(self._calls) >= self._most:
                raise Busy
            try:
                call = self._threads.submit(work)
            except RuntimeError as error:  # it was ended
                raise Busy from error
            self._calls.add(call)
        call.add_done_callback(self._ended)
        return call

    def _ended(self, call: Future[Any]) -> None:
        with self._lock:
            self._calls.discard(call)

    @property
    def load(self) -> int:
        """How many calls run or wait."""
        return len(self._calls)

    def end(self) -> tuple[Future[Any], ...]:
        """Take no more calls and begin none that waits. The calls that run."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            return tuple(self._calls)
