"""Port: a control bus that can be read on from where somebody stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol, runtime_checkable

import attrs

from sr_ports.bus import Envelope
from sr_ports.compared import Compared
from sr_ports.errors import SrError

Positions = Mapping[str, str]
"""How far a topic was read: by shard, the bus's own name for the place of what was read last. Empty: nothing was."""


@attrs.frozen(eq=False, repr=False)
class Kept(Compared):
    """What a bus keeps at one place of a topic. `shard`: what has an order of its own, as a partition of a stream.

    `place`: opaque text, by which reading goes on behind it. `envelope`: what is there; None where that is no
    envelope, for the reason in `trouble`.
    """

    shard: str
    place: str
    envelope: Envelope | None
    trouble: SrError | None = None


@runtime_checkable
class Positioned(Protocol):
    """A control bus that can be read on from where somebody stopped. Laws, beside those of `ControlBus`:

    B6  `read` gives what is kept behind the positions, each once, and ends at what is the end then: whoever puts the
        place of each thing that he read under its shard, and reads on by that, from whatever handle, session or
        process, reads everything once. A shard without a position is read from the oldest that is kept. Order is that
        of B4, and a shard that was split or merged is read to its end before those that came of it.
    B7  What cannot be read as an envelope, whatever it is, is given in its turn with why; reading goes on behind it.
    B8  A place that the bus does not have (any more) is told by a `Kept` without envelope whose trouble is
        `NotFound(BUS_POSITION_LOST)` and whose place is empty; then comes all that is kept of that shard.
    """

    def read(self, topic: str, *, after: Positions = ...) -> Iterator[Kept]:
        """What is kept of a topic behind these positions, up to the present end. Raises `Unreachable`."""
