"""Small interface packs for tests, and the engine's real one where this machine has it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from sr_plugins.documents.pack import GATES, OUTPUTS, pack_folder

REPO = Path(__file__).resolve().parents[1]
LAWS = ("sha256_bundle_digest", "sha256_member_digest_concat", "sha256_index_json_ascii_lex_raw_bytes")
ROOT = "data/{segment}/validation/manifest_fingerprint={{manifest_fingerprint}}/"


def gate(segment: str, **changes: Any) -> dict[str, Any]:
    """A sound gate map entry ``gate.<segment>`` with `changes`; a change to None leaves the field out."""
    root = ROOT.format(segment=segment)
    entry: dict[str, Any] = {
        "gate_id": f"gate.{segment}",
        "scope": "fingerprint",
        "passed_flag_path_template": root + "_passed.flag",
        "bundle_root_template": root,
        "index_path_template": root + "index.json",
        "verification_method": {"kind": LAWS[0], "exclude_filenames": ["_passed.flag"]},
        "authorizes_outputs": [],
        "upstream_gate_dependencies": [],
    }
    return _changed(entry, changes)


def output(name: str, **changes: Any) -> dict[str, Any]:
    """A sound catalogue entry, gated by ``gate.A``, with `changes`."""
    entry: dict[str, Any] = {
        "output_id": name,
        "scope": "scope_manifest_fingerprint",
        "path_template": f"data/{name}/manifest_fingerprint={{manifest_fingerprint}}/part-*.parquet",
        "partitions": ["manifest_fingerprint"],
        "read_requires_gates": ["gate.A"],
    }
    return _changed(entry, changes)


def _changed(entry: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**entry, **changes}.items() if value is not None}


def write_pack(folder: Path, gates: Any, outputs: Any) -> str:
    """The pack's folder, with both documents in it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / GATES).write_text(yaml.safe_dump({"version": "1.0", "gates": gates}), "utf-8")
    (folder / OUTPUTS).write_text(yaml.safe_dump({"version": "1.0", "outputs": outputs}), "utf-8")
    return str(folder)


def real_pack() -> str:
    """The real engine's pack: beside the project, or where ``SR_TEST_REAL_PACK`` says. Skips without one."""
    folder = Path(os.environ.get("SR_TEST_REAL_PACK", REPO.parent / "shared" / "interface_pack"))
    if not (folder / GATES).is_file():
        pytest.skip("the real engine's interface pack is not here; SR_TEST_REAL_PACK may name it")
    return str(folder)


def pack_named(name: str) -> str:
    """``builtin`` or ``real`` as a folder."""
    return real_pack() if name == "real" else str(pack_folder("builtin"))
