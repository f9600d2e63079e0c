"""The one compare-and-swap loop, over a store in which another writer may be first."""

from __future__ import annotations

import pytest

from sr_adapters.memory.store import MemoryObjectStore
from sr_domain.run.swap import TRIES, swap
from sr_ports import Blob, OutcomeUnknown, Stored


class Contended(MemoryObjectStore):
    """A store in which another writer puts bytes of its own under the key before each of the first `losses` writes."""

    def __init__(self, losses: int) -> None:
        super().__init__()
        self.losses, self.writes = losses, 0

    def _another_writes(self, key: str) -> None:
        self.writes += 1
        if self.writes <= self.losses:
            blob, data = self.read(key), f"theirs {self.writes}".encode()
            _ = super().create(key, data) if blob is None else super().replace(key, data, etag=blob.etag)

    def create(self, key: str, data: bytes) -> Stored | None:
        self._another_writes(key)
        return super().create(key, data)

    def replace(self, key: str, data: bytes, *, etag: str) -> Stored | None:
        self._another_writes(key)
        return super().replace(key, data, etag=etag)


def added(standing: Blob | None) -> bytes:
    return (b"" if standing is None else standing.data + b"; ") + b"ours"


@pytest.mark.parametrize(
    ("losses", "end"), [(0, b"ours"), (1, b"theirs 1; ours"), (TRIES - 1, b"theirs %d; ours" % (TRIES - 1))]
)
def test_a_change_is_made_again_from_what_another_wrote(losses: int, end: bytes) -> None:
    store = Contended(losses)
    written = swap(store, "k", None, added)
    assert written == store.read("k")
    assert written is not None
    assert written.data == end


def test_as_many_lost_writes_as_there_are_tries_are_told() -> None:
    store = Contended(TRIES)
    with pytest.raises(OutcomeUnknown, match=f"changed by others {TRIES} times"):
        swap(store, "k", None, added)
    blob = store.read("k")
    assert blob is not None
    assert blob.data == b"theirs %d" % TRIES


def test_none_leaves_the_object_as_it_is() -> None:
    store = Contended(0)
    assert swap(store, "k", None, lambda _: None) is None
    assert store.read("k") is None
    assert store.writes == 0
