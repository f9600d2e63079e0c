"""Reading a stream's shards in order; a follower goes on through whatever passes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Protocol

import attrs

from sr_adapters.envelopes import decode
from sr_adapters.kinesis.errors import code_of
from sr_ports import BadInput, Envelope, ReasonCode, Unreachable

LONGEST_PAUSE_S: Final = 30.0
EXPIRED: Final = "ExpiredIteratorException"


class Source(Protocol):
    """What a reader needs of its bus. Calls raise port errors; `wait` says whether the bus was closed meanwhile."""

    def shards(self) -> list[Mapping[str, Any]]: ...

    def iterator(self, shard_id: str, start: Mapping[str, Any]) -> str: ...

    def records(self, iterator: str) -> Mapping[str, Any]: ...

    def wait(self, seconds: float) -> bool: ...


@attrs.define
class _Place:
    """How far a shard was read. `last`: sequence number of the last record read, if any.

    `as_of`: the server's time when the iterator was last known good; what came later was not read.
    """

    start: str
    iterator: str
    as_of: datetime
    last: str | None = None

    def resumed(self) -> dict[str, Any]:
        """The request that goes on where this place is."""
        if self.last is not None:
            return {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": self.last}
        if self.start == "LATEST":  # what came since is not to be missed: LATEST asked again would
            return {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": self.as_of}
        return {"ShardIteratorType": self.start}


@attrs.define
class Reader:
    """Reads shards in order, each to its present end; children of a shard after it."""

    source: Source
    topic: str
    first_pause_s: float
    places: dict[str, _Place] = attrs.field(factory=dict)
    known: set[str] = attrs.field(factory=set)

    def begin(self, start: str) -> None:
        """Take a place in every shard there is. `start`: TRIM_HORIZON or LATEST."""
        for shard in self.source.shards():
            self._add(shard["ShardId"], start)

    def read(self, *, follow: bool) -> Iterator[Envelope]:
        """Every envelope of the topic up to the present end; with `follow` until the bus is closed.

        A follower waits out what passes (throttling, an outage): 0.5 s, then longer, up to 30 s.
        What cannot pass by waiting, no right or no stream, is raised.
        """
        failures = 0
        while True:
            try:
                for shard_id in list(self.places):
                    for envelope in self._shard(shard_id):
                        failures = 0
                        yield envelope
                if not follow or self.source.wait(self.first_pause_s):
                    return
                self._look_for_new_shards()
                failures = 0
            except Unreachable as error:
                if not follow or error.code is not ReasonCode.BUS_UNREACHABLE:
                    raise
                failures += 1
                if self.source.wait(_pause(failures, self.first_pause_s)):
                    return

    def _look_for_new_shards(self) -> None:
        for shard in self.source.shards():
            if shard["ShardId"] not in self.known:  # resharded while we follow
                self._add(shard["ShardId"], "TRIM_HORIZON")

    def _add(self, shard_id: str, start: str) -> None:
        iterator = self.source.iterator(shard_id, {"ShardIteratorType": start})
        self.places[shard_id] = _Place(start, iterator, datetime.now(UTC))
        self.known.add(shard_id)

    def _shard(self, shard_id: str) -> Iterator[Envelope]:
        """Everything up to the shard's present end."""
        place = self.places[shard_id]
        while True:
            page = self._page(shard_id, place)
            for record in page["Records"]:
                place.last = record["SequenceNumber"]
                envelope = _ours(record["Data"])
                if envelope is not None and envelope.topic == self.topic:
                    yield envelope
            following = page.get("NextShardIterator")
            if following is None:
                del self.places[shard_id]
                return
            place.iterator, place.as_of = following, time_of(page)
            if not page["Records"] and not page.get("MillisBehindLatest"):
                return

    def _page(self, shard_id: str, place: _Place) -> Mapping[str, Any]:
        """The next records. An iterator lives five minutes: one that expired is asked for again, at its place."""
        try:
            return self.source.records(place.iterator)
        except Unreachable as error:
            if error.__cause__ is None or code_of(error.__cause__) != EXPIRED:
                raise
        place.iterator = self.source.iterator(shard_id, place.resumed())
        return self.source.records(place.iterator)


def time_of(page: Mapping[str, Any]) -> datetime:
    """The server's clock in an answer, else this machine's; aware UTC."""
    said = page.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    try:
        return parsedate_to_datetime(said) if said else datetime.now(UTC)
    except ValueError:
        return datetime.now(UTC)


def _pause(failures: int, first_s: float) -> float:
    longest: float = min(LONGEST_PAUSE_S, first_s * 2 ** min(failures, 16))
    return random.uniform(longest / 2, longest)  # noqa: S311 - spreads rivals, guards nothing


def _ours(data: bytes) -> Envelope | None:
    """The envelope in a record; None for a record that is somebody else's: a stream may be shared."""
    try:
        return decode(data, "a record")
    except BadInput:
        return None


def in_order(shards: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Every shard, a parent before its children: what was split is read before what it was split into."""
    ordered: dict[str, Mapping[str, Any]] = {}

    def place(shard_id: str) -> None:
        shard = shards.get(shard_id)
        if shard is None or shard_id in ordered:
            return
        for key in ("ParentShardId", "AdjacentParentShardId"):
            place(shard.get(key, ""))
        ordered[shard_id] = shard

    for shard_id in sorted(shards):
        place(shard_id)
    return list(ordered.values())
