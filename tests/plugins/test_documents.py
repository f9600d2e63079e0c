"""Documents from outside: JSON's values and no others, each trap refused in one line with its place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_plugins.documents import yaml_reader
from sr_plugins.documents.yaml import load_document, load_json, load_yaml
from sr_ports import BadInput, ReasonCode

QUICK = settings(max_examples=100, deadline=None)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)


def values(text: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.recursive(
        SCALARS | text,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
        max_leaves=15,
    )


BOUNDS = {
    "larger than": ReasonCode.DOCUMENT_TOO_LARGE,
    "nested deeper than": ReasonCode.DOCUMENT_TOO_DEEP,
    "values, aliases": ReasonCode.DOCUMENT_TOO_MANY,
}


def refused(load: Any, data: bytes, **limits: Any) -> str:
    with pytest.raises(BadInput) as caught:
        load(data, what="the request", **limits)
    bound = next((code for told, code in BOUNDS.items() if told in caught.value.what), ReasonCode.DOCUMENT_INVALID)
    assert caught.value.code is bound
    assert caught.value.what.startswith("the request: ")
    assert len(caught.value.what) < 300
    return caught.value.what.removeprefix("the request: ")


@QUICK
@given(values(st.text(max_size=20)))
def test_any_json_value_is_read_back_by_load_json_and_load_document(value: Any) -> None:
    for ascii_only in (True, False):
        data = json.dumps(value, ensure_ascii=ascii_only).encode()
        assert load_json(data, what="it") == value
        if isinstance(value, dict | list):
            assert load_document(data, what="it") == value


@QUICK
@given(values(st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=20)))
def test_any_json_text_is_the_same_value_to_load_yaml(value: Any) -> None:
    read = load_yaml(json.dumps(value).encode(), what="it")
    assert read == value
    assert json.dumps(read) == json.dumps(value)  # 1 is not 1.0 and not True


@QUICK
@given(st.binary(max_size=60) | st.text("[]{}:,-?&*!|>'\"%@` \n\t#a1<~.", max_size=60).map(str.encode))
def test_whatever_the_bytes_a_value_of_json_or_bad_input_comes_back(data: bytes) -> None:
    for load in (load_yaml, load_json, load_document):
        try:
            value = load(data, what="it")
        except BadInput as error:
            assert "\n" not in str(error)
        else:
            assert json.loads(json.dumps(value, allow_nan=False)) == value


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T00:00:00Z", "2026-01-01", "yes", "no", "on", "off", "y", "True", "FALSE", "NULL", "Null",
        "0x10", "0o17", "1_000", "012", "-012", "+1", "1:30", "190:20:30", "1.", ".5", ".nan", ".inf", "-.inf", "=",
    ],
)  # fmt: skip
def test_what_json_would_not_type_stays_text(text: str) -> None:
    assert load_yaml(f"value: {text}\n".encode(), what="it") == {"value": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("false", False), ("null", None), ("~", None), ("", None), ("0", 0), ("-7", -7), ("1.5", 1.5),
        ("18446744073709551616", 2**64), ("1e3", 1000.0), ("-1.5E-2", -0.015), ("'1'", "1"), ('"true"', "true"),
        ("!!str 1", "1"), ("|\n  1\n", "1\n"),
    ],
)  # fmt: skip
def test_what_json_types_is_typed(text: str, value: Any) -> None:
    read = load_yaml(f"value: {text}\n".encode(), what="it")["value"]
    kind = float if isinstance(read, float) else type(read)  # a number with a point keeps its spelling beside it
    assert (kind, read) == (type(value), value)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"a: 1\nb: 2\na: 3", "line 3 column 1: the key 'a' stands twice"),
        (b"{a: {b: 1, b: 2}}", "line 1 column 12: the key 'b' stands twice"),
        (b"x: &n a\n*n : 1\na: 2", "line 3 column 1: the key 'a' stands twice"),
        (b"1: a", "line 1 column 1: the key 1 is not text"),
        (b"true: a", "line 1 column 1: the key True is not text"),
        (b"a: ! 1", "the tag ! is not allowed"),
        (b"? ~\n: a", "line 1 column 3: the key None is not text"),
        (b"? [a, b]\n: c", "line 1 column 8: the key a collection is not text"),
        (b"base: &b {x: 1}\n<<: *b", "line 2 column 1: merge keys are not allowed"),
        (b"a: 1e999", "line 1 column 4: a number out of range"),
        (b"a: " + b"9" * 5000, "line 1 column 4: a number of more than 4300 characters"),
        (b"a: !!python/object/apply:os.system [id]", "tag tag:yaml.org,2002:python/object/apply:os.system is not"),
        (b"a: !!binary aGk=", "line 1 column 4: the tag tag:yaml.org,2002:binary is not allowed"),
        (b"a: !!timestamp 2026-01-01", "tag:yaml.org,2002:timestamp is not allowed"),
        (b"a: !!float nan", "tag:yaml.org,2002:float is not allowed"),
        (b"!!map [a]", "tag:yaml.org,2002:map is not allowed"),
        (b"!!set {a, b}", "tag:yaml.org,2002:set is not allowed"),
        (b"a: !local 1", "the tag !local is not allowed"),
        (b"--- a\n--- b", "line 2 column 1: a second document begins"),
        (b"a: *b", "line 1 column 4: the alias *b names nothing that is complete"),
        (b"&a [*a]", "line 1 column 5: the alias *a names nothing that is complete"),
        (b"&a {b: [*a, *a]}", "line 1 column 9: the alias *a names nothing that is complete"),
        (b"a: \xff", "not valid UTF-8 text"),
        ("a: 1".encode("utf-16"), "not valid UTF-8 text"),
    ],
)
def test_yaml_that_is_refused(data: bytes, fault: str) -> None:
    assert fault in refused(load_yaml, data)


@pytest.mark.parametrize("data", [b"a: [1", b"a: b: c", b"a: \x00", b'a: "\\ud800"'])
def test_yaml_that_the_parser_refuses_is_refused_in_its_words(data: bytes) -> None:
    assert refused(load_yaml, data)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b'{"a": 1, "a": 2}', "the key 'a' stands twice"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b"[-Infinity]", "-Infinity is not a JSON number"),
        (b"[1e999]", "the number 1e999 is out of range"),
        (b"[" + b"9" * 4300 + b"]", "a number of more than 4299 digits"),
        (b'["\\ud800"]', "not valid UTF-8 text"),
        (b'["\xff"]', "not valid UTF-8 text"),
        (b"[1] [2]", "not JSON: line 1 column 5: "),
    ],
)
def test_json_that_is_refused_and_no_yaml_reading_saves_it(data: bytes, fault: str) -> None:
    assert fault in refused(load_json, data)
    assert fault in refused(load_document, data)


def test_a_large_integer_is_exact() -> None:
    number = 10**4298
    assert load_json(str(number).encode(), what="it") == load_yaml(str(number).encode(), what="it") == number


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"seed": 18446744073709551615}', {"seed": 2**64 - 1}),
        (b"\n [1, 2]", [1, 2]),
        (b"{a: 1, at: 2026-01-01}", {"a": 1, "at": "2026-01-01"}),
        (b"[a, b] # a list", ["a", "b"]),
        (b"# a comment\na: 1", {"a": 1}),
        (b"", None),
        (b"\xef\xbb\xbfa: 1", {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1e2, "b": "\\u00e4"}', {"a": 100.0, "b": "ä"}),
        (b"\xef\xbb\xbf\r\n[1]\r\n", [1]),
    ],
)
def test_a_document_is_read_as_what_it_is(data: bytes, value: Any) -> None:
    assert load_document(data, what="it") == value


def test_what_neither_reads_is_told_as_json_where_it_looks_like_json() -> None:
    assert refused(load_document, b'{"a": ]').startswith("not JSON: line 1 column 7")


DEEP = [(b"[", b"]"), (b"- ", b"a"), (b"? ", b"a"), (b"{a: ", b"}"), (b"[a: ", b"]"), (b"[{a: ", b"}]")]


@pytest.mark.parametrize(("opened", "closed"), DEEP, ids=lambda part: part.decode())
@pytest.mark.parametrize("levels", [70, 100_000])
def test_nesting_is_bounded_in_every_style(opened: bytes, closed: bytes, levels: int) -> None:
    assert refused(load_yaml, opened * levels + closed).endswith("nested deeper than 64")


ROWS = [
    *(b"[" * 100, b"[{" * 100, b"- " * 100, b"? " * 100, b"[a: " * 100, b"{a: " * 100, b"[x, " * 100),
    b"".join([b"[" * 60, b"x, ", b"[" * 60]),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[:6].decode())
@pytest.mark.parametrize(
    "before", [b"", b"k: [[1, 2], {a: b}]\nrow:\n  ", b"'s': don't say \"\nk: |\n  it's [\nrow:\n "]
)
def test_the_parser_is_not_shown_a_row_of_brackets_that_is_too_deep(
    row: bytes, before: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A parser with a limit of its own would say so in words of its own, or end the process."""
    shown: list[bytes] = []
    whole = yaml_reader._events

    def noted(data: bytes) -> Iterator[Any]:
        shown.append(data)
        return whole(data)

    monkeypatch.setattr(yaml_reader, "_events", noted)
    assert refused(load_yaml, before + row).endswith("nested deeper than 64")
    assert len(shown) == 1
    assert max(len(re.findall(rb"[\[{]|[-?] ", line)) for line in shown[0].splitlines()) <= 65


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[:6].decode())
def test_a_row_of_brackets_that_opens_nothing_is_text(row: bytes) -> None:
    text = row.decode().strip()
    for told, value in [
        (f'"{text}"', text),
        (f"'{text}'", text),
        (f"|-\n  {text}", text),
        (f">-\n  it's\n  {text}", f"it's {text}"),
        (f"b # {text}", "b"),
        (f"it's # {text}", "it's"),
        (f'["{text}", "{text}]", {{b: "{text}"}}]', [text, f"{text}]", {"b": text}]),
    ]:
        assert load_yaml(f"a: {told}\nlast: [1]\n".encode(), what="it") == {"a": value, "last": [1]}
    for load in (load_json, load_document):
        assert load(json.dumps({"a": text, "last": [text]}).encode(), what="it") == {"a": text, "last": [text]}


