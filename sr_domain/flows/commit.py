"""Committing an outcome, in the order the spec fixes (spec: behaviour, "Commit order")."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from sr_domain.artifacts.attestation import PAYLOAD_TYPE, fault_in, normal
from sr_domain.artifacts.documents import control_fact
from sr_domain.artifacts.revisions import rules_at, today
from sr_domain.encoding.canonical import sha256_hex
from sr_domain.encoding.times import format_instant
from sr_domain.record import events, revisions
from sr_domain.record.details import BundleHash, Committed, Decided, LawsUsed, Published, Refused, Rest
from sr_domain.record.kinds import EventKind
from sr_domain.record.ledger import Event
from sr_domain.record.proofs import Decision
from sr_domain.record.read import Entry
from sr_domain.record.spans import PUBLISH
from sr_domain.run.altered import AlteredArtifact
from sr_domain.run.derived import quarantine_bytes
from sr_domain.run.derived_artifact import DerivedArtifact
from sr_domain.run.held_run import HeldRun
from sr_domain.run.tracing import traced
from sr_ports import BadInput, Fault, ReasonCode, Unreachable


def decide_ready(run: HeldRun, decision: Decision, still_so: Callable[[], None]) -> None:
    """Put the decision on the record: from here on the run can only become READY.

    The lease is checked and renewed first, then `still_so` raises where what was kept for the decision stands no
    more; the append itself is fenced and compare-and-swap, so that of all holders, awake or asleep, one decides.
    """
    facts = run.derives.facts(decision.document(), today())
    run.renew()
    still_so()
    decided = Decided(
        decision,
        revision=revisions.REVISION,
        bundle_hash=facts["bundle_hash"],
        facts_view_digest=run.follows(run.layout.facts(run.run_id), today().stored("run_facts_view", facts)),
    )
    run.record(events.EVIDENCE_COMPLETE(decided))


def commit_ready(run: HeldRun) -> None:
    """Carry a decided run to READY and publish it; every step may have been done before."""
    decided = run.history.decision
    if decided is None:
        raise Fault(ReasonCode.RECORD_INVALID, f"run {run.run_id} has no decision to commit")
    facts = _write_facts(run, decided)
    _attest(run, facts)
    _commit_record(run, facts, decided)
    publish_ready(run, _write_signal(run, facts, decided))


def _write_facts(run: HeldRun, decided: Entry[Decided]) -> Mapping[str, Any]:
    key, digest = run.layout.facts(run.run_id), decided.details.facts_view_digest
    facts: dict[str, Any] = json.loads(run.write_derived(key, digest, run.derives.facts_view))
    return facts


def _attest(run: HeldRun, facts: Mapping[str, Any]) -> None:
    """Sign the facts view where a signer is wired, before anything says READY; afterwards it is too late.

    An envelope of the same statement that stands already stands, whoever signed it.
    """
    signer, key = run.ports.signer, run.layout.attestation(run.run_id)
    if signer is None or run.history.committed is not None:
        return
    payload = run.derives.statement(facts) or b""
    envelope = normal(signer.sign(PAYLOAD_TYPE, payload))
    wrong = fault_in(envelope, payload)
    if wrong is not None:
        raise Fault(ReasonCode.ATTESTATION_INVALID, f"the signer of {signer.keyid} signed something else: {wrong}")
    standing = run.write_bytes(key, envelope)
    wrong = fault_in(standing, payload)
    if wrong is not None:
        raise AlteredArtifact(run.run_id, key, sha256_hex(standing), why=wrong)


def _commit_record(run: HeldRun, facts: Mapping[str, Any], decided: Entry[Decided]) -> None:
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
            lambda event: {"ready_signal_digest": run.follows(ready, run.derives.signal_of(facts, event))},
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


def _write_signal(run: HeldRun, facts: Mapping[str, Any], decided: Entry[Decided]) -> Mapping[str, Any]:
    committed, key = run.history.committed, run.layout.ready(run.run_id)
    if committed is None:
        raise Fault(ReasonCode.RECORD_INVALID, f"run {run.run_id} has no READY on record to publish")
    digest = committed.details.ready_signal_digest

    def derive() -> bytes | None:
        return run.derives.ready_signal(facts)

    if digest is None and decided.details.decision is None:
        # Revision 1 adopted views: such a run may have a signal of its own already, the first one published stands.
        stored = run.write_bytes(key, run.derives.signal_of(facts, committed.event))
    else:
        stored = run.write_derived(key, digest, derive)
    signal: dict[str, Any] = json.loads(stored)
    return signal


def publish_ready(run: HeldRun, signal: Mapping[str, Any]) -> None:
    """Publish READY unless the record says it was. A failure is recorded and blocks nothing."""
    committed = run.history.committed
    if run.history.published or committed is None:
        return
    envelope = control_fact(
        run.settings.topic,
        "READY",
        str(signal["message_id"]),
        signal,
        layout=run.layout,
        run_id=run.run_id,
        at=format_instant(run.now()),
        more={
            **run.known_store.attributes(),
            **traced(run.ports.telemetry, run.run_id, committed.event.event_id, PUBLISH),
        },
    )
    try:
        run.ports.bus.publish(envelope)
    except (Unreachable, BadInput) as error:  # whatever the bus refuses, the run is READY
        run.record(events.READY_PUBLISH_FAILED(Refused(error.code, error.what)))
        return
    run.record(events.READY_PUBLISHED(Published(envelope.message_id, envelope.topic)))


def write_missing(run: HeldRun) -> None:
    """Write plan and attestation of a READY run again where they are gone; what only another key can sign stays so."""
    planned, committed = run.history.plan, run.history.committed
    key = run.layout.plan(run.run_id)
    if planned is not None and run.ports.store.read(key) is None:
        run.write_derived(key, planned.details.run_plan_digest, run.derives.plan)
    key = run.layout.attestation(run.run_id)
    signed = committed is not None and committed.details.attestation_ref is not None
    if signed and run.ports.signer is not None and run.ports.store.read(key) is None:
        envelope = DerivedArtifact.at(key, run.derives, run.ports.signer).derived()
        run.write_bytes(key, envelope or b"")


def commit_failed(run: HeldRun, why: Rest) -> None:
    """End the run FAILED."""
    _end(run, events.RUN_FAILED, why)


def commit_quarantined(run: HeldRun, why: Rest) -> None:
    """End the run QUARANTINED, every conflict kept."""
    _end(run, events.RUN_QUARANTINED, why)


def _end(run: HeldRun, kind: EventKind[Rest], why: Rest) -> None:
    key = run.layout.quarantine(run.run_id)

    def follows(event: Event) -> Mapping[str, Any]:
        return {"quarantine_digest": run.follows(key, quarantine_bytes(run.layout, event))}

    # A conflict owes a quarantine record; drift, which keeps both sides, too.
    run.record(kind(attrs.evolve(why, revision=revisions.REVISION), follows if why.conflicts else None))
    finish_terminal(run)


def finish_lost(run: HeldRun) -> None:
    """Write the status of a run whose truth was lost; one of the history that was lost is left to `sr recover`."""
    with contextlib.suppress(AlteredArtifact):
        run.write_status()


def finish_terminal(run: HeldRun) -> None:
    """Write what a terminal record still owes: the quarantine artifact and the status."""
    ended = run.history.contradicted
    if ended is not None:
        key = run.layout.quarantine(run.run_id)
        run.write_derived(key, ended.details.quarantine_digest, run.derives.quarantine)
    run.write_status()
