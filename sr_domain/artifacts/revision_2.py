"""Revision 2 of the rules: a facts view from which a consumer finds and proves all bytes (spec: wire). Pure.

Paths are fully resolved and hashed relative to the engine root, which every view names. An output over
several days has a locator, a digest and a receipt a day, and a gate may, too. What changed in reading (links
below ``**``, a byte order mark, ``./``) accepts more than revision 1 did, so that a run decided before is
proven by it as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import attrs

from sr_domain.artifacts import revision_1
from sr_domain.artifacts.attestation import Ready, decision_subject
from sr_domain.artifacts.documents import digest_node, instance_scope
from sr_domain.artifacts.rules import Document, Node
from sr_domain.encoding.canonical import digest_of, exact_json
from sr_domain.encoding.contracts import problem
from sr_domain.encoding.places import below, relative
from sr_domain.encoding.strict_json import strict_loads
from sr_domain.plan.sealed import SealedGate, SealedOutput, SealedPlan
from sr_domain.record.events import EVIDENCE_COMPLETE
from sr_domain.record.layout import SCOPE_ORDER, Layout
from sr_domain.record.ledger import Event, Ledger
from sr_domain.record.proofs import Decision, OutputProof
from sr_domain.record.states import RunState
from sr_ports import BadInput
from sr_ports.wanted import TODAY

_MOST = 1 << 20
"""Bytes of what may be a receipt at all."""


def engine_pins(part: SealedOutput | SealedGate, pins: Node, engine_run_id: str | None) -> Node:
    """The pins that locators, scopes and receipts of this output or gate carry: the engine's own run id where known."""
    return {**pins, "run_id": engine_run_id} if part.engine_run_id and engine_run_id is not None else pins


def locator(output: SealedOutput, pins: Node, root: str, proof: OutputProof) -> Document:
    """An output locator: where, of which pins, which bytes. `root`: of the engine's run; `pins`: of `engine_pins`."""
    refs = {"schema_ref": output.schema_ref, "dictionary_ref": output.dictionary_ref}
    return {
        "output_id": output.output_id,
        "path": below(root, proof.path or ""),
        **{pin: pins[pin] for pin in output.locator_pins},
        **{key: value for key, value in refs.items() if value is not None},
        "content_digest": digest_node(proof.digest),
    }


def gate_receipt(look: SealedGate, pins: Node, root: str, digest: str, algorithm: str = "sha256") -> Document:
    """The receipt that a gate passed, on the day of this look. `root`, `pins`: as for `locator`.

    Its contract has room for a sha256 digest; one of another algorithm is told in `notes`.
    """
    artifacts = {
        "validation_bundle_root": f"{look.bundle_root}/" if look.bundle_root else "",
        "index_path": look.index_path,
        "passed_flag_path": look.flag_path,
    }
    return {
        "gate_id": look.gate_id,
        "status": "PASS",
        "scope": {pin: pins[pin] for pin in look.scope_pins},
        "receipt_kind": "passed_flag",
        **({"digest": digest_node(digest)} if algorithm == "sha256" else {}),
        "artifacts": {key: below(root, path) for key, path in artifacts.items() if path is not None},
        **({} if algorithm == "sha256" else {"notes": f"{algorithm}:{digest}"}),
    }


def instance_receipt(output: SealedOutput, pins: Node, root: str, proof: OutputProof) -> Document:
    """SR's own proof of an instance-scoped output. No time in it: the same bytes below one root, the same receipt."""
    return {
        "output_id": output.output_id,
        "status": "PASS",
        "scope": instance_scope(output, pins),
        "target_ref": locator(output, pins, root, proof),
        "target_digest": digest_node(proof.digest),
        **({} if proof.manifest_ref is None else {"bundle_manifest_ref": proof.manifest_ref}),
        "receipt_kind": "instance_proof",
        "artifacts": {"receipt_path": proof.receipt_ref},
    }


def same_receipt(stated: Node, standing: bytes) -> bool:
    """Whether the receipt that stands proves what this one states: the same bytes, wherever they were seen.

    It must be a receipt, by the contract of this revision, which every receipt of an earlier one fits.
    """
    if standing == exact_json(stated):
        return True
    try:
        stood = strict_loads(standing, what="a standing receipt", max_bytes=_MOST)
    except BadInput:
        return False
    return problem("instance_receipt", stood, 2) is None and claim(stood) == claim(stated)


def claim(receipt: Node) -> Document:
    """What of an instance receipt is compared: which output of which world, and which bytes."""
    target = receipt.get("target_ref")
    pins = target if isinstance(target, dict) else {}
    return {
        **{name: receipt.get(name) for name in ("output_id", "status", "scope", "target_digest")},
        "pins": {name: pins[name] for name in SCOPE_ORDER if name in pins},
    }


