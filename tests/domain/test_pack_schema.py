"""Schemas of a pack: both drafts mean what they say, and what is not understood is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_domain.encoding.canonical import exact_json
from sr_domain.encoding.pack_contracts import PackContracts, checker
from sr_domain.encoding.pack_schema import SchemaFault, self_contained
from sr_ports import Fault, ReasonCode

OLD, NEW = "http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft/2020-12/schema"
CELLAR = {"definitions": {"n": {"type": "integer", "maximum": 9}, "ring": {"items": {"$ref": "#/definitions/ring"}}}}


def taken(schema: Any) -> Any:
    return self_contained(schema, "s.yaml", {"cellar.yaml": CELLAR}.__getitem__)


def fits(schema: Any, document: Any) -> bool:
    return checker(exact_json(taken(schema)).decode())(document) is None


@pytest.mark.parametrize(
    ("schema", "sound", "unsound"),
    [
        ({"properties": {"a": {"maxLength": 2}}}, {"a": "xx"}, {"a": "xxx"}),
        ({"$schema": NEW, "prefixItems": [{"type": "integer"}], "items": {"type": "string"}}, [1, "a"], [1, 2]),
        ({"$schema": OLD, "items": [{"type": "integer"}], "additionalItems": {"type": "string"}}, [1, "a"], [1, 2]),
        ({"$schema": NEW, "items": {"type": "string"}}, ["a"], [1]),
        ({"$schema": NEW, "$ref": "#/$defs/n", "minimum": 3, "$defs": {"n": {"type": "integer"}}}, 3, 2),
        ({"$ref": "cellar.yaml#/definitions/n", "description": "n"}, 9, 10),
        ({"pattern": "^a$"}, "a", "a\n"),
        ({"pattern": r"^a\$$"}, "a$", "a$\n"),
        ({"const": None}, None, 0),
        ({"additionalProperties": False, "properties": {"a": True}}, {"a": 1}, {"b": 1}),
        ({"properties": {"a": False}}, {"b": 1}, {"a": 1}),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"a": 1, "b": 1}, {"a": 1}),
        ({"maximum": 18446744073709551615, "type": "integer"}, 18446744073709551615, 18446744073709551616),
        ({"format": "date-time", "x-owner": "engine", "type": "string"}, "tomorrow", 5),
    ],
    ids=str,
)
def test_words_mean_what_their_draft_says(schema: Any, sound: Any, unsound: Any) -> None:
    assert fits(schema, sound)
    assert not fits(schema, unsound)


def test_defaults_change_no_document() -> None:
    document: dict[str, Any] = {}
    assert fits({"properties": {"a": {"default": 1}}}, document)
    assert document == {}


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "neither of"),
        ({"maxLenght": 3}, "'maxLenght' is not understood"),
        ({"unevaluatedProperties": False}, "not understood"),
        ({"dependentRequired": {}}, "not understood"),
        ({"$schema": NEW, "minContains": 2}, "not understood"),
        ({"$schema": NEW, "additionalItems": False}, "not understood"),
        ({"$schema": NEW, "items": [{}]}, "mapping of words"),
        ({"prefixItems": [{}]}, "draft-07 has no prefixItems"),
        ({"$ref": "#/definitions/n", "maximum": 1, "definitions": {"n": {}}}, "passes over"),
        ({"$ref": "https://example.org/s.yaml"}, "leaves the pack"),
        ({"$ref": "../s.yaml"}, "leaves the pack"),
        ({"$ref": "/etc/passwd"}, "leaves the pack"),
        ({"$ref": "#anchor"}, "anchors are not looked up"),
        ({"$ref": "#/definitions/none"}, "leads nowhere"),
        ({"$ref": "cellar.yaml#/definitions/ring"}, "comes back to itself"),
        ({"$ref": 5}, "must be text"),
        ({"exclusiveMinimum": True}, "none that the word may have"),
        ({"required": True}, "none that the word may have"),
        ({"type": "decimal"}, "none that the word may have"),
        ({"maxLength": -1}, "none that the word may have"),
        ({"pattern": "("}, "pattern"),
        ({"pattern": 5}, "none that the word may have"),
        ({"const": {"$ref": "https://example.org"}}, "none that the word may have"),
        ({"enum": []}, "none that the word may have"),
        ({"allOf": []}, "a list of schemas"),
        ({"properties": []}, "a mapping of schemas"),
        ({5: 1}, "mapping of words"),
        ([], "mapping of words"),
        ("x", "mapping of words"),
    ],
    ids=str,
)
def test_what_is_not_understood_is_refused(schema: Any, says: str) -> None:
    with pytest.raises(SchemaFault, match=says):
        taken(schema)


def test_a_schema_that_grows_by_its_references_is_refused() -> None:
    laughs = {f"l{at}": {"allOf": [{"$ref": f"#/definitions/l{at + 1}"}] * 10} for at in range(8)}
    with pytest.raises(SchemaFault, match="more than"):
        taken({"$ref": "#/definitions/l0", "definitions": {**laughs, "l8": {}}})
    deep: Any = {}
    for _ in range(200):
        deep = {"not": deep}
    with pytest.raises(SchemaFault, match="levels"):
        taken(deep)


NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    ['"', "\\", '\\"', "{x}", "\n'"]
)
VALUES = st.none() | st.booleans() | st.integers() | NAMES
SCHEMAS = st.recursive(
    st.fixed_dictionaries({}, optional={"const": VALUES, "enum": st.lists(VALUES, min_size=1, max_size=3)}),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(NAMES, inner, max_size=3),
            "required": st.lists(NAMES, max_size=2, unique=True),
        },
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(SCHEMAS, st.dictionaries(NAMES, VALUES, max_size=3))
def test_whatever_a_schema_names_it_stays_a_name(schema: dict[str, Any], document: dict[str, Any]) -> None:
    """Code is made from schemas: no name or value of one becomes code, and the form taken is its own."""
    form = taken(schema)
    assert self_contained(form, "again") == form
    told = checker(exact_json(form).decode())(document)
    wrong = any(name not in document for name in schema.get("required", ()))
    assert told is not None or not wrong


def test_a_plan_whose_contract_no_pack_may_have_is_at_fault() -> None:
    with pytest.raises(Fault) as caught:
        PackContracts({"run_receipt": {"$ref": "https://example.org/x"}}).problem("run_receipt", {})
    assert caught.value.code is ReasonCode.RECORD_INVALID
    assert PackContracts({"run_receipt": {}}).problem("run_receipt", {}) is None
    assert PackContracts().problem("run_receipt", {}) is None
