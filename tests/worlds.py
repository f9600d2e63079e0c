"""Engine roots by hand: the files of a small sealed world, to be spoiled before they are written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sr_domain.encoding.ids import run_id_for
from sr_domain.plan.pack import GateSpec, InterfacePack, OutputSpec
from sr_ports import EngineCall, EngineResult, VerificationMethod

MF, PH = "a" * 64, "b" * 64
FLAG = "_passed.flag"
EVENTS = f"data/events/seed=7/manifest_fingerprint={MF}"
WORLD = f"data/world/manifest_fingerprint={MF}/world.bin"
DAILY = f"data/daily/parameter_hash={PH}/utc_day=2026-01-01"


def law(kind: str, **more: Any) -> VerificationMethod:
    """A gate map's method, the flag left out of its bundle."""
    return VerificationMethod(kind, exclude_filenames=(FLAG,), **more)


def gate(gate_id: str, method: VerificationMethod, *outputs: str, after: tuple[str, ...] = ()) -> GateSpec:
    """A gate whose bundle, flag and index are in a folder of its own name."""
    folder = f"gates/{gate_id}"
    index = None if method.kind == "sha256_bundle_digest" else f"{folder}/index.json"
    return GateSpec(gate_id, f"{folder}/{FLAG}", f"{folder}/", method, index, "fingerprint", outputs, after)


OUTPUTS = (
    OutputSpec("world", "data/world/manifest_fingerprint={manifest_fingerprint}/world.bin",
               "scope_manifest_fingerprint", ("manifest_fingerprint",)),
    OutputSpec("events", "data/events/seed={seed}/manifest_fingerprint={manifest_fingerprint}/",
               "scope_seed_manifest_fingerprint", ("seed", "manifest_fingerprint")),
    OutputSpec("daily", "data/daily/parameter_hash={parameter_hash}/utc_day={utc_day}/part-*.bin",
               "scope_parameter_hash", ("parameter_hash",)),
    OutputSpec("extra", "data/extra.bin", read_requires_gates=("gate.a",), optional=True),
    OutputSpec("loose", "data/loose.bin"),
)  # fmt: skip
GATES = (
    gate("gate.a", law("sha256_bundle_digest"), "world"),
    gate("gate.b", law("sha256_member_digest_concat"), "events", after=("gate.a",)),
    gate("gate.c", law("sha256_index_json_ascii_lex_raw_bytes", path_base="run_root"), "daily", after=("gate.b",)),
)


def pack(outputs: tuple[OutputSpec, ...] = OUTPUTS, gates: tuple[GateSpec, ...] = GATES) -> InterfacePack:
    """An interface pack of these entries."""
    return InterfacePack({one.output_id: one for one in outputs}, {one.gate_id: one for one in gates}, "0" * 64)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def flag(hex64: str) -> bytes:
    return f"sha256_hex = {hex64}\n".encode()


def small_world(key: str = "key") -> dict[str, bytes]:
    """Every file of a sound world for `pack()`, by path; the run receipt is of the run of `key`."""
    files = {
        WORLD: b"the world",
        f"{EVENTS}/part-0.bin": b"events 0",
        f"{EVENTS}/part-1.bin": b"events 1",
        f"{DAILY}/part-0.bin": b"daily 0",
        "data/loose.bin": b"loose",
        "gates/gate.a/report.json": b"{}",
        "gates/gate.a/z.csv": b"1,2",
        "gates/gate.b/report.json": b"[]",
    }
    claim = sha(files["gates/gate.b/report.json"])
    files["gates/gate.a/" + FLAG] = flag(sha(b"{}1,2"))
    files["gates/gate.b/index.json"] = json.dumps({"files": [{"path": "report.json", "sha256_hex": claim}]}).encode()
    files["gates/gate.b/" + FLAG] = flag(sha(claim.encode()))
    files["gates/gate.c/index.json"] = json.dumps([f"{DAILY}/part-0.bin", WORLD]).encode()
    files["gates/gate.c/" + FLAG] = flag(sha(b"daily 0the world"))
    return files | receipt(key)


def receipt(key: str = "key", **changes: Any) -> dict[str, bytes]:
    """The engine's run receipt."""
    pins = {"run_id": run_id_for(key), "manifest_fingerprint": MF, "parameter_hash": PH, "seed": 7}
    return {"run_receipt.json": json.dumps({**pins, **changes}).encode()}


def write_files(root: Path, files: Mapping[str, bytes]) -> Path:
    """Put the files below `root`."""
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    root.mkdir(parents=True, exist_ok=True)
    return root


def engine(root: Path, files: Mapping[str, bytes]) -> Callable[[EngineCall], EngineResult]:
    """An engine that writes these files and says so."""

    def behaviour(call: EngineCall) -> EngineResult:
        target = Path(call.engine_run_root or root)
        write_files(target, files)
        return EngineResult(None, str(target), stdout=b"made a world\n")

    return behaviour


def tree(root: Path) -> dict[str, bytes]:
    """Every file below `root` with its bytes."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
