"""Admission: who asks, for what, exactly once (spec: behaviour, "Admission")."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from sr_domain.encoding.ids import is_platform_run_id, platform_run_id_at
from sr_domain.evidence.arrival import arrived
from sr_domain.flows.accepted_loss import AcceptedLoss
from sr_domain.flows.admissible import check_admissible
from sr_domain.flows.advance import advance
from sr_domain.flows.corrected_root import busy_told, named_root, root_too_late, with_told
from sr_domain.flows.denial import denied_on_record, right_needed
from sr_domain.flows.index import admit, check_known, find, standing, taken_in
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
    bound_intent,
    in_flight,
    ledger_outcome,
    refs,
    settled,
    settled_outcome,
)
from sr_domain.run.append_aside import read_record
from sr_domain.run.bound import bound
from sr_domain.run.context import Context
from sr_domain.run.deadline import deadline_of
from sr_domain.run.held_run import HeldRun
from sr_domain.run.noted import tail_of
from sr_domain.run.outcome import Outcome
from sr_domain.run.rights import may
from sr_domain.run.rolled_back import check_tail
from sr_domain.run.telemetry import RunTelemetry
from sr_ports import Admission, BadInput, Binding, Fault, Found, IndexNote, Lease, NotFound, ReasonCode, SrError
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
    action, allowed = right_needed(context.settings, request)
    layout, checked = _session(context, request, may(allowed, actor))
    telemetry = telemetry_of(context, request)
    telemetry.event(events.RUN_REQUEST_RECEIVED(details.Received(request.run_equivalence_key, actor)))
    if not may(allowed, actor):
        return denied_on_record(context, layout, request, actor, action)
    found = find(context, request.run_id)
    answer = _settled_here(context, found, request, telemetry)
    if answer is not None:
        return answer
    known = standing(context, layout, request.run_id, found)
    if known is None:
        refused = check_supersedes(context.ports, layout, request)
        if refused is not None:
            telemetry.event(refused.event)
            return Outcome(request.run_id, None, layout.platform_run_id, refused.code, refused.detail)
        if not checked:
            check_admissible(context, request)
        return admitted(context, admit(context, layout, request, found), request, actor, telemetry)
    if known.intent_fingerprint == request.fingerprint:
        known = taken_in(context, known, found)
    return admitted(context, Admission(known, is_new=False, settled=known.settled), request, actor, telemetry)


def _settled_here(context: Context, found: Found, request: RunRequest, telemetry: RunTelemetry) -> Outcome | None:
    """The answer to a duplicate of a run that nothing is left to do for, so that nothing more need be asked.

    Nor which store this is, where only one has the run: the answer rests on the very line of the record that the
    index noted.
    """
    (only,) = found.bindings if len(found.bindings) == 1 else (None,)
    if only is None or not only.settled or only.tail is None or only.intent_fingerprint != request.fingerprint:
        return None
    outcome = settled_outcome(context.ports, Layout(only.platform_run_id), request.run_id, only)
    if outcome is not None:
        telemetry.event(events.RUN_REQUEST_DUPLICATE(details.Duplicate(True)))
    return outcome if outcome is None else _root_answered(context, only, request, outcome)


def _root_answered(context: Context, binding: Binding, request: RunRequest, outcome: Outcome) -> Outcome:
    """The answer of a settled run, with what became of an engine root that was named."""
    return outcome if request.engine_run_root is None else root_too_late(context, binding.intent, request, outcome)


def _session(context: Context, request: RunRequest, allowed: bool) -> tuple[Layout, bool]:
    """The platform run that new runs are admitted in. Raises `BadInput`, before anything is written.

    Under a name of the first release's free form nothing new is admitted; a key that is bound there is answered.
    Where one has to be minted, what an `allowed` request needs is looked at before: also whether that was done.
    """
    ports = context.ports
    current = ports.platform.current()
    if current is not None and is_platform_run_id(current):
        return Layout(current), False
    if current is None and ports.store.shared:
        what = f"{ports.store.describe()} is shared: which platform run this is must be said"
        minted = platform_run_id_at(ports.clock.now())
        remedy = f"export PLATFORM_RUN_ID={minted} wherever this platform run works, or run sr session new"
        raise BadInput(ReasonCode.PLATFORM_RUN_REQUIRED, what, remedy)
    check = current is None and allowed and not _is_bound(context, request.run_id)
    if check:
        check_admissible(context, request)
    try:
        return Layout(ports.platform.ensure()), check
    except BadInput:
        if current is None or not _is_bound(context, request.run_id):
            raise
        return Layout(current), check


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
        if bound(context.ports.authority, run_id, context.known_store) is not None:
            return True
    except NotFound:  # the authority belongs to a platform run, and there is none
        return False
    return current is not None and bound_intent(read_record(context.ports, Layout(current), run_id)[0]) is not None


def admitted(
    context: Context, admission: Admission, request: RunRequest, actor: str, telemetry: RunTelemetry
) -> Outcome:
    """Go on with a key that is bound: collide, answer as a duplicate, or work."""
    binding = admission.binding
    layout = Layout(binding.platform_run_id)
    if not admission.is_new and binding.intent_fingerprint != request.fingerprint:
        return collision(context, layout, request, bound_request(context, binding).intent())
    if admission.is_new:
        outcome = work(context, layout, request, actor, is_new=True)
    else:
        telemetry.event(events.RUN_REQUEST_DUPLICATE(details.Duplicate(admission.settled)))
        known = settled_outcome(context.ports, layout, request.run_id, binding) if admission.settled else None
        if known is not None:
            return _root_answered(context, binding, request, known)
        outcome = work(context, layout, bound_request(context, binding), actor, known=binding, again=request)
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
            return with_told(in_flight(ports, layout, request.run_id), busy_told(context, again, request))
        run = held_run(context, layout, request, lease, actor)
        run.forced, run.named_root, run.root_told = forced, root, told
        outcome = _hold(context, run, is_new=is_new, loss=loss, known=known)
        if not isinstance(outcome, _AuthorityBehind):
            return with_told(outcome, run.root_told)
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
    finally:
        _release(context, run, finished=finished, sound=sound)


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


def _release(context: Context, run: HeldRun, *, finished: bool, sound: bool) -> None:
    """Give the lease up, telling the index where the run is. Never in the way of an outcome.

    `sound`: that the record held what the index knows; else the index keeps that.

    A run that was left in the middle is never settled, whatever its record says: an artifact
    or the status may still be owed.
    """
    state = run.ledger.state
    settles = finished and settled(run.ledger)
    note = IndexNote(state.value, settles, tail_of(run.ledger)) if sound and state is not None else None
    try:
        context.ports.authority.release(run.lease, note=note, run_id=run.run_id)
    except SrError as error:
        run.telemetry.event(events.LEASE_RELEASE_FAILED(details.ReleaseFailed(error.what)))
