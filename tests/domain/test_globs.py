"""Segments of patterns: what they take is what they always took, in time that is linear in the name."""

from __future__ import annotations

import fnmatch
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_ports import Wanted
from sr_ports.globs import STAR, Part, matches_nothing, parts, segment_glob
from sr_ports.wanted import MAX_PATTERN, MAX_SPANS, pattern_over

SEGMENTS = st.text("ab*?[]!-^z\\&.", max_size=9)
NAMES = st.text("abz-]^!\\[c&.", max_size=6)
_SET = re.compile(r"\[([!^]?)(\]?[^\]]*)\]")
_TURNED = re.compile(r"\[[!^]?[^\]]*[^\]]-[^\]]*\]")


def taken_by_trial(found: tuple[Part, ...], name: str) -> bool:
    """Whether the name fits, tried in every way."""
    if not found:
        return not name
    first, rest = found[0], found[1:]
    if first == STAR:
        return any(taken_by_trial(rest, name[at:]) for at in range(len(name) + 1))
    fits = bool(name) and (name[0] == first if isinstance(first, str) else first.has(name[0]))
    return fits and taken_by_trial(rest, name[1:])


@settings(max_examples=300, deadline=None)
@given(SEGMENTS, st.lists(NAMES, max_size=4))
def test_a_segment_takes_what_every_way_of_trying_takes(segment: str, names: list[str]) -> None:
    glob = segment_glob(segment)
    assert all(glob.fits(name) is taken_by_trial(parts(segment), name) for name in names)


@settings(max_examples=300, deadline=None)
@given(SEGMENTS, st.lists(NAMES, max_size=4))
def test_a_segment_takes_what_the_standard_library_takes(segment: str, names: list[str]) -> None:
    shelled = _SET.sub(lambda match: f"[!{match[2]}]" if match[1] == "^" else match[0], segment)
    if _TURNED.search(segment) or "[^]" in segment:
        return  # of ranges that end before they begin it makes other sets, and of an open [^] another name
    pattern = re.compile(fnmatch.translate(shelled))
    assert all(segment_glob(segment).fits(name) is bool(pattern.match(name)) for name in names)


@pytest.mark.parametrize(
    ("segment", "fits", "not_"),
    [
        ("[a-c]?", ["az", "c]"], ["a", "da"]),
        ("[!a-c]*", ["d", "]x"], ["a", ""]),
        ("[^x]", ["y"], ["x", "^^"]),
        ("[]]", ["]"], ["[]]"]),
        ("[ab", ["[ab"], ["a"]),
        ("[-a]", ["-", "a"], ["b"]),
        ("[a-]", ["-", "a"], ["b"]),
        ("[a-c-e]", ["b", "-", "e"], ["d"]),
        ("a*b*", ["ab", "axbx"], ["a", "ba"]),
        ("*", ["", "x\ny"], []),
    ],
)
def test_what_a_segment_takes(segment: str, fits: list[str], not_: list[str]) -> None:
    assert all(segment_glob(segment).fits(name) for name in fits)
    assert not any(segment_glob(segment).fits(name) for name in not_)


def test_a_set_of_turned_ranges_matches_nothing_and_its_twin_something() -> None:
    assert matches_nothing("x[z-a]")
    assert not matches_nothing("x[a-z]")
    assert not matches_nothing("x[z-ac]")


@pytest.mark.parametrize("segment", ["*a*a*a*a*b", "*a*[a]?*a*?a*b", "?*" * 200 + "b", "*" * 8000 + "b", "[" * 8000])
def test_no_name_holds_the_interpreter(segment: str) -> None:
    started = time.process_time()
    assert not segment_glob(segment).fits("a" * 255)
    assert not segment_glob(segment).fits("a" * 4096)
    assert time.process_time() - started < 1


def test_many_spans_take_a_deep_path_in_no_time() -> None:
    wanted = Wanted("**/a*/" * MAX_SPANS + "*.bin")
    assert pattern_over(wanted.pattern) is None
    started = time.process_time()
    assert wanted.takes("aa/" * 400 + "x.bin")
    assert not wanted.takes("aa/" * 400 + "x.txt")
    assert time.process_time() - started < 1


def test_a_pattern_over_a_bound_is_named_and_its_twin_is_taken() -> None:
    assert pattern_over("**/a/" * (MAX_SPANS + 1) + "x") is not None
    assert pattern_over("x" * (MAX_PATTERN + 1)) is not None
    assert pattern_over("x" * MAX_PATTERN) is None
    assert pattern_over("**/" * 1000 + "x") is None, "spans one behind another are as one"
    assert Wanted("**/**/x").takes("a/x")
    assert Wanted("**/**").takes("a/b")
