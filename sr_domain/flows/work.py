"""Work: take the lease of a run whose key is bound, and move it on; whoever holds it answers for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from sr_domain.evidence.arrival import arrived
from sr_domain.flows.advance import advance
from sr_domain.flows.corrected_root import busy_told, named_root, with_told
from sr_domain.flows.index import check_known
from sr_domain.plan.compile import pins_of
from sr_domain.plan.request import RunRequest, differences
from sr_domain.record import details, events
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Ledger
from sr_domain.record.read import Record
from sr_domain.record.states import RunState
from sr_domain.run.admission_rules import admitted as rules_for
from sr_domain.run.altered import refused_on_record
from sr_domain.run.answers import (
    bound_intent,
    in_flight,
    ledger_outcome,
    refs,
    settled,
)
from sr_domain.run.append_aside import read_record
from sr_domain.run.context import Context
from sr_domain.run.deadline import deadline_of
from sr_domain.run.held_run import HeldRun
from sr_domain.run.next_look import next_look
from sr_domain.run.noted import tail_of
from sr_domain.run.outcome import Outcome
from sr_domain.run.rolled_back import check_tail
from sr_domain.run.telemetry import RunTelemetry
from sr_ports import Binding, Fault, Identity, IndexNote, Lease, LeaseLost, ReasonCode, SrError
from sr_ports.authority import AT_ONCE
from sr_ports.compared import Compared

if TYPE_CHECKING:
    from sr_domain.flows.accepted_loss import AcceptedLoss


def work(
    context: Context,
    layout: Layout,
    request: RunRequest,
    actor: Identity,
    *,
    is_new: bool = False,
    loss: AcceptedLoss | None = None,
    forced: bool = False,
    known: Binding | None = None,
    again: RunRequest | None = None,
) -> Outcome:
    """Take the lease and move the run on; say so when somebody else holds it.

    `loss`: may be set aside on the way. `forced`: as of `HeldRun`. `known`: what the index knows of the run; a record
    that does not hold it is `TRUTH_ROLLED_BACK`. `again`: the request by which the key was named once more; it may
    correct the engine root.
    """
    ports, above = context.ports, 0
    store_id = context.known_store.identity().store_id
    root, told = (None, "") if again is None else named_root(context, again)
    resting = None if is_new or loss is not None else _still_waiting(context, layout, request, root, known)
    if resting is not None:
        return with_told(resting, told)
    while True:
        lease = ports.authority.acquire(
            request.run_id, ports.ids.new_id(), ttl_s=context.settings.lease_ttl_s, above=above, store_id=store_id
        )
        if lease is None:
            busy = told or busy_told(context, layout, request.run_id, root)
            held_by_another = attrs.evolve(in_flight(ports, layout, request.run_id), is_new=is_new)
            return with_told(held_by_another, busy)
        run = held_run(context, layout, request, lease, actor)
        run.forced, run.named_root, run.root_told = forced, root, told
        outcome = _hold(context, run, is_new=is_new, loss=loss, known=known)
        if not isinstance(outcome, _AuthorityBehind):
            return with_told(attrs.evolve(outcome, taken_up=not is_new), run.root_told)
        above = outcome.fence


def _still_waiting(
    context: Context, layout: Layout, request: RunRequest, root: str | None, known: Binding | None
) -> Outcome | None:
    """The answer for a run that waits, when nothing it waits for has come: no lease, no event, no byte read.

    Whoever polls a waiting run thus adds nothing to its record. `root`: where it may have to wait from now on.
    """
    ledger, _ = read_record(context.ports, layout, request.run_id)
    if known is not None:
        check_tail(known, ledger)
    record = Record(ledger)
    waiting, accepted = record.rest, record.accepted
    if ledger.state is not RunState.WAITING_EVIDENCE or record.refused_artifact or record.intent != request.intent():
        return None
    if record.root_fault is not None:  # it rests by more than what it waits for
        return None
    if waiting is None or accepted is None or record.plan is None or record.root is None:
        return None
    if root not in (None, record.root):
        return None
    if waiting.reason_code == ReasonCode.EVIDENCE_UNSTABLE:  # what it was seen to be is no state to wait in
        return None
    if waiting.reason_code == ReasonCode.INSTANCE_RECEIPT_ORPHAN:
        from sr_domain.flows.orphans import orphans_stand

        stands = orphans_stand(context.ports, layout, waiting, telemetry_of(context, request).progress)
        return ledger_outcome(layout, ledger) if stands else None
    deadline = deadline_of(record)
    if deadline is None or deadline <= context.ports.authority.now():
        return None
    came = arrived(context.ports.roots, record, rules_for(record))
    return ledger_outcome(layout, ledger) if next(came, None) is None else None


@attrs.frozen(eq=False, repr=False)
class _AuthorityBehind(Compared):
    """The record has a fence as high as the lease's: the authority was restored from an earlier state."""

    fence: int


