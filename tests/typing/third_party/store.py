"""An object store in a dict of this process: every handle of one URL shows the same objects."""

import hashlib
import threading
from collections.abc import Iterator, Sequence
from typing import ClassVar

import attrs

from sr_ports import Adapter, Blob, ObjectStore, Stored, Wiring, check_bytes, check_key, hookimpl, setting


class MyStore:
    """`ObjectStore` of `url`."""

    shared = False
    _lock: ClassVar[threading.Lock] = threading.Lock()
    _worlds: ClassVar[dict[str, dict[str, bytes]]] = {}

    def __init__(self, url: str) -> None:
        self._url = url
        self._objects = self._worlds.setdefault(url, {})

    def create(self, key: str, data: bytes) -> Stored | None:
        check_key(key)
        check_bytes(key, len(data))
        with self._lock:
            if key in self._objects:
                return None
            self._objects[key] = bytes(data)
        return _stored(key, data)

    def replace(self, key: str, data: bytes, *, etag: str) -> Stored | None:
        check_key(key)
        check_bytes(key, len(data))
        with self._lock:
            current = self._objects.get(key)
            if current is None or _etag(current) != etag:
                return None
            self._objects[key] = bytes(data)
        return _stored(key, data)

    def read(self, key: str) -> Blob | None:
        check_key(key)
        data = self._objects.get(key)
        return None if data is None else Blob(data, _etag(data))

    def stat(self, key: str) -> Stored | None:
        blob = self.read(key)
        return None if blob is None else _stored(key, blob.data)

    def list(self, prefix: str) -> Iterator[Stored]:
        with self._lock:
            found = sorted((key, data) for key, data in self._objects.items() if key.startswith(prefix))
        return (_stored(key, data) for key, data in found)

    def folders(self, prefix: str) -> Sequence[str]:
        with self._lock:
            below = [key.removeprefix(prefix) for key in self._objects if key.startswith(prefix)]
        return sorted({name.partition("/")[0] for name in below if "/" in name})

    def delete(self, key: str) -> None:
        check_key(key)
        with self._lock:
            self._objects.pop(key, None)

    def describe(self) -> str:
        return self._url

    def location(self) -> str:
        return self._url


def _etag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _stored(key: str, data: bytes) -> Stored:
    return Stored(key, len(data), _etag(data))


@attrs.frozen
class Settings:
    """The keys of the profile's section."""

    url: str = attrs.field(default="dict://", metadata=setting("which dict"))


def build(wiring: Wiring[Settings]) -> MyStore:
    """The store of a profile."""
    return MyStore(wiring.settings.url)


@hookimpl
def sr_object_stores() -> Sequence[Adapter[ObjectStore]]:
    return [Adapter("dict", build, settings=Settings)]