def facts_view(layout: Layout, pins: Node, plan: Node, decision: Node) -> Document:
    """The join surface: one document that names all a consumer may read (spec: wire, "facts view").

    `plan`, `decision`: as the record has them.
    """
    run_id, sealed, decided = str(pins["run_id"]), SealedPlan.of(plan), Decision.of(decision)
    outputs = {output.output_id: output for output in sealed.outputs}
    proven = [(outputs[proof.output_id], proof) for proof in decided.outputs]
    root = str((decided.oracle_pack_ref or {})["engine_run_root"])
    seen = [(one, engine_pins(one, pins, decided.engine_run_id), proof) for one, proof in proven]
    rev = attrs.asdict(sealed.policy_rev)
    view = {
        "run_id": run_id,
        "platform_run_id": layout.platform_run_id,
        "scenario_run_id": run_id,
        "pins": {**pins, "platform_run_id": layout.platform_run_id, "scenario_run_id": run_id},
        "locators": [locator(one, own, root, proof) for one, own, proof in seen],
        "gate_receipts": list(_gate_receipts(sealed, pins, root, decided)),
        "policy_rev": rev,
        "plan_ref": layout.plan(run_id),
        "record_ref": layout.record(run_id),
        "status_ref": layout.status(run_id),
        "output_roles": {one.output_id: "business_traffic" if one.traffic else "non_traffic" for one, _ in proven},
        "intended_outputs": sealed.intended_outputs,
        "run_config_digest": rev["content_digest"],
        "oracle_pack_ref": decided.oracle_pack_ref,
        **_origins(rev, decided),
    }
    receipts = [instance_receipt(one, own, root, proof) for one, own, proof in seen if proof.receipt_ref is not None]
    if receipts:
        view["instance_receipts"] = receipts
    return {**view, "bundle_hash": bundle_hash(view)}


def _gate_receipts(plan: SealedPlan, pins: Node, root: str, decided: Decision) -> Iterable[Document]:
    digests = {(proof.gate_id, proof.day): proof.digest for proof in decided.gates}
    algorithms = {one.gate_id: one.algorithm or "sha256" for one in decided.judges}
    for gate in plan.gates:
        own = engine_pins(gate, pins, decided.engine_run_id)
        for look in gate.looks(str(decided.engine_run_id or pins["run_id"])):
            algorithm = algorithms.get(gate.gate_id, "sha256")
            yield gate_receipt(look, own, root, digests[gate.gate_id, look.day], algorithm)


def _origins(rev: Mapping[str, str], decided: Decision) -> Document:
    """The fields that say where a view comes from."""
    named = {"service_release_id": decided.service_release_id, "environment": decided.environment}
    release = {name: value for name, value in named.items() if value is not None}
    notes = [*decided.notes, *_law_notes(decided)]
    return {
        **release,
        "provenance": {
            **release,
            "config_revision": rev["revision"],
            "run_config_digest": rev["content_digest"],
        },
        **({"evidence_notes": notes} if notes else {}),
    }


def _law_notes(decided: Decision) -> list[str]:
    """Which law, from which distribution and version, verified each gate (spec: mission, law 11)."""
    return [
        f"GATE_LAW:{gate_id}:{law['kind']}:{law['distribution']}=={law['version']}"
        for gate_id, law in sorted(decided.laws.items())
    ]


def bundle_hash(view: Node) -> str:
    """Over the view's locators, receipts and policy revision, each path relative to its engine root; 64 hex.

    The same evidence below another root has the same hash. Keys of the store stand as they are.
    """
    root = view["oracle_pack_ref"]["engine_run_root"]

    def placed(one: Node) -> Document:
        return {**one, "path": relative(root, one["path"])}

    locators = [placed(one) for one in view["locators"]]
    gates = [
        {**one, "artifacts": {name: relative(root, path) for name, path in one["artifacts"].items()}}
        for one in view["gate_receipts"]
    ]
    receipts = [{**one, "target_ref": placed(one["target_ref"])} for one in view.get("instance_receipts", ())]
    return digest_of(
        {
            "locators": sorted(locators, key=lambda one: (one["output_id"], one["path"])),
            "gate_receipts": sorted(gates, key=lambda one: (one["gate_id"], one["artifacts"]["passed_flag_path"])),
            "instance_receipts": sorted(receipts, key=lambda one: (one["output_id"], one["target_ref"]["path"])),
            "policy_rev": view["policy_rev"],
        }
    )


def run_status(layout: Layout, ledger: Ledger) -> Document | None:
    """The status that the record derives, READY as of its decision: whoever derives it, before or after a crash."""
    status, decided = revision_1.run_status(layout, ledger), ledger.first(EVIDENCE_COMPLETE.name)
    if status is None or decided is None or ledger.state is not RunState.READY:
        return status
    return {**status, "updated_at_utc": decided.ts_utc}


def subjects(ready: Ready) -> list[tuple[str, str]]:
    """What a signature on READY is about: view, plan, the record up to its decision, and every output.

    View and plan by the digest of their stored bytes. An output with several locators is named by its id,
    ``@``, and where each is, relative to the engine root. The store's own identity is none of it: a store may
    be copied, and is told who it is again, and what was signed in it holds all the same.
    """
    layout, run_id = ready.layout, ready.run_id
    return [
        (layout.facts(run_id), ready.facts_digest),
        (layout.plan(run_id), ready.plan_digest),
        (decision_subject(layout, run_id), ready.decision_digest),
        *_signed_outputs(ready.facts),
    ]


def _signed_outputs(view: Node) -> Iterable[tuple[str, str]]:
    """Every locator of a view, as a signature names it, with its content digest."""
    root, counted = view["oracle_pack_ref"]["engine_run_root"], Counter(one["output_id"] for one in view["locators"])
    for one in view["locators"]:
        output_id = one["output_id"]
        name = output_id if counted[output_id] == 1 else f"{output_id}@{relative(root, one['path'])}"
        yield name, one["content_digest"]["hex"]


def emitted_at(decided: Event, committed: Event) -> str:
    """When the READY signal says that it was emitted: when READY was decided."""
    return decided.ts_utc


RULES = attrs.evolve(
    revision_1.RULES,
    revision=2,
    listing=TODAY,
    facts_view=facts_view,
    bundle_hash=bundle_hash,
    same_receipt=same_receipt,
    run_status=run_status,
    subjects=subjects,
    emitted_at=emitted_at,
)
