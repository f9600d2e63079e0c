"""Documents that cross the border, from their contracts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sr_adapters.reference.markdown import code, table
from sr_plugins.documents.shipped import shipped
from sr_plugins.documents.yaml import load_yaml


def contract(name: str) -> Mapping[str, Any]:
    """A contract as it is written."""
    file = f"{name}.schema.yaml"
    whole: Mapping[str, Any] = load_yaml((shipped("contracts") / file).read_bytes(), what=file)
    return whole


def fields(name: str, meanings: Mapping[str, str]) -> str:
    """The fields of a contract's document. `meanings`: of each, by its name."""
    whole = contract(name)
    rows = list(_rows("", whole, frozenset(whole.get("required", ())), meanings))
    free = "" if whole.get("additionalProperties") is False else "\n\nIt may have other fields, which nobody reads."
    return table(["field", "is", "must be there", "means"], rows) + free


def _rows(
    path: str, node: Mapping[str, Any], required: frozenset[str], meanings: Mapping[str, str]
) -> Iterator[tuple[str, str, str, str]]:
    for key, one in node.get("properties", {}).items():
        name = f"{path}{key}"
        yield code(name), _type(one), "yes" if key in required else "", meanings.get(name) or one.get("description", "")
        yield from _rows(f"{name}.", one, frozenset(one.get("required", ())), meanings)


def _type(node: Mapping[str, Any]) -> str:
    if "$ref" in node:
        word = str(node["$ref"]).rpartition("/")[2]
        found = contract("common")["definitions"].get(word, {})
        return str(found.get("description") or word)
    if "enum" in node:
        return ", ".join(code(one) for one in node["enum"])
    if node.get("type") == "array":
        return f"a list of {_type(node['items'])}" if "items" in node else "a list"
    return {"object": "a mapping", "integer": "a whole number", "number": "a number", "string": "text"}.get(
        str(node.get("type")), "a value"
    )
