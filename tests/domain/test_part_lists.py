"""A part list is read part by part, and only what the digest engine writes is one."""

from __future__ import annotations

import re
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sr_domain.evidence.digests import FileDigest, part_list
from sr_domain.queries.part_lists import parts
from sr_ports import EvidenceFault

NAME = st.text(
    st.characters(codec="utf-8", exclude_characters="/\\", exclude_categories=["Cc"]), min_size=1, max_size=8
)
PATH = st.lists(NAME.filter(lambda name: name not in (".", "..")), min_size=1, max_size=3).map("/".join)
HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
PART = st.builds(FileDigest, PATH, st.integers(0, 1 << 70), HEX)
PARTS = st.lists(PART, min_size=1, max_size=6, unique_by=lambda one: one.path).map(
    lambda some: sorted(some, key=lambda one: one.path)
)


@given(PARTS)
def test_what_the_digest_engine_writes_is_read_back(written: list[FileDigest]) -> None:
    assert list(parts(part_list(written), "key")) == written


@given(PARTS, st.data())
def test_another_spelling_is_no_list(written: list[FileDigest], data: st.DataObject) -> None:
    listed = part_list(written)
    at = data.draw(st.integers(0, len(listed) - 1))
    spelt = data.draw(
        st.sampled_from(
            [listed[:at], listed[:at] + b" " + listed[at:], listed + b"\n", b" " + listed, listed[:-1] + b",]"]
        )
    )
    try:
        read = list(parts(spelt, "key"))
    except EvidenceFault:
        return
    assert part_list(read) == spelt, "a space within a path makes another path"


@given(PARTS.filter(lambda some: len(some) > 1))
def test_order_and_uniqueness_are_part_of_it(written: list[FileDigest]) -> None:
    for spoilt in (written[::-1], [*written, written[-1]]):
        with pytest.raises(EvidenceFault, match="out of order"):
            list(parts(part_list(spoilt), "key"))


@pytest.mark.parametrize("path", ["../a", "/a", "a/../b", "a\\b", ".", "a//b", "a/", "\x7f"])
def test_a_path_that_no_part_has_is_refused_before_anybody_sees_it(path: str) -> None:
    with pytest.raises(EvidenceFault, match=re.escape("refused")):
        next(parts(part_list([FileDigest(path, 1, "0" * 64)]), "key"))


def test_memory_does_not_grow_with_the_number_of_parts() -> None:
    listed = part_list(FileDigest(f"part-{n:08}.parquet", n, f"{n:064x}") for n in range(50_000))
    tracemalloc.start()
    try:
        assert sum(1 for _ in parts(listed, "key")) == 50_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * len(listed), "the text of the list, and one part at a time"
