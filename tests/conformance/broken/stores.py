"""Object stores that break a law each."""

from __future__ import annotations

import hashlib
import re
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import attrs
import pytest

from sr_ports import NotFound, ReasonCode, Unreachable
from sr_ports.conformance.stores import ObjectStoreLaws
from sr_ports.stores import Blob, Stored, check_bytes, check_key
from tests.conformance.broken.making import suites


@attrs.define
class World:
    """What all handles of one store share."""

    blobs: dict[str, Blob] = attrs.field(factory=dict)
    lock: Any = attrs.field(factory=threading.RLock)
    writes: int = 0
    down: bool = False


class Sound:
    """Keeps every law: each write has a number, which is its ETag."""

    shared = False

    def __init__(self, world: World | None = None) -> None:
        self.world = World() if world is None else world

    def create(self, key: str, data: bytes) -> Stored | None:
        self._check(key, data)
        with self.world.lock:
            return None if key in self.world.blobs else self._put(key, data)

    def replace(self, key: str, data: bytes, *, etag: str) -> Stored | None:
        self._check(key, data)
        with self.world.lock:
            current = self.world.blobs.get(key)
            return self._put(key, data) if current is not None and current.etag == etag else None

    def read(self, key: str) -> Blob | None:
        self._check(key)
        return self.world.blobs.get(key)

    def stat(self, key: str) -> Stored | None:
        blob = self.read(key)
        return None if blob is None else Stored(key, len(blob.data), blob.etag)

    def list(self, prefix: str) -> Iterator[Stored]:
        self._reach()
        found = sorted((key, blob) for key, blob in dict(self.world.blobs).items() if self._begins(key, prefix))
        return (Stored(key, len(blob.data), blob.etag) for key, blob in found)

    def folders(self, prefix: str) -> Sequence[str]:
        self._reach()
        below = [key.removeprefix(prefix) for key in dict(self.world.blobs) if key.startswith(prefix)]
        return sorted({name.partition("/")[0] for name in below if "/" in name})

    def delete(self, key: str) -> None:
        self._check(key)
        with self.world.lock:
            self.world.blobs.pop(key, None)

    def describe(self) -> str:
        return "a dict"

    def location(self) -> str:
        return "dict:"

    def _begins(self, key: str, prefix: str) -> bool:
        return key.startswith(prefix)

    def _check(self, key: str, data: bytes = b"") -> None:
        check_key(key)
        check_bytes(key, len(data))
        self._reach()

    def _reach(self) -> None:
        if self.world.down:
            raise Unreachable(ReasonCode.STORE_UNREACHABLE, "the dict is down")

    def _put(self, key: str, data: bytes) -> Stored:
        self.world.writes += 1
        blob = Blob(bytes(data), self._etag(key, data))
        self.world.blobs[key] = blob
        return Stored(key, len(data), blob.etag)

    def _etag(self, key: str, data: bytes) -> str:
        del key, data
        return str(self.world.writes)


class ListCutAtThousand(Sound):
    def list(self, prefix: str) -> Iterator[Stored]:
        return iter([*super().list(prefix)][:1000])


class ListByLike(Sound):
    def _begins(self, key: str, prefix: str) -> bool:
        words = "".join({"_": ".", "%": ".*"}.get(letter, re.escape(letter)) for letter in prefix)
        return re.match(words, key, re.DOTALL) is not None


class ListWithoutCase(Sound):
    def _begins(self, key: str, prefix: str) -> bool:
        return key.lower().startswith(prefix.lower())


class ListUnsorted(Sound):
    def list(self, prefix: str) -> Iterator[Stored]:
        return iter([*super().list(prefix)][::-1])


class StaleReads(Sound):
    def __init__(self, world: World | None = None) -> None:
        super().__init__(world)
        self.seen: dict[str, Blob | None] = {}

    def read(self, key: str) -> Blob | None:
        if key not in self.seen:
            self.seen[key] = super().read(key)
        return self.seen[key]


