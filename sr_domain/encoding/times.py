"""Instants on the wire: RFC 3339, UTC, one spelling."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:)(\d\d)(?:\.(\d+))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
_DIGITS = 6


def parse_instant(text: str) -> datetime:
    """An RFC 3339 date-time with offset as aware UTC.

    Digits beyond microseconds are taken when they are zeros. Raises ValueError that says why not,
    also for a leap second, which an instant here cannot hold.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError("not an RFC 3339 date-time with offset")
    minute, second, fraction, offset = match[1], match[2], match[3] or "", match[4]
    if second == "60":
        raise ValueError("second 60 is a leap second, which is not kept: give :59, or :00 of the next minute")
    if fraction[_DIGITS:].strip("0"):
        raise ValueError("its fraction has digits beyond microseconds that are not zeros")
    kept = f".{fraction[:_DIGITS]}" if fraction else ""
    try:
        return datetime.fromisoformat(f"{minute}{second}{kept}{offset}".upper()).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("out of range") from error


def format_instant(instant: datetime) -> str:
    """One spelling for one instant: ``2026-01-31T13:42:00Z``, microseconds only when there are some."""
    utc = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    return utc.isoformat().replace("+00:00", "Z")


def utc_days(start: datetime, end: datetime) -> Iterator[date]:
    """The UTC days that the half-open window [start, end) touches, in order."""
    first, last = start.astimezone(UTC).date(), (end - timedelta(microseconds=1)).astimezone(UTC).date()
    for number in range(first.toordinal(), last.toordinal() + 1):  # the last day there is has no next one
        yield date.fromordinal(number)
