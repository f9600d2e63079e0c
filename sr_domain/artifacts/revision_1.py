"""Revision 1 of the rules: every artifact as the first release derived it from the record (spec: wire). Pure.

Runs that were decided by it are still held against it: nothing that these functions give may
change. What is to be otherwise is a new revision (``docs/contracts.md``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from sr_domain.artifacts.attestation import statement_bytes
from sr_domain.artifacts.documents import digest_node, instance_scope
from sr_domain.artifacts.rules import Rules
from sr_domain.encoding.canonical import digest_of
from sr_domain.encoding.ids import ready_message_id, terminal_reemit_key
from sr_domain.plan.sealed import SealedGate, SealedOutput, SealedPlan
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Event, Ledger
from sr_domain.record.proofs import Decision, OutputProof
from sr_domain.record.states import RunState
from sr_ports.wanted import FIRST_RELEASE


def locator(output: SealedOutput, pins: Mapping[str, Any], digest: str) -> dict[str, Any]:
    """An output locator: where, of which pins, which bytes."""
    refs = {"schema_ref": output.schema_ref, "dictionary_ref": output.dictionary_ref}
    return {
        "output_id": output.output_id,
        "path": output.path,
        **{pin: pins[pin] for pin in output.locator_pins},
        **{key: value for key, value in refs.items() if value is not None},
        "content_digest": digest_node(digest),
    }


def gate_receipt(gate: SealedGate, pins: Mapping[str, Any], digest: str) -> dict[str, Any]:
    """The receipt that a gate passed."""
    artifacts = {
        "validation_bundle_root": gate.bundle_root + "/",
        "index_path": gate.index_path,
        "passed_flag_path": gate.flag_path,
    }
    return {
        "gate_id": gate.gate_id,
        "status": "PASS",
        "scope": {pin: pins[pin] for pin in gate.scope_pins},
        "receipt_kind": "passed_flag",
        "digest": digest_node(digest),
        "artifacts": {key: value for key, value in artifacts.items() if value is not None},
    }


def instance_receipt(
    output: SealedOutput, pins: Mapping[str, Any], digest: str, receipt_ref: str, manifest_ref: str | None
) -> dict[str, Any]:
    """SR's own proof of an instance-scoped output. No time in it: the same bytes, the same receipt."""
    return {
        "output_id": output.output_id,
        "status": "PASS",
        "scope": instance_scope(output, pins),
        "target_ref": locator(output, pins, digest),
        "target_digest": digest_node(digest),
        **({} if manifest_ref is None else {"bundle_manifest_ref": manifest_ref}),
        "receipt_kind": "instance_proof",
        "artifacts": {"receipt_path": receipt_ref},
    }


def run_plan(layout: Layout, plan: SealedPlan, deadline_utc: str, committed: Event) -> dict[str, Any]:
    """The run plan of a PLAN_COMMITTED event; its times come from the record."""
    return {
        "run_id": committed.run_id,
        "plan_hash": plan.plan_hash,
        "policy_rev": attrs.asdict(plan.policy_rev),
        "strategy": plan.strategy.value,
        "intended_outputs": plan.intended_outputs,
        "required_gates": plan.required_gates,
        "evidence_deadline_utc": deadline_utc,
        "attempt_limit": plan.attempt_limit,
        "created_at_utc": committed.ts_utc,
    }


def run_status(layout: Layout, ledger: Ledger) -> dict[str, Any] | None:
    """The status the record derives; None before anything was accepted."""
    event = ledger.state_event
    state = ledger.state
    if event is None or state is None:
        return None
    reason = event.details.get("reason_code")
    return {
        "run_id": ledger.run_id,
        "state": state.value,
        "updated_at_utc": event.ts_utc,
        "record_ref": layout.record(ledger.run_id),
        **({"reason_code": reason} if reason else {}),
        **({"facts_view_ref": layout.facts(ledger.run_id)} if state is RunState.READY else {}),
    }


def _proven(plan: SealedPlan, decision: Decision) -> list[tuple[SealedOutput, OutputProof]]:
    proofs = {proof.output_id: proof for proof in decision.outputs}
    return [(output, proofs[output.output_id]) for output in plan.outputs if output.output_id in proofs]


def facts_view(layout: Layout, pins: Mapping[str, Any], plan: SealedPlan, decision: Decision) -> dict[str, Any]:
    """The join surface: one document that names all a consumer may read (spec: wire, "facts view")."""
    run_id = str(pins["run_id"])
    proven = _proven(plan, decision)
    digests = {proof.gate_id: proof.digest for proof in decision.gates}
    locators = [locator(output, pins, proof.digest) for output, proof in proven]
    gates = [gate_receipt(gate, pins, digests[gate.gate_id]) for gate in plan.gates]
    instances = [
        instance_receipt(output, pins, proof.digest, proof.receipt_ref, proof.manifest_ref)
        for output, proof in proven
        if proof.receipt_ref is not None
    ]
    rev = attrs.asdict(plan.policy_rev)
    return {
        "run_id": run_id,
        "platform_run_id": layout.platform_run_id,
        "scenario_run_id": run_id,
        "pins": {**pins, "platform_run_id": layout.platform_run_id, "scenario_run_id": run_id},
        "locators": locators,
        "gate_receipts": gates,
        "policy_rev": rev,
        "bundle_hash": bundle_hash(locators, gates, instances, rev),
        "plan_ref": layout.plan(run_id),
        "record_ref": layout.record(run_id),
        "status_ref": layout.status(run_id),
        "output_roles": {
            output.output_id: "business_traffic" if output.traffic else "non_traffic" for output, _ in proven
        },
        "intended_outputs": plan.intended_outputs,
        "run_config_digest": plan.policy_rev.content_digest,
        **_present(instance_receipts=instances or None),
        **_origins(plan, decision),
    }


