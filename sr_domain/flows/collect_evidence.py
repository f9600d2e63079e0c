"""Collecting evidence: every output digested, every gate verified by its own law.

Reads the engine root through one port and writes only SR's own receipts (spec: mission,
laws 1 and 8). Judging what was found is `evidence.classify`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import attrs

from sr_domain.artifacts.documents import digest_node, instance_scope
from sr_domain.artifacts.revisions import rules_at, today
from sr_domain.encoding.canonical import exact_json
from sr_domain.evidence.admitted import Admitted, Objected
from sr_domain.evidence.digests import ContentDigest, digest_outputs
from sr_domain.evidence.gates import GateMissing, GatePassed, verify_gate
from sr_domain.evidence.oracle import MANIFEST, oracle_pack
from sr_domain.evidence.outputs import Absent, OutputFiles, find_output
from sr_domain.evidence.progress import ReadProgress
from sr_domain.evidence.verdict import Evidence
from sr_domain.plan.absent_law import absence
from sr_domain.plan.compile import pins_of
from sr_domain.plan.policy import MemberDigests
from sr_domain.plan.sealed import SealedGate, SealedOutput, SealedPlan
from sr_domain.record.layout import OBJECT_VERSIONS
from sr_domain.record.proofs import Conflict, Failure, GateProof, OutputProof
from sr_domain.run.held_run import HeldRun
from sr_ports import BadInput, EngineRoot, EvidenceFault, Fault, ReasonCode


def collect(run: HeldRun, plan: SealedPlan, uri: str) -> Evidence:
    """Everything the root has to say about this plan. Raises `Unreachable`, `LeaseLost`."""
    with run.ports.roots.open(uri) as root:
        oracle = _oracle(run, root)
        progress = ReadProgress(run.telemetry.progress, run.now, run.held.check)
        gates = run.ports.pool.map(lambda gate: _gate(run, plan, root, gate, progress), plan.gates)
        outputs = _outputs(run, plan, root, progress)
        # the second look belongs here, after the last read: `root.changes()`
    return _together([oracle, *gates, *outputs])


def _oracle(run: HeldRun, root: EngineRoot) -> Evidence:
    """What the pack manifest says; one that is no plain file is a conflict."""
    try:
        ref, failures = oracle_pack(root, pins_of(run.request))
    except EvidenceFault as fault:
        if admitted(run).waits(lambda rules: root.stat(MANIFEST, rules)):
            return Evidence(missing=(MANIFEST,))
        return Evidence(conflicts=(Conflict.from_fault(MANIFEST, fault),))
    return Evidence(oracle_pack_ref=ref, failures=failures)


def _together(parts: Sequence[Evidence]) -> Evidence:
    """All parts as one, in one pass: there may be very many."""
    lists = ("outputs", "gates", "missing", "conflicts", "failures", "notes")
    joined = {name: tuple(chain.from_iterable(getattr(part, name) for part in parts)) for name in lists}
    return Evidence(**joined, oracle_pack_ref=parts[0].oracle_pack_ref)


def _gate(run: HeldRun, plan: SealedPlan, root: EngineRoot, gate: SealedGate, progress: ReadProgress) -> Evidence:
    provided = run.ports.laws.get(gate.method.kind)
    if provided is None:  # the plan had it: somebody uninstalled it since
        lacking = absence(run.ports.laws, gate.method.kind)
        raise BadInput(ReasonCode.UNKNOWN_HASHING_LAW, f"{gate.gate_id} needs the law {lacking}")
    enforce = plan.member_digests is MemberDigests.ENFORCE
    verdict = admitted(run).gate(
        lambda rules: verify_gate(root, gate, provided, enforce_members=enforce, guard=progress, rules=rules)
    )
    match verdict:
        case GatePassed(digest):
            misfit = today().problem("gate_receipt", today().gate_receipt(gate, pins_of(run.request), digest))
            if misfit is not None:
                return Evidence(failures=(Failure(gate.gate_id, ReasonCode.RECEIPT_SCHEMA_INVALID, misfit.what),))
            return Evidence(gates=(GateProof(gate.gate_id, digest),))
        case GateMissing():
            return Evidence(missing=(gate.gate_id,))
        case Conflict():
            return Evidence(conflicts=(verdict,))


def _outputs(run: HeldRun, plan: SealedPlan, root: EngineRoot, progress: ReadProgress) -> list[Evidence]:
    found: list[tuple[SealedOutput, OutputFiles]] = []
    parts: list[Evidence] = []
    for output in plan.outputs:
        run.held.check()
        try:
            files = _files(run, root, output)
        except EvidenceFault as fault:
            parts.append(_conflict(output, fault))
            continue
        if not isinstance(files, Absent):
            found.append((output, files))
        elif output.optional and not isinstance(files, Objected):
            parts.append(Evidence(notes=(f"OPTIONAL_MISSING:{output.output_id}",)))
        else:
            parts.append(Evidence(missing=(output.output_id,)))
    digests = digest_outputs(root, [files for _, files in found], run.ports.pool, progress)
    read = [(output, digest) for (output, _), digest in zip(found, digests, strict=True)]
    return parts + run.ports.pool.map(lambda one: _proven(run, *one), read)


def admitted(run: HeldRun) -> Admitted:
    """How the root is listed for this run: today, and as it was when the run was admitted."""
    accepted = run.history.accepted
    then = today() if accepted is None else rules_at(accepted.event)
    return Admitted(today().listing, then.listing)


def _files(run: HeldRun, root: EngineRoot, output: SealedOutput) -> OutputFiles | Absent:
    return admitted(run).output(lambda rules: find_output(root, output, rules))


def _proven(run: HeldRun, output: SealedOutput, digest: ContentDigest | EvidenceFault) -> Evidence:
    return _conflict(output, digest) if isinstance(digest, EvidenceFault) else _prove_output(run, output, digest)


def _conflict(output: SealedOutput, fault: EvidenceFault) -> Evidence:
    return Evidence(conflicts=(Conflict.from_fault(output.output_id, fault),))


def _prove_output(run: HeldRun, output: SealedOutput, content: ContentDigest) -> Evidence:
    """A digested output becomes a proof: locator checked, instance receipt written or compared."""
    pins = pins_of(run.request)
    misfit = today().problem("output_locator", today().locator(output, pins, content.sha256))
    if misfit is not None:
        return _failure(output, ReasonCode.LOCATOR_SCHEMA_INVALID, misfit.what)
    notes = () if output.gates else (f"UNGATED_OUTPUT:{output.output_id}",)
    single = content.files[0].version_id if content.manifest is None else None
    size = sum(one.size for one in content.files)
    proof = OutputProof(output.output_id, content.sha256, len(content.files), size, version_id=single)
    if not output.instance_pins:
        return Evidence(outputs=(proof,), notes=notes)
    if output.scope_missing:
        named = ", ".join(output.scope_missing)
        return _failure(output, ReasonCode.INSTANCE_SCOPE_MISSING, f"its scope names {named}, its partitions do not")
    receipt = _receipt(run, output, pins, content)
    if isinstance(receipt, Failure):
        return Evidence(failures=(receipt,))
    proof = attrs.evolve(
        proof, receipt_ref=receipt["artifacts"]["receipt_path"], manifest_ref=receipt.get("bundle_manifest_ref")
    )
    return Evidence(outputs=(proof,), notes=notes)


def _failure(output: SealedOutput, code: ReasonCode, detail: str) -> Evidence:
    return Evidence(failures=(Failure(output.output_id, code, detail),))


def _receipt(
    run: HeldRun, output: SealedOutput, pins: Mapping[str, Any], content: ContentDigest
) -> dict[str, Any] | Failure:
    """Write the instance receipt once; one that stands and differs is drift, and both sides are kept."""
    folder = run.layout.instance_folder(output.output_id, instance_scope(output, pins))
    key, manifest_key = f"{folder}/instance_receipt.json", None
    if content.manifest is not None:
        manifest_key = f"{folder}/bundle_manifest.json"
    receipt = today().instance_receipt(output, pins, content.sha256, key, manifest_key)
    misfit = today().problem("instance_receipt", receipt)
    if misfit is not None:
        return Failure(output.output_id, ReasonCode.INSTANCE_RECEIPT_SCHEMA_INVALID, misfit.what)
    wanted = exact_json(receipt)
    blob = run.ports.store.read(key)
    if blob is None:
        if manifest_key is not None and content.manifest is not None:
            standing = run.write_bytes(manifest_key, content.manifest)
            if standing != content.manifest:
                return _drift(run, output, receipt, None, content, standing)
            _keep_versions(run, folder, content)
        standing = run.write_bytes(key, wanted)
    else:
        standing = blob.data
    return receipt if standing == wanted else _unlike(run, output, receipt, standing, content)


def _unlike(
    run: HeldRun, output: SealedOutput, refused: dict[str, Any], standing: bytes, content: ContentDigest
) -> Failure:
    """Why another receipt that stands proves nothing: it names no digest, is no receipt at all, or is drift."""
    stood, key = _json(standing), refused["artifacts"]["receipt_path"]
    if isinstance(stood, dict) and "target_digest" not in stood:
        what = f"the receipt that stands for this scope names no digest: {key}"
        return Failure(output.output_id, ReasonCode.INSTANCE_DIGEST_MISSING, what)
    misfit = today().problem("instance_receipt", stood)
    if misfit is not None:
        what = f"the receipt that stands for this scope is none: {misfit.what}: {key}"
        return Failure(output.output_id, ReasonCode.INSTANCE_RECEIPT_SCHEMA_INVALID, what)
    return _drift(run, output, refused, stood, content, None)


def _keep_versions(run: HeldRun, folder: str, content: ContentDigest) -> None:
    """Beside the list: which very objects were hashed, where the store can tell."""
    versions = {one.path: one.version_id for one in content.files if one.version_id is not None}
    if versions:
        run.write_bytes(f"{folder}/{OBJECT_VERSIONS}", exact_json(versions))


def _drift(
    run: HeldRun,
    output: SealedOutput,
    refused: Mapping[str, Any],
    stood: Mapping[str, Any] | None,
    content: ContentDigest,
    manifest: bytes | None,
) -> Failure:
    """Same scope, other bytes: what stood, what was refused, and which files differ."""
    ref = None if stood is None else stood.get("bundle_manifest_ref")
    if manifest is None and ref is not None:
        blob = run.ports.store.read(ref)
        manifest = None if blob is None else blob.data
    old = {one["path"]: one["sha256"] for one in (_json(manifest) or [])} if manifest is not None else {}
    new = {one.path: one.sha256 for one in content.files} if content.manifest is not None else {}
    changes = {
        "stood": dict(stood) if stood is not None else {"target_digest": digest_node("0" * 64)},
        "refused": dict(refused),
        "added": sorted(new.keys() - old.keys()),
        "removed": sorted(old.keys() - new.keys()),
        "changed": sorted(path for path in old.keys() & new.keys() if old[path] != new[path]),
    }
    return Failure(output.output_id, ReasonCode.INSTANCE_RECEIPT_DRIFT, _drifted(stood, refused), changes)


def _drifted(stood: Mapping[str, Any] | None, refused: Mapping[str, Any]) -> str:
    """Drift in one sentence: mostly other bytes; the same bytes under another catalogue may be it too."""
    now = refused["target_digest"]["hex"]
    if stood is None:
        return f"this scope was proven with another part list, now it has digest {now}"
    was = stood["target_digest"]["hex"]
    if was != now:
        return f"this scope was proven with digest {was}, now it has digest {now}"
    differing = sorted(name for name in stood.keys() | refused.keys() if stood.get(name) != refused.get(name))
    return f"this scope was proven with the same bytes, but its receipt differs in {', '.join(differing) or 'form'}"


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError as error:
        raise Fault(ReasonCode.TRUTH_ALTERED, "an instance receipt or part list is not JSON any more") from error
