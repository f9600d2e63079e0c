"""Admission: who asks, for what, exactly once (spec: behaviour, "Admission")."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from sr_domain.encoding.ids import platform_run_id_at
from sr_domain.encoding.times import parse_instant
from sr_domain.evidence.arrival import arrived
from sr_domain.flows.accepted_loss import AcceptedLoss
from sr_domain.flows.advance import advance
from sr_domain.flows.orphans import orphans_stand
from sr_domain.flows.supersede import check_supersedes
from sr_domain.plan.compile import pins_of
from sr_domain.plan.request import RunRequest, check_actor, differences, misspelt, parse_request
from sr_domain.record import details, events
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Ledger
from sr_domain.record.read import Record
from sr_domain.record.states import RunState
from sr_domain.run.admission_rules import admitted as rules_for
from sr_domain.run.altered import refused_on_record
from sr_domain.run.answers import (
    asked_for,
    bound_intent,
    denied,
    in_flight,
    ledger_outcome,
    refs,
    settled,
    settled_outcome,
)
from sr_domain.run.append_aside import append_aside, read_record
from sr_domain.run.bound import bound
from sr_domain.run.context import Context
from sr_domain.run.derived import Derived
from sr_domain.run.held_run import HeldRun
from sr_domain.run.outcome import Outcome
from sr_domain.run.ports import Settings
from sr_domain.run.rights import may
from sr_domain.run.telemetry import RunTelemetry
from sr_ports import Admission, BadInput, Binding, Fault, IndexNote, Lease, NotFound, ReasonCode, SrError
from sr_ports.compared import Compared

_NOTES = 4096
"""Characters that notes may have; a mask may be longer than what it hides."""


def submit(context: Context, document: Any, *, actor: str | None = None) -> Outcome:
    """Admit a request and take its run as far as it goes now.

    Raises `BadInput(REQUEST_INVALID)` with nothing written; `Unreachable` and `LeaseLost`
    with nothing lost: submitting the same request again continues.
    """
    request = _parsed(context, document, actor)
    _ = context.pack  # one that cannot be read stops here, before anything is written
    actor = actor or request.invoker or "local"
    if context.provable is not None:
        context.provable.prove()  # a place that cannot keep truth stops here, before anything is written
    layout = _session(context, request)
    telemetry = telemetry_of(context, request)
    telemetry.event(events.RUN_REQUEST_RECEIVED(details.Received(request.run_equivalence_key, actor)))
    action, allowed = _right_needed(context.settings, request)
    if not may(allowed, actor):
        return _denied(context, layout, request, actor, action)
    known = bound(context.ports.authority, request.run_id)
    if known is not None and known.settled:  # of a run that nothing is left to do for, nothing more need be asked
        return admitted(context, Admission(known, is_new=False, settled=True), request, actor)
    if known is None and not rebind(context, layout, request.run_id):
        refused = check_supersedes(context.ports, layout, request)
        if refused is not None:
            telemetry.event(refused.event)
            return Outcome(request.run_id, None, layout.platform_run_id, refused.code, refused.detail)
        context.known_store.identity()  # a store that cannot say who it is binds no key
    return admitted(context, context.ports.authority.admit(_binding(request, layout)), request, actor)


def _session(context: Context, request: RunRequest) -> Layout:
    """The platform run that new runs are admitted in. Raises `BadInput`, before anything is written.

    Under a name of the first release's free form nothing new is admitted; a key that is bound there is answered.
    """
    ports = context.ports
    if ports.store.shared and ports.platform.current() is None:
        what = f"{ports.store.describe()} is shared: which platform run this is must be said"
        minted = platform_run_id_at(ports.clock.now())
        remedy = f"export PLATFORM_RUN_ID={minted} wherever this platform run works, or run sr session new"
        raise BadInput(ReasonCode.PLATFORM_RUN_REQUIRED, what, remedy)
    try:
        return Layout(ports.platform.ensure())
    except BadInput:
        current = ports.platform.current()
        if current is None or not _is_bound(context, request.run_id):
            raise
        return Layout(current)


def _parsed(context: Context, document: Any, actor: str | None) -> RunRequest:
    """The request, whose names have one spelling each, save where its key is bound already."""
    try:
        check_actor(actor)
        request = _without_secrets(parse_request(document, context.ports.known_timezone))
        wrong = misspelt(request)
        if wrong is not None and not _is_bound(context, request.run_id):
            raise wrong
    except BadInput as error:
        told = events.RUN_REQUEST_REFUSED(details.Refused(error.code, error.what))
        RunTelemetry(context.ports.telemetry, context.ports.clock, {}, context.policy_rev).event(told)
        raise
    return request


def _without_secrets(request: RunRequest) -> RunRequest:
    """The request, secrets in its notes masked: notes go on record, to the engine, and to the bus."""
    if request.notes is None:
        return request
    from sr_domain.encoding.redact import redact

    return attrs.evolve(request, notes=redact(request.notes)[:_NOTES])


def _is_bound(context: Context, run_id: str) -> bool:
    """Whether the run's key is taken, by the index or by a record. Writes nothing."""
    current = context.ports.platform.current()
    try:
        if bound(context.ports.authority, run_id) is not None:
            return True
    except NotFound:  # the authority belongs to a platform run, and there is none
        return False
    return current is not None and bound_intent(read_record(context.ports, Layout(current), run_id)[0]) is not None