def _hold(
    context: Context, run: HeldRun, *, is_new: bool, loss: AcceptedLoss | None, known: Binding | None
) -> Outcome | _AuthorityBehind:
    """Advance under a heartbeat; the lease is given up whatever happens."""
    finished = sound = False
    try:
        with context.ports.heartbeat.keep(run.lease, run.extended) as run.held:
            run.load()
            if known is not None:
                check_known(context, known, run.ledger)
            sound = True
            if run.ledger.fence >= run.lease.fence:
                return _AuthorityBehind(run.ledger.fence)
            bound = bound_intent(run.ledger)
            if bound is not None and bound != run.request.intent():
                return collision(context, run.layout, run.request, bound)
            with refused_on_record(run):
                advance(run, context, fresh=is_new and not run.ledger.events, loss=loss)
        finished = True
        return ledger_outcome(run.layout, run.ledger, is_new=is_new)
    except LeaseLost as error:
        run.telemetry.event(events.LEASE_LOST(details.Refused(error.code, error.what)))
        raise
    finally:
        _release(context, run, finished=finished, sound=sound)


def held_run(context: Context, layout: Layout, request: RunRequest, lease: Lease, actor: Identity) -> HeldRun:
    """The run, as this lease's holder begins with it: nothing read yet."""
    return HeldRun(
        ports=context.ports,
        settings=context.settings,
        request=request,
        layout=layout,
        known_store=context.known_store,
        lease=lease,
        actor=actor,
        telemetry=telemetry_of(context, request),
        policy_rev=context.policy_rev,
        ledger=Ledger(request.run_id),
    )


def telemetry_of(context: Context, request: RunRequest) -> RunTelemetry:
    """Tells what happens to this request and its run."""
    return RunTelemetry(context.ports.telemetry, context.ports.clock, pins_of(request), context.policy_rev)


def _release(context: Context, run: HeldRun, *, finished: bool, sound: bool) -> None:
    """Give the lease up, telling the index where the run is. Never in the way of an outcome.

    `sound`: that the record held what the index knows; else the index keeps that.

    A run that was left in the middle is never settled, whatever its record says: an artifact
    or the status may still be owed.
    """
    state = run.ledger.state
    settles = finished and settled(run.ledger)
    note: IndexNote | None = None
    if sound and state is not None:
        due = next_look(run.history, run.now(), finished=finished) or AT_ONCE
        note = IndexNote(state.value, settles, tail_of(run.ledger), due)
    try:
        context.ports.authority.release(run.lease, note=note, run_id=run.run_id)
    except SrError as error:
        run.telemetry.event(events.LEASE_RELEASE_FAILED(details.ReleaseFailed(error.what)))


def collision(context: Context, layout: Layout, request: RunRequest, bound: Mapping[str, Any]) -> Outcome:
    """The answer to a key that is bound to another intent: which fields differ; nothing changed.

    Raises `Fault` where none differs: a fingerprint that is not its intent's own is no collision.
    """
    fields = differences(bound, request.intent())
    if not fields:
        what = f"run {request.run_id} is bound to this very intent, yet under another fingerprint than the intent has"
        remedy = "restore the authority from backup, or begin it anew and run sr resume --rebuild-index"
        raise Fault(ReasonCode.TRUTH_ALTERED, what, remedy)
    shown = "; ".join(f"{name}: {pair['old']!r} is bound, {pair['new']!r} was asked" for name, pair in fields.items())
    code = ReasonCode.EQUIVALENCE_COLLISION
    telemetry_of(context, request).event(events.EQUIVALENCE_COLLISION(details.Collided(", ".join(fields))))
    return Outcome(
        run_id=request.run_id,
        state=None,
        platform_run_id=layout.platform_run_id,
        reason_code=code,
        message=f"run_equivalence_key {request.run_equivalence_key!r} is bound to another intent: {shown}",
        differences=fields,
        refs=refs(layout, request.run_id),
    )
