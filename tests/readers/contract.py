"""The contracts of the systems that read what Scenario Runner writes, and every way to break a document."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

jsonschema = pytest.importorskip("jsonschema", reason="needs requirements/dev.txt")

FOLDER = Path(__file__).parent / "contracts"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
Step = tuple[str | int, ...]


def schema_of(contract: str) -> dict[str, Any]:
    """A reader's contract, as it was written by hand."""
    read: dict[str, Any] = json.loads((FOLDER / f"{contract}.json").read_text("utf-8"))
    return read


def refusals(contract: str, document: Any) -> list[str]:
    """Why a reader would refuse the document; empty when it reads it."""
    validator = jsonschema.Draft7Validator(schema_of(contract))
    return [f"{one.json_path}: {one.message[:200]}" for one in validator.iter_errors(document)]


def breaks(contract: str, document: Any) -> Iterator[tuple[str, Any]]:
    """The document broken in one way each: without a required field, with an unknown one, with another type."""
    for path, schema, node in _places(schema_of(contract), document, ()):
        where = ".".join(map(str, path)) or "the document"
        for name in schema.get("required", ()):
            yield f"{where} without {name}", _put(document, path, {k: v for k, v in node.items() if k != name})
        if schema.get("additionalProperties") is False:
            yield f"{where} with an unknown field", _put(document, path, {**node, "surprise": "x"})
        yield f"{where} of another type", _put(document, path, _other_type(node))
        if "enum" in schema or "const" in schema or "pattern" in schema:
            yield f"{where} of another value", _put(document, path, "no such value, by any pattern\u00e9")


def _places(schema: dict[str, Any], node: Any, path: Step) -> Iterator[tuple[Step, dict[str, Any], Any]]:
    yield path, schema, node
    if isinstance(node, dict):
        more = schema.get("additionalProperties")
        for name, value in node.items():
            part = schema.get("properties", {}).get(name, more if isinstance(more, dict) else None)
            if part is not None:
                yield from _places(part, value, (*path, name))
    elif isinstance(node, list) and node and "items" in schema:
        yield from _places(schema["items"], node[0], (*path, 0))


def _other_type(node: Any) -> Any:
    if isinstance(node, dict):
        return [node]
    return {"was": node} if isinstance(node, list) else [node]


def _put(document: Any, path: Step, value: Any) -> Any:
    if not path:
        return value
    changed = copy.deepcopy(document)
    at = changed
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return changed
