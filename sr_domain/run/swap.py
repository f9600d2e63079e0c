"""Compare-and-swap: the one way in which an object that changes is written.

Truth that never changes is created once and needs no loop. A record and a status change, and other
workers may change them at the same time.
"""

from __future__ import annotations

from collections.abc import Callable

from sr_ports import Blob, ObjectStore, OutcomeUnknown

TRIES = 16
"""How often a write that lost to another is tried again. A run has one holder, and few append beside it."""


def swap(
    store: ObjectStore, key: str, standing: Blob | None, change: Callable[[Blob | None], bytes | None]
) -> Blob | None:
    """Write what `change` makes of the object at `key`; the object as written, None where nothing was to be written.

    `standing`: the object as the caller knows it; None for none. When another writer was first, the
    object is read and `change` is called again. `change` returns the new bytes, or None to leave the
    object as it is; what it raises ends the loop. Raises `OutcomeUnknown` after `TRIES` lost writes.
    """
    for _ in range(TRIES):
        data = change(standing)
        if data is None:
            return None
        stored = store.create(key, data) if standing is None else store.replace(key, data, etag=standing.etag)
        if stored is not None:
            return Blob(data, stored.etag)
        standing = store.read(key)
    raise OutcomeUnknown(f"{key} was changed by others {TRIES} times while it was being written")
