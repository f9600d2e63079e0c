"""A part list is read part by part, and only what the digest engine writes is one."""

from __future__ import annotations

import hashlib
import re
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sr_adapters.memory import MemoryObjectStore
from sr_domain.evidence.digests import FileDigest, PartsDigest, part_list
from sr_domain.run.part_changes import part_changes
from sr_domain.run.part_lists import PartList, part_list_at
from sr_ports import EvidenceFault, ReasonCode

NAME = st.text(
    st.characters(codec="utf-8", exclude_characters="/\\", exclude_categories=["Cc"]), min_size=1, max_size=8
)
PATH = st.lists(NAME.filter(lambda name: name not in (".", "..")), min_size=1, max_size=3).map("/".join)
HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
PART = st.builds(FileDigest, PATH, st.integers(0, 1 << 70), HEX)
PARTS = st.lists(PART, min_size=1, max_size=6, unique_by=lambda one: one.path).map(
    lambda some: sorted(some, key=lambda one: one.path)
)


def parts(data: bytes, kept: bool = True) -> Iterator[FileDigest]:
    """The parts of these bytes, as a list of their own name."""
    store, digest = MemoryObjectStore(), hashlib.sha256(data).hexdigest()
    store.create("key", data)
    return iter(PartList(store, "key", digest, data if kept else None))


@given(PARTS)
def test_what_the_digest_engine_writes_is_read_back(written: list[FileDigest]) -> None:
    assert list(parts(part_list(written))) == list(parts(part_list(written), kept=False)) == written
    digest = PartsDigest()
    for one in written:
        digest.add(one)
    assert digest.hexdigest() == hashlib.sha256(part_list(written)).hexdigest()


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
        read = list(parts(spelt))
    except EvidenceFault:
        return
    assert part_list(read) == spelt, "a space within a path makes another path"


@given(PARTS.filter(lambda some: len(some) > 1))
def test_order_and_uniqueness_are_part_of_it(written: list[FileDigest]) -> None:
    for spoilt in (written[::-1], [*written, written[-1]]):
        with pytest.raises(EvidenceFault, match="out of order"):
            list(parts(part_list(spoilt)))


@pytest.mark.parametrize("path", ["../a", "/a", "a/../b", "a\\b", ".", "a//b", "a/", "\x7f"])
def test_a_path_that_no_part_has_is_refused_before_anybody_sees_it(path: str) -> None:
    with pytest.raises(EvidenceFault, match=re.escape("refused")):
        next(parts(part_list([FileDigest(path, 1, "0" * 64)])))


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"files":[]}', b"[1]", b'["a"]', b"\xff"])
def test_what_lists_no_parts_is_no_list(data: bytes) -> None:
    with pytest.raises(EvidenceFault, match="is no part list"):
        list(parts(data))


def test_a_list_under_another_name_is_not_read_at_all() -> None:
    store = MemoryObjectStore()
    assert part_list_at(store, "key", "0" * 64) is ReasonCode.TRUTH_MISSING
    store.create("key", b"[" * 1000)
    assert part_list_at(store, "key", "0" * 64) is ReasonCode.TRUTH_ALTERED


class Replaced(MemoryObjectStore):
    """Gives other bytes from the second look on."""

    looks = 0

    def chunks(self, key: str) -> Iterator[bytes] | None:
        self.looks += 1
        return super().chunks(key if self.looks == 1 else "other")


@pytest.mark.parametrize("other", [part_list([FileDigest("b", 1, "1" * 64)]), None])
def test_a_long_list_that_is_replaced_between_two_looks_is_not_believed(
    other: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sr_domain.run.part_lists.KEPT", 10)
    store, data = Replaced(), part_list([FileDigest("a", 1, "1" * 64)])
    store.create("key", data)
    if other is not None:
        store.create("other", other)
    found = part_list_at(store, "key", hashlib.sha256(data).hexdigest())
    assert isinstance(found, PartList)
    assert found.kept is None
    with pytest.raises(EvidenceFault) as caught:
        list(found)
    assert caught.value.code is ReasonCode.TRUTH_ALTERED


def test_memory_does_not_grow_with_the_number_of_parts() -> None:
    store = MemoryObjectStore()
    listed = part_list(FileDigest(f"part-{n:08}.parquet", n, f"{n:064x}") for n in range(50_000))
    store.create("key", listed)
    tracemalloc.start()
    try:
        found = part_list_at(store, "key", hashlib.sha256(listed).hexdigest())
        assert isinstance(found, PartList)
        assert sum(1 for _ in found) == 50_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5 << 20, "what may be kept of a list, and some parts at a time"


@given(PARTS, PARTS)
def test_changes_are_those_of_two_sets(old: list[FileDigest], new: list[FileDigest]) -> None:
    before, after = ({one.path: one.sha256 for one in some} for some in (old, new))
    assert part_changes(old, new, most=1 << 20) == {
        "added": sorted(after.keys() - before.keys()),
        "removed": sorted(before.keys() - after.keys()),
        "changed": sorted(path for path in before.keys() & after.keys() if before[path] != after[path]),
    }


def test_changes_over_what_is_named_are_counted() -> None:
    new = [FileDigest(f"{n:04}", 1, "0" * 64) for n in range(1000)]
    told = part_changes([], new, most=100 * (64 + 4))
    assert told == {"added": [one.path for one in new[:100]], "removed": [], "changed": [], "unnamed": 900}
