"""The index and the store: a run's binding in the store at hand, bound again from its record where need be.

The authority is asked once. Which store this is, is read beside the next thing that has to be read anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from sr_domain.plan.request import RunRequest
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Ledger
from sr_domain.record.read import Record
from sr_domain.run.answers import asked_for, settled
from sr_domain.run.append_aside import read_record
from sr_domain.run.bound import own
from sr_domain.run.context import Context
from sr_domain.run.derived import Derived
from sr_domain.run.next_look import next_look
from sr_domain.run.noted import tail_of
from sr_domain.run.platform_runs import platform_runs, recorded_runs
from sr_domain.run.rolled_back import check_tail, never_released, rolled_back
from sr_domain.run.served import check_served, is_served
from sr_domain.run.telemetry import RunTelemetry
from sr_domain.run.trouble import Trouble, each
from sr_ports import (
    Admission,
    Binding,
    Fault,
    Found,
    IndexNote,
    PerPlatformRun,
    ReasonCode,
    StorePlace,
    Unreachable,
)
from sr_ports.authority import AT_ONCE, NO_STORE

_TOLD_EVERY = 500


def find(context: Context, run_id: str) -> Found:
    """What the authority knows of a run id, and of the places that could be this store's."""
    known = context.known_store
    return context.ports.authority.find(run_id, location=known.location, store_id=known.store_id)


def standing(context: Context, layout: Layout, run_id: str, found: Found) -> Binding | None:
    """The run's binding in the store at hand; of no store, where the first release bound it and its record is here.

    Where there is none, the run is bound again as its record in `layout` says; None where there is no such record.
    Raises `Fault`: `TRUTH_ROLLED_BACK`, `STORE_COPIED`.
    """
    known, rows = context.known_store, found.bindings
    unclaimed = next((one for one in rows if one.store_id == NO_STORE), None)
    home = layout if unclaimed is None else Layout(unclaimed.platform_run_id)
    ledger: Ledger | None = None
    if rows and unclaimed is None:
        known.standing()
    else:  # neither waits for the other
        reads: tuple[Callable[[], object], ...] = (
            lambda: known.standing(again=True),
            lambda: read_record(context.ports, home, run_id)[0],
        )
        _, ledger = context.ports.pool.map(lambda read: read(), reads)  # type: ignore[assignment]
    check_served(known, found.places)
    mine = own(found, known.store_id)
    if mine is None:
        ledger = read_record(context.ports, home, run_id)[0] if ledger is None else ledger
        return _bound_again(context, layout, ledger, found.places)
    if mine.store_id == NO_STORE and ledger is not None:
        _refuse_another_stores(context, mine, ledger)
    return mine


def _refuse_another_stores(context: Context, binding: Binding, ledger: Ledger) -> None:
    """Return for a binding of no store that is this store's: its record is here, or a crash left none beside others."""
    home = Layout(binding.platform_run_id)
    record = Record(ledger)
    if record.accepted is not None or record.lost is not None:
        return
    if never_released(binding) and context.ports.store.folders(f"{home.base}/"):
        return
    what = (
        f"run {binding.run_id} was admitted in {binding.platform_run_id}, by the first release,"
        f" and its record {home.record(binding.run_id)} is not in this store"
    )
    raise rolled_back(binding.run_id, what)


def taken_in(context: Context, binding: Binding, found: Found) -> Binding:
    """The binding as this store's own, and the store served here. Raises `Fault`."""
    store_id = serve(context, found.places)
    if binding.store_id != NO_STORE:
        return binding
    context.ports.authority.claim(store_id, binding.run_id)
    mine = own(find(context, binding.run_id), store_id)
    if mine is not None and mine.store_id == store_id:
        return mine
    home = Layout(binding.platform_run_id)  # another store, a copy of this one, was quicker
    again = _bound_again(context, home, read_record(context.ports, home, binding.run_id)[0], found.places)
    if again is None:
        what = f"run {binding.run_id} was given to another store of this authority"
        raise Fault(ReasonCode.TRUTH_ROLLED_BACK, what)
    return again


def check_known(context: Context, known: Binding, ledger: Ledger) -> None:
    """Hold a record against what the index knows of its run, and where none is there the store against the authority.

    Raises `Fault`.
    """
    if not ledger.events:
        context.known_store.standing(again=True)
        check_served(context.known_store, find(context, known.run_id).places)
    check_tail(known, ledger)


def admit(context: Context, layout: Layout, request: RunRequest, found: Found) -> Admission:
    """Bind a key that neither index nor record know, in the store at hand. Raises `Fault`, `Unreachable`."""
    store_id, known = serve(context, found.places), context.known_store
    admission = context.ports.authority.admit(_binding(request, layout, store_id), location=known.location)
    if admission.served:
        return admission
    check_served(known, find(context, request.run_id).places)
    what = f"where {known.location} is served was decided upon at this very moment; nothing was bound"
    raise Unreachable(ReasonCode.AUTHORITY_UNREACHABLE, what, "run the command again")


def taken_in_first(context: Context, run_id: str, found: Found) -> Found:
    """What the authority knows once it has taken in the records of a store that it is shared by and never served.

    A store without an identity has none: it is served with the first key that is bound in it.
    """
    known, places = context.known_store, found.places
    shared = not isinstance(known.ports.authority, PerPlatformRun)
    if known.store_id is None or not shared or any(place.store_id == known.store_id for place in places):
        return found
    serve(context, places)
    return find(context, run_id)


