"""Instants on the wire: RFC 3339, UTC, one spelling."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)")


def parse_instant(text: str) -> datetime:
    """An RFC 3339 date-time with offset as aware UTC. Raises ValueError, also beyond microseconds."""
    if not _RFC3339.fullmatch(text):
        raise ValueError("not an RFC 3339 date-time with offset")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("out of range") from error


def format_instant(instant: datetime) -> str:
    """One spelling for one instant: ``2026-01-31T13:42:00Z``, microseconds only when there are some."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def utc_days(start: datetime, end: datetime) -> Iterator[date]:
    """The UTC days that the half-open window [start, end) touches, in order."""
    first, last = start.astimezone(UTC).date(), (end - timedelta(microseconds=1)).astimezone(UTC).date()
    for number in range(first.toordinal(), last.toordinal() + 1):  # the last day there is has no next one
        yield date.fromordinal(number)
