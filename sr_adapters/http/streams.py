"""A run's record as server-sent events: each event as it comes on the record, until nothing is left to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

import attrs

from sr_adapters.http.actors import Action
from sr_adapters.http.operations import Operation

if TYPE_CHECKING:
    from sr_adapters.http.service import Service
    from sr_domain.record.ledger import Event

MEDIA = "text/event-stream"
_FIRST_S, _SLOWER, _MOST_S = 0.2, 1.5, 2.0
"""How soon the record is looked at again, and how much later each time that nothing has come."""
ALIVE_S = 15.0
"""Seconds after which a stream without news says that it is there, so that nobody on the way takes it for dead."""

OPERATION = Operation(
    "events", "GET", "/v1/runs/{run}/events", "A run's record, event by event, as it comes; behind Last-Event-ID.",
    Action.READ, "run_record_event", media=MEDIA, statuses=(200, 204), errors=(429,),
)  # fmt: skip


@attrs.frozen
class Look:
    """The record as one look found it. `done`: nothing more is to come of the run by itself."""

    events: Sequence[Event]
    done: bool

    def behind(self, event_id: str) -> Sequence[Event]:
        """The events behind one; every one where the record has none of that id."""
        at = next((number for number, one in enumerate(self.events) if one.event_id == event_id), -1)
        return self.events[at + 1 :]


def look(service: Service, run: str) -> Look:
    """Look at a run's record. Raises `NotFound`."""
    events = service.runner.record(run)
    outcome = service.runner.status(run)
    done = outcome.state is not None and outcome.state.final and (outcome.state.terminal or outcome.published)
    return Look(events, done)


async def stream(service: Service, run: str, first: Look, last: str) -> AsyncIterator[bytes]:
    """The bytes of the stream. `last`: the id of the event that the caller has; empty for none."""
    seen, pause, silent = first, _FIRST_S, 0.0
    while True:
        fresh = seen.behind(last) if last else seen.events
        for event in fresh:
            last = event.event_id
            yield _message(event)
        if seen.done or service.draining.is_set():
            return
        pause = _FIRST_S if fresh else min(pause * _SLOWER, _MOST_S)
        silent = 0.0 if fresh else silent + pause
        if silent >= ALIVE_S:
            silent = 0.0
            yield b": still here\n\n"
        await service.drained(pause)
        seen = await asyncio.wrap_future(service.readers.begin(lambda: look(service, run)))


def _message(event: Event) -> bytes:
    return (
        b"id: "
        + event.event_id.encode()
        + b"\nevent: "
        + event.event_kind.encode()
        + b"\ndata: "
        + event.line()
        + b"\n\n"
    )