def serve(context: Context, places: Sequence[StorePlace]) -> str:
    """The identity of the store, which the authority serves here from now on. `places`: what it said of that.

    An authority that is shared and never served the store takes in the records that it holds first.
    """
    known = context.known_store
    if not is_served(known, places):
        store_id = known.identity().store_id
        # Whoever works on another platform run has that one's authority: what this session's is decides.
        shared = not isinstance(known.ports.authority, PerPlatformRun)
        if shared and all(place.store_id != store_id for place in places):
            index_records(context, [Layout(name) for name in platform_runs(context.ports.store)])
        check_served(known, context.ports.authority.serve(StorePlace(known.location, store_id)))
    return known.identity().store_id


def rebuild_index(context: Context, on_trouble: Callable[[Trouble], None] | None = None) -> int:
    """Bind the keys of every record the authority does not know; how many were bound.

    Of every platform run of the store; in a session whose authority is its platform run's own, of that one.
    A run that cannot be bound stops no other. `on_trouble` is told of each; where none is given,
    the first one's error is raised after the others were bound.
    """
    made = 0
    troubles: list[Trouble] = []
    layouts = _indexed(context)
    if not layouts and not isinstance(context.ports.authority, PerPlatformRun):
        check_served(context.known_store, find(context, "").places)
    for layout in layouts:
        own_context = context.at(layout.platform_run_id)
        check_served(context.known_store, find(own_context, "").places)
        for done in _indexed_now(own_context, [layout]):
            if isinstance(done, Trouble):
                troubles.append(done)
            else:
                made += done
        if own_context.ports.authority is not context.ports.authority:
            own_context.ports.authority.close()  # as many files would be open as there are platform runs
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


def index_records(context: Context, layouts: Sequence[Layout]) -> None:
    """Bind what the authority does not know of these platform runs. A run that cannot be bound is a notice."""
    for _ in _indexed_now(context, layouts):
        """One after the other."""


def _indexed_now(context: Context, layouts: Sequence[Layout]) -> Iterator[bool | Trouble]:
    """Bind what the authority does not know of these platform runs; whether a run was bound, one after the other."""
    telemetry = RunTelemetry(context.ports.telemetry, context.ports.clock, {}, context.policy_rev)
    done = 0
    for layout in layouts:
        for _, one in each(recorded_runs(context.ports, layout), partial(_indexed_run, context, layout)):
            done += 1
            if done % _TOLD_EVERY == 0:
                telemetry.progress(f"the authority takes in the records of the store: {done} so far")
            if isinstance(one, Trouble):
                context.notice(f"the authority could not take in run {one.run_id}: {one.error.what}")
            yield one


def _indexed_run(context: Context, layout: Layout, run_id: str) -> bool:
    store_id = context.known_store.identity().store_id
    mine = own(context.ports.authority.find(run_id), store_id)
    if mine is not None and mine.store_id == NO_STORE:
        return context.ports.authority.claim(store_id, run_id) == 1
    return mine is None and _as_recorded(context, layout, read_record(context.ports, layout, run_id)[0]) is not None


def _bound_again(context: Context, layout: Layout, ledger: Ledger, places: Sequence[StorePlace]) -> Binding | None:
    if Record(ledger).intent is None or ledger.state is None:
        return None
    serve(context, places)
    return _as_recorded(context, layout, ledger)


def _as_recorded(context: Context, layout: Layout, ledger: Ledger) -> Binding | None:
    """Bind a key again as its run's record says; None where the record admits no run.

    For a run that the authority does not know: its index may be lost, and then the next request for
    the key, which may be another's, would take it. The index is never truth: key, intent and fences
    are all in the records. A lost fence needs no repair: whoever takes the lease next is given one
    above the record's.
    """
    ports, run_id, store_id = context.ports, ledger.run_id, context.known_store.identity().store_id
    request = asked_for(Record(ledger), ports.known_timezone)
    if request is None or ledger.state is None:
        return None
    admission = ports.authority.admit(_binding(request, layout, store_id))
    if not admission.is_new:
        return admission.binding  # somebody else was quicker, and knows better where the run is
    owner, ttl_s = ports.ids.new_id(), context.settings.lease_ttl_s
    lease = ports.authority.acquire(run_id, owner, ttl_s=ttl_s, above=ledger.fence, store_id=store_id)
    if lease is not None:
        # The status is what a final record owes last: without it resume has something to do.
        status = ports.store.read(layout.status(run_id)) if settled(ledger) else None
        done = status is not None and status.data == Derived(layout, ledger).status()
        due = next_look(Record(ledger), ports.clock.now()) or AT_ONCE
        note = IndexNote(ledger.state.value, done, tail_of(ledger), due)
        ports.authority.release(lease, note=note, run_id=run_id)
    return admission.binding


def _binding(request: RunRequest, layout: Layout, store_id: str) -> Binding:
    return Binding(
        request.run_equivalence_key,
        request.run_id,
        request.fingerprint,
        request.canonical(),
        layout.platform_run_id,
        store_id,
    )
