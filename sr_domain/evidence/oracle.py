"""The oracle pack manifest: whose world an engine root is (spec: behaviour, "Oracle")."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sr_domain.encoding.bounds import BOUNDS
from sr_domain.encoding.contracts import problem
from sr_domain.encoding.names import lower_hex
from sr_domain.encoding.places import below
from sr_domain.evidence.small_files import parse_small, read_small
from sr_domain.record.proofs import Failure
from sr_ports import CutShort, EngineRoot, EvidenceFault, ReasonCode

MANIFEST = "_oracle_pack_manifest.json"
_LIMIT = 256 << 10
_WORLD = ("manifest_fingerprint", "parameter_hash", "scenario_id", "seed")


def oracle_pack(
    root: EngineRoot, pins: Mapping[str, Any], oracle_root: str | None = None
) -> tuple[dict[str, Any], tuple[Failure, ...]]:
    """Which root the evidence is of, and whose world where it has a manifest; and what is wrong with that.

    `oracle_root`: where all engine roots lie, where the profile names it. Raises `Unreachable`, and
    `EvidenceFault` for a manifest that is no plain file, or that is still being written.
    """
    ref: dict[str, Any] = {"engine_run_root": root.uri}
    if oracle_root is not None:
        ref["oracle_root"] = oracle_root
    if root.stat(MANIFEST) is None:
        return ref, ()
    try:
        manifest = read_manifest(root)
    except CutShort:
        raise
    except EvidenceFault as fault:
        if fault.code is ReasonCode.EVIDENCE_UNSTABLE:
            raise
        code = fault.code if fault.code in BOUNDS else ReasonCode.ORACLE_PACK_INVALID
        return ref, (Failure(MANIFEST, code, fault.what),)
    misfit = problem("oracle_pack_manifest", manifest)
    if misfit is not None:
        return ref, (Failure(MANIFEST, ReasonCode.ORACLE_PACK_INVALID, misfit.what),)
    for pin in _WORLD:
        if manifest["world_key"][pin] != pins[pin]:
            shown = json.dumps(manifest["world_key"][pin])[:80]
            detail = f"its {pin} is {shown}, the run's is {json.dumps(pins[pin])[:80]}"
            return ref, (Failure(MANIFEST, ReasonCode.ORACLE_PACK_MISMATCH, detail),)
    ref |= {
        "oracle_pack_id": manifest["oracle_pack_id"],
        "manifest_ref": below(root.uri, MANIFEST),
        "scenario_id": pins["scenario_id"],
        "engine_release": manifest["engine_release"],
    }
    return ref, ()


def read_manifest(root: EngineRoot) -> Any:
    """The manifest that is there, whatever it says. Raises `EvidenceFault`, `CutShort` where it ends too early."""
    data = read_small(root, MANIFEST, _LIMIT)
    return _lower(parse_small(data, MANIFEST, _LIMIT, ReasonCode.ORACLE_PACK_INVALID))


def _lower(manifest: Any) -> Any:
    manifest = lower_hex(manifest, "oracle_pack_id", "catalogue_digest", "gate_map_digest")
    world = lower_hex(manifest.get("world_key"), *_WORLD) if isinstance(manifest, dict) else None
    return manifest if world is None else {**manifest, "world_key": world}
