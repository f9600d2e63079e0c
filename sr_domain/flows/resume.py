"""Resume: any process may finish what another left (spec: behaviour, "resume")."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

import attrs

from sr_domain.encoding.times import parse_instant
from sr_domain.flows.index import find, standing, taken_in
from sr_domain.flows.orphans import orphans_of, unchanged
from sr_domain.flows.submit import bound_request
from sr_domain.flows.work import telemetry_of, work
from sr_domain.plan.request import RunRequest, check_actor
from sr_domain.record.details import Nothing
from sr_domain.record.events import LEASE_BUSY
from sr_domain.record.layout import Layout
from sr_domain.record.read import Record
from sr_domain.record.states import RunState
from sr_domain.run.append_aside import read_record
from sr_domain.run.bound import index_store
from sr_domain.run.context import Context
from sr_domain.run.lookup import home
from sr_domain.run.names import no_run
from sr_domain.run.outcome import Outcome
from sr_domain.run.platform_runs import authorities
from sr_domain.run.served import check_served
from sr_ports import AuthorityStore, Binding, ReasonCode

_PAGE = 200
_LONGEST_PAUSE = timedelta(minutes=5)


def resume(context: Context, run: str, *, actor: str = "resume", force: bool = False) -> Outcome:
    """Move one run on from truth alone, in its own platform run. `run`: its id or a ref of it.

    `force`: one more engine attempt, although too many were abandoned. Raises `NotFound(RUN_NOT_FOUND)`.
    """
    check_actor(actor)
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


def due(context: Context, run: str) -> bool:
    """Whether a run that has something left to do should be tried now.

    A bus that was away is asked again after 1 s, then 2, 4 ... up to five minutes: each try
    goes on record, so a watcher must not try at every look. A run that rests for an orphan receipt is due
    once another stands there. Everything else is always due.
    """
    place = home(context, run)
    ledger, _ = read_record(context.ports, place.layout, place.run_id)
    rest = Record(ledger).rest
    if rest is not None and rest.reason_code == ReasonCode.INSTANCE_RECEIPT_ORPHAN:
        return not unchanged(context.ports, orphans_of(rest))
    failures = Record(ledger).failures
    if not failures or ledger.state is not RunState.READY:
        return True
    pause = min(timedelta(seconds=2 ** min(len(failures) - 1, 16)), _LONGEST_PAUSE)
    return context.ports.clock.now() >= parse_instant(failures[-1].ts_utc) + pause


def unsettled(context: Context) -> Iterator[str]:
    """Ids of the runs that have something left to do, ascending, a page at a time.

    With no platform run, and an authority that belongs to one, those of every platform run of the store.
    """
    known = context.known_store
    for _, authority in authorities(context.ports):
        known.standing()
        check_served(known, authority.find("", location=known.location, store_id=known.store_id).places)
        yield from _unsettled(authority, index_store(authority, known))


def _unsettled(authority: AuthorityStore, store_id: str) -> Iterator[str]:
    after: str | None = None
    while True:
        rows = authority.runs(unsettled_only=True, limit=_PAGE, after=after, store_id=store_id)
        page: Sequence[str] = [row.run_id for row in rows]
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1]