class TornWrites(Sound):
    def _put(self, key: str, data: bytes) -> Stored:
        super()._put(key, data[: len(data) // 2])
        return super()._put(key, data)


class ContentEtags(Sound):
    def _etag(self, key: str, data: bytes) -> str:
        return hashlib.md5(data).hexdigest()


class LengthEtags(Sound):
    def _etag(self, key: str, data: bytes) -> str:
        return str(len(data))


class WeakEtags(Sound):
    def _etag(self, key: str, data: bytes) -> str:
        return f"{zlib.crc32(data):08x}"


class EqualBytesAreNoWrite(Sound):
    def replace(self, key: str, data: bytes, *, etag: str) -> Stored | None:
        current = self.stat(key)
        if current is not None and current.etag == etag and self.world.blobs[key].data == data:
            return current
        return super().replace(key, data, etag=etag)


class VersionsReusedAfterDelete(Sound):
    def _etag(self, key: str, data: bytes) -> str:
        current = self.world.blobs.get(key)
        return "1" if current is None else str(int(current.etag) + 1)


class RacyCreate(Sound):
    def create(self, key: str, data: bytes) -> Stored | None:
        self._check(key, data)
        if key in self.world.blobs:
            return None
        return self._put(key, data)


class RacyReplace(Sound):
    def replace(self, key: str, data: bytes, *, etag: str) -> Stored | None:
        current = self.read(key)
        if current is None or current.etag != etag:
            return None
        return self._put(key, data)


class OverwritingCreate(Sound):
    def create(self, key: str, data: bytes) -> Stored | None:
        self._check(key, data)
        return self._put(key, data)


class MissingRaises(Sound):
    def read(self, key: str) -> Blob | None:
        blob = super().read(key)
        if blob is None:
            raise NotFound(ReasonCode.RUN_NOT_FOUND, f"{key} is not there")
        return blob


class UnreachableIsAbsent(Sound):
    def _reach(self) -> None:
        """Nothing is said of it."""


class UnreachableByAnotherName(Sound):
    def _reach(self) -> None:
        if self.world.down:
            raise ConnectionResetError("the dict is down")


class NeverEnds(Sound):
    def read(self, key: str) -> Blob | None:
        while (blob := super().read(key)) is None:
            pass
        return blob


class NoKeyCheck(Sound):
    def _check(self, key: str, data: bytes = b"") -> None:
        self._reach()


class Suite(ObjectStoreLaws):
    __test__ = False
    kind: ClassVar[Callable[..., Sound]]

    @pytest.fixture
    def store(self) -> Sound:
        return type(self).kind()

    @pytest.fixture
    def reopen(self, store: Sound) -> Callable[[], Sound]:
        return lambda: type(self).kind(store.world)

    @pytest.fixture
    def broken(self) -> Sound:
        return type(self).kind(World(down=True))


BROKEN: Sequence[tuple[type[Sound], str]] = (
    (ListCutAtThousand, "O7"), (ListByLike, "O7"), (ListWithoutCase, "O7"), (ListUnsorted, "O7"),
    (StaleReads, "O3"), (StaleReads, "O2"), (TornWrites, "O5"), (ContentEtags, "O8"), (LengthEtags, "O8"),
    (WeakEtags, "O8"), (EqualBytesAreNoWrite, "O8"), (VersionsReusedAfterDelete, "O8"), (RacyCreate, "O1"),
    (RacyReplace, "O2"), (OverwritingCreate, "O1"), (MissingRaises, "O4"), (UnreachableIsAbsent, "O4"),
    (UnreachableByAnotherName, "O4"), (NoKeyCheck, "keys"),
)  # fmt: skip


class TestSound(Suite):
    """The twin."""

    __test__ = True
    kind = Sound


globals().update(suites(Suite, BROKEN))
globals().update(suites(Suite, [(NeverEnds, "O4")], time_limit_s=1.0))
