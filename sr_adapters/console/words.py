"""How pages spell what they show: states, verdicts, durations, instants, next steps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sr_domain.encoding.times import parse_instant

SUPERSEDED = "SUPERSEDED"
"""How a READY run is shown once another has superseded it."""
_STATES = {
    "READY": ("ready", "READY"),
    SUPERSEDED: ("superseded", "Superseded"),
    "WAITING_EVIDENCE": ("waiting", "Waiting"),
    "FAILED": ("failed", "Failed"),
    "QUARANTINED": ("quarantined", "Quarantined"),
    "OPEN": ("running", "Admitted"),
    "PLANNED": ("running", "Planned"),
    "EXECUTING": ("running", "Engine running"),
    "VERIFYING": ("running", "Reading evidence"),
}
_VERDICTS = {
    "PASS": ("ready", "passed"),
    "PROVEN": ("ready", "proven"),
    "MISSING": ("waiting", "missing"),
    "CONFLICT": ("quarantined", "conflict"),
    "FAIL": ("failed", "failed"),
    "OPTIONAL_MISSING": ("none", "absent (optional)"),
    "UNKNOWN": ("none", "not judged"),
}
FAULTY = ("CONFLICT", "FAIL", "MISSING")
_SECOND, _MINUTE, _HOUR, _DAY = 1.0, 60.0, 3600.0, 86_400.0


def state_mark(state: str | None, superseded_by: object = None) -> tuple[str, str]:
    """The mark of a state, and its word."""
    if state == "READY" and superseded_by:
        state = SUPERSEDED
    return _STATES.get(state or "", ("none", state or "Unknown"))


def verdict_mark(verdict: str) -> tuple[str, str]:
    """The mark of a gate's or an output's verdict, and its word."""
    return _VERDICTS.get(verdict, ("none", verdict))


def lasting(seconds: float | None) -> str:
    """A duration: 3 ms, 1.24 s, 4 min 05 s, 2 h 10 min, 3 d 4 h; empty for none."""
    if seconds is None:
        return ""
    if abs(seconds) < _SECOND:
        return f"{seconds * 1000:.0f} ms"
    if abs(seconds) < _MINUTE:
        return f"{seconds:.2f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < _DAY:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def ago(then: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that tells."""
    past = (now - then).total_seconds()
    for unit, word in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if past >= 2 * unit:
            return f"{past // unit:.0f} {word} ago"
    return f"{max(past, 0):.0f} s ago"


def utc(instant: str | datetime) -> str:
    """An instant as people read it: ``2026-01-31 13:42:00 UTC``."""
    at = parse_instant(instant) if isinstance(instant, str) else instant.astimezone(UTC)
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def short_names(ids: Sequence[str]) -> dict[str, str]:
    """By id, what tells it from the others: of ids with dots, the shortest run of last parts that is its own.

    Parts that all ids share are left out: ``gate.layer1.3A.validation`` beside others is ``3A``.
    """
    split = {one: one.split(".") for one in ids}
    shared = set.intersection(*map(set, split.values())) if len(split) > 1 else set()
    own = {one: [part for part in parts if part not in shared] or parts for one, parts in split.items()}
    for most in range(1, max(map(len, own.values()), default=0) + 1):
        names = {one: ".".join(parts[-most:]) for one, parts in own.items()}
        if len(set(names.values())) == len(names):
            return names
    return {one: one for one in ids}