def test_many_shallow_collections_are_not_deep() -> None:
    value = {"rows": [[at, {"at": [at]}] for at in range(200)]}
    for load in (load_json, load_yaml, load_document):
        assert load(json.dumps(value).encode(), what="it") == value
    assert load_yaml(b"rows:\n" + b"- - a\n  - {b: c}\n" * 100, what="it")["rows"][99] == ["a", {"b": "c"}]


def test_a_fault_before_the_depth_is_the_fault_that_is_told() -> None:
    assert "the key 'a' stands twice" in refused(load_json, b'{"x": {"a": 1, "a": 2}, "y": ' + b"[" * 100)
    assert "line 1 column 10: " in refused(load_json, b'{"x": 1, y: ' + b"[" * 100)
    assert "the key 'a' stands twice" in refused(load_yaml, b"a: 1\na: 2\nb: ok")


@pytest.mark.parametrize("load", [load_json, load_yaml])
def test_the_deepest_that_is_read(load: Any) -> None:
    assert load(b"[" * 64 + b"]" * 64, what="it")
    assert refused(load, b"[" * 65 + b"]" * 65).endswith("nested deeper than 64")
    assert refused(load, b"[[[]]]", max_depth=2).endswith("nested deeper than 2")


def test_an_alias_counts_with_all_that_it_stands_for() -> None:
    nine = b", ".join([b"*a%d"] * 9)
    lines = [b"a0: &a0 [x]"] + [
        b"a%d: &a%d [" % (at, at) + nine.replace(b"%d", b"%d" % (at - 1)) + b"]" for at in range(1, 30)
    ]
    assert "more than 150000 values, aliases written out" in refused(load_yaml, b"\n".join(lines))


