"""Reading on behind positions: each shard from its own place to its present end, a parent before its children."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from sr_adapters.envelopes import decode
from sr_adapters.kinesis.errors import code_of
from sr_adapters.kinesis.reader import EXPIRED, Source
from sr_ports import BadInput, Kept, NotFound, Positions, ReasonCode, Unreachable

_UNKNOWN_PLACE: Final = "InvalidArgumentException"


@attrs.define
class Behind:
    """Reads a topic behind positions. It remembers where each shard goes on, for who asks again from there."""

    source: Source
    _next: dict[tuple[str, str], tuple[str, str | None]] = attrs.field(factory=dict, init=False)

    def read(self, topic: str, after: Positions) -> Iterator[Kept]:
        """Everything behind the positions, up to the present end. Raises `Unreachable`."""
        for shard in self.source.shards():
            yield from self._shard(topic, str(shard["ShardId"]), after.get(str(shard["ShardId"]), ""))

    def _shard(self, topic: str, shard: str, place: str) -> Iterator[Kept]:
        """`place`: of the last that was given, empty for none."""
        known = self._next.get((topic, shard))
        iterator = known[1] if known is not None and known[0] == place else self._started(shard, place)
        if iterator == _LOST:
            what = f"shard {shard} has not the record {place}, which was read last"
            yield Kept(shard, "", None, NotFound(ReasonCode.BUS_POSITION_LOST, what))
            place, iterator = "", self._started(shard, "")
        at = place
        while iterator is not None:
            page = self._page(shard, at, iterator)
            for record in page["Records"]:
                at = str(record["SequenceNumber"])
                kept = _kept(shard, at, record["Data"], topic)
                if kept is not None:
                    place = at
                    yield kept
            iterator = page.get("NextShardIterator")
            self._next[topic, shard] = place, iterator
            if not page["Records"] and not page.get("MillisBehindLatest"):
                return

    def _started(self, shard: str, place: str) -> str:
        """An iterator behind the place; `_LOST` where the shard does not know it."""
        try:
            return self.source.iterator(shard, _start(place))
        except Unreachable as error:
            if not place or error.__cause__ is None or code_of(error.__cause__) != _UNKNOWN_PLACE:
                raise
            return _LOST

    def _page(self, shard: str, at: str, iterator: str) -> Mapping[str, Any]:
        """The next records. An iterator lives five minutes: one that expired is asked for again, at its place."""
        try:
            return self.source.records(iterator)
        except Unreachable as error:
            if error.__cause__ is None or code_of(error.__cause__) != EXPIRED:
                raise
        return self.source.records(self.source.iterator(shard, _start(at)))


_LOST: Final = ""
"""No iterator is empty."""


def _start(place: str) -> Mapping[str, Any]:
    if not place:
        return {"ShardIteratorType": "TRIM_HORIZON"}
    return {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": place}


def _kept(shard: str, place: str, data: bytes, topic: str) -> Kept | None:
    """What a record is to a reader of the topic; None for an envelope of another."""
    try:
        envelope = decode(data, f"the record {place} of shard {shard}")
    except BadInput as error:
        return Kept(shard, place, None, error)
    return Kept(shard, place, envelope) if envelope.topic == topic else None
