"""Law O7 of the object store, as tests: what is listed. See `stores`, which has these too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pytest

from sr_ports.conformance.lawful import Laws
from sr_ports.conformance.together import count_up, together
from sr_ports.stores import ObjectStore

Reopen = Callable[[], ObjectStore]

WRITERS = 16
WILD = ("a_b/x", "a_c", "aXb/x", "a%b/x", "a%%", "a*b", "a?b", "a[b]", "A_B/x", "aab", "ab", "a\u00e4b", "%", "_", "z")
"""Names with what other languages take for a wildcard, and what those would take."""


class ListLaws(Laws):
    """Every object below a prefix, and nothing else. Needs the fixtures of `ObjectStoreLaws`."""

    @pytest.fixture
    def many(self) -> int:
        """Objects of a list that must come whole; more than any server puts on one page."""
        return 1_100

    def test_o7_list_is_in_key_order_and_holds_to_its_prefix(self, store: ObjectStore, prefix: str) -> None:
        names = ["a-b", "a.b", "a/b-c", "a/b/c", "a0", "ab/c", "b", "Z", "é", "z/y/x"]
        for name in reversed(names):
            assert store.create(f"{prefix}{name}", name.encode()) is not None
        for start in ("", "a", "a/", "a/b", "a/b/", "a.", "ab", "z/y", "z/y/x", "nothing", "a/nothing/"):
            found = list(store.list(f"{prefix}{start}"))
            assert [item.key for item in found] == [f"{prefix}{n}" for n in sorted(names) if n.startswith(start)]
            assert found == [store.stat(item.key) for item in found]

    def test_o7_list_leaves_no_object_out_and_names_nothing_else(
        self, store: ObjectStore, reopen: Reopen, prefix: str
    ) -> None:
        keys = [f"{prefix}{n % 3}/{n:03}" for n in range(36)]
        together([partial(reopen().create, key, key.encode()) for key in keys[:WRITERS]])
        for key in keys[WRITERS:]:
            store.create(key, key.encode())
        together([partial(count_up_or_create, reopen(), f"{prefix}0/count") for _ in range(4)])
        found = list(reopen().list(prefix))
        assert [item.key for item in found] == sorted([*keys, f"{prefix}0/count"])

    def test_o7_a_prefix_is_taken_letter_by_letter(self, store: ObjectStore, prefix: str) -> None:
        """No letter of a prefix stands for another, whatever it means where the store keeps its keys."""
        for name in WILD:
            assert store.create(f"{prefix}{name}", b"x") is not None
        for start in ("a_", "a_b/", "a%", "%", "_", "a*", "a?", "a[", "A", "a", "ab", "z%", "%z", "a__"):
            found = [item.key for item in store.list(f"{prefix}{start}")]
            assert found == [f"{prefix}{name}" for name in sorted(WILD) if name.startswith(start)]
        assert list(store.folders(f"{prefix}a_b/")) == []

    def test_o7_a_long_list_comes_whole(self, store: ObjectStore, reopen: Reopen, prefix: str, many: int) -> None:
        keys = [f"{prefix}long/{n % 7}/{n:05}" for n in range(many)]
        together([partial(create_each, reopen(), keys[who::WRITERS]) for who in range(WRITERS)], switch_s=None)
        assert [item.key for item in store.list(f"{prefix}long/")] == sorted(keys)
        assert [item.key for item in reopen().list(f"{prefix}long/3")] == sorted(keys[3::7])


def count_up_or_create(store: ObjectStore, key: str) -> None:
    """Create the counter at 0 unless it is there, then count one up."""
    store.create(key, b"0")
    count_up(store, key, times=1)


def create_each(store: ObjectStore, keys: Sequence[str]) -> None:
    """An object under each of the keys."""
    for key in keys:
        assert store.create(key, b"x") is not None
