"""An index, entry by entry: it says what strict JSON says, in any chunks, and is bounded before it grows."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_domain.encoding.bounds import unmarked
from sr_domain.encoding.strict_json import strict_loads
from sr_domain.evidence import index_reader
from sr_domain.evidence.cut_short import json_cut_short
from sr_domain.evidence.index_reader import MAX_ENTRY, SHAPES, index_entries
from sr_ports import BadInput, CutShort, EvidenceFault, ReasonCode

C = ReasonCode
KEYS = st.sampled_from([*SHAPES, "meta", "é", "a"]) | st.text(max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9**30) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
LISTED = st.tuples(st.sampled_from(SHAPES), st.lists(VALUES), st.dictionaries(KEYS, VALUES))
DOCUMENTS = (
    st.lists(VALUES, max_size=4)
    | st.dictionaries(KEYS, VALUES, max_size=3)
    | LISTED.map(lambda made: {**made[2], made[0]: made[1]})
)


def chunked(data: bytes, size: int) -> Iterator[memoryview]:
    return (memoryview(data[at : at + size]) for at in range(0, len(data), size))


def read(data: bytes, size: int = 1 << 20) -> list[Any]:
    return list(index_entries(chunked(data, size), "index.json"))


def refused(data: bytes, size: int = 1 << 20) -> EvidenceFault:
    with pytest.raises(EvidenceFault) as caught:
        read(data, size)
    assert str(caught.value).isprintable()
    assert len(caught.value.what) < 300
    return caught.value


def by_the_whole(data: bytes) -> list[Any] | type[EvidenceFault]:
    """What reading the document at once says: its entries, or how it is at fault."""
    try:
        document = strict_loads(unmarked(data), what="it")
    except BadInput:
        return CutShort if json_cut_short(data) else EvidenceFault
    if isinstance(document, dict):
        named = [document[key] for key in SHAPES if key in document]
        document = named[0] if len(named) == 1 else None
    return document if isinstance(document, list) else EvidenceFault


@settings(max_examples=150, deadline=None)
@given(DOCUMENTS, st.booleans(), st.sampled_from([None, 1]), st.data())
def test_any_document_and_any_beginning_of_it_is_read_as_by_the_whole(
    document: Any, ascii_only: bool, indent: int | None, data: st.DataObject
) -> None:
    whole = json.dumps(document, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    begun = whole[: data.draw(st.integers(0, len(whole)))]
    for text in (whole, begun, begun + b"\0\0", whole + b"\0", b"\xef\xbb\xbf" + whole, begun + b"]", whole + b"x"):
        wanted, size = by_the_whole(text), data.draw(st.integers(1, 50))
        if isinstance(wanted, list):
            assert read(text, size) == wanted
        elif wanted is CutShort:
            assert isinstance(refused(text, size), EvidenceFault)
            assert type(refused(text, size)) is CutShort or not isinstance(document, list)
        else:
            assert type(refused(text, size)) is EvidenceFault


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=30) | st.text('[]{},:"\\ \n01ae', max_size=20).map(str.encode), st.integers(1, 9))
def test_garbage_is_read_as_by_the_whole(data: bytes, size: int) -> None:
    wanted = by_the_whole(data)
    if isinstance(wanted, list):
        assert read(data, size) == wanted
    else:
        assert refused(data, size).code is C.INDEX_MALFORMED


def test_halves_of_surrogate_pairs_are_no_text_and_whole_ones_are() -> None:
    assert read(b'["\\ud83d\\ude00"]', 3) == ["\U0001f600"]
    assert refused(b'["\\ud83d"]', 3).code is C.INDEX_MALFORMED


ODD = (
    '"a},{b"',
    '"a\\",\\"b"',
    '{"path":"},{"}',
    '{"path":"a","digest":{"hex":"b"},"x":[{},{"y":"}"}]}',
    '{"a": "\\ud83d\\ude00"}',
    "7",
    "[]",
    '{"path":"' + "a" * 9000 + '"}',
)


@given(st.lists(st.sampled_from(ODD), min_size=1, max_size=400), st.sampled_from([",", " ,", ", ", ",\n    "]))
def test_many_at_once_are_what_they_are_one_by_one(entries: list[str], comma: str) -> None:
    text = "[" + comma.join(entries) + "]"
    assert read(text.encode(), 1 << 14) == json.loads(text)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ('{"a":1,"a":2}', C.INDEX_MALFORMED),
        ('{"a":NaN}', C.INDEX_MALFORMED),
        ('{"a":"\\ud83d"}', C.INDEX_MALFORMED),
        ('{"a":1}}', C.INDEX_MALFORMED),
        ('{"a":1}],[{"b":1}', C.INDEX_MALFORMED),
        ('{"a":"' + "x" * MAX_ENTRY + '"}', C.NAME_TOO_LONG),
        ('{"a":' + "[" * 63 + "]" * 63 + "}", C.DOCUMENT_TOO_DEEP),
    ],
)
def test_what_is_wrong_among_many_is_found_after_those_before_it(bad: str, code: ReasonCode) -> None:
    sound = '{"path":"a","sha256":"b"}'
    data = f"[{','.join([sound] * 50)},{bad},{','.join([sound] * 50)}]".encode()
    given: list[Any] = []
    with pytest.raises(EvidenceFault) as caught:
        given.extend(index_entries(chunked(data, 999), "index.json"))
    assert caught.value.code is code
    assert given[:50] == [json.loads(sound)] * 50


OVER = {
    "entries of nothing": (b"[" + b"{}," * 40_000 + b"{}]", C.DOCUMENT_TOO_MANY),
    "one endless entry": (b'["' + b"a" * 5_000_000 + b'"]', C.NAME_TOO_LONG),
    "one endless entry, not closed": (b'["' + b"a" * 5_000_000, C.NAME_TOO_LONG),
    "an entry just too long": (b'["' + b"a" * MAX_ENTRY + b'"]', C.NAME_TOO_LONG),
    "many fields": (json.dumps({str(at): at for at in range(1001)}).encode(), C.DOCUMENT_TOO_MANY),
    "a deep entry": (b"[" * 65 + b"]" * 65, C.DOCUMENT_TOO_DEEP),
    "a very deep entry": (b"[" * 1_000_000, C.DOCUMENT_TOO_DEEP),
    "deep beside the list": (b'{"a":' + b"[" * 64 + b"]" * 64 + b',"files":["a"]}', C.DOCUMENT_TOO_DEEP),
    "endless": (b"[" + b'"a",      ' * 20_000, C.DOCUMENT_TOO_LARGE),
}


@pytest.mark.parametrize("name", OVER)
def test_over_a_bound_the_code_names_it_and_nothing_grows(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_reader, "MAX_ENTRIES", 30_000)
    monkeypatch.setattr(index_reader, "MAX_INDEX", 90_000 if name == "endless" else 8 << 20)
    data, code = OVER[name]
    started = time.process_time()
    tracemalloc.start()
    with pytest.raises(EvidenceFault) as caught:
        for _ in index_entries(chunked(data, 1 << 16), "index.json"):
            pass
    grown = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.code is code
    assert grown < 2 << 20
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "data",
    [
        b'["' + b"a" * (MAX_ENTRY - 2) + b'"]',
        b"[" * 64 + b"]" * 64,
        json.dumps({**{str(at): at for at in range(999)}, "files": ["a"]}).encode(),
        b"[" + b" \n" * 500_000 + b'"a"' + b"\t" * 500_000 + b"]",
    ],
    ids=["long entry", "deep", "many fields", "much space"],
)
def test_close_below_a_bound_an_index_is_read(data: bytes) -> None:
    assert len(read(data, 1 << 16)) == 1
