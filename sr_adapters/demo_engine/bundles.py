"""Sealing a validation bundle: member files, an index in the segment's own shape, a flag."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_SHAPES = {"1A": "files", "1B": "list", "2A": "files", "2B": "list", "3A": "members", "3B": "members",
           "5A": "entries", "5B": "entries", "6A": "items", "6B": "items"}  # fmt: skip


def write_bundle(root: Path, gate: Mapping[str, Any], evidence: Sequence[str], *, corrupt: bool, flag: bool) -> None:
    """Write a gate's bundle. `evidence`: output files, relative to `root`. `corrupt`: spoil it after sealing."""
    bundle = root / gate["bundle_root_template"]
    bundle.mkdir(parents=True, exist_ok=True)
    method = gate["verification_method"]
    by_root = method.get("path_base") == "run_root"
    reports = _reports(bundle, gate["gate_id"])
    members = [str(path.relative_to(root)) if by_root else path.name for path in reports]
    if by_root:  # an index-only bundle: it vouches for the outputs themselves
        members += evidence[:4]
    base = root if by_root else bundle
    members.sort(reverse=method.get("ordering") == "index_order")  # an engine that does not sort its items
    index_path = gate.get("index_path_template")
    if index_path is not None:
        _write_index(root / index_path, base, members, str(gate.get("segment", "")))
    digest = _digest(method, bundle, base, members, root / index_path if index_path else None)
    if corrupt:
        spoiled = root / index_path if method["kind"] == "sha256_member_digest_concat" and index_path else reports[0]
        _spoil(spoiled)
    if flag:
        _write_flag(root / gate["passed_flag_path_template"], method.get("digest_field", "sha256_hex"), digest)


def _reports(bundle: Path, gate_id: str) -> list[Path]:
    paths = []
    for name in ("validation_report.json", "issues.json", "metrics.csv"):
        path = bundle / name
        path.write_text(json.dumps({"gate": gate_id, "report": name, "checks": 12, "failed": 0}) + "\n", "utf-8")
        paths.append(path)
    return paths


def _write_index(path: Path, base: Path, members: Sequence[str], segment: str) -> None:
    entries = [{"path": member, "sha256_hex": _sha256(base / member)} for member in members]
    shape = _SHAPES.get(segment, "files")
    path.write_text(json.dumps(entries if shape == "list" else {shape: entries}, indent=1) + "\n", "utf-8")


def _digest(method: Mapping[str, Any], bundle: Path, base: Path, members: Sequence[str], index: Path | None) -> str:
    whole = hashlib.sha256()
    excluded = set(method.get("exclude_filenames", ()))
    if method["kind"] == "sha256_bundle_digest":
        files = sorted(str(path.relative_to(bundle)) for path in bundle.rglob("*") if path.is_file())
        for name in files:
            if Path(name).name not in excluded:
                whole.update((bundle / name).read_bytes())
    elif method["kind"] == "sha256_member_digest_concat":
        whole.update("".join(_sha256(base / member) for member in members).encode())
    else:
        kept = [member for member in members if Path(member).name not in excluded]
        for member in sorted(kept) if method.get("ordering") == "ascii_lex" else kept:
            _feed(whole, base / member)
    return whole.hexdigest()


def _spoil(path: Path) -> None:
    """Change one byte; in an index, one digit of a digest."""
    data = bytearray(path.read_bytes())
    at = data.find(b'"sha256_hex": "') + 15 if path.name.endswith("index.json") else len(data) // 2
    data[at] = ord("0") if data[at] != ord("0") else ord("1")
    path.write_bytes(data)


def _write_flag(path: Path, field: str, digest: str) -> None:
    text = f"sha256_hex = {digest}\n" if field == "sha256_hex" else json.dumps({field: digest}) + "\n"
    path.write_text(text, "utf-8")


def _sha256(path: Path) -> str:
    whole = hashlib.sha256()
    _feed(whole, path)
    return whole.hexdigest()


def _feed(whole: Any, path: Path) -> None:
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            whole.update(chunk)
