"""Work that is put off, so that a run which is under way has the processor to itself."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence

from sr_ports import ObsEvent

CLOSE_S = 5.0
"""Seconds that a sink whose work was put off may need at the end: libraries are imported, and others are waited for."""


class Deferred:
    """Events that are kept until it is time to work on them: `after_s` seconds after the first, at `limit`, at the end.

    `work` is given them in order, on the caller's thread or one of its own, never twice at once. What it raises in
    between is raised at the next call. Events that a forked child finds here are its parent's.
    """

    def __init__(self, work: Callable[[Sequence[ObsEvent]], None], *, after_s: float, limit: int) -> None:
        self._work, self._after_s, self._limit = work, after_s, limit
        self._lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._kept: list[ObsEvent] = []
        self._timer: threading.Timer | None = None
        self._trouble: Exception | None = None
        self._busy = threading.Lock()

    def add(self, events: Sequence[ObsEvent]) -> None:
        """Keep the events. Raises what earlier work raised."""
        with self._lock:
            if self._pid != os.getpid():
                self._begin()
            self._kept += events
            full = len(self._kept) >= self._limit
            if self._timer is None and not full:
                self._timer = threading.Timer(self._after_s, self._in_time)
                self._timer.daemon = True
                self._timer.start()
        if full:
            self.now()
        self._raise()

    def now(self) -> None:
        """Work on all that is kept, if there is anything. Raises what that, or earlier work, raised."""
        with self._busy:
            with self._lock:
                events, self._kept = self._kept, []
                if self._timer is not None:
                    self._timer.cancel()
                    self._timer = None
            if events:
                self._work(events)
        self._raise()

    def _in_time(self) -> None:
        try:
            self.now()
        except Exception as error:  # noqa: BLE001 - told at the next call
            self._trouble = error

    def _raise(self) -> None:
        trouble, self._trouble = self._trouble, None
        if trouble is not None:
            raise trouble


class DeferredSink:
    """A sink that works on events later, all that were kept at once. Its worker is given to `__init__`."""

    close_s = CLOSE_S

    def __init__(self, work: Callable[[Sequence[ObsEvent]], None], *, after_s: float, limit: int) -> None:
        self._deferred = Deferred(work, after_s=after_s, limit=limit)

    def emit(self, event: ObsEvent) -> None:
        self.emit_all([event])

    def emit_all(self, events: Sequence[ObsEvent]) -> None:
        self._deferred.add(events)

    def close(self) -> None:
        """Work on what was kept."""
        self._deferred.now()
