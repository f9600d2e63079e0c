"""`sr_ports.ControlBus` on a Kinesis stream: one record an envelope, PartitionKey the run id."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import attrs
import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sr_adapters.envelopes import decode, encode
from sr_adapters.kinesis.errors import port_error
from sr_ports import BadInput, Envelope, ReasonCode, Wiring

T = TypeVar("T")
MAX_RECORD = 1 << 20  # bytes of data and partition key together (Kinesis PutRecord)


class KinesisControlBus:
    """Control facts on `stream`. Several topics may share it; `tail` yields one topic's.

    A repeated publication is one more record: consumers deduplicate by message id. `timeout_s`:
    for connecting and for each answer. `poll_s`: seconds between a follower's looks.
    """

    def __init__(
        self,
        stream: str,
        *,
        region: str | None = None,
        endpoint_url: str | None = None,
        timeout_s: float = 10.0,
        attempts: int = 4,
        poll_s: float = 0.5,
    ) -> None:
        self._stream, self._poll_s = stream, poll_s
        self._closed = threading.Event()
        config = Config(
            connect_timeout=timeout_s,
            read_timeout=timeout_s,
            retries={"mode": "standard", "total_max_attempts": attempts},
            user_agent_extra="scenario-runner",
        )
        self._where = endpoint_url or region or "the default region"
        self._client = self._guard(
            lambda: boto3.client("kinesis", region_name=region, endpoint_url=endpoint_url, config=config)
        )

    def publish(self, envelope: Envelope) -> None:
        data = encode(envelope)
        size = len(data) + len(envelope.partition_key.encode())
        if size > MAX_RECORD:
            raise BadInput(
                ReasonCode.BUS_MESSAGE_TOO_LARGE,
                f"message {envelope.message_id} has {size} bytes, Kinesis takes {MAX_RECORD}",
            )
        self._guard(
            lambda: self._client.put_record(StreamName=self._stream, Data=data, PartitionKey=envelope.partition_key)
        )

    def tail(self, topic: str, *, from_start: bool = True, follow: bool = False) -> Iterator[Envelope]:
        start = "TRIM_HORIZON" if from_start else "LATEST"
        reader = _Reader(self, topic)
        for shard in self._shards():
            reader.add(shard, start)
        return reader.read(follow=follow)

    def describe(self) -> str:
        return f"Kinesis stream {self._stream} at {self._where}"

    def close(self) -> None:
        """End every `tail` that follows."""
        self._closed.set()

    def _shards(self) -> list[Mapping[str, Any]]:
        """Every shard, a parent before its children: what was split is read before what it was split into."""
        shards: dict[str, Mapping[str, Any]] = {}
        request: dict[str, Any] = {"StreamName": self._stream}
        while True:
            page = self._guard(lambda request=request: self._client.list_shards(**request))  # type: ignore[misc]
            shards.update((one["ShardId"], one) for one in page["Shards"])
            if not page.get("NextToken"):
                break
            request = {"NextToken": page["NextToken"]}
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

    def _guard(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except (BotoCoreError, ClientError) as error:
            raise port_error(error, self._stream) from error


@attrs.define
class _Reader:
    """Reads shards in order, each to its present end; children of a shard after it."""

    bus: KinesisControlBus
    topic: str
    iterators: dict[str, str] = attrs.field(factory=dict)

    def add(self, shard: Mapping[str, Any], start: str) -> None:
        answer = self.bus._guard(
            lambda: self.bus._client.get_shard_iterator(
                StreamName=self.bus._stream, ShardId=shard["ShardId"], ShardIteratorType=start
            )
        )
        self.iterators[shard["ShardId"]] = answer["ShardIterator"]

    def read(self, *, follow: bool) -> Iterator[Envelope]:
        known = set(self.iterators)
        while True:
            for shard_id in list(self.iterators):
                yield from self._shard(shard_id)
            if not follow or self.bus._closed.wait(self.bus._poll_s):
                return
            for shard in self.bus._shards():
                if shard["ShardId"] not in known:  # resharded while we follow
                    known.add(shard["ShardId"])
                    self.add(shard, "TRIM_HORIZON")

    def _shard(self, shard_id: str) -> Iterator[Envelope]:
        """Everything up to the shard's present end."""
        while True:
            iterator = self.iterators[shard_id]
            page = self.bus._guard(lambda iterator=iterator: self.bus._client.get_records(ShardIterator=iterator))  # type: ignore[misc]
            for record in page["Records"]:
                envelope = _ours(record["Data"])
                if envelope is not None and envelope.topic == self.topic:
                    yield envelope
            following = page.get("NextShardIterator")
            if following is None:
                del self.iterators[shard_id]
                return
            self.iterators[shard_id] = following
            if not page["Records"] and not page.get("MillisBehindLatest"):
                return


def _ours(data: bytes) -> Envelope | None:
    """The envelope in a record; None for a record that is somebody else's: a stream may be shared."""
    try:
        return decode(data, "a record")
    except BadInput:
        return None


def build_kinesis(wiring: Wiring) -> KinesisControlBus:
    """The bus of a profile. Settings: ``stream`` (required), ``region``, ``endpoint_url``."""
    stream = wiring.settings.get("stream")
    if not isinstance(stream, str) or not stream:
        raise BadInput(ReasonCode.PROFILE_INVALID, "control_bus.stream must name the Kinesis stream")
    return KinesisControlBus(
        stream,
        region=wiring.settings.get("region") or None,
        endpoint_url=wiring.settings.get("endpoint_url") or None,
    )
