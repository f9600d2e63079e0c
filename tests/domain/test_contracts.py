"""Contracts: every required field, every unknown one, every wrong type; and the compiled form is fresh."""

from __future__ import annotations

import copy
import importlib
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sr_domain import _contracts
from sr_domain.contracts import ContractViolation, problem, validate
from sr_ports import ReasonCode

REPO = Path(__file__).resolve().parents[2]
SOURCES = {
    path.name.removesuffix(".schema.yaml"): yaml.safe_load(path.read_bytes())
    for path in sorted((REPO / "contracts").glob("*.schema.yaml"))
}
NAMES = [name for name, document in SOURCES.items() if "type" in document]
MADE = {"hex32": "0" * 32, "hex64": "0" * 64, "uint64": 7, "id": "an_id", "text": "text", "name": "name", "ref": "a/b",
        "time": "2026-01-01T00:00:00Z", "utc": "2026-01-01T00:00:00Z"}  # fmt: skip


def deref(node: Any, here: str) -> tuple[Any, str]:
    """The schema a reference leads to, and the file it is in."""
    while "$ref" in node:
        file, _, pointer = node["$ref"].partition("#")
        here = file.removesuffix(".schema.yaml") or here
        node = SOURCES[here]
        for part in filter(None, pointer.split("/")):
            node = node[part]
    return node, here


def sample(node: Any, here: str) -> Any:
    """A least document that fits a schema of the shapes used here."""
    name = str(node.get("$ref", "")).rpartition("/")[2]
    if name in MADE:
        return MADE[name]
    node, here = deref(node, here)
    if "const" in node or "enum" in node:
        return node.get("const", node.get("enum", [None])[0])
    if "pattern" in node or node.get("type") == "string":
        return next(one for one in (*MADE.values(), "RUN_ACCEPTED") if _fits(node, one))
    kind = node.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "null" or ("anyOf" in node and kind is None):
        return None
    if kind == "object":
        wanted = [*node.get("required", ())]
        wanted += next((one["required"] for one in node.get("anyOf", ()) if "required" in one), [])
        known = node.get("properties", {})
        if len(wanted) < node.get("minProperties", 0):
            wanted += list(known)[: node["minProperties"]]
        return {key: sample(known.get(key, {}), here) for key in wanted}
    if kind == "array":
        return [sample(node.get("items", {}), here) for _ in range(node.get("minItems", 0))]
    return {"integer": node.get("minimum", 1), "number": 1, "boolean": True}.get(str(kind), "anything")


def _fits(node: Any, value: Any) -> bool:
    import re

    return isinstance(value, str) and re.search(node.get("pattern", ""), value) is not None


def fields(node: Any, here: str, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, str]]:
    """Every object schema that the sample reaches, with its place."""
    node, here = deref(node, here)
    if node.get("type") == "object":
        yield path, node, here
        for key in node.get("required", ()):
            if key in node.get("properties", {}):
                yield from fields(node["properties"][key], here, (*path, key))


CASES = [(name, path, node, here) for name in NAMES for path, node, here in fields(SOURCES[name], name)]
IDS = [".".join((case[0], *case[1])) for case in CASES]


def at(document: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


def spoilt(name: str, path: tuple[str, ...]) -> tuple[Any, Any]:
    """A sample, and the object in it at a place, to be changed."""
    document = copy.deepcopy(sample(SOURCES[name], name))
    return document, at(document, path)


@pytest.mark.parametrize("name", NAMES)
def test_a_least_document_fits_its_contract(name: str) -> None:
    validate(name, sample(SOURCES[name], name))


@pytest.mark.parametrize(("name", "path", "node", "here"), CASES, ids=IDS)
def test_every_required_field_is_required_and_named(name: str, path: tuple[str, ...], node: Any, here: str) -> None:
    for key in node.get("required", ()):
        document, inner = spoilt(name, path)
        del inner[key]
        found = problem(name, document)
        assert found is not None, f"{name} goes without {key}"
        assert key in found.what


@pytest.mark.parametrize(("name", "path", "node", "here"), CASES, ids=IDS)
def test_an_unknown_field_is_refused_where_the_contract_is_closed(
    name: str, path: tuple[str, ...], node: Any, here: str
) -> None:
    document, inner = spoilt(name, path)
    inner["surprise"] = 1
    found = problem(name, document)
    assert (found is not None) is (node.get("additionalProperties", True) is not True), found
    if found is not None and node.get("maxProperties", 9) > len(inner):
        assert "surprise" in found.what


@pytest.mark.parametrize(("name", "path", "node", "here"), CASES, ids=IDS)
def test_a_value_of_another_type_is_refused_and_named(name: str, path: tuple[str, ...], node: Any, here: str) -> None:
    for key, schema in node.get("properties", {}).items():
        inside, _ = deref(schema, here)
        for wrong in (3.5, [1.5], None, True):
            document, inner = spoilt(name, path)
            if node.get("maxProperties", 9) <= len(inner) and key not in inner:
                continue
            inner[key] = wrong
            found = problem(name, document)
            if _allows(inside, wrong):
                continue
            assert found is not None, f"{name}: {key} = {wrong!r}"
            assert key in found.what
            assert found.what.isprintable()


def _allows(schema: Any, value: Any) -> bool:
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    names = {float: "number", list: "array", type(None): "null", bool: "boolean"}
    free = not kinds and not {"enum", "const", "anyOf"} & set(schema)
    return free or names[type(value)] in kinds or any(_allows(one, value) for one in schema.get("anyOf", ()))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("document", [None, [], "text", 5])
def test_what_is_no_object_fits_nothing(name: str, document: Any) -> None:
    assert problem(name, document) is not None


@pytest.mark.parametrize("value", ["0" * 64 + "\n", "0" * 63, "A" * 64, "0" * 65, ""])
def test_a_digest_is_64_lower_case_hex_and_no_newline(value: str) -> None:
    document = sample(SOURCES["run_request"], "run_request")
    document["parameter_hash"] = value
    assert problem("run_request", document) is not None


def test_a_violation_shows_little_of_a_value() -> None:
    document = sample(SOURCES["run_request"], "run_request") | {"parameter_hash": "x" * 10_000}
    with pytest.raises(ContractViolation) as caught:
        validate("run_request", document)
    assert len(str(caught.value)) < 400
    assert caught.value.code is ReasonCode.CONTRACT_VIOLATION
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.problem, str(again)) == (caught.value.problem, str(caught.value))


def test_the_compiled_contracts_are_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(REPO))
    build = importlib.import_module("hatch_build")
    assert build.digest(build.sources(REPO)) == _contracts.SOURCES, (
        "contracts/ changed since sr_domain/_contracts was compiled: run python hatch_build.py"
    )
    assert "hatch_build" in sys.modules
