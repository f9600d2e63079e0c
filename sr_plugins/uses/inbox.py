"""What a follower has read and not dealt with yet, and how far that lets its positions move. No port, no clock."""

from __future__ import annotations

from collections import deque

import attrs


@attrs.define
class Slot:
    """A place of a shard that was read. `done`: nothing is left to do about it."""

    shard: str
    place: str
    done: bool = False


@attrs.define
class Inbox:
    """Places in the order in which they were read, shard by shard.

    `positions`: up to where everything was dealt with. `read`: up to where everything was read.
    """

    positions: dict[str, str]
    read: dict[str, str] = attrs.field(factory=dict)
    _open: dict[str, deque[Slot]] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.read = dict(self.positions)

    def took(self, shard: str, place: str, *, done: bool = False) -> Slot:
        """The next place of a shard was read."""
        slot = Slot(shard, place, done)
        self.read[shard] = place
        self._open.setdefault(shard, deque()).append(slot)
        if done:
            self._move(shard)
        return slot

    def finish(self, slot: Slot) -> None:
        """Nothing is left to do about a place."""
        slot.done = True
        self._move(slot.shard)

    def forget(self, shard: str) -> None:
        """The bus has not the position of a shard any more: it is read from its start."""
        for where in (self.positions, self.read):
            where.pop(shard, None)
        self._open.pop(shard, None)

    def _move(self, shard: str) -> None:
        """A position moves over what is done, and never over what is not."""
        slots = self._open.get(shard, deque())
        while slots and slots[0].done:
            self.positions[shard] = slots.popleft().place
