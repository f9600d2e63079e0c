"""How far a long read has come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

_FIRST = timedelta(seconds=1)
_EVERY = timedelta(seconds=5)
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP = 1024


class ReadProgress:
    """Counts the bytes that were read, and says so now and then.

    Several threads may count at once, and then a count may be lost: only what people and metrics are shown
    depends on it, and a lock for each chunk would cost more than that is worth.

    `check`: called at every count, before it; may raise to stop the reading. `tell`: gets a
    sentence once the reading has taken a second, then every five; never for a short one.
    """

    def __init__(
        self, tell: Callable[[str], None], now: Callable[[], datetime], check: Callable[[], None] = lambda: None
    ) -> None:
        self._tell, self._now, self._check = tell, now, check
        self._started = now()
        self._due = self._started + _FIRST
        self._read = 0

    @property
    def read(self) -> int:
        """Bytes so far."""
        return self._read

    def sentence(self) -> str:
        """What was read, for people."""
        return f"read {amount(self._read)} in {(self._now() - self._started).total_seconds():.1f} s"

    def __call__(self, size: int) -> None:
        """Another `size` bytes were read."""
        self._check()
        self._read += size
        now = self._now()
        if now >= self._due:
            self._due = now + _EVERY
            taken = (now - self._started).total_seconds()
            self._tell(f"read {amount(self._read)} in {taken:.0f} s ({amount(self._read / taken)}/s)")


def amount(size: float) -> str:
    """Bytes for people: 512 B, 1.5 GiB."""
    unit = 0
    while size >= _STEP and unit < len(_UNITS) - 1:
        size, unit = size / _STEP, unit + 1
    return f"{size:.0f} {_UNITS[unit]}" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"
