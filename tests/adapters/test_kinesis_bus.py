"""The Kinesis bus: the port's laws on two servers, and what happens when a stream is in trouble."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from sr_adapters.kinesis.bus import KinesisControlBus, build_kinesis
from sr_adapters.kinesis.settings import KinesisSettings
from sr_ports import BadInput, ReasonCode, Unreachable
from sr_ports.bus import Retaining
from sr_ports.conformance.buses import ControlBusLaws, Reopen, fact, message_id
from sr_ports.conformance.positions import PositionedLaws, Split, Spoil
from tests.servers import kinesis
from tests.servers.processes import free_port
from tests.wired import wired

moto_kinesis, local_kinesis = kinesis.moto_kinesis, kinesis.local_kinesis
pytestmark = pytest.mark.kinesis
TOPIC = "fp.bus.control.v1"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in kinesis.CREDENTIALS.items():
        monkeypatch.setenv(name, value)


def opened(endpoint: str, stream: str) -> KinesisControlBus:
    return KinesisControlBus(stream, region=kinesis.REGION, endpoint_url=endpoint, timeout_s=5, poll_s=0.05)


class OnKinesis(ControlBusLaws, PositionedLaws):
    """The suites, on whatever server `endpoint` names."""

    @pytest.fixture
    def spoil(self, endpoint: str, stream: str) -> Spoil:
        client = kinesis.client(endpoint)
        return lambda topic: client.put_record(StreamName=stream, Data=b'{"topic":', PartitionKey="run-0")

    @pytest.fixture
    def split(self, endpoint: str, stream: str) -> Split:
        def part() -> None:
            kinesis.client(endpoint).update_shard_count(
                StreamName=stream, TargetShardCount=4, ScalingType="UNIFORM_SCALING"
            )
            kinesis.wait_active(endpoint, stream)

        return part

    @pytest.fixture
    def many(self) -> int:
        return 160  # the test servers take a while for each record

    @pytest.fixture
    def stream(self, endpoint: str) -> str:
        return kinesis.make_stream(endpoint)

    @pytest.fixture
    def bus(self, endpoint: str, stream: str) -> Iterator[KinesisControlBus]:
        made = opened(endpoint, stream)
        yield made
        made.close()

    @pytest.fixture
    def reopen(self, endpoint: str, stream: str) -> Iterator[Reopen]:
        made: list[KinesisControlBus] = []

        def handle() -> KinesisControlBus:
            made.append(opened(endpoint, stream))
            return made[-1]

        yield handle
        for bus in made:
            bus.close()

    @pytest.fixture
    def elsewhere(self, endpoint: str, stream: str) -> Iterator[Reopen]:
        """A handle as a profile's session of another platform run builds it."""
        settings = {"stream": stream, "region": kinesis.REGION, "endpoint_url": endpoint}
        made: list[KinesisControlBus] = []

        def handle() -> KinesisControlBus:
            made.append(build_kinesis(wired(KinesisSettings, "control_bus", settings, platform="another")))
            return made[-1]

        yield handle
        for bus in made:
            bus.close()

    @pytest.fixture
    def broken(self, endpoint: str) -> KinesisControlBus:
        return opened(endpoint, "no-such-stream")


class TestOnMoto(OnKinesis):
    @pytest.fixture
    def endpoint(self, moto_kinesis: str) -> str:
        return moto_kinesis


class TestOnTheEmulator(OnKinesis):
    @pytest.fixture
    def endpoint(self, local_kinesis: str) -> str:
        return local_kinesis


def test_one_record_an_envelope_under_the_run_id(local_kinesis: str) -> None:
    stream = kinesis.make_stream(local_kinesis, shards=1)
    envelope = fact(TOPIC, "one", key="ab" * 16)
    opened(local_kinesis, stream).publish(envelope)
    raw = kinesis.client(local_kinesis)
    shard = raw.list_shards(StreamName=stream)["Shards"][0]["ShardId"]
    start = raw.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    (record,) = raw.get_records(ShardIterator=start)["Records"]
    assert record["PartitionKey"] == "ab" * 16
    assert json.loads(record["Data"]) == attrs.asdict(envelope)


