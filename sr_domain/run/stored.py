"""Objects of the store that may be long, in pieces: what stands is hashed without being held."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import attrs

from sr_domain.encoding.bounds import BOUNDS
from sr_domain.encoding.strict_json import strict_loads
from sr_ports import BadInput, ObjectStore
from sr_ports.stores import Streamed


def pieces(store: ObjectStore, key: str) -> Iterator[bytes] | None:
    """The bytes of an object, some at a time; None when it is certainly absent. Raises as `ObjectStore.read`.

    A store of another distribution may know no pieces: it gives the object whole.
    """
    if isinstance(store, Streamed):
        return store.chunks(key)
    blob = store.read(key)
    return None if blob is None else iter((blob.data,))


@attrs.frozen
class StoredBytes:
    """What stands somewhere. `kept`: all of it, where that is little."""

    sha256: str
    kept: bytes | None


def stored_sha256(store: ObjectStore, key: str, *, keep: int = 0) -> StoredBytes | None:
    """The digest of what stands at `key`, and its bytes where they are `keep` at most; None for nothing."""
    chunks = pieces(store, key)
    if chunks is None:
        return None
    whole, held, size = hashlib.sha256(), list[bytes](), 0
    for piece in chunks:
        whole.update(piece)
        size += len(piece)
        if size <= keep:
            held.append(piece)
    return StoredBytes(whole.hexdigest(), b"".join(held) if size <= keep else None)


def versions_in(found: StoredBytes | None) -> Any:
    """What a document of object versions says: none where it is not there, or holds more than a document may.

    None for what is no JSON.
    """
    if found is None or found.kept is None:
        return {}
    try:
        return strict_loads(found.kept, what="object versions")
    except BadInput as error:
        return {} if error.code in BOUNDS else None
