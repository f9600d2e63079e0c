"""Watching a law from outside: its own time, its process, and whether anybody still wants its answer."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TypeVar

from sr_domain.evidence.bundle import plain_path

LOOKS_S = 0.25
"""Seconds between two looks."""


class Watch:
    """Ends what it watches, by `end`, when its own time is over, when `check` raises, or when it is not `alive`.

    `late`: its time was over. `refused`: what `check` raised. Time does not pass while it is `paused`.
    """

    def __init__(
        self, limit_s: float, *, check: Callable[[], None], alive: Callable[[], bool], end: Callable[[], None]
    ) -> None:
        self.limit_s = limit_s
        self.late = False
        self.refused: BaseException | None = None
        self._check, self._alive, self._end = check, alive, end
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._used, self._since = 0.0, time.monotonic()
        self._paused = False
        self._thread = threading.Thread(target=self._look, name="sr-law-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What is done here is not the law's own time."""
        self._turn(paused=True)
        try:
            yield
        finally:
            self._turn(paused=False)

    def _turn(self, *, paused: bool) -> None:
        with self._lock:
            now = time.monotonic()
            self._used += 0.0 if self._paused else now - self._since
            self._since, self._paused = now, paused

    def _left(self) -> float:
        with self._lock:
            running = 0.0 if self._paused else time.monotonic() - self._since
            return self.limit_s - self._used - running

    def _look(self) -> None:
        while not self._over.wait(min(LOOKS_S, max(0.001, self._left()))):
            if self._left() <= 0:
                self.late = True
            elif self._still_wanted() and self._alive():
                continue
            self._end()
            return

    def _still_wanted(self) -> bool:
        try:
            self._check()
            _refuse_when_asked_to_stop()
        except BaseException as error:  # noqa: BLE001 - carried to the caller, and raised there
            self.refused = error
        return self.refused is None


def _refuse_when_asked_to_stop() -> None:
    """Raise what a signal raises where one asked the process to end: it strikes in the main thread alone."""
    for number in (signal.SIGINT, signal.SIGTERM):
        handler = signal.getsignal(number)
        if getattr(handler, "asked", False):
            raise getattr(handler, "raises", KeyboardInterrupt)


_REMEMBERED = 1 << 20
"""Reads that are known to have been made before."""
T = TypeVar("T")


class Reads:
    """Which of a law's reads are not its own time: each of the first. Nobody asks for ever for nothing."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._seen: set[int] = set()

    def first(self, key: tuple[str, ...]) -> bool:
        """Whether this is asked for the first time."""
        known = hash(key)
        if known in self._seen or len(self._seen) >= _REMEMBERED:
            return False
        self._seen.add(known)
        return True

    def first_of(self, base: str, path: object) -> bool:
        """Whether a member is asked for the first time, however it is spelt."""
        return isinstance(path, str) and self.first((base, plain_path(path, folders=True)))

    def timed(self, free: bool, work: Callable[[], T]) -> T:
        """Read. Time does not pass where this is `free`."""
        if not free:
            return work()
        with self._watch.paused():
            return work()
