"""Threads with a bound: the runner is synchronous, and nobody gets more of this machine than there is."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
_Item = tuple[Future[Any], Callable[[], Any]]
_IDLE_S = 5.0
"""Seconds after which a thread without work ends."""


class Busy(Exception):
    """As much waits already as may: nothing was begun."""


class Pool:
    """At most `threads` calls run at once, and at most `backlog` more wait for their turn.

    A further thread begins where none is free; with `patience_s`, only once no call had its turn for so long. Calls
    that wait for a disk or a server then get a thread each, and those that only compute share few: threads that contend
    for Python's lock take twice the time. Begun and ended where the event loop runs.
    """

    def __init__(self, name: str, threads: int, backlog: int, patience_s: float = 0.0) -> None:
        self._name, self._most, self._threads, self._patience_s = name, threads + backlog, threads, patience_s
        self._waiting: SimpleQueue[_Item | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._calls: set[Future[Any]] = set()
        self._alive = self._idle = 0
        self._moved = 0.0
        self._over = self._watched = False

    def begin(self, work: Callable[[], T]) -> Future[T]:
        """The call, which has its turn when a thread is free. Raises `Busy`."""
        call: Future[T] = Future()
        with self._lock:
            if self._over or len(self._calls) >= self._most:
                raise Busy
            self._calls.add(call)
            self._waiting.put((call, work))
            free = self._idle >= self._waiting.qsize()
            if not free and (self._patience_s == 0 or self._alive == 0):
                self._start()
            elif not free:
                self._watch()
        call.add_done_callback(self._done)
        return call

    def _start(self) -> None:
        """One thread more, where there may be one."""
        if self._alive < self._threads:
            self._alive, self._moved = self._alive + 1, time.monotonic()
            threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def _watch(self) -> None:
        """Look again soon whether calls have their turn."""
        if not self._watched:
            self._watched = True
            asyncio.get_running_loop().call_later(self._patience_s, self._look)

    def _look(self) -> None:
        with self._lock:
            self._watched = False
            if self._waiting.empty() or self._over:
                return
            if time.monotonic() - self._moved >= self._patience_s:
                self._start()
            self._watch()

    def _run(self) -> None:
        while (item := self._next()) is not None:
            call, work = item
            self._moved = time.monotonic()
            if not call.set_running_or_notify_cancel():
                continue
            try:
                done = work()
            except BaseException as error:  # noqa: BLE001 - carried to who awaits it, and raised there
                call.set_exception(error)
            else:
                call.set_result(done)
            del item, call, work

    def _next(self) -> _Item | None:
        """The next call; None where the thread is to end."""
        with self._lock:
            self._idle += 1
        item: _Item | None = None
        with contextlib.suppress(Empty):
            item = self._waiting.get(timeout=_IDLE_S)
        with self._lock:
            self._idle -= 1
            if item is None and not self._over and not self._waiting.empty():  # one came as it gave up
                item = self._waiting.get()
            self._alive -= item is None
        return item

    def _done(self, call: Future[Any]) -> None:
        with self._lock:
            self._calls.discard(call)

    @property
    def load(self) -> int:
        """How many calls run or wait."""
        return len(self._calls)

    def end(self) -> tuple[Future[Any], ...]:
        """Take no more calls and begin none that waits. The calls that run."""
        with self._lock:
            self._over = True
            left = [self._waiting.get() for _ in range(self._waiting.qsize())]
            for _ in range(self._alive):
                self._waiting.put(None)
        for item in left:
            if item is not None:
                item[0].cancel()
        with self._lock:
            return tuple(self._calls)
