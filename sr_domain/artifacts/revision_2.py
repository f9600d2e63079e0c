"""Revision 2 of the rules: how engine roots are listed; every artifact is derived as by revision 1.

A link is not entered by ``**`` alone, and a key that ends in ``/`` and holds bytes is a conflict. What else
changed in reading (a byte order mark, ``./``, things that stand beside the evidence) accepts more than
revision 1 did, so that a run decided before is proven by it as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from sr_domain.artifacts import revision_1
from sr_domain.artifacts.documents import digest_node, instance_scope
from sr_domain.artifacts.rules import Document, Node
from sr_domain.plan.sealed import SealedGate, SealedOutput
from sr_domain.record.events import EVIDENCE_COMPLETE
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Event, Ledger
from sr_domain.record.states import RunState
from sr_ports.wanted import TODAY


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


def facts_view(layout: Layout, pins: Mapping[str, Any], plan: Node, decision: Node) -> Document:
    """The facts view of revision 1, its notes on laws made from the judges that the decision names."""
    laws = {one["gate_id"]: one for one in decision["judges"]}
    return revision_1.facts_view(layout, pins, plan, {**decision, "laws": laws})


def run_status(layout: Layout, ledger: Ledger) -> Document | None:
    """The status that the record derives, READY as of its decision: whoever derives it, before or after a crash."""
    status, decided = revision_1.run_status(layout, ledger), ledger.first(EVIDENCE_COMPLETE.name)
    if status is None or decided is None or ledger.state is not RunState.READY:
        return status
    return {**status, "updated_at_utc": decided.ts_utc}


def emitted_at(decided: Event, committed: Event) -> str:
    """When the READY signal says that it was emitted: when READY was decided."""
    return decided.ts_utc


RULES = attrs.evolve(
    revision_1.RULES,
    revision=2,
    listing=TODAY,
    run_status=run_status,
    facts_view=facts_view,
    emitted_at=emitted_at,
)
