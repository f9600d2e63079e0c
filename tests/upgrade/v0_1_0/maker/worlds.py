"""The small sealed world that nearly every run of the corpus rests on, and its interface pack.

Also the engine of the corpus, as a program: ``python worlds.py [MODE]`` writes the world of its
invocation into its root. It needs the standard library alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MF, PH = "a" * 64, "b" * 64
FLAG = "_passed.flag"
DAYS = ("2026-01-01", "2026-01-02", "2026-01-03")
EVERYTHING = ("alone", "brackets", "daily", "days", "deep", "events", "extra", "world")


def _output(output_id: str, scope: str, template: str, partitions: Sequence[str], **more: Any) -> dict[str, Any]:
    entry = {"output_id": output_id, "scope": scope, "path_template": template, "partitions": list(partitions)}
    return {**entry, "availability": "required", "read_requires_gates": [], **more}


def _gate(gate_id: str, kind: str, outputs: Sequence[str], after: Sequence[str], **method: Any) -> dict[str, Any]:
    folder = f"gates/{gate_id}"
    index = {} if kind == "sha256_bundle_digest" else {"index_path_template": f"{folder}/index.json"}
    return {
        "gate_id": gate_id,
        "scope": "fingerprint",
        "passed_flag_path_template": f"{folder}/{FLAG}",
        "bundle_root_template": f"{folder}/",
        **index,
        "verification_method": {"kind": kind, "exclude_filenames": [FLAG], **method},
        "authorizes_outputs": list(outputs),
        "upstream_gate_dependencies": list(after),
    }


OUTPUTS = (
    _output("world", "scope_manifest_fingerprint",
            "data/world/manifest_fingerprint={manifest_fingerprint}/world.bin", ["manifest_fingerprint"]),
    _output("events", "scope_seed_manifest_fingerprint",
            "data/events/seed={seed}/manifest_fingerprint={manifest_fingerprint}/", ["seed", "manifest_fingerprint"]),
    _output("daily", "scope_parameter_hash",
            "data/daily/parameter_hash={parameter_hash}/utc_day={utc_day}/part-*.bin", ["parameter_hash"]),
    _output("days", "scope_seed_parameter_hash",
            "data/days/parameter_hash={parameter_hash}/seed={seed}/utc_day={utc_day}/", ["parameter_hash", "seed"]),
    _output("alone", "scope_global", "data/alone/", []),
    _output("deep", "scope_global", "data/deep/**/leaf-*.bin", []),
    _output("brackets", "scope_global", "data/brackets/", []),
    _output("by_scenario", "scope_scenario_id", "data/by_scenario/scenario_id={scenario_id}/out.bin", ["scenario_id"]),
    _output("by_run", "scope_run_id", "data/by_run/run_id={run_id}/out.bin", ["run_id"]),
    _output("extra", "scope_global", "data/extra.bin", [], availability="optional", read_requires_gates=["gate.a"]),
    _output("loose", "scope_global", "data/loose.bin", []),
)  # fmt: skip
GATES = (
    _gate("gate.a", "sha256_bundle_digest", ["world", "alone", "deep", "brackets", "extra"], []),
    _gate("gate.b", "sha256_member_digest_concat", ["events", "days", "by_scenario", "by_run"], ["gate.a"]),
    _gate("gate.c", "sha256_index_json_ascii_lex_raw_bytes", ["daily"], ["gate.b"],
          ordering="ascii_lex", path_base="run_root"),
)  # fmt: skip
FOREIGN_GATES = (_gate("gate.a", "sha256_of_somebody_else", ["world"], []), *GATES[1:])


def write_pack(folder: Path, gates: Sequence[Mapping[str, Any]] = GATES) -> None:
    """The interface pack, as its two documents."""
    folder.mkdir(parents=True)
    for name, key, entries in (
        ("engine_outputs.catalogue.yaml", "outputs", OUTPUTS),
        ("engine_gates.map.yaml", "gates", gates),
    ):
        (folder / name).write_text(json.dumps({"version": "1.0", key: list(entries)}, indent=1) + "\n")


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _flag(data: bytes) -> bytes:
    return f"sha256_hex = {_sha(data)}\n".encode()


def world(*, seed: int = 7, scenario: str = "baseline", run_id: str = "", variant: str = "") -> dict[str, bytes]:
    """Every file of a sound world by path. `variant` goes into the bytes of `events` and `days`."""
    daily = f"data/daily/parameter_hash={PH}/utc_day={DAYS[0]}/part-0.bin"
    whole = f"data/world/manifest_fingerprint={MF}/world.bin"
    events = f"data/events/seed={seed}/manifest_fingerprint={MF}"
    files = {
        whole: b"the world",
        f"{events}/part-0.bin": f"events 0{variant}".encode(),
        f"{events}/part-1.bin": b"events 1",
        daily: b"daily 0",
        "data/alone/only.bin": b"alone",
        "data/brackets/part[1].bin": b"brackets",
        "data/deep/x/y/leaf-1.bin": b"leaf 1",
        "data/deep/leaf-0.bin": b"leaf 0",
        f"data/by_scenario/scenario_id={scenario}/out.bin": f"of {scenario}".encode(),
        "data/loose.bin": b"loose",
        "gates/gate.a/report.json": b"{}",
        "gates/gate.a/z.csv": b"1,2",
        "gates/gate.b/report.json": b"[]",
    }
    for day in DAYS:
        folder = f"data/days/parameter_hash={PH}/seed={seed}/utc_day={day}"
        files[f"{folder}/part-0.bin"] = f"{day} 0{variant}".encode()
        files[f"{folder}/part-1.bin"] = f"{day} 1".encode()
    if run_id:
        files[f"data/by_run/run_id={run_id}/out.bin"] = b"of the run"
        pins = {"run_id": run_id, "manifest_fingerprint": MF, "parameter_hash": PH, "seed": seed}
        files["run_receipt.json"] = json.dumps(pins).encode()
    claim = _sha(files["gates/gate.b/report.json"])
    listed = [{"path": "report.json", "sha256_hex": claim}]
    files["gates/gate.a/" + FLAG] = _flag(b"{}1,2")
    files["gates/gate.b/index.json"] = json.dumps({"files": listed}).encode()
    files["gates/gate.b/" + FLAG] = _flag(claim.encode())
    files["gates/gate.c/index.json"] = json.dumps([{"path": daily}, {"path": whole}]).encode()
    files["gates/gate.c/" + FLAG] = _flag(b"daily 0the world")
    return files


def write(root: Path, files: Mapping[str, bytes]) -> None:
    """Put the files below `root`."""
    root.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def engine(mode: str) -> int:
    """One engine run. `mode`: ``sound``, ``exit``, ``second`` (ends with 3 on the first attempt) or ``receipt``."""
    call = json.loads(os.environ["SR_ENGINE_INVOCATION_JSON"])
    root = Path(os.environ["SR_ENGINE_RUN_ROOT"])
    binding = call["scenario_binding"]
    names = binding.get("scenario_set")
    scenario = binding.get("scenario_id") or "scnset_" + _sha("|".join(sorted(set(names))).encode())[:16]
    tried = root / "tried"
    print(f"engine: {mode} run of seed {call['seed']}", flush=True)  # noqa: T201
    if mode == "exit" or (mode == "second" and not tried.exists()):
        root.mkdir(parents=True, exist_ok=True)
        tried.write_bytes(b"")
        print("engine: this attempt fails", file=sys.stderr)  # noqa: T201
        return 3
    files = world(seed=call["seed"], scenario=scenario, run_id=call["run_id"])
    if mode == "receipt":
        files["run_receipt.json"] = files["run_receipt.json"].replace(PH.encode(), ("c" * 64).encode())
    write(root, files)
    return 0


if __name__ == "__main__":
    sys.exit(engine(sys.argv[1] if len(sys.argv) > 1 else "sound"))
