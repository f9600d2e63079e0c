"""An `ObjectStore` in memory. Gone with the process."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence

from sr_ports.stores import Blob, Stored, check_bytes, check_key


class MemoryObjectStore:
    """Objects in a dict under one lock. `shared`: another handle whose objects this one shows too.

    The ETag is the SHA-256 of the bytes, as on the real stores: a content that comes back
    brings its ETag back, and a caller that relies on more is found out.
    """

    shared = False

    def __init__(self, shared: MemoryObjectStore | None = None) -> None:
        self._lock: threading.Lock = shared._lock if shared else threading.Lock()
        self._blobs: dict[str, Blob] = shared._blobs if shared else {}

    def create(self, key: str, data: bytes) -> Stored | None:
        check_key(key)
        check_bytes(key, len(data))
        with self._lock:
            return None if key in self._blobs else self._put(key, data)

    def replace(self, key: str, data: bytes, *, etag: str) -> Stored | None:
        check_key(key)
        check_bytes(key, len(data))
        with self._lock:
            current = self._blobs.get(key)
            return self._put(key, data) if current is not None and current.etag == etag else None

    def read(self, key: str) -> Blob | None:
        check_key(key)
        blob = self._blobs.get(key)
        if blob is not None:
            check_bytes(key, len(blob.data))
        return blob

    def chunks(self, key: str) -> Iterator[bytes] | None:
        """See `sr_ports.stores.Streamed`."""
        blob = self.read(key)
        return None if blob is None else iter((blob.data,))

    def stat(self, key: str) -> Stored | None:
        check_key(key)
        blob = self._blobs.get(key)
        return None if blob is None else Stored(key, len(blob.data), blob.etag)

    def list(self, prefix: str) -> Iterator[Stored]:
        with self._lock:
            found = sorted((key, blob) for key, blob in self._blobs.items() if key.startswith(prefix))
        return (Stored(key, len(blob.data), blob.etag) for key, blob in found)

    def folders(self, prefix: str) -> Sequence[str]:
        with self._lock:
            below = [key.removeprefix(prefix) for key in self._blobs if key.startswith(prefix)]
        return sorted({name.partition("/")[0] for name in below if "/" in name})

    def delete(self, key: str) -> None:
        check_key(key)
        with self._lock:
            self._blobs.pop(key, None)

    def describe(self) -> str:
        return "memory of this process"

    def location(self) -> str:
        return "memory:"

    def _put(self, key: str, data: bytes) -> Stored:
        blob = Blob(bytes(data), hashlib.sha256(data).hexdigest())
        self._blobs[key] = blob
        return Stored(key, len(blob.data), blob.etag)
