"""How long what ended with an event took."""

from __future__ import annotations

from datetime import datetime

from sr_ports import ObsEvent


def lasted(event: ObsEvent, span: str) -> float:
    """How long what ended with the event took, in seconds; clocks of two machines may differ, none is below 0."""
    return max(0.0, instant(event.ts_utc) - instant(event.spans[span].ts_utc))


def instant(ts_utc: object) -> float:
    """Seconds since 1970; 0 for what is no time."""
    try:
        return datetime.fromisoformat(str(ts_utc)).timestamp()
    except (ValueError, OverflowError):
        return 0.0
