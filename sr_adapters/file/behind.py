"""What a topic's folder has behind a position: each file, or why it is no envelope, with the position that it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from sr_adapters.file import order
from sr_adapters.file.homes import Found, Place
from sr_ports.compared import Compared
from sr_ports.errors import NotFound, SrError, Unreachable
from sr_ports.positions import Kept
from sr_ports.reasons import ReasonCode

if TYPE_CHECKING:
    from sr_adapters.file.bus import FileControlBus


@attrs.frozen(eq=False, repr=False)
class Turn(Compared):
    """What a topic's folder keeps at a place, and when its turn is among the other folders'."""

    turn: tuple[str, int]
    kept: Kept

    @classmethod
    def of(cls, found: Found, shard: str, place: str) -> Turn:
        """A file of the folder."""
        if isinstance(found.what, SrError):
            return cls(found.turn, Kept(shard, place, None, found.what))
        return cls(found.turn, Kept(shard, place, found.what))

    @classmethod
    def lost(cls, shard: str, position: str) -> Turn:
        """That a position is not there any more."""
        what = f"the topic's folder {shard} has not {position}, which was read last"
        return cls(("", 0), Kept(shard, "", None, NotFound(ReasonCode.BUS_POSITION_LOST, what)))


def behind(bus: FileControlBus, place: Place, position: str) -> Iterator[Turn]:
    """What the folder at `place` has behind a position of it, in its order. Raises `Unreachable`."""
    shard = "/".join(place)
    with bus.edge(f"read {place[-1]}"), bus.entered(place) as folder:
        mark = None if folder is None else order.mark(folder)
        if mark is not None and bus.still.get(place) == (position, mark):
            return
        listed = order.behind(folder, position)
    if listed == [] and mark is not None:
        bus.still[place] = position, mark
    if listed is None:
        yield Turn.lost(shard, position)
        yield from behind(bus, place, "")
        return
    for name, here in listed:
        found = bus.found(place, name)
        if found is not None:
            if isinstance(found.what, Unreachable) and _is_file(bus, place, name):
                raise found.what
            yield Turn.of(found, shard, here)


def _is_file(bus: FileControlBus, place: Place, name: str) -> bool:
    """Whether it is a file that could not be read, rather than a link or a folder in a file's place."""
    with bus.edge(f"read {place[-1]}"), bus.entered(place) as folder:
        return folder is not None and order.is_file(folder, name)
