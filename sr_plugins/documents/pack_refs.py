"""Refs of a pack into its contracts, such as ``schemas.1A.yaml#/prep/x``.

A ref's file is found by name anywhere below the pack's folder. A fragment is a JSON pointer
(RFC 6901), or else the ``$id``, ``$anchor`` or ``id`` of something in the document.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import attrs

from sr_plugins.documents.findings import Finding, error, warning
from sr_plugins.documents.pack import PackDocuments
from sr_plugins.documents.pack_files import read_yaml_file
from sr_ports import BadInput

SCHEMA_KEYS = ("schema_ref", "index_schema_ref", "receipt_schema_ref")
DICTIONARY_KEYS = ("dictionary_ref",)
_ANCHOR_KEYS = ("$id", "$anchor", "id")
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


@attrs.frozen
class _Ref:
    """`owner`: the gate or output that has it. `name`: the file's base name."""

    owner: str
    text: str

    @property
    def name(self) -> str:
        return self.text.partition("#")[0].rpartition("/")[2]

    @property
    def fragment(self) -> str:
        return unquote(self.text.partition("#")[2])


def check_refs(folder: Path, documents: PackDocuments) -> Iterator[Finding]:
    """Refs that lead nowhere, and one warning for those that this pack gives no means to check.

    Schemas and dictionaries are judged apart: a pack that holds none of the one kind leaves
    that kind unchecked; once it holds some, a ref to a file it lacks is an error.
    """
    nodes = [node for node in (*documents.gates, *documents.outputs) if isinstance(node, dict)]
    kinds = {"schema": _refs(nodes, SCHEMA_KEYS), "dictionary": _refs(nodes, DICTIONARY_KEYS)}
    held = _held(folder, {ref.name for refs in kinds.values() for ref in refs})
    contracts = {name: [_Contract(path) for path in paths] for name, paths in held.items()}
    yield from (
        error("CONTRACT_INVALID", contract.path.name, contract.fault)
        for found in contracts.values()
        for contract in found
        if contract.fault is not None
    )
    unchecked = []
    for kind, refs in kinds.items():
        if any(ref.name in contracts for ref in refs):
            yield from _unresolved(refs, contracts)
        elif refs:
            unchecked.append(f"{len(refs)} {kind} refs")
    if unchecked:
        what = f"{' and '.join(unchecked)} were not checked: the pack holds none of the contracts they name"
        yield warning("REFS_UNCHECKED", str(folder), what)


def _refs(nodes: Iterable[dict[str, Any]], keys: Sequence[str]) -> list[_Ref]:
    found = {
        _Ref(str(node.get("gate_id") or node.get("output_id")), node[key])
        for node in nodes
        for key in keys
        if isinstance(node.get(key), str)
    }
    return sorted(found, key=lambda ref: (ref.owner, ref.text))


def _held(folder: Path, names: set[str]) -> dict[str, list[Path]]:
    """Which of the named files the pack holds, and where; links that leave the pack are not followed."""
    home = folder.resolve()
    held: dict[str, list[Path]] = {}
    for parent, _, files in os.walk(folder):
        for name in names.intersection(files):
            path = Path(parent) / name
            if path.resolve().is_relative_to(home):
                held.setdefault(name, []).append(path)
    return held


@attrs.frozen(slots=False)
class _Contract:
    """A contract file of the pack, read when first asked."""

    path: Path

    @cached_property
    def _read(self) -> tuple[Any, str | None]:
        try:
            return read_yaml_file(self.path), None
        except BadInput as fault:
            return None, fault.what

    @property
    def fault(self) -> str | None:
        """Why it cannot be read; None when it can."""
        return self._read[1]

    @cached_property
    def anchors(self) -> frozenset[str]:
        """Every ``$id``, ``$anchor`` and ``id`` in it."""
        return frozenset(_anchors(self._read[0]))

    def has(self, ref: _Ref) -> bool:
        """Whether the ref's fragment leads somewhere in it; unreadable contracts are reported apart."""
        fragment = ref.fragment
        if self.fault is not None or not fragment or not self.anchors.isdisjoint({fragment, f"#{fragment}", ref.text}):
            return True
        return _points(self._read[0], fragment)


def _unresolved(refs: Iterable[_Ref], contracts: dict[str, list[_Contract]]) -> Iterator[Finding]:
    for ref in refs:
        found = contracts.get(ref.name)
        if found is None:
            yield error("REF_UNRESOLVED", ref.owner, f"{ref.text} names {ref.name!r}, which the pack does not hold")
        elif not any(contract.has(ref) for contract in found):
            yield error("REF_UNRESOLVED", ref.owner, f"{ref.text} leads nowhere in {ref.name}")


def _points(document: Any, fragment: str) -> bool:
    """Whether a JSON pointer, or the bare name of a top-level key, leads somewhere."""
    node = document
    for part in fragment.removeprefix("/").split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node, dict) and key in node:
            node = node[key]
        elif isinstance(node, list) and _INDEX.fullmatch(key) and int(key) < len(node):
            node = node[int(key)]
        else:
            return False
    return True


def _anchors(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (node[key] for key in _ANCHOR_KEYS if isinstance(node.get(key), str))
    if isinstance(node, dict | list):
        for child in node.values() if isinstance(node, dict) else node:
            yield from _anchors(child)