def _binding(request: RunRequest, layout: Layout) -> Binding:
    return Binding(
        request.run_equivalence_key, request.run_id, request.fingerprint, request.canonical(), layout.platform_run_id
    )


def rebind(context: Context, layout: Layout, run_id: str) -> bool:
    """Bind a key again as its run's record says; False where there is no such record.

    For a run that the authority does not know: its index may be lost, and then the next request for
    the key, which may be another's, would take it. The index is never truth: key, intent and fences
    are all in the records. A lost fence needs no repair: whoever takes the lease next is given one
    above the record's.
    """
    ports = context.ports
    ledger, _ = read_record(ports, layout, run_id)
    request = asked_for(Record(ledger), ports.known_timezone)
    if request is None or ledger.state is None:
        return False
    if not ports.authority.admit(_binding(request, layout)).is_new:
        return True  # somebody else was quicker, and knows better where the run is
    lease = ports.authority.acquire(run_id, ports.ids.new_id(), ttl_s=context.settings.lease_ttl_s, above=ledger.fence)
    if lease is not None:
        # The status is what a final record owes last: without it resume has something to do.
        status = ports.store.read(layout.status(run_id)) if settled(ledger) else None
        done = status is not None and status.data == Derived(layout, ledger).status()
        ports.authority.release(lease, note=IndexNote(ledger.state.value, done), run_id=run_id)
    return True


def admitted(context: Context, admission: Admission, request: RunRequest, actor: str) -> Outcome:
    """Go on with a key that is bound: collide, answer as a duplicate, or work."""
    binding = admission.binding
    layout = Layout(binding.platform_run_id)
    telemetry = telemetry_of(context, request)
    if not admission.is_new and binding.intent_fingerprint != request.fingerprint:
        return collision(context, layout, request, bound_request(context, binding).intent())
    if admission.is_new:
        outcome = work(context, layout, request, actor, is_new=True)
    else:
        telemetry.event(events.RUN_REQUEST_DUPLICATE(details.Duplicate(admission.settled)))
        known = settled_outcome(context.ports, layout, request.run_id) if admission.settled else None
        outcome = known or work(context, layout, bound_request(context, binding), actor)
    if outcome.in_flight:
        telemetry.event(events.LEASE_BUSY(details.Nothing()))
    return outcome


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


def bound_request(context: Context, binding: Binding) -> RunRequest:
    """The request a key was bound by: it rules, whoever asks again."""
    return parse_request(json.loads(binding.intent), context.ports.known_timezone)


def work(
    context: Context,
    layout: Layout,
    request: RunRequest,
    actor: str,
    *,
    is_new: bool = False,
    loss: AcceptedLoss | None = None,
) -> Outcome:
    """Take the lease and move the run on; say so when somebody else holds it. `loss`: may be set aside on the way."""
    ports, above = context.ports, 0
    resting = None if is_new or loss is not None else _still_waiting(context, layout, request)
    if resting is not None:
        return resting
    while True:
        lease = ports.authority.acquire(
            request.run_id, ports.ids.new_id(), ttl_s=context.settings.lease_ttl_s, above=above
        )
        if lease is None:
            return in_flight(ports, layout, request.run_id)
        outcome = _hold(context, held_run(context, layout, request, lease, actor), is_new=is_new, loss=loss)
        if not isinstance(outcome, _AuthorityBehind):
            return outcome
        above = outcome.fence


