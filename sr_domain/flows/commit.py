"""Committing an outcome, in the order the spec fixes (spec: behaviour, "Commit order")."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from sr_domain.artifacts.attestation import PAYLOAD_TYPE, fault_in, normal
from sr_domain.artifacts.documents import control_fact
from sr_domain.artifacts.revisions import rules_at, rules_of, today
from sr_domain.artifacts.rules import Rules
from sr_domain.artifacts.signed import statement_of
from sr_domain.encoding.canonical import sha256_hex
from sr_domain.encoding.strict_json import strict_loads
from sr_domain.encoding.times import format_instant
from sr_domain.plan.compile import pins_of
from sr_domain.plan.sealed import SealedPlan
from sr_domain.record import events, revisions
from sr_domain.record.details import BundleHash, Committed, Decided, EvidenceStarted, LawsUsed, Published, Refused, Rest
from sr_domain.record.kinds import EventKind
from sr_domain.record.ledger import Event
from sr_domain.record.proofs import Decision
from sr_domain.record.read import Entry
from sr_domain.run.held_run import HeldRun
from sr_ports import BadInput, Fault, ReasonCode, Unreachable


def decide_ready(run: HeldRun, decision: Decision) -> None:
    """Put the decision on the record: from here on the run can only become READY.

    The lease is checked and renewed first; the append itself is fenced and compare-and-swap,
    so that of all holders, awake or asleep, one decides.
    """
    facts = build_facts(run, decision.document(), today())
    run.renew()
    decided = Decided(
        decision,
        revision=revisions.REVISION,
        bundle_hash=facts["bundle_hash"],
        facts_view_digest=run.follows(run.layout.facts(run.run_id), today().stored("run_facts_view", facts)),
    )
    run.record(events.EVIDENCE_COMPLETE(decided))


def build_facts(run: HeldRun, decision: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    """The facts view of a decision, in its JSON form, by its own rules."""
    committed = run.history.plan
    if committed is None:
        raise Fault(ReasonCode.RECORD_INVALID, f"run {run.run_id} has no plan on record")
    return rules.facts_view(run.layout, pins_of(run.request), committed.details.plan, decision)


def commit_ready(run: HeldRun, plan: SealedPlan) -> None:
    """Carry a decided run to READY and publish it; every step may have been done before."""
    decided = run.history.decision
    if decided is None:
        raise Fault(ReasonCode.RECORD_INVALID, f"run {run.run_id} has no decision to commit")
    facts = _write_facts(run, decided)
    _attest(run, facts, decided)
    _commit_record(run, plan, facts, decided)
    signal = _write_signal(run, plan, facts, decided)
    publish_ready(run, signal)


def _write_facts(run: HeldRun, decided: Entry[Decided]) -> Mapping[str, Any]:
    def derive() -> bytes:
        rules = rules_at(decided.event)
        if decided.details.decision is None:  # adopted: the view was found without its decision
            raise Fault(ReasonCode.TRUTH_ALTERED, f"the facts view of run {run.run_id} is gone")
        return rules.stored("run_facts_view", build_facts(run, decided.event.details, rules))

    key = run.layout.facts(run.run_id)
    facts: dict[str, Any] = json.loads(run.write_derived(key, decided.details.facts_view_digest, derive))
    return facts


def _attest(run: HeldRun, facts: Mapping[str, Any], decided: Entry[Decided]) -> None:
    """Sign the facts view where a signer is wired, before anything says READY; afterwards it is too late.

    An envelope of the same statement that stands already stands, whoever signed it.
    """
    signer, key = run.ports.signer, run.layout.attestation(run.run_id)
    if signer is None or run.history.committed is not None:
        return
    payload = statement_of(run.layout, run.history, facts, decided.details.facts_view_digest)
    envelope = normal(signer.sign(PAYLOAD_TYPE, payload))
    wrong = fault_in(envelope, payload)
    if wrong is not None:
        raise Fault(ReasonCode.ATTESTATION_INVALID, f"the signer of {signer.keyid} signed something else: {wrong}")
    wrong = fault_in(run.write_bytes(key, envelope), payload)
    if wrong is not None:
        raise Fault(ReasonCode.TRUTH_ALTERED, f"{key} is not what the record of its run says: {wrong}")


def read_facts(run: HeldRun) -> bytes | None:
    """The facts view that stands, if any."""
    blob = run.ports.store.read(run.layout.facts(run.run_id))
    return None if blob is None else blob.data


def adopt_facts(run: HeldRun, data: bytes) -> None:
    """A facts view exists that the record does not know: its existence decides.

    Raises `Fault` when it is not this run's own sound view, or when the record has lost even its plan.
    """
    key = run.layout.facts(run.run_id)
    if run.history.plan is None:
        what = f"the record of run {run.run_id} is gone or cut short, its facts view stands"
        raise Fault(ReasonCode.TRUTH_MISSING, what)
    try:
        facts = strict_loads(data, what=key)
    except BadInput as error:
        raise Fault(ReasonCode.TRUTH_ALTERED, error.what) from error
    misfit = rules_of(run.ledger).problem("run_facts_view", facts)
    if misfit is not None:
        raise Fault(ReasonCode.TRUTH_ALTERED, f"{key} is no facts view: {misfit.what}")
    if facts["run_id"] != run.run_id:
        raise Fault(ReasonCode.TRUTH_ALTERED, f"{key} is the facts view of run {facts['run_id']}")
    decided = Decided(
        adopted=True,
        revision=run.ledger.revision,
        bundle_hash=facts["bundle_hash"],
        facts_view_digest=sha256_hex(data),
    )
    run.record(events.EVIDENCE_STARTED(EvidenceStarted()), events.EVIDENCE_COMPLETE(decided))


def _commit_record(run: HeldRun, plan: SealedPlan, facts: Mapping[str, Any], decided: Entry[Decided]) -> None:
    if run.history.committed is not None:
        run.write_status()
        return
    run.held.check()
    rules, ready = rules_at(decided.event), run.layout.ready(run.run_id)
    bundle_hash, decision = str(facts["bundle_hash"]), decided.details.decision
    attestation = None if run.ports.signer is None else run.layout.attestation(run.run_id)
    drafts = (
        events.READY_COMMITTED(
            Committed(run.layout.facts(run.run_id), bundle_hash, attestation, rules.revision),
            lambda event: {"ready_signal_digest": run.follows(ready, _signal(run, plan, facts, decided, event))},
        ),
        events.GOV_BUNDLE_HASH(BundleHash(bundle_hash)),
        events.GOV_LAW_PROVENANCE(LawsUsed({} if decision is None else decision.laws)),
    )
    # The status says what the record is about to say; a crash between the two is mended on resume.
    now = run.now()
    coming = run.ledger.append(drafts, fence=run.lease.fence, actor=run.actor, policy_rev=run.policy_rev, now=now)
    run.write_status(coming)
    run.record(*drafts, now=now)
    run.write_status_if_moved(coming)


def _signal(
    run: HeldRun, plan: SealedPlan, facts: Mapping[str, Any], decided: Entry[Decided], committed: Event
) -> bytes:
    rules = rules_at(committed)
    emitted_at = rules.emitted_at(decided.event, committed)
    return rules.stored("ready_signal", rules.ready_signal(run.layout, facts, plan.plan_hash, emitted_at))


def _write_signal(
    run: HeldRun, plan: SealedPlan, facts: Mapping[str, Any], decided: Entry[Decided]
) -> Mapping[str, Any]:
    committed, key = run.history.committed, run.layout.ready(run.run_id)
    if committed is None:
        raise Fault(ReasonCode.RECORD_INVALID, f"run {run.run_id} has no READY on record to publish")
    digest, event = committed.details.ready_signal_digest, committed.event

    def derive() -> bytes:
        return _signal(run, plan, facts, decided, event)

    if digest is None and decided.details.decision is None:
        # An adopted run may have a signal of its own already: the first one published from stands.
        stored = run.write_bytes(key, derive())
    else:
        stored = run.write_derived(key, digest, derive)
    signal: dict[str, Any] = json.loads(stored)
    return signal


def publish_ready(run: HeldRun, signal: Mapping[str, Any]) -> None:
    """Publish READY unless the record says it was. A failure is recorded and blocks nothing."""
    if run.history.published:
        return
    envelope = control_fact(
        run.settings.topic,
        "READY",
        str(signal["message_id"]),
        signal,
        layout=run.layout,
        run_id=run.run_id,
        at=format_instant(run.now()),
        more=run.known_store.attributes(),
    )
    try:
        run.ports.bus.publish(envelope)
    except (Unreachable, BadInput) as error:  # whatever the bus refuses, the run is READY
        run.record(events.READY_PUBLISH_FAILED(Refused(error.code, error.what)))
        return
    run.record(events.READY_PUBLISHED(Published(envelope.message_id, envelope.topic)))


def commit_failed(run: HeldRun, why: Rest) -> None:
    """End the run FAILED."""
    _end(run, events.RUN_FAILED, why)


def commit_quarantined(run: HeldRun, why: Rest) -> None:
    """End the run QUARANTINED, every conflict kept."""
    _end(run, events.RUN_QUARANTINED, why)


def _end(run: HeldRun, kind: EventKind[Rest], why: Rest) -> None:
    key = run.layout.quarantine(run.run_id)

    def follows(event: Event) -> Mapping[str, Any]:
        return {"quarantine_digest": run.follows(key, _quarantine(run, event))}

    # A conflict owes a quarantine record; drift, which keeps both sides, too.
    run.record(kind(attrs.evolve(why, revision=revisions.REVISION), follows if why.conflicts else None))
    finish_terminal(run)


def _quarantine(run: HeldRun, event: Event) -> bytes:
    rules = rules_at(event)
    return rules.stored("quarantine_record", rules.quarantine_record(run.layout, event))


def finish_terminal(run: HeldRun) -> None:
    """Write what a terminal record still owes: the quarantine artifact and the status."""
    ended = run.history.contradicted
    if ended is not None:
        key, digest, event = run.layout.quarantine(run.run_id), ended.details.quarantine_digest, ended.event
        run.write_derived(key, digest, lambda: _quarantine(run, event))
    run.write_status()
