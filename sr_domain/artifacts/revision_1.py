"""Revision 1 of the rules: every artifact as the first release derived it from the record (spec: wire). Pure.

Runs that were decided by it are still held against it: nothing that these functions give may
change. They read plan and decision as the first release put them on record, and no value of today's
that may come to have other parts. What is to be otherwise is a new revision (``docs/contracts.md``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sr_domain.artifacts.attestation import Ready
from sr_domain.artifacts.rules import Document, Node, Rules
from sr_domain.artifacts.superseded import run_superseded
from sr_domain.encoding.canonical import digest_of, exact_json
from sr_domain.encoding.ids import ready_message_id, terminal_reemit_key
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Event, Ledger
from sr_domain.record.states import RunState
from sr_ports.wanted import FIRST_RELEASE


def locator(output: Node, pins: Node, digest: str) -> Document:
    """An output locator: where, of which pins, which bytes. `output`: of the plan on record."""
    refs = {name: output.get(name) for name in ("schema_ref", "dictionary_ref")}
    return {
        "output_id": output["output_id"],
        "path": output["path"],
        **{pin: pins[pin] for pin in output["locator_pins"]},
        **{key: value for key, value in refs.items() if value is not None},
        "content_digest": _digest(digest),
    }


def gate_receipt(gate: Node, pins: Node, digest: str) -> Document:
    """The receipt that a gate passed. `gate`: of the plan on record."""
    artifacts = {
        "validation_bundle_root": gate["bundle_root"] + "/",
        "index_path": gate.get("index_path"),
        "passed_flag_path": gate["flag_path"],
    }
    return {
        "gate_id": gate["gate_id"],
        "status": "PASS",
        "scope": {pin: pins[pin] for pin in gate["scope_pins"]},
        "receipt_kind": "passed_flag",
        "digest": _digest(digest),
        "artifacts": {key: value for key, value in artifacts.items() if value is not None},
    }


def instance_receipt(output: Node, pins: Node, proof: Node) -> Document:
    """SR's own proof of an instance-scoped output. No time in it: the same bytes, the same receipt."""
    manifest = proof.get("manifest_ref")
    return {
        "output_id": output["output_id"],
        "status": "PASS",
        "scope": {pin: pins[pin] for pin in ("manifest_fingerprint", *output["instance_pins"])},
        "target_ref": locator(output, pins, proof["digest"]),
        "target_digest": _digest(proof["digest"]),
        **({} if manifest is None else {"bundle_manifest_ref": manifest}),
        "receipt_kind": "instance_proof",
        "artifacts": {"receipt_path": proof["receipt_ref"]},
    }


def _digest(hex64: str) -> Document:
    return {"algo": "sha256", "hex": hex64}


def run_plan(layout: Layout, deadline_utc: str, committed: Event) -> Document:
    """The run plan of a PLAN_COMMITTED event; its times come from the record."""
    plan = committed.details["plan"]
    return {
        "run_id": committed.run_id,
        "plan_hash": plan["plan_hash"],
        "policy_rev": plan["policy_rev"],
        "strategy": plan["strategy"],
        "intended_outputs": [one["output_id"] for one in plan["outputs"]],
        "required_gates": [one["gate_id"] for one in plan["gates"]],
        "evidence_deadline_utc": deadline_utc,
        "attempt_limit": plan["attempt_limit"],
        "created_at_utc": committed.ts_utc,
    }


def run_status(layout: Layout, ledger: Ledger) -> Document | None:
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


def facts_view(layout: Layout, pins: Node, plan: Node, decision: Node) -> Document:
    """The join surface: one document that names all a consumer may read (spec: wire, "facts view").

    `plan`, `decision`: as the record has them.
    """
    run_id = str(pins["run_id"])
    proofs = {one["output_id"]: one for one in decision["outputs"]}
    proven = [(one, proofs[one["output_id"]]) for one in plan["outputs"] if one["output_id"] in proofs]
    digests = {one["gate_id"]: one["digest"] for one in decision["gates"]}
    locators = [locator(output, pins, proof["digest"]) for output, proof in proven]
    gates = [gate_receipt(gate, pins, digests[gate["gate_id"]]) for gate in plan["gates"]]
    instances = [instance_receipt(output, pins, proof) for output, proof in proven if proof.get("receipt_ref")]
    rev = plan["policy_rev"]
    return {
        "run_id": run_id,
        "platform_run_id": layout.platform_run_id,
        "scenario_run_id": run_id,
        "pins": {**pins, "platform_run_id": layout.platform_run_id, "scenario_run_id": run_id},
        "locators": locators,
        "gate_receipts": gates,
        "policy_rev": rev,
        "bundle_hash": _hash(locators, gates, instances, rev),
        "plan_ref": layout.plan(run_id),
        "record_ref": layout.record(run_id),
        "status_ref": layout.status(run_id),
        "output_roles": {
            output["output_id"]: "business_traffic" if output["traffic"] else "non_traffic" for output, _ in proven
        },
        "intended_outputs": [one["output_id"] for one in plan["outputs"]],
        "run_config_digest": rev["content_digest"],
        **_present(instance_receipts=instances or None),
        **_origins(rev, decision),
    }


def _present(**parts: Any) -> Document:
    return {key: value for key, value in parts.items() if value is not None}


def _origins(rev: Node, decision: Node) -> Document:
    """The optional fields that say where a view comes from."""
    release = _present(service_release_id=decision.get("service_release_id"), environment=decision.get("environment"))
    return {
        **release,
        "provenance": {
            **release,
            **_present(config_revision=decision.get("config_revision")),
            "run_config_digest": rev["content_digest"],
        },
        **_present(
            oracle_pack_ref=decision.get("oracle_pack_ref"),
            evidence_notes=[*decision["notes"], *_law_notes(decision["laws"])] or None,
        ),
    }


def _law_notes(laws: Mapping[str, Node]) -> list[str]:
    """Which law, from which distribution and version, verified each gate (spec: mission, law 11)."""
    return [
        f"GATE_LAW:{gate_id}:{law['kind']}:{law['distribution']}=={law['version']}"
        for gate_id, law in sorted(laws.items())
    ]


def bundle_hash(view: Node) -> str:
    """Of a facts view; 64 hex."""
    return _hash(view["locators"], view["gate_receipts"], view.get("instance_receipts", ()), view["policy_rev"])


def same_receipt(stated: Node, standing: bytes) -> bool:
    """Whether the instance receipt that stands is the one that a view states, byte for byte."""
    return standing == exact_json(stated)


def _hash(
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


def subjects(ready: Ready) -> list[tuple[str, str]]:
    """What a signature on READY is about: the view by its stored bytes, every output by id and content digest."""
    proven = [one for one in ready.facts["locators"] if "content_digest" in one]
    outputs = [(one["output_id"], one["content_digest"]["hex"]) for one in proven]
    return [(ready.layout.facts(ready.run_id), ready.facts_digest), *outputs]


def emitted_at(decided: Event, committed: Event) -> str:
    """When the READY signal says that it was emitted: when READY came on record."""
    return committed.ts_utc


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
    run_plan=run_plan,
    run_status=run_status,
    facts_view=facts_view,
    bundle_hash=bundle_hash,
    same_receipt=same_receipt,
    subjects=subjects,
    emitted_at=emitted_at,
    ready_signal=ready_signal,
    terminal_signal=terminal_signal,
    run_superseded=run_superseded,
    quarantine_record=quarantine_record,
)