def _present(**parts: Any) -> dict[str, Any]:
    return {key: value for key, value in parts.items() if value is not None}


def _origins(plan: SealedPlan, decision: Decision) -> dict[str, Any]:
    """The optional fields that say where a view comes from."""
    release = _present(service_release_id=decision.service_release_id, environment=decision.environment)
    return {
        **release,
        "provenance": {
            **release,
            **_present(config_revision=decision.config_revision),
            "run_config_digest": plan.policy_rev.content_digest,
        },
        **_present(
            oracle_pack_ref=decision.oracle_pack_ref,
            evidence_notes=[*decision.notes, *law_notes(decision.laws)] or None,
        ),
    }


def law_notes(laws: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Which law, from which distribution and version, verified each gate (spec: mission, law 11)."""
    return [
        f"GATE_LAW:{gate_id}:{law['kind']}:{law['distribution']}=={law['version']}"
        for gate_id, law in sorted(laws.items())
    ]


def bundle_hash(
    locators: Iterable[Mapping[str, Any]],
    gates: Iterable[Mapping[str, Any]],
    instances: Iterable[Mapping[str, Any]],
    policy_rev: Mapping[str, str],
) -> str:
    """Over sorted locators, gate receipts, instance receipts and the policy revision; 64 hex."""
    return digest_of(
        {
            "locators": sorted(locators, key=lambda one: one["output_id"]),
            "gate_receipts": sorted(gates, key=lambda one: one["gate_id"]),
            "instance_receipts": sorted(instances, key=lambda one: one["output_id"]),
            "policy_rev": policy_rev,
        }
    )


def ready_signal(layout: Layout, facts: Mapping[str, Any], plan_hash: str | None, emitted_at: str) -> dict[str, Any]:
    """The READY signal for a facts view."""
    pins = facts["pins"]
    optional = {
        "plan_hash": plan_hash,
        **{key: facts.get(key) for key in ("service_release_id", "environment", "provenance", "oracle_pack_ref")},
    }
    return {
        "run_id": facts["run_id"],
        "platform_run_id": facts["platform_run_id"],
        "scenario_run_id": facts["scenario_run_id"],
        "facts_view_ref": layout.facts(facts["run_id"]),
        "bundle_hash": facts["bundle_hash"],
        "message_id": ready_message_id(facts["platform_run_id"], facts["scenario_run_id"], facts["bundle_hash"]),
        "run_config_digest": facts["policy_rev"]["content_digest"],
        "manifest_fingerprint": pins["manifest_fingerprint"],
        "parameter_hash": pins["parameter_hash"],
        "scenario_id": pins["scenario_id"],
        "emitted_at_utc": emitted_at,
        **{key: value for key, value in optional.items() if value is not None},
    }


def terminal_signal(layout: Layout, status: Mapping[str, Any], emitted_at: str) -> dict[str, Any]:
    """The terminal fact of a FAILED or QUARANTINED run, for re-emit."""
    run_id, state = status["run_id"], status["state"]
    return {
        "run_id": run_id,
        "status_state": state,
        "status_ref": layout.status(run_id),
        "record_ref": layout.record(run_id),
        "reemit_key": terminal_reemit_key(run_id, state, digest_of(status)),
        **({"reason_code": status["reason_code"]} if "reason_code" in status else {}),
        "emitted_at_utc": emitted_at,
    }


def quarantine_record(layout: Layout, event: Event) -> dict[str, Any]:
    """The quarantine artifact for a RUN_QUARANTINED (or drift RUN_FAILED) event."""
    optional = {key: event.details.get(key) for key in ("missing", "conflicts")}
    return {
        "run_id": event.run_id,
        "reason": event.details["reason_code"],
        "record_ref": layout.record(event.run_id),
        "status_ref": layout.status(event.run_id),
        "ts_utc": event.ts_utc,
        **{key: value for key, value in optional.items() if value},
    }


RULES = Rules(
    revision=1,
    listing=FIRST_RELEASE,
    locator=locator,
    gate_receipt=gate_receipt,
    instance_receipt=instance_receipt,
    run_plan=run_plan,
    run_status=run_status,
    facts_view=facts_view,
    bundle_hash=bundle_hash,
    statement=statement_bytes,
    ready_signal=ready_signal,
    terminal_signal=terminal_signal,
    quarantine_record=quarantine_record,
)
