"""Work that is put off, so that a run which is under way has the processor to itself."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence

from sr_domain.record.events import ENGINE_ATTEMPT_LAUNCH_REQUESTED
from sr_ports import ObsEvent

AGAIN_S = 15.0
"""Seconds after which ages are told anew, while nothing happens."""
CLOSE_S = 5.0
"""Seconds that a sink whose work was put off may need at the end: libraries are imported, and others are waited for."""


def engine_begins(event: ObsEvent) -> bool:
    """Whether the process waits for an engine from now on: libraries may be imported meanwhile."""
    return event.event_kind == ENGINE_ATTEMPT_LAUNCH_REQUESTED.name


class Deferred:
    """Events that are kept until it is time to work on them: `after_s` seconds after the first, at `limit`, at the end.

    `work` is given them in order, on the caller's thread or one of its own, never twice at once. What it raises in
    between is raised at the next call. Where it returns True, what it told changes with time alone: it is called again
    `again_s` seconds later, with the events that came until then or with none. `soon`: an event after which the process
    has nothing to do for a while, so that work begins at once. Events that a forked child finds here are its parent's.
    """

    def __init__(
        self,
        work: Callable[[Sequence[ObsEvent]], bool | None],
        *,
        after_s: float,
        limit: int,
        again_s: float = AGAIN_S,
        soon: Callable[[ObsEvent], bool] = lambda _: False,
    ) -> None:
        self._work, self._after_s, self._limit = work, after_s, limit
        self._again_s, self._soon = again_s, soon
        self._lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._kept: list[ObsEvent] = []
        self._timer: threading.Timer | None = None
        self._due = 0.0
        self._again = False
        self._trouble: Exception | None = None
        self._busy = threading.Lock()

    def add(self, events: Sequence[ObsEvent]) -> None:
        """Keep the events. Raises what earlier work raised."""
        with self._lock:
            if self._pid != os.getpid():
                self._begin()
            self._kept += events
            full = len(self._kept) >= self._limit
            if not full:
                self._arm(0.0 if any(map(self._soon, events)) else self._after_s)
        if full:
            self.now()
        self._raise()

    def now(self, *, last: bool = False) -> None:
        """Work on all that is kept, if there is anything, or if time has changed what was told.

        `last`: nothing is called again. Raises what that, or earlier work, raised.
        """
        with self._busy:
            with self._lock:
                events, self._kept = self._kept, []
                due, self._again = self._again, False
                self._disarm()
            if (events or due) and self._work(events) and not last:
                with self._lock:
                    self._again = True
                    self._arm(self._again_s)
        self._raise()

    def _arm(self, after_s: float) -> None:
        """Have work done by then; the lock is held."""
        due = time.monotonic() + after_s
        if self._timer is not None and self._due <= due:
            return
        self._disarm()
        self._due = due
        self._timer = threading.Timer(after_s, self._in_time)
        self._timer.daemon = True
        self._timer.start()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

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
    """A sink that works on events later, all that were kept at once, or as soon as an engine was started.

    Its worker is given to `__init__`.
    """

    close_s = CLOSE_S

    def __init__(
        self, work: Callable[[Sequence[ObsEvent]], bool | None], *, after_s: float, limit: int, again_s: float = AGAIN_S
    ) -> None:
        self._deferred = Deferred(work, after_s=after_s, limit=limit, again_s=again_s, soon=engine_begins)

    def emit(self, event: ObsEvent) -> None:
        self.emit_all([event])

    def emit_all(self, events: Sequence[ObsEvent]) -> None:
        self._deferred.add(events)

    def close(self) -> None:
        """Work on what was kept."""
        self._deferred.now(last=True)
