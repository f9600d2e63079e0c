"""A bundle's index in memory: kept while it is short, walked anew where it is long.

What is kept of an index is bounded so, however many files it lists and however long their names are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import overload

from sr_ports import IndexEntry

KEPT_ENTRIES = 1 << 16
KEPT_TEXT = 8 << 20
"""Characters of all names and digests together."""

Walk = Callable[[], Iterator[IndexEntry]]


class LongIndex(Sequence[IndexEntry]):
    """The entries of an index that is not kept: each walk over them reads it again, and so does each look at one.

    `walk`: reads it. `count`: how many entries it has.
    """

    __slots__ = ("_count", "_walk")

    def __init__(self, walk: Walk, count: int) -> None:
        self._walk, self._count = walk, count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[IndexEntry]:
        return self._walk()

    @overload
    def __getitem__(self, at: int) -> IndexEntry: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[IndexEntry]: ...
    def __getitem__(self, at: int | slice) -> IndexEntry | Sequence[IndexEntry]:
        if isinstance(at, slice):
            return tuple(self._walk())[at]
        return next(islice(self._walk(), range(self._count)[at], None))


def kept(walk: Walk) -> Sequence[IndexEntry]:
    """The entries that a walk gives, all of which are seen once: each is sound, or `walk` raises."""
    held: list[IndexEntry] | None = []
    count = text = 0
    for entry in walk():
        count += 1
        if held is not None:
            held.append(entry)
            text += len(entry.path) + len(entry.sha256_hex or "") + len(entry.claim or "")
            if count > KEPT_ENTRIES or text > KEPT_TEXT:
                held = None
    return LongIndex(walk, count) if held is None else tuple(held)
