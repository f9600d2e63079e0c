"""Clocks: the machine's, and one that moves by hand."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait `seconds`; nothing for a negative number."""
        time.sleep(max(0.0, seconds))


class ManualClock:
    """A clock that stands still until it is moved; sleeping moves it and returns at once.

    `start`: any aware time. Safe to use from several threads.
    """

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock starts at an aware time")
        self._now = start.astimezone(UTC)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Aware UTC."""
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        """Move on by `seconds`; nothing for a negative number."""
        with self._lock:
            self._now += timedelta(seconds=max(0.0, seconds))

    def seconds(self) -> float:
        """Seconds since the epoch, for callers that measure: a virtual `time.monotonic`."""
        return self.now().timestamp()
