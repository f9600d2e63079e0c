"""Work pools: threads that share a call's items, and no threads at all."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, Literal, TypeVar

from sr_ports import BadInput, ReasonCode

T = TypeVar("T")
R = TypeVar("R")


class SerialPool:
    """One item after the other, in the calling thread."""

    def map(self, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Every result, in the order of `items`."""
        return [work(item) for item in items]


class ThreadPool:
    """The calling thread and up to ``workers - 1`` helpers, started when there is work for them.

    Helpers are shared by all calls at once: a call takes those that are free and never waits
    for one, so a `map` inside a `map` cannot deadlock. Items are taken one at a time and in
    order, never further ahead than there are threads. Of several failures the one of the
    earliest item is raised: the very one a serial run would have met.
    """

    def __init__(self, workers: int | Literal["auto"] = "auto") -> None:
        """`workers`: how many items are worked on at once by one caller; ``auto`` is one a CPU."""
        self.workers = _worker_count(workers)
        self._free = threading.BoundedSemaphore(self.workers)
        self._free.acquire()  # the caller's own share

    def map(self, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Every result, in the order of `items`."""
        rest = iter(items)
        first = list(itertools.islice(rest, self.workers))
        if len(first) < 2:  # noqa: PLR2004 - one item needs no helper
            return [work(item) for item in itertools.chain(first, rest)]
        shared = _Shared(work, itertools.chain(first, rest))
        helpers = [helper for _ in first[1:] if (helper := self._helper(shared))]
        try:
            shared.drain()
        finally:
            shared.stop()
            for helper in helpers:
                helper.join()
        return shared.outcome()

    def _helper(self, shared: _Shared[T, R]) -> threading.Thread | None:
        if not self._free.acquire(blocking=False):
            return None
        thread = threading.Thread(target=self._help, args=(shared,), name="sr-worker", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no thread to be had: the others do the work
            self._free.release()
            return None
        return thread

    def _help(self, shared: _Shared[T, R]) -> None:
        try:
            shared.drain()
        finally:
            self._free.release()


class _Shared(Generic[T, R]):
    """The items of one `map`, worked on by several threads."""

    def __init__(self, work: Callable[[T], R], items: Iterator[T]) -> None:
        self._work = work
        self._items = enumerate(items)
        self._lock = threading.Lock()
        self._results: dict[int, R] = {}
        self._failures: dict[int, BaseException] = {}
        self._stopped = False

    def drain(self) -> None:
        """Work until no item is left or one has failed."""
        while (taken := self._take()) is not None:
            index, item = taken
            try:
                self._results[index] = self._work(item)
            except BaseException as exc:  # noqa: BLE001 - carried to the caller, and raised there
                self._fail(index, exc)

    def _take(self) -> tuple[int, T] | None:
        with self._lock:
            if self._stopped:
                return None
            try:
                return next(self._items, None)
            except BaseException as exc:  # noqa: BLE001 - the caller's own iterable failed: raised there
                # after every item that was taken
                self._failures.setdefault(1 << 62, exc)
                self._stopped = True
                return None

    def _fail(self, index: int, exc: BaseException) -> None:
        with self._lock:
            self._failures[index] = exc
            self._stopped = True

    def stop(self) -> None:
        """No further item is started."""
        with self._lock:
            self._stopped = True

    def outcome(self) -> list[R]:
        """Results in order. Call when every thread has returned from `drain`."""
        if self._failures:
            raise self._failures[min(self._failures)]
        return [self._results[index] for index in range(len(self._results))]


def _worker_count(workers: int | str) -> int:
    if workers == "auto":
        return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise BadInput(ReasonCode.PROFILE_INVALID, f"evidence.workers must be auto or a number from 1, not {workers!r}")
    return workers