def _still_waiting(context: Context, layout: Layout, request: RunRequest) -> Outcome | None:
    """The answer for a run that waits, when nothing it waits for has come: no lease, no event, no byte read.

    Whoever polls a waiting run thus adds nothing to its record.
    """
    ledger, _ = read_record(context.ports, layout, request.run_id)
    record = Record(ledger)
    waiting, accepted = record.rest, record.accepted
    if ledger.state is not RunState.WAITING_EVIDENCE or record.refused_artifact or record.intent != request.intent():
        return None
    if waiting is None or accepted is None or record.plan is None or record.root is None:
        return None
    if waiting.reason_code == ReasonCode.EVIDENCE_UNSTABLE:  # what it was seen to be is no state to wait in
        return None
    if waiting.reason_code == ReasonCode.INSTANCE_RECEIPT_ORPHAN:
        stands = orphans_stand(context.ports, layout, waiting, telemetry_of(context, request).progress)
        return ledger_outcome(layout, ledger) if stands else None
    if parse_instant(accepted.details.evidence_deadline_utc) <= context.ports.clock.now():
        return None
    came = arrived(context.ports.roots, record, rules_for(record))
    return ledger_outcome(layout, ledger) if next(came, None) is None else None


@attrs.frozen(eq=False, repr=False)
class _AuthorityBehind(Compared):
    """The record has a fence as high as the lease's: the authority was restored from an earlier state."""

    fence: int


def _hold(context: Context, run: HeldRun, *, is_new: bool, loss: AcceptedLoss | None) -> Outcome | _AuthorityBehind:
    """Advance under a heartbeat; the lease is given up whatever happens."""
    finished = False
    try:
        with context.ports.heartbeat.keep(run.lease, run.extended) as run.held:
            run.load()
            if run.ledger.fence >= run.lease.fence:
                return _AuthorityBehind(run.ledger.fence)
            bound = bound_intent(run.ledger)
            if bound is not None and bound != run.request.intent():
                return collision(context, run.layout, run.request, bound)
            run.known_store.identity()
            with refused_on_record(run):
                advance(run, context, fresh=is_new and not run.ledger.events, loss=loss)
        finished = True
        return ledger_outcome(run.layout, run.ledger, is_new=is_new)
    finally:
        _release(context, run, finished=finished)


def held_run(context: Context, layout: Layout, request: RunRequest, lease: Lease, actor: str) -> HeldRun:
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


def _release(context: Context, run: HeldRun, *, finished: bool) -> None:
    """Give the lease up, telling the index where the run is. Never in the way of an outcome.

    A run that was left in the middle is never settled, whatever its record says: an artifact
    or the status may still be owed.
    """
    state = run.ledger.state
    note = None if state is None else IndexNote(state.value, finished and settled(run.ledger))
    try:
        context.ports.authority.release(run.lease, note=note, run_id=run.run_id)
    except SrError as error:
        run.telemetry.event(events.LEASE_RELEASE_FAILED(details.ReleaseFailed(error.what)))


def _right_needed(settings: Settings, request: RunRequest) -> tuple[str, frozenset[str] | None]:
    """What a request does, as denials name it, and who may: one that corrects another run supersedes."""
    if request.supersedes is None:
        return "submit", settings.submitters
    return "supersede", settings.superseders


def _denied(context: Context, layout: Layout, request: RunRequest, actor: str, action: str) -> Outcome:
    """Unauthorized: on the run's record, and nowhere else; the key stays free."""
    draft = events.AUTH_DENIED(details.Denied(actor, action, ReasonCode.AUTH_DENIED))
    append_aside(
        context.ports, layout, request.run_id, draft, actor=actor, policy_rev=context.policy_rev, pins=pins_of(request)
    )
    return denied(layout, request.run_id, actor, action)
