"""The in-memory object store keeps the port's laws."""

from __future__ import annotations

import pytest

from sr_adapters.memory.store import MemoryObjectStore
from sr_ports.conformance.stores import ObjectStoreLaws, Reopen


class TestMemoryObjectStore(ObjectStoreLaws):
    @pytest.fixture
    def content_etags(self) -> bool:
        return True

    @pytest.fixture
    def store(self) -> MemoryObjectStore:
        return MemoryObjectStore()

    @pytest.fixture
    def reopen(self, store: MemoryObjectStore) -> Reopen:
        return lambda: MemoryObjectStore(store)


def test_two_stores_share_nothing_unless_told() -> None:
    one, other = (MemoryObjectStore() for _ in range(2))
    assert one.create("a", b"x") is not None
    assert other.read("a") is None
    assert one.describe() == "memory of this process"


def test_what_is_stored_is_a_copy() -> None:
    store, data = MemoryObjectStore(), bytearray(b"before")
    store.create("a", data)  # type: ignore[arg-type]
    data[:] = b"after!"
    blob = store.read("a")
    assert blob is not None
    assert blob.data == b"before"
