"""A sealed world whose gates cover every byte of its outputs, and what a consumer may be told of it.

Digests are computed here by the formulas alone, with no code of the project.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.packs import write_pack
from tests.worlds import MF

ORDERS = f"data/orders/seed=7/manifest_fingerprint={MF}"
CUSTOMERS, INDEX, FLAG = "data/customers.bin", "seal/members.json", "seal/seal.flag"
LATE, LATE_FLAG = "late/late.bin", "late/late.flag"
FIRST, SECOND = f"{ORDERS}/orders-0.bin", f"{ORDERS}/orders-1.bin"
THIRD = f"{ORDERS}/orders-2.bin"
"""No file of a world: one that may come to its orders."""
NAMES = frozenset(path.rsplit("/", 1)[-1] for path in (FIRST, SECOND, CUSTOMERS, INDEX, FLAG, LATE, LATE_FLAG))
"""Base names of a world's files: each is there once."""


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def flag(hex64: str) -> bytes:
    return f"sha256_hex = {hex64}\n".encode()


def world(kind: str = "sound") -> dict[str, bytes]:
    """Every file of a world that is sealed, by path. Worlds of two kinds of the same length differ in every file's
    bytes, save the index, and in no file's name or size.
    """
    files = {path: f"{kind} bytes of {path}".encode() for path in (FIRST, SECOND, CUSTOMERS, LATE)}
    members = sorted([FIRST, SECOND, CUSTOMERS])
    files[INDEX] = json.dumps({"files": members}).encode()
    files[FLAG] = flag(sha(b"".join(files[path] for path in members)))
    files[LATE_FLAG] = flag(sha(files[LATE]))
    return files


def proven(files: Mapping[str, bytes]) -> dict[str, str]:
    """The digest of each output: what READY may say of a world, and nothing else."""
    parts = [
        {"path": path.rsplit("/", 1)[-1], "sha256": sha(files[path]), "size": len(files[path])}
        for path in sorted(files)
        if path.startswith(f"{ORDERS}/")
    ]
    listed = json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()
    return {"orders": sha(listed), "customers": sha(files[CUSTOMERS])}


def pack(folder: Path, *, optional: bool = False) -> None:
    """The pack of these worlds: gate.seal covers both outputs by index, gate.late comes after it.

    `optional`: whether the outputs are.
    """
    fingerprint = {"scope": "fingerprint", "authorizes_outputs": ["orders", "customers"]}
    seal = {
        "gate_id": "gate.seal",
        "passed_flag_path_template": FLAG,
        "bundle_root_template": "seal/",
        "index_path_template": INDEX,
        "verification_method": {"kind": "sha256_index_json_ascii_lex_raw_bytes", "path_base": "run_root"},
        "upstream_gate_dependencies": [],
        **fingerprint,
    }
    late = {
        "gate_id": "gate.late",
        "passed_flag_path_template": LATE_FLAG,
        "bundle_root_template": "late/",
        "verification_method": {"kind": "sha256_bundle_digest", "exclude_filenames": ["late.flag"]},
        "upstream_gate_dependencies": ["gate.seal"],
        **fingerprint,
    }
    more = {"availability": "optional"} if optional else {}
    orders = {
        "output_id": "orders",
        "scope": "scope_seed_manifest_fingerprint",
        "partitions": ["seed", "manifest_fingerprint"],
        "path_template": "data/orders/seed={seed}/manifest_fingerprint={manifest_fingerprint}/",
    }
    customers = {
        "output_id": "customers",
        "scope": "scope_global",
        "partitions": [],
        "path_template": CUSTOMERS,
    }
    write_pack(folder, [seal, late], [{**orders, **more}, {**customers, **more}])


def write(root: Path, files: Mapping[str, bytes]) -> Path:
    """Put the files below `root`, which is made."""
    root.mkdir(parents=True, exist_ok=True)
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root


def anew(root: Path, files: Mapping[str, bytes]) -> Path:
    """The root with these files and no others, whatever was there."""
    shutil.rmtree(root)
    return write(root, files)
