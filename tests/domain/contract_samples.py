"""Documents made from a contract's own schema: the least, the most, and each single fault."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import yaml
from hypothesis import strategies as st

import hatch_build

ROOT = Path(__file__).resolve().parents[2]
Schema = dict[str, Any]
Path_ = tuple[str | int, ...]

# Text for each pattern of the contracts; a new pattern must be given its sample here.
SAMPLES = {
    "[a-z][a-z0-9_-]{0,63}": "token",
    "{32}|": "0123456789abcdef" * 4,
    "{32}": "0123456789abcdef" * 2,
    "{64}": "0123456789abcdef" * 4,
    "[Tt ]": "2026-01-31T13:42:00+01:00",
    "T(": "2026-01-31T13:42:00.123456Z",
    "[a-z][a-z0-9+.-]": "s3://bucket/prefix",
    "^GOV_": "GOV_PLAN_HASH",
    "[A-Z][A-Z0-9_]": "RUN_ACCEPTED",
    "[A-Za-z0-9_.-]": "s3_event-stream.6B",
    "[A-Za-z0-9+/]": "bm90ZQ==",
    r"[^\x00": "a value, \u00fc",
}


@cache
def schemas() -> dict[str, Schema]:
    """Every contract by the module it is compiled to, references written out."""
    return hatch_build.schemas({name: yaml.safe_load(data) for name, data in hatch_build.sources(ROOT).items()})


def sample(schema: Schema, *, most: bool) -> Any:
    """A document that fits: with every field the contract knows, or with the fewest."""
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    if "anyOf" in schema and schema.get("type") != "object":
        return sample(schema["anyOf"][-1 if most else 0], most=most)
    if "type" not in schema:
        return None  # anything fits
    kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
    match kind:
        case "object":
            return {name: sample(schema["properties"][name], most=most) for name in _fields(schema, most)}
        case "array":
            return [sample(schema.get("items", {"type": "string"}), most=most)] * (most or schema.get("minItems", 0))
        case "string":
            return _text(schema)
        case "integer" | "number":
            return schema.get("maximum", 7) if most else schema.get("minimum", 0)
        case other:
            return {"boolean": True, "null": None}[other]


def _fields(schema: Schema, most: bool) -> list[str]:
    known, required = list(schema.get("properties", {})), list(schema.get("required", []))
    if not most:
        required += next((one["required"] for one in schema.get("anyOf", [])), [])
        return required + [name for name in known if name not in required][: schema.get("minProperties", 0)]
    return known[: schema.get("maxProperties", len(known))]


def _text(schema: Schema) -> str:
    pattern = schema.get("pattern")
    if pattern is None:
        return "some text"
    return next(text for mark, text in SAMPLES.items() if mark in pattern)


@attrs.frozen
class Wrong:
    """A document with one fault. `path`: where, as an error names it. `says`: a word of its sentence."""

    fault: str
    document: Any
    path: str
    says: str = ""


def faults(schema: Schema) -> Iterator[Wrong]:
    """Every single fault the schema forbids, in the document with every field."""
    whole = sample(schema, most=True)
    for path, node_schema, node in _places(schema, whole, ()):
        for fault, value, says in _wrong_values(node_schema, node):
            yield Wrong(f"{dotted(path)} {fault}", _with(whole, path, value), dotted(path), says)
        if isinstance(node, dict):
            for name in node_schema.get("required", []):
                less = {key: value for key, value in node.items() if key != name}
                yield Wrong(f"{dotted(path)} without {name}", _with(whole, path, less), dotted(path), name)


def _places(schema: Schema, node: Any, path: Path_) -> Iterator[tuple[Path_, Schema, Any]]:
    yield path, schema, node
    if isinstance(node, dict) and "properties" in schema:
        for name, value in node.items():
            yield from _places(schema["properties"][name], value, (*path, name))
    elif isinstance(node, list) and "items" in schema:
        yield from _places(schema["items"], node[0], (*path, 0))


def _wrong_values(schema: Schema, node: Any) -> Iterator[tuple[str, Any, str]]:
    if "type" in schema or "anyOf" in schema or "enum" in schema or "const" in schema:
        may_be_null = "anyOf" in schema or "null" in schema.get("type", ())
        yield "of another type", (object() if may_be_null else None), ""
    if schema.get("additionalProperties") is False and "maxProperties" not in schema:
        yield "with a field nobody knows", {**node, "surprise": 1}, "surprise"
    if isinstance(node, str):
        yield "a number", 7, ""
        yield "bytes", node.encode(), ""
    if isinstance(node, list):
        yield "a tuple", tuple(node), ""
    if schema.get("type") == "integer":
        yield "a whole float", 1.0, ""
        yield "a bool", True, ""
    yield from _wrong_sizes(schema, node)


def _wrong_sizes(schema: Schema, node: Any) -> Iterator[tuple[str, Any, str]]:
    if "pattern" in schema:
        yield "with a last newline", node + "\n", ""
    if schema.get("minLength") or schema.get("pattern"):
        yield "empty", "", ""
    if schema.get("minItems"):
        yield "empty", [], ""
    if schema.get("uniqueItems"):
        yield "with a double", node * 2, "twice"
    for rule, more in (("maxLength", "x"), ("maxItems", node)):
        if rule in schema:
            yield f"beyond {rule}", more * (schema[rule] + 1), ""
    for rule, step in (("minimum", -1), ("maximum", 1)):
        if rule in schema:
            yield f"beyond {rule}", schema[rule] + step, ""


def _with(whole: Any, path: Path_, value: Any) -> Any:
    if not path:
        return value
    changed = copy.deepcopy(whole)
    at = changed
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return changed


def dotted(path: Path_) -> str:
    """A path as errors spell it: ``locators[0].path``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def documents(schema: Schema) -> st.SearchStrategy[Any]:
    """Any document that fits: required fields, and any choice of the others."""
    most = sample(schema, most=True)
    must = set(sample(schema, most=False))
    fields = {name: st.just(value) for name, value in most.items()}
    return st.fixed_dictionaries(
        {name: value for name, value in fields.items() if name in must},
        optional={name: value for name, value in fields.items() if name not in must},
    )
