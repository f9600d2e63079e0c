"""What merely ends too early, and what is malformed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sr_domain.evidence.cut_short import flag_cut_short, json_cut_short

LEAVES = st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text()
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
).filter(lambda one: isinstance(one, list | dict))


@given(DOCUMENTS, st.booleans(), st.sampled_from([None, 1]), st.data())
def test_every_beginning_of_a_document_is_cut_short_and_the_whole_is_not(
    document: object, ascii_only: bool, indent: int | None, data: st.DataObject
) -> None:
    whole = json.dumps(document, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    try:
        whole.decode()
    except UnicodeDecodeError:
        return
    assert not json_cut_short(whole)
    assert not json_cut_short(whole + b"\n")
    assert json_cut_short(whole[: data.draw(st.integers(0, len(whole) - 1))])


@given(DOCUMENTS, st.sampled_from([b"]", b"}", b",", b"x", b'"']))
def test_what_stands_behind_a_whole_document_is_no_beginning(document: object, more: bytes) -> None:
    assert not json_cut_short(json.dumps(document).encode() + more)


@pytest.mark.parametrize(
    "text",
    [b"x", b'"text', b"1", b"nul", b'{"a" 1', b"{a", b"[1 2", b"[,", b"[}", b"{]", b'{"a":}', b"[01", b"[+", b"[tru1",
     b'["\x01', b"[1.e", b'["\\x', b"\xff[", b"[\xc3", b"[" * 200, b"{}[", b"[nulll"],
)  # fmt: skip
def test_what_no_document_begins_with_is_malformed(text: bytes) -> None:
    assert not json_cut_short(text)


HEX = "0123456789abcdefABCDEF0123456789" * 2
FLAGS = st.sampled_from(
    [f"sha256_hex = {HEX}", f"  sha256_hex={HEX}", f"digest  =  {HEX}", json.dumps({"digest": HEX}),
     "\ufeff" + f"digest = {HEX}"]
)  # fmt: skip


@given(FLAGS, st.data())
def test_every_beginning_of_a_flag_is_cut_short(flag: str, data: st.DataObject) -> None:
    whole = flag.encode()
    assert flag_cut_short(whole[: data.draw(st.integers(0, len(whole) - 1))], ("sha256_hex", "digest"))
    assert not flag_cut_short(whole, ("sha256_hex", "digest"))


@pytest.mark.parametrize(
    "text",
    [b"ok", b"other = ", b"sha256_hex: ", b"digest = xyz", b"digest = " + b"a" * 65, b'{"digest": 1}', b"{}", b"[",
     b"digest = ab c", b"sha256_hexx"],
)  # fmt: skip
def test_a_flag_of_another_form_is_malformed(text: bytes) -> None:
    assert not flag_cut_short(text, ("sha256_hex", "digest"))


FLAG = b"sha256_hex = " + b"a" * 64 + b"\n"


@pytest.mark.parametrize("length", range(len(FLAG) + 1))
def test_a_flag_that_got_its_length_before_its_bytes_is_cut_short(length: int) -> None:
    assert flag_cut_short(FLAG[:length] + b"\0" * (len(FLAG) + 1 - length), ["sha256_hex"])


@pytest.mark.parametrize("length", range(len(b'{"files": ["a"]}') + 1))
def test_an_index_that_got_its_length_before_its_bytes_is_cut_short(length: int) -> None:
    assert json_cut_short(b'{"files": ["a"]}'[:length] + b"\0" * (20 - length))


@pytest.mark.parametrize("data", [b"nonsense\0\0", b"sha256_hex\0= ", b"\0sha256_hex", b'{"a": 1} x\0', b'{"a" 1\0'])
def test_no_zeros_make_nonsense_the_beginning_of_anything(data: bytes) -> None:
    assert not flag_cut_short(data, ["sha256_hex"])
    assert not json_cut_short(data)
