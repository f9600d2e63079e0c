"""What is stored of complete evidence, before the decision is recorded: part lists, instance receipts, object versions.

A receipt says proven, so only a run whose evidence is complete writes one. Each is written once; one that
stands and proves other bytes is drift, and both sides are kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from sr_domain.artifacts.revision_2 import claim
from sr_domain.artifacts.revisions import today
from sr_domain.encoding.canonical import exact_json, sha256_hex
from sr_domain.evidence.verdict import Evidence, Proven
from sr_domain.record.proofs import Failure
from sr_domain.run.held_run import HeldRun
from sr_domain.run.swap import swap
from sr_ports import Blob, Fault, ReasonCode


@attrs.frozen
class Kept:
    """`failures`: receipts that stand against the evidence. `versions_digest`: as of `Decision`."""

    failures: tuple[Failure, ...]
    versions_digest: str | None = None


def keep_proofs(run: HeldRun, evidence: Evidence) -> Kept:
    """Store the part lists and receipts of complete evidence. Raises `LeaseLost`, `Unreachable`, `Fault`."""
    proven, pool = evidence.proven, run.ports.pool
    keys = sorted({one.earlier[0] for one in proven if one.earlier is not None})
    earlier = dict(zip(keys, pool.map(run.ports.store.read, keys), strict=True))
    against = (_against(run, one, earlier) for one in proven)
    failures = tuple(one for one in against if one is not None)
    if not failures:
        failures = tuple(one for one in pool.map(lambda one: _keep(run, one), proven) if one is not None)
    return Kept(failures) if failures else Kept((), _keep_versions(run, evidence))


def _against(run: HeldRun, one: Proven, earlier: Mapping[str, Blob | None]) -> Failure | None:
    """What is wrong with the receipt that revision 1 wrote of this very day; one over other days is none of it."""
    key, path = one.earlier or ("", "")
    blob = earlier.get(key)
    if blob is None or one.receipt is None:
        return None
    stood = _json(blob.data)
    target = stood.get("target_ref") if isinstance(stood, dict) else None
    same_day = isinstance(target, dict) and target.get("path") == path
    if not same_day or today().same_receipt(one.receipt, blob.data):
        return None
    return _unlike(run, one, one.receipt, blob.data)


def _keep(run: HeldRun, one: Proven) -> Failure | None:
    """The part list, then the receipt that names it; what is wrong with the receipt that stands, if one does."""
    ref, manifest = one.proof.manifest_ref, one.content.manifest
    if ref is not None and manifest is not None and run.write_bytes(ref, manifest) != manifest:
        raise Fault(ReasonCode.TRUTH_ALTERED, f"{ref} is not the part list that it is named for")
    if one.receipt is None or one.proof.receipt_ref is None:
        return None
    standing = run.write_bytes(one.proof.receipt_ref, exact_json(one.receipt))
    return None if today().same_receipt(one.receipt, standing) else _unlike(run, one, one.receipt, standing)


def _keep_versions(run: HeldRun, evidence: Evidence) -> str | None:
    """Which very objects were hashed, by output and path below the engine root; the digest of what is stored.

    What an attempt left that came to no decision is written over: nothing rests on it.
    """
    versions: dict[str, dict[str, str]] = {}
    for one in evidence.proven:
        folder = f"{one.base}/" if one.base else ""
        named = {folder + file.path: file.version_id for file in one.content.files if file.version_id is not None}
        if named:
            versions.setdefault(one.proof.output_id, {}).update(named)
    if not versions:
        return None
    data, key = exact_json(versions), run.layout.object_versions(run.run_id)

    def change(standing: Blob | None) -> bytes | None:
        run.held.check()
        return None if standing is not None and standing.data == data else data

    swap(run.ports.store, key, None, change)
    return sha256_hex(data)


def _unlike(run: HeldRun, one: Proven, refused: Mapping[str, Any], standing: bytes) -> Failure:
    """Why another receipt that stands proves nothing: it names no digest, is no receipt at all, or is drift."""
    output_id, stood, key = one.proof.output_id, _json(standing), one.proof.receipt_ref
    if isinstance(stood, dict) and "target_digest" not in stood:
        what = f"the receipt that stands for this scope names no digest: {key}"
        return Failure(output_id, ReasonCode.INSTANCE_DIGEST_MISSING, what)
    misfit = today().problem("instance_receipt", stood)
    if misfit is not None:
        what = f"the receipt that stands for this scope is none: {misfit.what}: {key}"
        return Failure(output_id, ReasonCode.INSTANCE_RECEIPT_SCHEMA_INVALID, what)
    return _drift(run, one, refused, stood)


def _drift(run: HeldRun, one: Proven, refused: Mapping[str, Any], stood: Mapping[str, Any]) -> Failure:
    """Same scope, other bytes: what stood, what was refused, and which files differ."""
    ref = stood.get("bundle_manifest_ref")
    blob = None if ref is None else run.ports.store.read(ref)
    old = {} if blob is None else {part["path"]: part["sha256"] for part in _json(blob.data)}
    new = {} if one.content.manifest is None else {file.path: file.sha256 for file in one.content.files}
    changes = {
        "stood": dict(stood),
        "refused": dict(refused),
        "added": sorted(new.keys() - old.keys()),
        "removed": sorted(old.keys() - new.keys()),
        "changed": sorted(path for path in old.keys() & new.keys() if old[path] != new[path]),
    }
    return Failure(one.proof.output_id, ReasonCode.INSTANCE_RECEIPT_DRIFT, _drifted(stood, refused), changes)


def _drifted(stood: Mapping[str, Any], refused: Mapping[str, Any]) -> str:
    """Drift in one sentence: mostly other bytes; the same bytes under other pins may be it too."""
    was, now = stood["target_digest"]["hex"], refused["target_digest"]["hex"]
    if was != now:
        return f"this scope was proven with digest {was}, now it has digest {now}"
    before, after = claim(stood), claim(refused)
    differing = sorted(name for name in after if before[name] != after[name])
    return f"this scope was proven with the same bytes, but its receipt differs in {', '.join(differing)}"


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError as error:
        raise Fault(ReasonCode.TRUTH_ALTERED, "an instance receipt or part list is not JSON any more") from error
