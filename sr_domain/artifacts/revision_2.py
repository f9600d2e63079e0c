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
from sr_domain.plan.sealed import SealedGate, SealedOutput
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


RULES = attrs.evolve(revision_1.RULES, revision=2, listing=TODAY)
