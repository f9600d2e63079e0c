"""A world of one output behind one gate, for runners that are built from a profile."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from tests.packs import gate, output, write_pack
from tests.worlds import MF, flag, write_files

SOUND = flag(hashlib.sha256(b"{}").hexdigest())
"""The flag that states what the bundle of `sealed` has."""


def offered(folder: Path, law: str) -> dict[str, Any]:
    """A profile whose pack has one output, ``orders``, behind a gate that this law judges."""
    judged = {"kind": law, "exclude_filenames": ["_passed.flag"]}
    gates = [gate("A", verification_method=judged, index_path_template=None, authorizes_outputs=["orders"])]
    pack = write_pack(folder / "pack", gates, [output("orders")])
    return {"runtime_root": str(folder / "runs"), "engine": {"interface_pack": pack}}


def sealed(folder: Path, stated: bytes | None) -> str:
    """An engine root whose flag states this; without a flag for None."""
    bundle = f"data/A/validation/manifest_fingerprint={MF}"
    files = {f"data/orders/manifest_fingerprint={MF}/part-0.parquet": b"1,2", f"{bundle}/report.json": b"{}"}
    flags = {} if stated is None else {f"{bundle}/_passed.flag": stated}
    return str(write_files(folder / "engine", {**files, **flags}))
