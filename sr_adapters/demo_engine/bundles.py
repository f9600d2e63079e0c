"""Sealing validation bundles: member files, an index, a passed flag by the gate's own law."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sr_adapters.demo_engine.paths import fill

_REPORTS = ("validation_report.json", "issues.json", "checks/metrics.csv")
_SHAPES = ("files", "list", "entries", "items")
BUNDLE, MEMBERS, INDEX = (
    "sha256_bundle_digest",
    "sha256_member_digest_concat",
    "sha256_index_json_ascii_lex_raw_bytes",
)
LAWS = (BUNDLE, MEMBERS, INDEX)


@dataclasses.dataclass(frozen=True)
class Gate:
    """A gate with its paths, relative to the root. `shape`: the key of its index's list, or ``list``.

    `day`: the one it is of, where its paths name a day; such a gate is sealed once a day.
    """

    gate_id: str
    day: str | None
    folder: str
    flag: str
    index: str | None
    law: str
    shape: str
    digest_field: str
    ordering: str
    by_root: bool
    excluded: frozenset[str]
    authorizes: tuple[str, ...]

    @property
    def name(self) -> str:
        """What tells it apart: ``GATE``, or ``GATE@YYYY-MM-DD``."""
        return self.gate_id if self.day is None else f"{self.gate_id}@{self.day}"

    @property
    def sealed(self) -> set[str]:
        """What sealing writes besides members."""
        return {self.flag, *([self.index] if self.index else [])}


def gates_of(entry: Mapping[str, Any], at: int, pins: Mapping[str, str], days: Iterable[str]) -> Iterator[Gate | None]:
    """The gate map's entry number `at`, filled in: once, or once a day; None where no pin fills one of its paths."""
    templates = (entry["bundle_root_template"], entry["passed_flag_path_template"], entry.get("index_path_template"))
    if any("{utc_day}" in template for template in templates if template):
        for day in days:
            yield _gate(entry, at, {**pins, "utc_day": day}, day)
    else:
        yield _gate(entry, at, pins, None)


def _gate(entry: Mapping[str, Any], at: int, pins: Mapping[str, str], day: str | None) -> Gate | None:
    folder, flag = fill(entry["bundle_root_template"], pins), fill(entry["passed_flag_path_template"], pins)
    template = entry.get("index_path_template")
    index = fill(template, pins) if template else None
    if folder is None or flag is None or (template and index is None):
        return None
    method = {key: value for key, value in entry["verification_method"].items() if value is not None}
    law = str(method["kind"]).strip()
    return Gate(
        gate_id=entry["gate_id"].strip(),
        day=day,
        folder=folder.rstrip("/"),
        flag=flag,
        index=index,
        law=law,
        shape="members" if law == MEMBERS else _SHAPES[at % len(_SHAPES)],
        digest_field=method.get("digest_field", "sha256_hex"),
        ordering=method.get("ordering", "ascii_lex"),
        by_root=method.get("path_base") == "run_root",
        excluded=frozenset(method.get("exclude_filenames", ())),
        authorizes=tuple(entry.get("authorizes_outputs") or ()),
    )


def write_reports(root: Path, gate: Gate, taken: Collection[str]) -> list[str]:
    """The bundle's own members, relative to the root. A file that is an output already stays as it is."""
    paths = [f"{gate.folder}/{name}" for name in _REPORTS if name.rpartition("/")[2] not in gate.excluded]
    for path in paths:
        if path not in taken:
            report = {"gate": gate.gate_id, "report": path.rpartition("/")[2], "checks": 12, "failed": 0}
            write_text(root / path, json.dumps(report) + "\n")
    return paths


def seal(root: Path, gate: Gate, members: Iterable[str]) -> str | None:
    """Write the gate's index over `members`; the digest its law gives, None for a law not known here."""
    base = f"{gate.folder}/" if not gate.by_root else ""
    # An engine that does not sort its items is why a gate map says index_order.
    ordered = sorted(members, reverse=gate.ordering != "ascii_lex")
    digests = [file_digest(root / path) for path in ordered] if gate.index else []
    entries = [
        {"path": path.removeprefix(base), "sha256_hex": digest} for path, digest in zip(ordered, digests, strict=False)
    ]
    if gate.index:
        write_text(
            root / gate.index, json.dumps(entries if gate.shape == "list" else {gate.shape: entries}, indent=1) + "\n"
        )
    return _digest(root, gate, ordered, digests)


def _digest(root: Path, gate: Gate, ordered: Sequence[str], digests: Sequence[str]) -> str | None:
    if gate.law == MEMBERS:
        return hashlib.sha256("".join(digests).encode()).hexdigest()
    if gate.law == INDEX:
        return _bytes_digest(root / path for path in ordered)
    if gate.law == BUNDLE:
        folder = root / gate.folder
        names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        return _bytes_digest(folder / name for name in names if name.rpartition("/")[2] not in gate.excluded)
    return None


def write_flag(root: Path, gate: Gate, digest: str) -> None:
    """The passed flag: text under the usual name, JSON where the map names another field."""
    text = f"sha256_hex = {digest}" if gate.digest_field == "sha256_hex" else json.dumps({gate.digest_field: digest})
    write_text(root / gate.flag, text + "\n")


def spoil(root: Path, gate: Gate, reports: Sequence[str]) -> str:
    """Change one byte that the gate's law covers; which file it was."""
    if gate.law == MEMBERS and gate.index:
        path = gate.index
        data = bytearray((root / path).read_bytes())
        at = data.index(b'"sha256_hex": "') + len(b'"sha256_hex": "')
    else:
        path = reports[0]
        data = bytearray((root / path).read_bytes())
        at = len(data) // 2
    data[at] = ord("0") if data[at] != ord("0") else ord("1")
    (root / path).write_bytes(data)
    return path


def write_text(path: Path, text: str) -> None:
    """The file with this text, in folders made as needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def file_digest(path: Path) -> str:
    """sha256 of the file, streamed."""
    return _bytes_digest([path])


def _bytes_digest(paths: Iterable[Path]) -> str:
    whole = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                whole.update(chunk)
    return whole.hexdigest()
