"""Committing an outcome, in the order the spec fixes (spec: behaviour, "Commit order")."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sr_domain.artifacts.attestation import PAYLOAD_TYPE, fault_in, normal
from sr_domain.artifacts.documents import Decision, control_fact
from sr_domain.artifacts.revisions import rules_at, rules_of, today
from sr_domain.artifacts.rules import Rules
from sr_domain.encoding.canonical import sha256_hex
from sr_domain.encoding.strict_json import strict_loads
from sr_domain.encoding.times import format_instant
from sr_domain.evidence.verdict import Conflicted, Failed
from sr_domain.plan.compile import pins_of
from sr_domain.plan.sealed import SealedPlan
from sr_domain.record import revisions
from sr_domain.record.ledger import Draft, Event
from sr_domain.run.held_run import HeldRun
from sr_ports import BadInput, Fault, ReasonCode, Unreachable


def decide_ready(run: HeldRun, plan: SealedPlan, decision: Decision) -> None:
    """Put the decision on the record: from here on the run can only become READY.

    The lease is checked and renewed first; the append itself is fenced and compare-and-swap,
    so that of all holders, awake or asleep, one decides.
    """
    facts = build_facts(run, plan, decision, today())
    run.renew()
    details = {
        **decision.document(),
        **revisions.today(),
        "bundle_hash": facts["bundle_hash"],
        "facts_view_digest": run.follows(run.layout.facts(run.run_id), today().stored("run_facts_view", facts)),
    }
    run.record(Draft("EVIDENCE_COMPLETE", details))


def build_facts(run: HeldRun, plan: SealedPlan, decision: Decision, rules: Rules) -> dict[str, Any]:
    """The facts view of a decision by its own rules."""
    return rules.facts_view(run.layout, pins_of(run.request), plan, decision)


def commit_ready(run: HeldRun, plan: SealedPlan) -> None:
    """Carry a decided run to READY and publish it; every step may have been done before."""
    decided = run.ledger.first("EVIDENCE_COMPLETE")
    if decided is None:
        raise Fault(ReasonCode.RECORD_INVALID, f"run {run.run_id} has no decision to commit")
    facts = _write_facts(run, plan, decided)
    _attest(run, facts, decided)
    _commit_record(run, plan, facts, decided)
    signal = _write_signal(run, plan, facts, decided)
    publish_ready(run, signal)


def _write_facts(run: HeldRun, plan: SealedPlan, decided: Event) -> Mapping[str, Any]:
    def derive() -> bytes:
        if "outputs" not in decided.details:  # adopted: the view was found without its decision
            raise Fault(ReasonCode.TRUTH_ALTERED, f"the facts view of run {run.run_id} is gone")
        rules = rules_at(decided)
        return rules.stored("run_facts_view", build_facts(run, plan, Decision.of(decided.details), rules))

    key = run.layout.facts(run.run_id)
    facts: dict[str, Any] = json.loads(run.write_derived(key, decided.details["facts_view_digest"], derive))
    return facts


def _attest(run: HeldRun, facts: Mapping[str, Any], decided: Event) -> None:
    """Sign the facts view where a signer is wired, before anything says READY; afterwards it is too late.

    An envelope of the same statement that stands already stands, whoever signed it.
    """
    signer, key = run.ports.signer, run.layout.attestation(run.run_id)
    if signer is None or run.ledger.first("READY_COMMITTED") is not None:
        return
    payload = rules_at(decided).statement(run.layout, facts, decided.details["facts_view_digest"], decided.ts_utc)
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
    if run.ledger.first("PLAN_COMMITTED") is None:
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
    details = {
        "adopted": True,
        "revision": run.ledger.revision,
        "bundle_hash": facts["bundle_hash"],
        "facts_view_digest": sha256_hex(data),
    }
    run.record(Draft("EVIDENCE_STARTED"), Draft("EVIDENCE_COMPLETE", details))


def _commit_record(run: HeldRun, plan: SealedPlan, facts: Mapping[str, Any], decided: Event) -> None:
    if run.ledger.first("READY_COMMITTED") is not None:
        run.write_status()
        return
    run.held.check()
    rules, ready = rules_at(decided), run.layout.ready(run.run_id)
    committed = {
        "revision": rules.revision,
        "facts_view_ref": run.layout.facts(run.run_id),
        "bundle_hash": facts["bundle_hash"],
    }
    if run.ports.signer is not None:
        committed["attestation_ref"] = run.layout.attestation(run.run_id)
    drafts = (
        Draft(
            "READY_COMMITTED",
            committed,
            lambda event: {"ready_signal_digest": run.follows(ready, _signal(run, plan, facts, rules, event))},
        ),
        Draft("GOV_BUNDLE_HASH", {"bundle_hash": facts["bundle_hash"]}),
        Draft("GOV_LAW_PROVENANCE", {"laws": decided.details.get("laws", {})}),
    )
    # The status says what the record is about to say; a crash between the two is mended on resume.
    now = run.now()
    coming = run.ledger.append(drafts, fence=run.lease.fence, actor=run.actor, policy_rev=run.policy_rev, now=now)
    run.write_status(coming)
    run.record(*drafts, now=now)
    run.write_status_if_moved(coming)


def _signal(run: HeldRun, plan: SealedPlan, facts: Mapping[str, Any], rules: Rules, committed: Event) -> bytes:
    return rules.stored("ready_signal", rules.ready_signal(run.layout, facts, plan.plan_hash, committed.ts_utc))


def _write_signal(run: HeldRun, plan: SealedPlan, facts: Mapping[str, Any], decided: Event) -> Mapping[str, Any]:
    committed, key = run.ledger.first("READY_COMMITTED"), run.layout.ready(run.run_id)
    if committed is None:
        raise Fault(ReasonCode.RECORD_INVALID, f"run {run.run_id} has no READY on record to publish")
    digest = committed.details.get("ready_signal_digest")

    def derive() -> bytes:
        return _signal(run, plan, facts, rules_at(committed), committed)

    if digest is None and "outputs" not in decided.details:
        # An adopted run may have a signal of its own already: the first one published from stands.
        stored = run.write_bytes(key, derive())
    else:
        stored = run.write_derived(key, digest, derive)
    signal: dict[str, Any] = json.loads(stored)
    return signal


def publish_ready(run: HeldRun, signal: Mapping[str, Any]) -> None:
    """Publish READY unless the record says it was. A failure is recorded and blocks nothing."""
    if run.ledger.first("READY_PUBLISHED") is not None:
        return
    envelope = control_fact(
        run.settings.topic,
        "READY",
        str(signal["message_id"]),
        signal,
        layout=run.layout,
        run_id=run.run_id,
        at=format_instant(run.now()),
    )
    try:
        run.ports.bus.publish(envelope)
    except (Unreachable, BadInput) as error:  # whatever the bus refuses, the run is READY
        run.record(Draft("READY_PUBLISH_FAILED", {"reason_code": error.code.value, "detail": error.what}))
        return
    run.record(Draft("READY_PUBLISHED", {"message_id": envelope.message_id, "topic": envelope.topic}))


def commit_failed(run: HeldRun, verdict: Failed, details: Mapping[str, Any] | None = None) -> None:
    """End the run FAILED."""
    _end(run, "RUN_FAILED", {"reason_code": verdict.code.value, "detail": verdict.detail, **(details or {})})


def commit_quarantined(run: HeldRun, verdict: Conflicted, missing: tuple[str, ...], found: Mapping[str, Any]) -> None:
    """End the run QUARANTINED, every conflict kept. `found`: what passed nevertheless."""
    details: dict[str, Any] = {
        "reason_code": ReasonCode.EVIDENCE_CONFLICT.value,
        "conflicts": [one.document() for one in verdict.conflicts],
    }
    if missing:
        details["missing"] = sorted(missing)
    _end(run, "RUN_QUARANTINED", {**details, **found})


def _end(run: HeldRun, kind: str, details: Mapping[str, Any]) -> None:
    key = run.layout.quarantine(run.run_id)

    def follows(event: Event) -> Mapping[str, Any]:
        return {"quarantine_digest": run.follows(key, _quarantine(run, event))} if _contradicts(event) else {}

    run.record(Draft(kind, {**details, **revisions.today()}, follows))
    finish_terminal(run)


def _contradicts(event: Event) -> bool:
    """Whether the end of a run owes a quarantine record: a conflict, or drift, which keeps both sides, too."""
    return bool(event.details.get("conflicts"))


def _quarantine(run: HeldRun, event: Event) -> bytes:
    rules = rules_at(event)
    return rules.stored("quarantine_record", rules.quarantine_record(run.layout, event))


def finish_terminal(run: HeldRun) -> None:
    """Write what a terminal record still owes: the quarantine artifact and the status."""
    event = run.ledger.state_event
    if event is not None and _contradicts(event):
        key, digest = run.layout.quarantine(run.run_id), event.details.get("quarantine_digest")
        run.write_derived(key, digest, lambda: _quarantine(run, event))
    run.write_status()
