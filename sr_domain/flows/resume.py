"""Resume: any process may finish what another left (spec: behaviour, "resume")."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial

from sr_domain.encoding.times import parse_instant
from sr_domain.flows.orphans import orphans_of, unchanged
from sr_domain.flows.submit import bound_request, rebind, telemetry_of, work
from sr_domain.plan.request import RunRequest, check_actor
from sr_domain.record.details import Nothing
from sr_domain.record.events import LEASE_BUSY
from sr_domain.record.layout import Layout
from sr_domain.record.read import Record
from sr_domain.record.states import RunState
from sr_domain.run.answers import asked_for
from sr_domain.run.append_aside import read_record
from sr_domain.run.bound import bound
from sr_domain.run.context import Context
from sr_domain.run.lookup import authorities, home, no_run, platform_runs, recorded_runs
from sr_domain.run.outcome import Outcome
from sr_domain.run.trouble import Trouble, each
from sr_ports import AuthorityStore, PerPlatformRun, ReasonCode

_PAGE = 200
_LONGEST_PAUSE = timedelta(minutes=5)


def resume(context: Context, run: str, *, actor: str = "resume") -> Outcome:
    """Move one run on from truth alone, in its own platform run. `run`: its id or a ref of it.

    Raises `NotFound(RUN_NOT_FOUND)`.
    """
    check_actor(actor)
    context, layout, request = locate(context, run)
    outcome = work(context, layout, request, actor)
    if outcome.in_flight:  # not news: whoever waits for a run asks again and again
        telemetry_of(context, request).event(LEASE_BUSY(Nothing()), severity="DEBUG")
    return outcome


def locate(context: Context, run: str) -> tuple[Context, Layout, RunRequest]:
    """Where a run's truth is, the context to work on it there, and what it was asked for: by index, else record."""
    place = home(context, run)
    layout, run_id = place.layout, place.run_id
    context = context.at(layout.platform_run_id)
    binding = place.binding or bound(context.ports.authority, run_id)
    if binding is not None:
        return context, Layout(binding.platform_run_id), bound_request(context, binding)
    ledger, _ = read_record(context.ports, layout, run_id)
    request = asked_for(Record(ledger), context.ports.known_timezone)
    if request is None:
        raise no_run(run_id)
    return context, layout, request


def rebuild_index(context: Context, on_trouble: Callable[[Trouble], None] | None = None) -> int:
    """Bind the keys of every record the authority does not know; how many were bound.

    Of every platform run of the store; in a session whose authority is its platform run's own, of that one.
    A run that cannot be bound stops no other. `on_trouble` is told of each; where none is given,
    the first one's error is raised after the others were bound.
    """
    made = 0
    troubles: list[Trouble] = []
    for layout in _indexed(context):
        own = context.at(layout.platform_run_id)
        for _, done in each(recorded_runs(own.ports, layout), partial(_bound, own, layout)):
            if isinstance(done, Trouble):
                troubles.append(done)
            else:
                made += done
        if own.ports.authority is not context.ports.authority:
            own.ports.authority.close()  # as many files would be open as there are platform runs
    for trouble in troubles:
        if on_trouble is None:
            raise trouble.error
        on_trouble(trouble)
    return made


def _indexed(context: Context) -> list[Layout]:
    """The platform runs whose keys the authority at hand is to know."""
    current = context.ports.platform.current()
    if current is not None and isinstance(context.ports.authority, PerPlatformRun):
        return [Layout(current)]
    return [Layout(name) for name in platform_runs(context.ports.store)]


def _bound(context: Context, layout: Layout, run_id: str) -> bool:
    return bound(context.ports.authority, run_id) is None and rebind(context, layout, run_id)


def due(context: Context, run: str) -> bool:
    """Whether a run that has something left to do should be tried now.

    A bus that was away is asked again after 1 s, then 2, 4 ... up to five minutes: each try
    goes on record, so a watcher must not try at every look. A run that rests for an orphan receipt is due
    once another stands there. Everything else is always due.
    """
    context, layout, request = locate(context, run)
    ledger, _ = read_record(context.ports, layout, request.run_id)
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
    for _, authority in authorities(context.ports):
        yield from _unsettled(authority)


def _unsettled(authority: AuthorityStore) -> Iterator[str]:
    after: str | None = None
    while True:
        page: Sequence[str] = [row.run_id for row in authority.runs(unsettled_only=True, limit=_PAGE, after=after)]
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1]
