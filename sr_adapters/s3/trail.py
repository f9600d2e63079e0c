"""Who wrote an object: an id per write, carried in the object's metadata.

A write whose answer was lost is settled by looking for its id. The next writer carries the
ids before it along, so that one's own write is still recognised when it was already replaced.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Final

import attrs

WRITE: Final = "sr-write"
BEFORE: Final = "sr-before"
_KEPT = 20
"""Writes that are carried along; S3 allows 2 KiB of metadata."""
_ENTRY = re.compile(r"([0-9a-f]{16}):([0-9a-zA-Z._-]{1,64})")


@attrs.frozen
class Trail:
    """A write and those before it. `before`: (id, ETag) of earlier writes, newest first.

    `whole`: whether `before` goes back to the object's creation.
    """

    write: str
    before: tuple[tuple[str, str], ...] = ()
    whole: bool = True

    def next(self, etag: str) -> Trail:
        """The trail of a write that replaces this one, which has `etag`."""
        before = ((self.write, etag), *self.before)
        return Trail(new_id(), before[:_KEPT], self.whole and len(before) <= _KEPT)

    def metadata(self) -> dict[str, str]:
        """As object metadata."""
        before = [f"{write}:{etag}" for write, etag in self.before]
        return {WRITE: self.write, BEFORE: " ".join(["." if self.whole else "..", *before])}


def started() -> Trail:
    """The trail of an object's creation."""
    return Trail(new_id())


def unknown(etag: str) -> Trail:
    """The trail of a write that replaces an object of which only the ETag is known."""
    return Trail(new_id(), (("0" * 16, etag),), whole=False)


def read(metadata: Mapping[str, str]) -> Trail | None:
    """The trail in an object's metadata; None when the object was written by something else."""
    found = {name.lower(): value for name, value in metadata.items()}
    write, before = found.get(WRITE), found.get(BEFORE, "..").split()
    if not write or not before:
        return None
    return Trail(write, tuple(_ENTRY.findall(" ".join(before[1:]))), before[0] == ".")


def new_id() -> str:
    """16 hex characters that no other write has."""
    return uuid.uuid4().hex[:16]
