"""Re-emit: READY or a terminal fact once more, from truth; nothing recomputed or changed.

Order (spec: behaviour, "Re-emit"): authorise, reemission micro-lease, run exists, request on
record, dry run, rate limit, publish, publication on record.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs

from sr_domain.artifacts.documents import control_fact
from sr_domain.artifacts.revisions import rules_of
from sr_domain.encoding.contracts import problem
from sr_domain.encoding.times import format_instant, parse_instant
from sr_domain.flows.denial import denied_on_record
from sr_domain.flows.index import check_known, find, serve
from sr_domain.record import events, reemit_details
from sr_domain.record.kinds import Draft
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Ledger
from sr_domain.record.read import Record
from sr_domain.record.spans import REEMIT
from sr_domain.record.states import Fact
from sr_domain.run.altered import set_aside_step
from sr_domain.run.answers import successors
from sr_domain.run.append_aside import append_aside, pins_on
from sr_domain.run.bound import index_store, own
from sr_domain.run.context import Context
from sr_domain.run.derived import Derived
from sr_domain.run.derived_artifact import DerivedArtifact
from sr_domain.run.lookup import parse_truth, record_of
from sr_domain.run.names import id_of
from sr_domain.run.outcome import NextStep, Outcome
from sr_domain.run.rights import allows, check_caller
from sr_domain.run.served import check_served
from sr_domain.run.telemetry import RunTelemetry
from sr_domain.run.tracing import traced
from sr_ports import BadInput, Identity, ReasonCode, SrError, Unreachable
from sr_ports.masking import redact

_LEASE_S = 30.0


class ReemitKind(enum.StrEnum):
    """What to publish again."""

    READY_ONLY = "READY_ONLY"
    TERMINAL_ONLY = "TERMINAL_ONLY"
    BOTH = "BOTH"


@attrs.frozen
class Reemit:
    """How a re-emit ended. `would_publish`: for a dry run. `reason_code`: None when all is well.

    `next`: what helps where the reason's own remedy is not the way; else None.
    `superseded_by`: the run's successor, the successor's own, and so on to the newest.
    """

    run_id: str
    published: tuple[str, ...] = ()
    would_publish: tuple[str, ...] = ()
    dry_run: bool = False
    reason_code: ReasonCode | None = None
    message: str = ""
    superseded_by: tuple[str, ...] = ()
    next: NextStep | None = None

    def document(self) -> dict[str, Any]:
        """JSON form, for machines."""
        chain = self.superseded_by
        node = {**attrs.asdict(self), "superseded_by": chain[0] if chain else None}
        node["newest_run_id"] = chain[-1] if chain else None
        return {key: value for key, value in node.items() if value not in (None, "", ())}


@attrs.frozen
class _Reemission:
    """One re-emit under way. `began`: id of the event that asked for it, once that is on record."""

    context: Context
    layout: Layout
    ledger: Ledger
    kind: ReemitKind
    actor: Identity
    began: str = ""

    def note(self, *drafts: Draft) -> Ledger:
        return append_aside(
            self.context.ports,
            self.layout,
            self.ledger.run_id,
            *drafts,
            actor=self.actor,
            policy_rev=self.context.policy_rev,
        )

    def fail(self, code: ReasonCode, message: str, step: NextStep | None = None) -> Reemit:
        self.note(events.REEMIT_FAILED(reemit_details.ReemitFailed(self.kind, code, message)))
        return Reemit(self.ledger.run_id, reason_code=code, message=message, next=step)


def reemit(
    context: Context,
    run: str,
    kind: str,
    *,
    reason: str | None,
    actor: Identity,
    dry_run: bool,
    superseded: bool = False,
) -> Reemit | Outcome:
    """Publish READY or the terminal fact again; an `Outcome` only for an actor who may not.

    `run`: its name or a ref of it. `superseded`: READY of a run that has a successor too, which is refused otherwise.
    Raises `NotFound`, `Unreachable`, `BadInput`.
    """
    check_caller(context.settings, actor)
    run_id = id_of(context.ports, run)
    if not allows(context.settings, "reemit", actor):
        return _denied(context, run, run_id, kind, actor)
    _check({"run_id": run_id, "reemit_kind": kind, "dry_run": dry_run}, actor, reason)
    layout, ledger = record_of(context, run)
    context = context.at(layout.platform_run_id)
    reemission = _Reemission(context, layout, ledger, ReemitKind(kind), actor)
    _refuse_another_store(context, layout, ledger, dry_run=dry_run)
    lease = context.ports.authority.acquire(
        f"reemit:{run_id}:{kind}",
        context.ports.ids.new_id(),
        ttl_s=_LEASE_S,
        store_id=index_store(context.ports.authority, context.known_store),
    )
    if lease is None:
        busy = events.REEMIT_BUSY(reemit_details.ReemitBusy(reemission.kind, ReasonCode.REEMIT_BUSY))
        RunTelemetry(context.ports.telemetry, context.ports.clock, pins_on(ledger), context.policy_rev).event(busy)
        return Reemit(run_id, reason_code=ReasonCode.REEMIT_BUSY, message="the same re-emit is under way")
    try:
        told = None if reason is None else redact(reason)
        return _under_lease(reemission, reason=told, dry_run=dry_run, superseded=superseded)
    finally:
        _release(context, lease)


def _check(asked: Mapping[str, Any], actor: Identity, reason: str | None) -> None:
    """Return for a request that fits its contract. Raises `BadInput(USAGE)`."""
    request = {**asked, "requested_by": actor.actor, **({"reason": reason} if reason else {})}
    misfit = problem("reemit_request", request)
    if misfit is not None:
        raise BadInput(ReasonCode.USAGE, f"re-emit: {misfit.what}")


def _denied(context: Context, run: str, run_id: str, kind: str, actor: Identity) -> Outcome:
    """The answer to whoever may not, before anything else is looked at."""
    layout, _ = record_of(context, run)
    context = context.at(layout.platform_run_id)
    known = kind if kind in set(ReemitKind) else None
    return denied_on_record(context, layout, run_id, actor, "reemit", kind=known)


def _refuse_another_store(context: Context, layout: Layout, ledger: Ledger, *, dry_run: bool) -> None:
    """Return for a record that holds what the index knows, in the store that the authority serves. Raises `Fault`."""
    found = find(context, ledger.run_id)
    context.known_store.standing()
    check_served(context.known_store, found.places)
    known = own(found, context.known_store.store_id)
    if known is not None:
        check_known(context, known, ledger)
    if not dry_run:
        serve(context, found.places)


def _release(context: Context, lease: Any) -> None:
    try:
        context.ports.authority.release(lease)
    except SrError:
        return  # it lapses by itself; the answer stands


def _under_lease(reemission: _Reemission, *, reason: str | None, dry_run: bool, superseded: bool) -> Reemit:
    run_id = reemission.ledger.run_id
    ledger = reemission.note(
        events.REEMIT_REQUESTED(reemit_details.ReemitRequested(reemission.kind, dry_run, reason=reason))
    )
    reemission = attrs.evolve(reemission, began=ledger.all(events.REEMIT_REQUESTED.name)[-1].event_id)
    kinds = _applicable(ledger, reemission.kind)
    chain = successors(reemission.context.ports.store, reemission.layout, ledger) if "READY" in kinds else ()
    if chain and not superseded:
        newest = "" if chain[-1] == chain[0] else f", the newest of its successors is {chain[-1]}"
        refused = reemission.fail(ReasonCode.REEMIT_SUPERSEDED, f"it was superseded by {chain[0]}{newest}")
        return attrs.evolve(refused, dry_run=dry_run, superseded_by=chain)
    if dry_run:
        reemission.note(events.REEMIT_DRY_RUN(reemit_details.ReemitDryRun(reemission.kind, kinds)))
        message = "" if kinds else "not applicable"
        return Reemit(run_id, would_publish=kinds, dry_run=True, message=message, superseded_by=chain)
    if not kinds:
        ready_only = reemission.kind is ReemitKind.READY_ONLY
        code = ReasonCode.REEMIT_READY_ONLY_MISMATCH if ready_only else ReasonCode.REEMIT_TERMINAL_ONLY_MISMATCH
        state = "not admitted" if ledger.state is None else ledger.state.value
        return reemission.fail(code, f"not applicable: the run is {state}")
    limit, window_s = reemission.context.settings.reemit_max, reemission.context.settings.reemit_window_s
    if limit is not None and _recent(reemission.context, ledger) >= limit:
        return reemission.fail(ReasonCode.REEMIT_RATE_LIMIT, f"the limit is {limit} re-emits in {window_s:g} seconds")
    return attrs.evolve(_publish(reemission, kinds[0], chain), superseded_by=chain)


_EXCLUDES = {Fact.READY: ReemitKind.TERMINAL_ONLY, Fact.TERMINAL: ReemitKind.READY_ONLY}
"""The wish that leaves a fact out."""


def _applicable(ledger: Ledger, kind: ReemitKind) -> tuple[str, ...]:
    """What the state lets the asked kind publish: READY, TERMINAL, or nothing."""
    fact = None if ledger.state is None else ledger.state.fact
    return () if fact is None or kind is _EXCLUDES[fact] else (fact.value,)


def _recent(context: Context, ledger: Ledger) -> int:
    since = context.ports.clock.now() - timedelta(seconds=context.settings.reemit_window_s)
    return sum(1 for event in Record(ledger).all(events.REEMIT_PUBLISHED) if parse_instant(event.ts_utc) > since)


def _publish(reemission: _Reemission, what: str, chain: tuple[str, ...]) -> Reemit:
    now = format_instant(reemission.context.ports.clock.now())
    read = _ready if what == "READY" else _terminal
    stored = read(reemission)
    if isinstance(stored, Reemit):
        return stored
    rules = rules_of(reemission.ledger)
    if what == "READY":
        payload, name, contract = {**stored, "emitted_at_utc": now}, "message_id", "ready_signal"
    else:
        payload, name = rules.terminal_signal(reemission.layout, stored, now), "reemit_key"
        contract = "terminal_signal"
    rules.validate(contract, payload)
    return _send(reemission, what, str(payload[name]), payload, now, chain)


def _ready(reemission: _Reemission) -> Mapping[str, Any] | Reemit:
    """The READY signal that stands, found to be the record's; how the re-emit failed where it is not."""
    run_id, layout, store = reemission.ledger.run_id, reemission.layout, reemission.context.ports.store
    if store.stat(layout.facts(run_id)) is None:
        return reemission.fail(ReasonCode.FACTS_VIEW_MISSING, "failed: the facts view is not there")
    key = layout.ready(run_id)
    blob = store.read(key)
    if blob is None:
        step = NextStep("resume", run_id, after=" writes it")
        return reemission.fail(ReasonCode.TRUTH_MISSING, "failed: the READY signal is not there", step)
    if not DerivedArtifact.at(key, Derived(layout, reemission.ledger)).is_own(blob.data):
        return _altered(reemission, key, "the READY signal")
    return parse_truth(blob.data, key)


