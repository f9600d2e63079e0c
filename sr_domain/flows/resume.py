"""Resume: any process may finish what another left (spec: behaviour, "resume")."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from sr_domain.flows.denial import denied_on_record
from sr_domain.flows.index import find, standing, taken_in
from sr_domain.flows.submit import bound_request
from sr_domain.flows.work import telemetry_of, work
from sr_domain.plan.request import RunRequest
from sr_domain.record.details import Nothing
from sr_domain.record.events import LEASE_BUSY
from sr_domain.record.layout import Layout
from sr_domain.run.bound import index_store
from sr_domain.run.context import Context
from sr_domain.run.lookup import home
from sr_domain.run.names import no_run
from sr_domain.run.outcome import Outcome
from sr_domain.run.platform_runs import authorities, index_rows
from sr_domain.run.rights import allows, check_caller
from sr_domain.run.served import check_served
from sr_ports import Binding, Identity, IndexedRun, ObjectStore, PerPlatformRun, Stored
from sr_ports.authority import NO_STORE


def resume(context: Context, run: str, *, actor: Identity, force: bool = False) -> Outcome:
    """Move one run on from truth alone, in its own platform run. `run`: its id or a ref of it.

    `force`: one more engine attempt, although too many were abandoned. Raises `NotFound(RUN_NOT_FOUND)`.
    """
    check_caller(context.settings, actor)
    if not allows(context.settings, "resume", actor):
        place = home(context, run)
        return denied_on_record(context.at(place.layout.platform_run_id), place.layout, place.run_id, actor, "resume")
    return go_on(context, run, actor, force=force)


def go_on(context: Context, run: str, actor: Identity, *, force: bool = False) -> Outcome:
    """The same, where it is known already that the actor may."""
    located = locate(context, run)
    context, request = located.context, located.request
    outcome = work(context, located.layout, request, actor, known=located.known, forced=force)
    if outcome.in_flight:  # not news: whoever waits for a run asks again and again
        telemetry_of(context, request).event(LEASE_BUSY(Nothing()), severity="DEBUG")
    return outcome


@attrs.frozen
class Located:
    """Where a run's truth is. `context`: for work on it there. `known`: what the index knows of the run."""

    context: Context
    layout: Layout
    request: RunRequest
    known: Binding


def locate(context: Context, run: str) -> Located:
    """A run that is about to be written to, and what it was asked for: by index, else record.

    Raises `NotFound`, and `Fault` for a store that is not the one which the authority serves.
    """
    place = home(context, run)
    layout, run_id = place.layout, place.run_id
    context = context.at(layout.platform_run_id)
    found = find(context, run_id) if place.found is None else place.found
    known = standing(context, layout, run_id, found)
    if known is None:
        raise no_run(run)
    known = taken_in(context, known, found)
    return Located(context, Layout(known.platform_run_id), bound_request(context, known), known)


def unsettled(context: Context) -> Iterator[str]:
    """Ids of the runs that have something left to do, ascending, a page at a time.

    With no platform run, and an authority that belongs to one, those of every platform run of the store.
    """
    known = context.known_store
    for _, authority in authorities(context.ports):
        known.standing()
        check_served(known, authority.find("", location=known.location, store_id=known.store_id).places)
        rows = index_rows(authority, index_store(authority, known), unsettled_only=True)
        yield from (row.run_id for row in rows)


def lost(context: Context) -> Iterator[str]:
    """Ids of settled runs whose record is gone, or shorter than the index knows it: `resume` tells of each.

    No record is read: what names and sizes do not tell, an audit does. A run that the first release noted, and whose
    record is not here, may be another store's where stores share an authority: it is left out, as an audit leaves it.
    """
    known = context.known_store
    for platform_run_id, authority in authorities(context.ports):
        alone = platform_run_id is not None or isinstance(authority, PerPlatformRun)
        recorded = _Recorded(context.ports.store)
        for row in index_rows(authority, index_store(authority, known)):
            if row.settled and (alone or row.store_id != NO_STORE) and recorded.bytes_of(row) < _least(row):
                yield row.run_id


_LINE = 256
"""Bytes that the line of an event has at least: names, digests and a time."""


def _least(row: IndexedRun) -> int:
    """How long the row's record is at least."""
    return 1 if row.tail is None else _LINE * (row.tail.seq + 1)


@attrs.define(eq=False)
class _Recorded:
    """How long records are: each platform run's are listed once, beside rows that ascend as they do."""

    store: ObjectStore
    _below: dict[str, Iterator[Stored]] = attrs.field(factory=dict, init=False)
    _next: dict[str, Stored | None] = attrs.field(factory=dict, init=False)

    def bytes_of(self, row: IndexedRun) -> int:
        """The size of the row's record; 0 for none. Rows are asked for by ascending id."""
        layout, name = Layout(row.platform_run_id), row.platform_run_id
        key = layout.record(row.run_id)
        if name not in self._below:
            self._below[name] = iter(self.store.list(f"{layout.base}/run_record/"))
            self._next[name] = next(self._below[name], None)
        while (at := self._next[name]) is not None and at.key < key:
            self._next[name] = next(self._below[name], None)
        return at.size if at is not None and at.key == key else 0
