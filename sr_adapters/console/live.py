"""Live updates as server-sent events: how much is newer than the page that somebody reads, never rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from sr_adapters.console.pages import asked_of, behind
from sr_domain.encoding.times import parse_instant
from sr_ports import SrError

if TYPE_CHECKING:
    from sr_adapters.console.looking import Looking

_EVERY_S, _ALIVE_S = 2.0, 15.0
_MOST = 100


def newer_runs(looking: Looking) -> int:
    """How many runs of the list were told of since the page was made; `_MOST` for as many or more."""
    top = behind(looking.query.get("top", ""))
    asked = asked_of(looking.query, looking.query.get("q", "").strip())
    if looking.runner.listing(asked, limit=1).first == top:
        return 0
    told = [row.get("updated_at_utc") for row in looking.runner.listing(asked, limit=_MOST).rows]
    return max(1, sum(one is not None and parse_instant(one) > top[0] for one in told))


def newer_events(looking: Looking) -> int:
    """How many events of a run came on its record since the page was made."""
    events = looking.runner.record(looking.run)
    last = looking.query.get("last", "")
    at = next((number for number, one in enumerate(events) if one.event_id == last), -1)
    return len(events) - 1 - at


async def stream(looking: Looking, count: Callable[[Looking], int]) -> AsyncIterator[bytes]:
    """The bytes of the stream: a number whenever it is another, until the service drains."""
    told, silent = 0, 0.0
    service = looking.service
    yield b"retry: 5000\n\n"
    while not service.draining.is_set():
        try:
            found = await asyncio.wrap_future(service.readers.begin(lambda: count(looking)))
        except SrError:  # what cannot be asked now may be asked later
            found = told
        if found != told:
            told, silent = found, 0.0
            yield b"event: newer\ndata: %d\n\n" % found
        elif silent >= _ALIVE_S:
            silent = 0.0
            yield b": still here\n\n"
        silent += _EVERY_S
        await service.drained(_EVERY_S)