def test_a_stream_is_read_in_order_over_a_split(local_kinesis: str) -> None:
    stream = kinesis.make_stream(local_kinesis, shards=1)
    bus = opened(local_kinesis, stream)
    for number in range(4):
        bus.publish(fact(TOPIC, f"before-{number}", key="run-1"))
    kinesis.client(local_kinesis).update_shard_count(
        StreamName=stream, TargetShardCount=2, ScalingType="UNIFORM_SCALING"
    )
    kinesis.wait_active(local_kinesis, stream)
    for number in range(4):
        bus.publish(fact(TOPIC, f"after-{number}", key="run-1"))
    names = [one.payload["name"] for one in opened(local_kinesis, stream).tail(TOPIC)]
    assert names == [f"before-{n}" for n in range(4)] + [f"after-{n}" for n in range(4)]


def test_foreign_records_and_other_topics_are_passed_over(local_kinesis: str) -> None:
    stream = kinesis.make_stream(local_kinesis, shards=1)
    raw, bus = kinesis.client(local_kinesis), opened(local_kinesis, stream)
    for data in (b"\xff\x00", b"[]", b"null", b"{}", b'{"topic": 1}', b'"text"'):
        raw.put_record(StreamName=stream, Data=data, PartitionKey="x")
    bus.publish(fact("other.topic", "other"))
    bus.publish(fact(TOPIC, "ours"))
    assert [one.message_id for one in bus.tail(TOPIC)] == [message_id("ours")]


def test_a_missing_stream_has_its_own_code(local_kinesis: str) -> None:
    with pytest.raises(Unreachable) as caught:
        opened(local_kinesis, "no-such-stream").publish(fact(TOPIC, "one"))
    assert caught.value.code is ReasonCode.BUS_STREAM_MISSING


def test_nobody_there_is_unreachable() -> None:
    bus = KinesisControlBus(
        "s", region=kinesis.REGION, endpoint_url=f"http://127.0.0.1:{free_port()}", timeout_s=1, attempts=1
    )
    with pytest.raises(Unreachable) as caught:
        bus.publish(fact(TOPIC, "one"))
    assert caught.value.code is ReasonCode.BUS_UNREACHABLE


def test_a_message_that_can_never_fit_is_refused_before_it_is_sent() -> None:
    bus = KinesisControlBus("s", region=kinesis.REGION, endpoint_url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(BadInput) as caught:
        bus.publish(fact(TOPIC, "big", blob="x" * (1 << 20)))
    assert caught.value.code is ReasonCode.BUS_MESSAGE_TOO_LARGE


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("ProvisionedThroughputExceededException", ReasonCode.BUS_UNREACHABLE),
        ("AccessDeniedException", ReasonCode.BUS_DENIED),
        ("ExpiredTokenException", ReasonCode.BUS_DENIED),
        ("ResourceNotFoundException", ReasonCode.BUS_STREAM_MISSING),
        ("InternalFailure", ReasonCode.BUS_UNREACHABLE),
    ],
)
def test_every_answer_of_the_service_has_its_meaning(code: str, reason: ReasonCode) -> None:
    from botocore.stub import Stubber

    bus = KinesisControlBus("s", region=kinesis.REGION)
    with Stubber(bus._client) as stub:
        stub.add_client_error("put_record", service_error_code=code, http_status_code=400)
        with pytest.raises(Unreachable) as caught:
            bus.publish(fact(TOPIC, "one"))
    assert caught.value.code is reason


@pytest.mark.parametrize("settings", [{}, {"stream": ""}, {"stream": 3}])
def test_a_profile_must_name_the_stream(settings: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as caught:
        build_kinesis(wired(KinesisSettings, "control_bus", settings))
    assert caught.value.code is ReasonCode.PROFILE_INVALID


def test_it_keeps_nothing_from_before_it_was_made_or_from_beyond_its_retention(moto_kinesis: str) -> None:
    bus = opened(moto_kinesis, kinesis.make_stream(moto_kinesis))
    assert isinstance(bus, Retaining)
    assert abs((datetime.now(UTC) - bus.kept_since()).total_seconds()) < 600
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    summary = {"RetentionPeriodHours": 48, "StreamCreationTimestamp": long_ago}
    answered = {"HTTPHeaders": {"date": "Sat, 31 Jan 2026 13:42:00 GMT"}}
    told = {"StreamDescriptionSummary": summary, "ResponseMetadata": answered}
    bus._client.describe_stream_summary = lambda **asked: told
    assert bus.kept_since() == datetime(2026, 1, 29, 13, 42, tzinfo=UTC)
