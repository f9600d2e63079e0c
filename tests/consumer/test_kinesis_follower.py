"""Following a stream: shards that are parted in the middle, and progress in Postgres."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.consumer.test_follower import taken
from tests.consumer.world import World, world
from tests.servers import kinesis, postgres

local_kinesis, postgres_dsn = kinesis.local_kinesis, postgres.postgres_dsn
pytestmark = pytest.mark.kinesis


@pytest.fixture
def stream(local_kinesis: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in kinesis.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return kinesis.make_stream(local_kinesis, shards=2)


@pytest.fixture
def streamed(local_kinesis: str, stream: str, tmp_path: Path) -> World:
    return on(local_kinesis, stream, tmp_path)


def on(endpoint: str, stream: str, folder: Path, **sections: Any) -> World:
    bus = {"adapter": "kinesis", "stream": stream, "region": kinesis.REGION, "endpoint_url": endpoint}
    return world(folder, control_bus=bus, **sections)


def test_a_stream_is_followed_over_a_split_and_a_merge_by_a_group_that_restarts(
    streamed: World, local_kinesis: str, stream: str
) -> None:
    runs = [streamed.submit(str(number)) for number in range(4)]
    assert sorted(taken(streamed)) == sorted(("READY", run) for run in runs)
    for shards in (4, 2):
        before = [streamed.submit(f"{shards} before {number}") for number in range(2)]
        kinesis.client(local_kinesis).update_shard_count(
            StreamName=stream, TargetShardCount=shards, ScalingType="UNIFORM_SCALING"
        )
        kinesis.wait_active(local_kinesis, stream)
        after = [streamed.submit(f"{shards} after {number}") for number in range(2)]
        assert sorted(taken(streamed)) == sorted(("READY", run) for run in (*before, *after))
        assert taken(streamed) == []
    assert len(taken(streamed, group="new")) == 12


def test_a_fact_and_what_corrects_it_come_in_order_over_a_split(
    streamed: World, local_kinesis: str, stream: str
) -> None:
    old = streamed.submit("old")
    kinesis.client(local_kinesis).update_shard_count(
        StreamName=stream, TargetShardCount=4, ScalingType="UNIFORM_SCALING"
    )
    kinesis.wait_active(local_kinesis, stream)
    newer = streamed.submit("newer", supersedes=old)
    assert sorted(taken(streamed)) == sorted([("READY", newer), ("RUN_SUPERSEDED", old)])


def test_what_others_put_on_the_stream_is_set_aside_or_passed_over(
    streamed: World, local_kinesis: str, stream: str
) -> None:
    run = streamed.submit("first")
    client = kinesis.client(local_kinesis)
    for data in (b"\xff\x00", b"{}", b'"text"'):
        client.put_record(StreamName=stream, Data=data, PartitionKey="x")
    other = {"topic": "other", "message_id": "m", "published_at_utc": "x", "attributes": {}, "partition_key": "x"}
    client.put_record(StreamName=stream, Data=json.dumps({**other, "payload": {}}).encode(), PartitionKey="x")
    told: list[str] = []
    assert taken(streamed, notice=told.append) == [("READY", run)]
    assert len([line for line in told if "set aside (DOCUMENT_INVALID)" in line]) == 3
    assert taken(streamed, notice=told.append) == []


def test_two_stores_on_one_stream_are_told_apart(streamed: World, local_kinesis: str, stream: str) -> None:
    """The same request in another store: the same run id and message id, of another store."""
    other = on(local_kinesis, stream, streamed.folder / "other")
    one, two = streamed.submit("same"), other.submit("same")
    assert one == two
    assert taken(streamed) == [("READY", one), ("READY", one)]
    assert taken(streamed) == []


@pytest.fixture
def beside_postgres(local_kinesis: str, stream: str, postgres_dsn: str, tmp_path: Path) -> Iterator[tuple[World, str]]:
    with postgres.fresh_schema(postgres_dsn) as schema:
        authority = {"adapter": "postgres", "dsn": postgres_dsn, "schema": schema}
        yield on(local_kinesis, stream, tmp_path, authority=authority), schema


def test_progress_lies_in_postgres_where_the_authority_is(beside_postgres: tuple[World, str]) -> None:
    made, _ = beside_postgres
    runs = [made.submit(key) for key in ("a", "b")]
    assert sorted(taken(made)) == sorted(("READY", run) for run in runs)
    assert not (made.folder / "runs" / "followers").exists()
    assert taken(made) == []
    made.reemit(runs[0])
    assert taken(made) == []
