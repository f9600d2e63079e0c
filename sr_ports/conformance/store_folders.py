"""Laws O9 and O11 of the object store, as tests: its folders, how long an object may be; and whether it is shared.

See `stores`, which has these too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from sr_ports.conformance.lawful import Laws
from sr_ports.errors import Fault, Unreachable
from sr_ports.reasons import ReasonCode
from sr_ports.stores import ObjectStore, Streamed, longest

Reopen = Callable[[], ObjectStore]


class FolderLaws(Laws):
    """What is listed without a look below. Needs the fixtures of `ObjectStoreLaws`."""

    def test_o9_folders_are_named_once_and_in_order(self, store: ObjectStore, reopen: Reopen, prefix: str) -> None:
        assert list(store.folders(prefix)) == []
        for name in ("b/x", "a/b/c", "a/b/d", "a-b/x", "a.b", "Z/z/z/z", "é/x", "b.jsonl"):
            assert store.create(f"{prefix}{name}", b"x") is not None
        for handle in (store, reopen()):
            assert list(handle.folders(prefix)) == ["Z", "a", "a-b", "b", "é"]
            assert list(handle.folders(f"{prefix}a/")) == ["b"]
            assert list(handle.folders(f"{prefix}a/b/")) == []
            assert list(handle.folders(f"{prefix}nothing/")) == []
            assert prefix.partition("/")[0] in handle.folders("")

    def test_o9_folders_of_more_than_one_page(self, store: ObjectStore, prefix: str) -> None:
        names = [f"{n:02}" for n in range(23)]
        for name in names:
            assert store.create(f"{prefix}{name}/a", b"x") is not None
        assert list(store.folders(prefix)) == names

    def test_o11_an_object_over_its_bound_is_refused(self, store: ObjectStore, prefix: str) -> None:
        kept = store.create(f"{prefix}a", b"kept")
        assert kept is not None
        long = bytes(longest(f"{prefix}a") + 1)
        for act in (
            partial(store.create, f"{prefix}b", long),
            partial(store.replace, f"{prefix}a", long, etag=kept.etag),
        ):
            with pytest.raises(Fault) as caught:
                act()
            assert caught.value.code is ReasonCode.OBJECT_TOO_LARGE
        assert list(store.list(prefix)) == [kept]

    def test_a_store_that_gives_pieces_gives_the_object(self, store: ObjectStore, reopen: Reopen, prefix: str) -> None:
        """What `chunks` gives is what `read` gives, in pieces."""
        if not isinstance(store, Streamed):
            pytest.skip("this store gives objects whole")
        data = bytes(range(256)) * 20_000
        for name, some in (("a", data), ("empty", b"")):
            assert store.create(f"{prefix}{name}", some) is not None
            for handle in (store, reopen()):
                assert isinstance(handle, Streamed)
                pieces = handle.chunks(f"{prefix}{name}")
                assert pieces is not None
                assert b"".join(pieces) == some
        assert store.chunks(f"{prefix}b") is None

    def test_a_store_that_gives_pieces_says_when_it_cannot(self, broken: ObjectStore, prefix: str) -> None:
        """`chunks` raises as `read` does."""
        if isinstance(broken, Streamed):
            with pytest.raises(Unreachable):
                list(broken.chunks(f"{prefix}a") or ())

    def test_a_store_says_whether_others_share_it(self, store: ObjectStore, reopen: Reopen) -> None:
        """`shared` is True or False, and the same from every handle."""
        assert isinstance(store.shared, bool)
        assert reopen().shared is store.shared

    def test_o9_a_store_that_cannot_answer_says_so(self, broken: ObjectStore, prefix: str) -> None:
        with pytest.raises(Unreachable):
            broken.folders(prefix)
