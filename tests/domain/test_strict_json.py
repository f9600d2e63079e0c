"""Strict JSON: what it accepts is what the standard library means, and nothing doubtful."""

from __future__ import annotations

import json
import time
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_domain.encoding import strict_json
from sr_domain.encoding.strict_json import strict_loads, too_deep_at
from sr_ports import BadInput, ReasonCode

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=50, deadline=None)
@given(VALUES, st.booleans())
def test_whatever_json_can_say_comes_back(value: Any, ascii_only: bool) -> None:
    data = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert strict_loads(data, what="it") == value


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=40))
def test_garbage_is_refused_or_is_json(data: bytes) -> None:
    try:
        value = strict_loads(data, what="it")
    except BadInput as error:
        assert error.code is ReasonCode.DOCUMENT_INVALID
        assert str(error).isprintable()
    else:
        assert value == json.loads(data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"a": 1, "a": 1}', "'a' stands twice"),
        (b'{"x": {"a": 1, "a": 2}}', "'a' stands twice"),
        (b"NaN", "NaN"),
        (b"[Infinity]", "Infinity"),
        (b"-Infinity", "Infinity"),
        (b"1e999", "out of range"),
        (b"[" * 65 + b"]" * 65, "deeper than 64"),
        (b"[" * 100_000, "deeper than 64"),
        (b'{"a":' * 100_000, "deeper than 64"),
        (b"", "not JSON"),
        (b"{", "not JSON: line 1 column"),
        (b"[1,]", "not JSON"),
        (b"// x\n1", "not JSON"),
        (b"\xff", "UTF-8"),
        ('"\ud800"'.encode("utf-8", "surrogatepass"), "UTF-8"),
        (b'"\\ud800"', "UTF-8"),
        (b'{"\\udfff": 1}', "UTF-8"),
        (b" " * 101, "larger than 100 bytes"),
    ],
)
def test_what_is_doubtful_is_refused_with_its_fault(data: bytes, said: str) -> None:
    limit = 100 if data == b" " * 101 else 1 << 24
    with pytest.raises(BadInput) as caught:
        strict_loads(data, what="the index", max_bytes=limit)
    assert caught.value.what.startswith("the index: ")
    assert said in caught.value.what
    assert str(caught.value).isprintable()


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


TEXTS = st.text('[]{}"\\a\n', max_size=6)
NESTED = st.recursive(TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))


@settings(max_examples=200, deadline=None)
@given(NESTED, st.integers(0, 4))
def test_depth_is_that_of_the_value_whatever_its_strings_hold(value: Any, most: int) -> None:
    data = json.dumps(value).encode()
    at = too_deep_at(data, most)
    assert (at is None) == (depth(value) <= most)
    if at is not None:
        assert data[at - 1 : at] in (b"[", b"{")
        assert too_deep_at(data[: at - 1], most) is None


@settings(max_examples=200, deadline=None)
@given(NESTED, st.integers(0, 4), st.integers(1, 7))
def test_depth_is_the_same_wherever_the_text_is_cut(value: Any, most: int, block: int) -> None:
    data = json.dumps(value).encode()
    whole = too_deep_at(data, most)
    with mock.patch.object(strict_json, "_BLOCK", block):
        assert too_deep_at(data, most) == whole


@pytest.mark.parametrize("data", [b"[" * 64 + b"]" * 64, b'"\\ud83d\\ude00"', b"18446744073709551615"])
def test_what_is_just_allowed_is_read(data: bytes) -> None:
    assert strict_loads(data, what="it") == json.loads(data)


def test_a_number_of_a_million_digits_is_one_line() -> None:
    began = time.process_time()
    with pytest.raises(BadInput) as caught:
        strict_loads(b"9" * 1_000_000, what="it")
    assert "\n" not in str(caught.value)
    assert time.process_time() - began < 5
