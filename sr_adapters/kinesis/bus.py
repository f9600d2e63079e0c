"""`sr_ports.ControlBus` on a Kinesis stream: one record an envelope, PartitionKey the run id."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sr_adapters import aws
from sr_adapters.envelopes import encode
from sr_adapters.kinesis.behind import Behind
from sr_adapters.kinesis.errors import port_error
from sr_adapters.kinesis.reader import Reader, in_order, time_of
from sr_adapters.kinesis.settings import KinesisSettings
from sr_adapters.kinesis.stream import read_stream
from sr_ports import BadInput, Envelope, Kept, Positions, ReasonCode, Wiring

T = TypeVar("T")
NOWHERE: Positions = {}
MAX_RECORD = 1 << 20  # bytes of data and partition key together (Kinesis PutRecord)


class KinesisControlBus:
    """Control facts on `stream`, a name or an ARN. Several topics may share it; `tail` yields one topic's.

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
        self._stream, self._poll_s = read_stream(stream, region), poll_s
        self._closed = threading.Event()
        self._behind = Behind(self)
        config = Config(
            connect_timeout=timeout_s,
            read_timeout=timeout_s,
            retries={"mode": "standard", "total_max_attempts": attempts},
            user_agent_extra="scenario-runner",
        )
        address = aws.Address("control_bus", endpoint_url, self._stream.region)
        self._client = aws.client("kinesis", address, config, ReasonCode.BUS_DENIED)
        self._where = f"Kinesis stream {self._stream.name} at {aws.place(self._client, 'kinesis', address)}"

    def publish(self, envelope: Envelope) -> None:
        data = encode(envelope)
        size = len(data) + len(envelope.partition_key.encode())
        if size > MAX_RECORD:
            raise BadInput(
                ReasonCode.BUS_MESSAGE_TOO_LARGE,
                f"message {envelope.message_id} has {size} bytes, Kinesis takes {MAX_RECORD}",
            )
        put = {**self._stream.asked, "Data": data, "PartitionKey": envelope.partition_key}
        self._guard(lambda: self._client.put_record(**put))

    def tail(self, topic: str, *, from_start: bool = True, follow: bool = False) -> Iterator[Envelope]:
        reader = Reader(self, topic, self._poll_s)
        reader.begin("TRIM_HORIZON" if from_start else "LATEST")
        return reader.read(follow=follow)

    def read(self, topic: str, *, after: Positions = NOWHERE) -> Iterator[Kept]:
        return self._behind.read(topic, after)

    def kept_since(self) -> datetime:
        """The stream's retention back from the server's now; not before it was made. Asks for DescribeStreamSummary."""
        told = self._guard(lambda: self._client.describe_stream_summary(**self._stream.asked))
        stream = told["StreamDescriptionSummary"]
        made: datetime = stream["StreamCreationTimestamp"]
        return max(time_of(told) - timedelta(hours=stream["RetentionPeriodHours"]), made)

    def describe(self) -> str:
        return self._where

    def close(self) -> None:
        """End every `tail` that follows."""
        self._closed.set()

    def shards(self) -> list[Mapping[str, Any]]:
        """Every shard, a parent before its children."""
        shards: dict[str, Mapping[str, Any]] = {}
        request: dict[str, Any] = dict(self._stream.asked)
        while True:
            page = self._guard(lambda request=request: self._client.list_shards(**request))  # type: ignore[misc]
            shards.update((one["ShardId"], one) for one in page["Shards"])
            if not page.get("NextToken"):
                return in_order(shards)
            request = {"NextToken": page["NextToken"], **self._stream.owner}

    def iterator(self, shard_id: str, start: Mapping[str, Any]) -> str:
        """A shard iterator; `start`: its type and what belongs to it."""
        asked = {**self._stream.asked, "ShardId": shard_id, **start}
        found: str = self._guard(lambda: self._client.get_shard_iterator(**asked))["ShardIterator"]
        return found

    def records(self, iterator: str) -> Mapping[str, Any]:
        """The next page of records."""
        asked = {"ShardIterator": iterator, **self._stream.owner}
        page: Mapping[str, Any] = self._guard(lambda: self._client.get_records(**asked))
        return page

    def wait(self, seconds: float) -> bool:
        """Whether the bus was closed within so many seconds."""
        return self._closed.wait(seconds)

    def _guard(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except (BotoCoreError, ClientError, OSError) as error:
            raise port_error(error, self._where) from error


def build_kinesis(wiring: Wiring[KinesisSettings]) -> KinesisControlBus:
    """The bus of a profile. Raises `BadInput(PROFILE_INVALID)`."""
    settings = wiring.settings
    return KinesisControlBus(settings.stream, region=settings.region, endpoint_url=settings.endpoint_url)
