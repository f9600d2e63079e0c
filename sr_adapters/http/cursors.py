"""Where a page of a list ends, as the next request names it: when its last row was told of, and that row's run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sr_domain.queries.listing import Place

CURSOR = "[0-9]{16}-[0-9a-f]{32}"
"""The form of a cursor: microseconds since 1970, and a run's id."""
_BEGAN = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


def cursor_of(place: Place) -> str:
    """The cursor of the page that begins behind a place."""
    return f"{(place[0] - _BEGAN) // _TICK:016}-{place[1]}"


def place_of(cursor: str) -> Place:
    """The place of a cursor, which has the form of one."""
    ticks, _, run_id = cursor.partition("-")
    return _BEGAN + int(ticks) * _TICK, run_id
