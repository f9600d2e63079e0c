"""Admission: who asks, for what, exactly once (spec: behaviour, "Admission")."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import attrs

from sr_domain.encoding.ids import is_platform_run_id, platform_run_id_at
from sr_domain.flows.admissible import check_admissible
from sr_domain.flows.corrected_root import root_too_late
from sr_domain.flows.denial import action_of, denied_on_record
from sr_domain.flows.index import admit, find, standing, taken_in, taken_in_first
from sr_domain.flows.supersede import check_supersedes
from sr_domain.flows.work import collision, telemetry_of, work
from sr_domain.plan.compile import pins_of
from sr_domain.plan.request import RunRequest, check_actor, misspelt, parse_request
from sr_domain.record import details, events
from sr_domain.record.kinds import Happening
from sr_domain.record.layout import Layout
from sr_domain.run.answers import (
    bound_intent,
    settled_outcome,
)
from sr_domain.run.append_aside import read_record
from sr_domain.run.bound import bound, own
from sr_domain.run.context import Context
from sr_domain.run.outcome import Outcome
from sr_domain.run.rights import OS, allows, check_proven, claimed
from sr_domain.run.telemetry import RunTelemetry
from sr_ports import (
    Admission,
    BadInput,
    Binding,
    Found,
    Identity,
    LeaseLost,
    NotFound,
    ReasonCode,
    SrError,
    Stopped,
    Unreachable,
)

_NOTES = 4096
"""Characters that notes may have; a mask may be longer than what it hides."""


def submit(context: Context, document: Any, *, actor: Identity | None = None) -> Outcome:
    """Admit a request and take its run as far as it goes now.

    Raises `BadInput(REQUEST_INVALID)` with nothing written; `Unreachable` and `LeaseLost`
    with nothing lost: submitting the same request again continues.
    """
    request = _parsed(context, document, actor)
    actor = _who_asks(context, actor, request.invoker)
    check_proven(context.settings, actor)
    telemetry = telemetry_of(context, request)
    telemetry.event(events.RUN_REQUEST_RECEIVED(details.Received(request.run_equivalence_key, actor.actor, actor.mode)))
    with _refusals_told(telemetry):
        answer = _admission(context, request, actor, telemetry)
    return answer if isinstance(answer, Outcome) else admitted(context, answer, request, actor, telemetry)


def _admission(context: Context, request: RunRequest, actor: Identity, telemetry: RunTelemetry) -> Outcome | Admission:
    """Bind the key, or find it bound; or the answer where the run is not to be worked on."""
    _ = context.pack  # one that cannot be read stops here, before anything is written
    if context.provable is not None:
        context.provable.prove()  # a place that cannot keep truth stops here, before anything is written
    action = action_of(request)
    allowed = allows(context.settings, action, actor)
    layout, checked = _session(context, request, allowed)
    if not allowed:
        return denied_on_record(context, layout, request.run_id, actor, action, pins=pins_of(request))
    found = find(context, request.run_id)
    answer = _settled_here(context, found, request, telemetry)
    if answer is not None:
        return answer
    known = standing(context, layout, request.run_id, found)
    if known is None:
        found = taken_in_first(context, request.run_id, found)
        known = own(found, context.known_store.store_id)
    if known is None:
        refused = check_supersedes(context.ports, layout, request)
        if refused is not None:
            telemetry.event(refused.event)
            return Outcome(request.run_id, None, layout.platform_run_id, refused.code, refused.detail)
        if not checked:
            check_admissible(context, request)
        return admit(context, layout, request, found)
    if known.intent_fingerprint == request.fingerprint:
        known = taken_in(context, known, found)
    return Admission(known, is_new=False, settled=known.settled)


@contextlib.contextmanager
def _refusals_told(telemetry: RunTelemetry) -> Iterator[None]:
    """Tell what ends an admission: by the request, by configuration, or by what became of the store.

    A server that is away, or a caller who stops, refuses nothing: the same request may be made again.
    """
    try:
        yield
    except (LeaseLost, Stopped, Unreachable):
        raise
    except SrError as error:
        telemetry.event(events.RUN_REQUEST_REFUSED(details.Refused(error.code, error.what)))
        raise


def answered(context: Context, document: Any, *, actor: Identity | None = None) -> Outcome | None:
    """The answer to a request that admits nothing and takes no run on: a duplicate of a run that is settled.

    None for any other, and nothing was told or written: `submit` then does whatever is to be done. Raises `BadInput`.
    """
    request = _parsed(context, document, actor)
    actor = _who_asks(context, actor, request.invoker)
    if not allows(context.settings, action_of(request), actor):
        return None
    try:
        found = find(context, request.run_id)
    except NotFound:  # the authority belongs to a platform run, and there is none
        return None
    telemetry = telemetry_of(context, request)
    told = details.Received(request.run_equivalence_key, actor.actor, actor.mode)
    return _settled_here(context, found, request, telemetry, events.RUN_REQUEST_RECEIVED(told))


def _settled_here(
    context: Context, found: Found, request: RunRequest, telemetry: RunTelemetry, *untold: Happening
) -> Outcome | None:
    """The answer to a duplicate of a run that nothing is left to do for, so that nothing more need be asked.

    Nor which store this is, where only one has the run: the answer rests on the very line of the record that the
    index noted. `untold`: what is told before it, where it is the answer.
    """
    (only,) = found.bindings if len(found.bindings) == 1 else (None,)
    if only is None or not only.settled or only.tail is None or only.intent_fingerprint != request.fingerprint:
        return None
    outcome = settled_outcome(context.ports, Layout(only.platform_run_id), request.run_id, only)
    for happening in () if outcome is None else (*untold, events.RUN_REQUEST_DUPLICATE(details.Duplicate(True))):
        telemetry.event(happening)
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


def _who_asks(context: Context, actor: Identity | None, invoker: str | None) -> Identity:
    """Who asks for a run: where nobody proves who he is, the request's own invoker goes before a mere user."""
    by_invoker = actor is None or (actor.mode == OS and not context.settings.proven)
    return claimed(invoker) if by_invoker and invoker else actor or claimed("local")


def _parsed(context: Context, document: Any, actor: Identity | None) -> RunRequest:
    """The request, whose names have one spelling each, save where its key is bound already."""
    telemetry = RunTelemetry(context.ports.telemetry, context.ports.clock, {}, context.policy_rev)
    try:
        check_actor(None if actor is None else actor.actor)
        request = _without_secrets(parse_request(document, context.ports.known_timezone))
        wrong = misspelt(request)
        if wrong is not None and not _is_bound(context, request.run_id):
            raise wrong
    except BadInput as error:
        telemetry.event(events.RUN_REQUEST_RECEIVED(details.Received()))  # a request all the same
        telemetry.event(events.RUN_REQUEST_REFUSED(details.Refused(error.code, error.what)))
        raise
    return request


def _without_secrets(request: RunRequest) -> RunRequest:
    """The request, secrets in its notes masked: notes go on record, to the engine, and to the bus."""
    if request.notes is None:
        return request
    from sr_ports.masking import redact

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
    context: Context, admission: Admission, request: RunRequest, actor: Identity, telemetry: RunTelemetry
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


def bound_request(context: Context, binding: Binding) -> RunRequest:
    """The request a key was bound by: it rules, whoever asks again."""
    return parse_request(json.loads(binding.intent), context.ports.known_timezone)