def test_an_alias_adds_to_the_depth_it_stands_at() -> None:
    lines = [b"a0: &a0 []"] + [b"a%d: &a%d [*a%d]" % (at, at, at - 1) for at in range(1, 70)]
    assert "nested deeper than 64" in refused(load_yaml, b"\n".join(lines))


def test_a_modest_alias_is_its_value() -> None:
    assert load_yaml(b"a: &x {b: [1]}\nc: [*x, *x]\nd: &y e\nf: *y", what="it") == {
        "a": {"b": [1]}, "c": [{"b": [1]}, {"b": [1]}], "d": "e", "f": "e",
    }  # fmt: skip


def test_a_later_anchor_of_one_name_replaces_the_first() -> None:
    assert load_yaml(b"[&x 1, *x, &x 2, *x]", what="it") == [1, 1, 2, 2]


def test_bytes_and_values_are_bounded() -> None:
    assert refused(load_yaml, b"a: 12345678", max_bytes=10) == "larger than 10 bytes"
    assert refused(load_json, b"[1234567890]", max_bytes=10) == "larger than 10 bytes"
    assert load_yaml(b"[1, 2, 3]", what="it", max_nodes=4) == [1, 2, 3]
    assert "more than 3 values, aliases" in refused(load_yaml, b"[1, 2, 3]", max_nodes=3)


def test_the_shipped_catalogue_reads_the_same_without_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    import yaml

    folder = Path(__file__).resolve().parents[2] / "config" / "interface_pack"
    data = (folder / "engine_outputs.catalogue.yaml").read_bytes()
    first = load_yaml(data, what="it")
    monkeypatch.setattr(yaml_reader, "_Parser", yaml.SafeLoader)
    assert load_yaml(data, what="it") == first
    for opened, closed in DEEP:
        assert refused(load_yaml, opened * 300 + closed).endswith("nested deeper than 64")
