"""Worlds of the demo engine, for tests."""

from __future__ import annotations

from pathlib import Path

from sr_plugins.documents.pack import pack_folder

BUILTIN = str(pack_folder("builtin"))
INVOCATION = {
    "manifest_fingerprint": "a" * 64,
    "parameter_hash": "b" * 64,
    "seed": 2**64 - 1,
    "run_id": "c" * 32,
    "scenario_binding": {"scenario_id": "baseline"},
}
PINS = {**{k: str(v) for k, v in INVOCATION.items() if k != "scenario_binding"}, "scenario_id": "baseline"}


def tree(root: Path) -> dict[str, bytes]:
    """Every file's bytes by its path."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