def _terminal(reemission: _Reemission) -> Mapping[str, Any] | Reemit:
    """The status that stands, found to be the record's last; how the re-emit failed where it is not."""
    run_id, key = reemission.ledger.run_id, reemission.layout.status(reemission.ledger.run_id)
    blob, derives = reemission.context.ports.store.read(key), Derived(reemission.layout, reemission.ledger)
    if blob is not None and blob.data == derives.status():
        return parse_truth(blob.data, key)
    if blob is not None and not derives.was_status(blob.data):
        return _altered(reemission, key, "the status")
    what = "is not there" if blob is None else "lags behind the record"
    step = NextStep("audit --repair-status", run_id, after=" writes it")
    return reemission.fail(ReasonCode.TRUTH_MISSING, f"failed: the status {what}", step)


def _altered(reemission: _Reemission, key: str, what: str) -> Reemit:
    """Nothing is published from what is not the record's."""
    step = set_aside_step(reemission.ledger.run_id, key)
    return reemission.fail(ReasonCode.TRUTH_ALTERED, f"failed: {what} is not the one its record decided", step)


def _send(
    reemission: _Reemission, what: str, message_id: str, payload: Mapping[str, Any], now: str, chain: tuple[str, ...]
) -> Reemit:
    run_id = reemission.ledger.run_id
    # The payloads are closed contracts; the envelope tells a follower what it needs beyond them.
    sink = reemission.context.ports.telemetry
    more = {**reemission.context.known_store.attributes(), **traced(sink, run_id, reemission.began, REEMIT)}
    if "status_state" in payload:
        more["state"] = str(payload["status_state"])
    if chain:
        more["superseded_by"] = chain[-1]
    envelope = control_fact(
        reemission.context.settings.topic,
        f"{what}_REEMIT",
        message_id,
        payload,
        layout=reemission.layout,
        run_id=run_id,
        at=now,
        more=more,
    )
    try:
        reemission.context.ports.bus.publish(envelope)
    except (Unreachable, BadInput) as error:
        return reemission.fail(ReasonCode.REEMIT_PUBLISH_FAILED, f"failed: {error.what}")
    reemission.note(
        events.REEMIT_PUBLISHED(reemit_details.ReemitPublished(what, message_id)),
        events.GOV_REEMIT_KEY(reemit_details.ReemitKey(what, message_id)),
    )
    return Reemit(run_id, published=(what,))
