"""Port: the control bus that carries READY and other control facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

import attrs

from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class Envelope(Compared):
    """One control fact on the wire (spec: wire, "bus envelope").

    `attributes`: among them `kind`, `run_id` and `platform_run_id`, the home of the run that the fact
    speaks of. `payload`: a JSON object.
    """

    topic: str
    message_id: str
    published_at_utc: str
    attributes: Mapping[str, str]
    partition_key: str
    payload: Mapping[str, Any]


class ControlBus(Protocol):
    """At-least-once publication.

    Laws:

    B1  When `publish` returns, the envelope is durable and a reader from the start will see it.
    B2  When it raises `Unreachable`, it may or may not have been published; publishing again
        is always safe and keeps the same message id.
    B3  Nothing that was published changes or vanishes: a later publication of the same
        message id, as a re-emit, is one more envelope beside the first. A bus may keep a
        repeated publication of an equal READY fact (a retry) as one.
    B4  `tail` yields whole envelopes, in the order of publication for one partition key.
        One that follows ends when its handle is closed. The order is part of what the bus
        keeps: a copy of that, made by other means than the bus's own, has it too.
    B5  Where an envelope is filed is decided by the envelope alone (its topic, its partition
        key, the platform run in its attributes), never by the session that publishes it. `tail`
        reads a topic's envelopes of all platform runs, whatever session reads.
    """

    def publish(self, envelope: Envelope) -> None:
        """Publish durably. Raises `Unreachable` (retryable) or `BadInput` (can never fit)."""

    def tail(self, topic: str, *, from_start: bool = True, follow: bool = False) -> Iterator[Envelope]:
        """Read envelopes; with `follow` wait for more until `close`, else stop at the end.

        Those of several platform runs are merged by when they were published, where the bus keeps them apart.
        """

    def describe(self) -> str:
        """Where this bus is, for people; never a secret."""

    def close(self) -> None:
        """End every `tail` that follows and let go of connections; safe to call twice."""


@runtime_checkable
class Retaining(ControlBus, Protocol):
    """A bus that lets go of what is older than it keeps; from any other nothing ever vanishes (law B3)."""

    def kept_since(self) -> datetime:
        """Since when all that was published is still there, aware UTC. Raises `Unreachable`, also without the right."""
