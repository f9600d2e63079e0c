"""The spans of a run's trace, from its events: one trace a run, whoever works on it, in whatever process and release.

The trace is named by the run's id and a span by the event that began it, so that nobody has to hand an id on.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

import attrs

from sr_domain.encoding.ids import span_id_for, trace_id_for
from sr_domain.record import events as e
from sr_domain.record.spans import RUN
from sr_ports import ObsEvent

INGRESS, AUTHORITY = "Ingress", "RunAuthority"
_AUTHORITY = frozenset({e.RUN_ACCEPTED.name, e.LEASE_TAKEN.name, e.LEASE_BUSY.name, e.LEASE_LOST.name})
_OPEN = 1024
"""Requests whose answer is awaited, at most: of more the oldest has no Ingress."""
_ID = frozenset("0123456789abcdef")
_ID_LENGTH = 32


@attrs.frozen
class Span:
    """A span. `parent`: None for the whole run. `began`, `ended`: RFC 3339."""

    name: str
    trace_id: str
    span_id: str
    parent: str | None
    began: str
    ended: str


def run_of(event: ObsEvent) -> str | None:
    """The run that an event is of; None for one of no run."""
    run_id = event.pins.get("run_id")
    return run_id if isinstance(run_id, str) and len(run_id) == _ID_LENGTH and _ID.issuperset(run_id) else None


def root_of(run_id: str) -> str:
    """The id of the span that is the whole run."""
    return span_id_for(run_id, RUN)


class Spans:
    """Makes spans of the events of a process, told in order."""

    def __init__(self) -> None:
        self._received: OrderedDict[str, str] = OrderedDict()

    def of(self, event: ObsEvent) -> Iterator[Span]:
        """The spans that end with an event."""
        run_id = run_of(event)
        if run_id is None:
            return
        if event.event_kind == e.RUN_REQUEST_RECEIVED.name:
            self._received[run_id] = event.ts_utc
            if len(self._received) > _OPEN:
                self._received.popitem(last=False)
            return
        received = self._received.pop(run_id, None)
        if received is not None:
            yield _span(run_id, INGRESS, f"{run_id}|{received}", received, event)
        if event.event_kind in _AUTHORITY:
            began = f"{run_id}|{event.event_id or event.ts_utc}"
            yield _span(run_id, AUTHORITY, began, received or event.ts_utc, event)
        for name, begun in event.spans.items():
            yield _span(run_id, name, run_id if name == RUN else begun.event_id, begun.ts_utc, event)


def _span(run_id: str, name: str, began: str, began_utc: str, event: ObsEvent) -> Span:
    parent = None if name == RUN else root_of(run_id)
    return Span(name, trace_id_for(run_id), span_id_for(began, name), parent, began_utc, event.ts_utc)
