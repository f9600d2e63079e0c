"""Days in paths, however spelt: ``2026-01-31``, ``20260131``, ``2026/01/31``, ``year=2026/month=01/day=31``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from sr_domain.plan.templates import DAY, DAY_TOKENS, MONTH, MONTHDAY, YEAR

_CENTURY = r"(?:19|20)\d\d"
_FORMS = (
    re.compile(r"(?<!\d)(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)(?!\d)"),
    re.compile(
        rf"(?:^|(?<=/))(?:y(?:ear)?=)?(?P<y>{_CENTURY})/(?:m(?:onth)?=)?(?P<m>\d\d)/(?:d(?:ay)?=)?(?P<d>\d\d)(?=/|\.|$)"
    ),
    re.compile(rf"(?<!\d)(?P<y>{_CENTURY})(?P<s>[_.])(?P<m>\d\d)(?P=s)(?P<d>\d\d)(?!\d)"),
    re.compile(
        rf"(?<![A-Za-z0-9])[A-Za-z]*(?P<y>{_CENTURY})(?P<m>\d\d)(?P<d>\d\d)(?=(?:[Tt]\d{{4,9}}[Zz]?)?[A-Za-z]*(?![A-Za-z0-9]))"
    ),
)
"""The last: digits alone are a day only where no others are beside them; a hash is none."""
_MAYBE = re.compile(r"\d{4}")
TOKENS = re.compile("|".join(re.escape("{" + one + "}") for one in DAY_TOKENS))
_SPELT = {"y": "{" + YEAR + "}", "m": "{" + MONTH + "}", "d": "{" + MONTHDAY + "}"}


class Dated(NamedTuple):
    """A day in a path, from `start` to `end`. `shape`: its text, tokens in place of its digits."""

    start: int
    end: int
    day: str
    shape: str


def dates_in(path: str) -> list[Dated]:
    """Every day that a path names, from left to right."""
    if _MAYBE.search(path) is None:
        return []
    found = [one for at in range(len(_FORMS)) for one in _found(at, path)]
    told: list[Dated] = []
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        if not told or one.start >= told[-1].end:
            told.append(one)
    return told


def _found(at: int, path: str) -> Iterator[Dated]:
    for match in _FORMS[at].finditer(path):
        day = f"{match['y']}-{match['m']}-{match['d']}"
        if is_day(day):
            start, end = match.start("y"), match.end("d")
            yield Dated(start, end, day, "{" + DAY + "}" if at == 0 else _shape(match, path[start:end], start))


def _shape(match: re.Match[str], text: str, start: int) -> str:
    for name in ("d", "m", "y"):
        text = text[: match.start(name) - start] + _SPELT[name] + text[match.end(name) - start :]
    return text


def shape_of(path: str, day: str, dates: list[Dated]) -> str:
    """The path, tokens in place of this day wherever it stands."""
    for one in reversed(dates):
        if one.day == day:
            path = path[: one.start] + one.shape + path[one.end :]
    return path


def is_day(text: str) -> bool:
    """Whether this is a day that there is, and has a next one, as ``YYYY-MM-DD``."""
    try:
        return re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) is not None and date.fromisoformat(text) < date.max
    except ValueError:
        return False
