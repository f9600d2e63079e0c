"""A follower goes on through whatever passes, from the very record where it was."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from sr_adapters.envelopes import encode
from sr_adapters.kinesis.behind import Behind
from sr_adapters.kinesis.bus import KinesisControlBus, build_kinesis
from sr_adapters.kinesis.errors import port_error
from sr_adapters.kinesis.reader import Reader
from sr_adapters.kinesis.settings import KinesisSettings
from sr_adapters.kinesis.stream import read_stream
from sr_ports import BadInput, ReasonCode, SrError, Unreachable
from sr_ports.conformance.buses import fact
from tests.servers import kinesis
from tests.wired import wired

pytestmark = pytest.mark.kinesis
TOPIC = "fp.bus.control.v1"
ARN = "arn:aws:kinesis:eu-west-1:123456789012:stream/control"
AT = "Sun, 29 Nov 2026 12:00:00 GMT"


def answer(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "as told"}, "ResponseMetadata": {}}, "GetRecords")


@attrs.define
class OneShard:
    """A shard of numbered records that answers with the queued troubles first, and ends after `looks` waits."""

    names: list[str]
    troubles: list[Exception] = attrs.field(factory=list)
    looks: int = 3
    starts: list[Mapping[str, Any]] = attrs.field(factory=list)
    waited: list[float] = attrs.field(factory=list)

    def shards(self) -> list[Mapping[str, Any]]:
        return [{"ShardId": "s"}]

    def iterator(self, shard_id: str, start: Mapping[str, Any]) -> str:
        self.starts.append(start)
        match start["ShardIteratorType"]:
            case "AFTER_SEQUENCE_NUMBER":
                return str(int(start["StartingSequenceNumber"]) + 1)
            case "TRIM_HORIZON":
                return "0"
        return str(len(self.names))

    def records(self, iterator: str) -> Mapping[str, Any]:
        if self.troubles:
            trouble = self.troubles.pop(0)
            raise port_error(trouble, "the stream") from trouble
        at = int(iterator)
        found = [
            {"SequenceNumber": str(at + n), "Data": encode(fact(TOPIC, name))}
            for n, name in enumerate(self.names[at : at + 1])
        ]
        return {
            "Records": found,
            "NextShardIterator": str(at + len(found)),
            "MillisBehindLatest": 0,
            "ResponseMetadata": {"HTTPHeaders": {"date": AT}},
        }

    def wait(self, seconds: float) -> bool:
        self.waited.append(seconds)
        self.looks -= 1
        return self.looks < 0


def followed(source: OneShard, start: str = "TRIM_HORIZON") -> list[Any]:
    reader = Reader(source, TOPIC, 0.5)
    reader.begin(start)
    return [one.payload["name"] for one in reader.read(follow=True)]


@pytest.mark.parametrize(
    "trouble",
    [
        *map(
            answer,
            (
                "ExpiredIteratorException",
                "ProvisionedThroughputExceededException",
                "LimitExceededException",
                "KMSThrottlingException",
                "InternalFailure",
                "ServiceUnavailable",
            ),
        ),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:9"),
    ],
    ids=str,
)
def test_what_passes_is_waited_out_and_nothing_is_lost_or_read_twice(trouble: Exception) -> None:
    source = OneShard(["a", "b", "c"])
    reader = Reader(source, TOPIC, 0.5)
    reader.begin("TRIM_HORIZON")
    following = reader.read(follow=True)
    assert next(following).payload["name"] == "a"
    source.troubles = [trouble, trouble]
    source.looks = 6
    assert [one.payload["name"] for one in following] == ["b", "c"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("AccessDeniedException", ReasonCode.BUS_DENIED),
        ("ExpiredTokenException", ReasonCode.BUS_DENIED),
        ("KMSDisabledException", ReasonCode.BUS_DENIED),
        ("ResourceNotFoundException", ReasonCode.BUS_STREAM_MISSING),
        ("InvalidArgumentException", ReasonCode.BUS_REFUSED),
    ],
)
def test_what_cannot_pass_ends_a_follower(code: str, reason: ReasonCode) -> None:
    with pytest.raises(Unreachable) as caught:
        followed(OneShard(["a"], [answer(code)]))
    assert caught.value.code is reason


def test_a_single_look_raises_what_a_follower_waits_out() -> None:
    reader = Reader(OneShard(["a"], [answer("InternalFailure")]), TOPIC, 0.5)
    reader.begin("TRIM_HORIZON")
    with pytest.raises(Unreachable):
        list(reader.read(follow=False))


def test_an_iterator_that_expired_before_the_first_record_goes_back_to_its_start() -> None:
    source = OneShard(["a", "b"], [answer("ExpiredIteratorException")])
    assert followed(source) == ["a", "b"]
    assert [one["ShardIteratorType"] for one in source.starts] == ["TRIM_HORIZON", "TRIM_HORIZON"]


def test_an_expired_latest_never_skips_what_came_since() -> None:
    source = OneShard(["old"])
    reader = Reader(source, TOPIC, 0.5)
    reader.begin("LATEST")
    assert list(reader.read(follow=False)) == []
    source.troubles = [answer("ExpiredIteratorException")]
    assert list(reader.read(follow=False)) == []
    assert source.starts[-1] == {
        "ShardIteratorType": "AT_TIMESTAMP",
        "Timestamp": datetime(2026, 11, 29, 12, tzinfo=UTC),
    }


def test_pauses_grow_up_to_a_bound_and_shrink_after_success() -> None:
    source = OneShard(["a"], [answer("InternalFailure")] * 12, looks=13)
    assert followed(source) == ["a"]
    assert source.waited[0] <= 1.0
    assert 15 <= source.waited[11] <= 30
    assert source.waited[12] == 0.5


# which stream is meant


def test_an_arn_is_understood() -> None:
    stream = read_stream(ARN)
    assert (stream.name, stream.region) == ("control", "eu-west-1")
    assert stream.asked == {"StreamARN": ARN}
    bus = KinesisControlBus(ARN, endpoint_url="http://127.0.0.1:9")
    assert bus._client.meta.region_name == "eu-west-1"
    assert bus.describe() == "Kinesis stream control at http://127.0.0.1:9"


@pytest.mark.parametrize(
    "settings",
    [
        {"stream": "with space"},
        {"stream": "a/b"},
        {"stream": "x" * 129},
        {"stream": "arn:aws:kinesis:eu-west-1:1:stream/x"},
        {"stream": "arn:aws:s3:::bucket"},
        {"stream": ARN, "region": "us-east-1"},
        {"stream": "s", "region": 3},
        {"stream": "s", "endpoint_url": ["x"]},
        {"stream": "s", "region": "us-east-1", "endpoint_url": "no url"},
    ],
    ids=str,
)
def test_a_stream_that_cannot_be_is_refused_when_the_profile_is_read(settings: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as caught:
        build_kinesis(wired(KinesisSettings, "control_bus", settings))
    assert caught.value.code is ReasonCode.PROFILE_INVALID
    assert "control_bus." in caught.value.what


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (
            "Value at 'data' failed to satisfy constraint: Member must have length less than or equal to 1048576",
            ReasonCode.BUS_MESSAGE_TOO_LARGE,
        ),
        ("Value 'a/b' at 'streamName' failed to satisfy constraint", ReasonCode.BUS_REFUSED),
    ],
)
def test_too_large_is_said_of_size_alone(message: str, reason: ReasonCode) -> None:
    error = ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "PutRecord")
    found: SrError = port_error(error, "the stream")
    assert found.code is reason


moto_kinesis = kinesis.moto_kinesis


def test_a_stream_is_used_by_its_arn(moto_kinesis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in kinesis.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    stream = kinesis.make_stream(moto_kinesis)
    found = kinesis.client(moto_kinesis).describe_stream_summary(StreamName=stream)
    bus = KinesisControlBus(found["StreamDescriptionSummary"]["StreamARN"], endpoint_url=moto_kinesis)
    bus.publish(fact(TOPIC, "one"))
    assert [one.payload["name"] for one in bus.tail(TOPIC)] == ["one"]


# reading on behind positions


def behind(source: OneShard, reader: Behind, place: str) -> list[tuple[str, Any]]:
    after = {"s": place} if place else {}
    return [
        (one.place, one.trouble.code if one.trouble else one.envelope and one.envelope.payload["name"])
        for one in reader.read(TOPIC, after)
    ]


def test_who_asks_again_from_where_he_stopped_needs_no_new_iterator() -> None:
    source = OneShard(["a", "b"])
    reader = Behind(source)
    assert behind(source, reader, "") == [("0", "a"), ("1", "b")]
    assert behind(source, reader, "1") == []
    source.names.append("c")
    assert behind(source, reader, "1") == [("2", "c")]
    assert len(source.starts) == 1
    assert behind(source, reader, "0") == [("1", "b"), ("2", "c")]
    assert [one["ShardIteratorType"] for one in source.starts] == ["TRIM_HORIZON", "AFTER_SEQUENCE_NUMBER"]


def test_an_iterator_that_expired_goes_on_behind_the_last_record() -> None:
    source = OneShard(["a", "b", "c"])
    reader = Behind(source)
    found = reader.read(TOPIC, {})
    assert next(found).place == "0"
    source.troubles = [answer("ExpiredIteratorException")]
    assert [one.place for one in found] == ["1", "2"]


def test_a_place_that_the_shard_has_not_is_told_and_all_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    source = OneShard(["a"])
    real = source.iterator

    def iterator(self: OneShard, shard_id: str, start: Mapping[str, Any]) -> str:
        if start.get("StartingSequenceNumber") == "7":
            trouble = answer("InvalidArgumentException")
            raise port_error(trouble, "the stream") from trouble
        return real(shard_id, start)

    monkeypatch.setattr(OneShard, "iterator", iterator)
    assert behind(source, Behind(source), "7") == [("", ReasonCode.BUS_POSITION_LOST), ("0", "a")]


def test_a_bus_that_does_not_answer_is_no_lost_place() -> None:
    source = OneShard(["a"], [answer("InternalFailure")])
    with pytest.raises(Unreachable):
        behind(source, Behind(source), "")
