"""Strict YAML: what JSON can say comes back, what is doubtful is refused, bombs are cheap."""

from __future__ import annotations

import importlib.util
import json
import time
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_plugins.documents import load_document, load_yaml
from sr_ports import BadInput, ReasonCode

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)
PLAIN = st.dictionaries(TEXT, st.recursive(TEXT | st.integers() | st.booleans() | st.none(), st.lists, max_leaves=5))


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_json_is_read_as_json_also_as_a_document(value: dict[str, Any]) -> None:
    assert load_document(json.dumps(value).encode(), what="it") == value


@settings(max_examples=50, deadline=None)
@given(PLAIN)
def test_what_yaml_writes_comes_back(value: Any) -> None:
    data = yaml.safe_dump(value, allow_unicode=True).encode()
    assert load_yaml(data, what="it") == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: no", {"a": "no"}),
        ("a: yes", {"a": "yes"}),
        ("a: on", {"a": "on"}),
        ("a: True", {"a": "True"}),
        ("a: true", {"a": True}),
        ("a: 012", {"a": "012"}),
        ("a: 0x10", {"a": "0x10"}),
        ("a: 1_000", {"a": "1_000"}),
        ("a: 1:30", {"a": "1:30"}),
        ("a: 2026-01-01T00:00:00Z", {"a": "2026-01-01T00:00:00Z"}),
        ("a: 2026-01-01", {"a": "2026-01-01"}),
        ("a: .nan", {"a": ".nan"}),
        ("a: .inf", {"a": ".inf"}),
        ("a: ~", {"a": None}),
        ("a:", {"a": None}),
        ("a: 18446744073709551615", {"a": 2**64 - 1}),
        ("a: 1.5", {"a": 1.5}),
        ("a: '7'", {"a": "7"}),
    ],
)
def test_scalars_are_json_and_everything_else_is_text(text: str, value: Any) -> None:
    assert load_yaml(text.encode(), what="it") == value


BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{at}: &a{at} [" + ",".join([f"*a{at - 1}"] * 10) + "]\n" for at in range(1, 12)
)

DEEP = ("[" * 200 + "]" * 200, "[" * 100_000, "{a: " * 5_000, "- " * 50_000)
UNBOUNDED = pytest.mark.skipif(
    importlib.util.find_spec("sr_plugins.yaml_reader") is None, reason="libyaml's own composer overruns the C stack"
)


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\na: 2", "{a: 1, a: 1}", "x:\n  a: 1\n  a: 2", "1: a", "true: a", "null: a", "? [a]\n: b",
        "a: !!python/object/apply:os.system [id]", "a: !!binary aGk=", "a: !!set {x}", "a: !!timestamp 2026-01-01",
        "a: !mine b", "a: &x [*x]", "a: [", "a: b: c", "\tx: 1", "a: 1\n---\nb: 2", "a: 1e999",
        BOMB, *(pytest.param(one, marks=UNBOUNDED) for one in DEEP),
    ],
    ids=lambda text: repr(text[:24]),
)  # fmt: skip
def test_what_is_doubtful_is_refused_in_one_cheap_line(text: str) -> None:
    began = time.process_time()
    with pytest.raises(BadInput) as caught:
        load_yaml(text.encode(), what="the profile")
    assert caught.value.code is ReasonCode.DOCUMENT_INVALID
    assert caught.value.what.startswith("the profile: ")
    assert str(caught.value).isprintable()
    assert time.process_time() - began < 5


@pytest.mark.parametrize("data", [b"a: \xff", b"a: \x00", b"\xff\xfea\x00"])
def test_what_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput):
        load_yaml(data, what="it")


def test_too_large_is_refused_unread() -> None:
    with pytest.raises(BadInput, match="larger than 10 bytes"):
        load_yaml(b"a: 123456789", what="it", max_bytes=10)


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("ab:-[]{}&*!|>'\"%@#?, \n\t01.~"), max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        load_yaml(text.encode(), what="it")
    except BadInput as error:
        assert str(error).isprintable()
