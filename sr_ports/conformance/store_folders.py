"""Law O9 of the object store, as tests: its folders; and whether it is shared. See `stores`, which has these too."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sr_ports.errors import Unreachable
from sr_ports.stores import ObjectStore

Reopen = Callable[[], ObjectStore]


class FolderLaws:
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

    def test_a_store_says_whether_others_share_it(self, store: ObjectStore, reopen: Reopen) -> None:
        assert isinstance(store.shared, bool)
        assert reopen().shared is store.shared

    def test_o9_a_store_that_cannot_answer_says_so(self, broken: ObjectStore, prefix: str) -> None:
        with pytest.raises(Unreachable):
            broken.folders(prefix)
