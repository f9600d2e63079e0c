"""A run's record as server-sent events."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.http.kit import Site, request, running
from tests.http.test_submissions import Held, eventually


def events_of(data: bytes) -> list[dict[str, str]]:
    blocks = [one for one in data.decode().split("\n\n") if one and not one.startswith(":")]
    return [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]


def test_the_stream_of_a_run_that_ended_is_its_record_and_ends(site: Site) -> None:
    run = site.ready()
    got = site.get(f"/v1/runs/{run}/events")
    assert got.headers["content-type"].startswith("text/event-stream")
    told, record = events_of(got.body), site.served.runner.record(run)
    assert [one["id"] for one in told] == [one.event_id for one in record]
    assert [one["event"] for one in told] == [one.event_kind for one in record]
    assert [one["data"].encode() for one in told] == [one.line() for one in record]
    assert [json.loads(one["data"])["seq"] for one in told] == list(range(len(record)))


def test_the_stream_goes_on_behind_what_was_seen(site: Site) -> None:
    run = site.ready()
    record = site.served.runner.record(run)
    told = events_of(site.get(f"/v1/runs/{run}/events", Last_Event_ID=record[1].event_id).body)
    assert [one["id"] for one in told] == [one.event_id for one in record[2:]]
    whole = events_of(site.get(f"/v1/runs/{run}/events", Last_Event_ID="f" * 64).body)
    assert len(whole) == len(record), "what the record does not have is behind nothing"


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    return Held(monkeypatch)


def test_events_come_while_the_run_is_worked_on(site: Site, held: Held) -> None:
    run = site.post("/v1/runs?async=true", request(engine_run_root=site.root)).json["run_id"]
    connection = HTTPConnection(*site.address, timeout=30)
    connection.request("GET", f"/v1/runs/{run}/events")
    response = connection.getresponse()
    first = response.readline()
    assert first.startswith(b"id: "), "what is there is told before the run ends"
    held.free.set()
    rest = first + response.read()
    connection.close()
    kinds = [one["event"] for one in events_of(rest)]
    assert (kinds[0], kinds[-1]) == ("RUN_ACCEPTED", "READY_PUBLISHED")


def test_more_streams_than_may_be_are_429(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(monkeypatch)
    with running(tmp_path, service={"streams": 1}) as site:
        run = site.post("/v1/runs?async=true", request(engine_run_root=site.root)).json["run_id"]
        connection = HTTPConnection(*site.address, timeout=30)
        connection.request("GET", f"/v1/runs/{run}/events")
        first = connection.getresponse()
        assert first.readline().startswith(b"id: ")
        assert site.get(f"/v1/runs/{run}/events").status == 429
        held.free.set()
        first.read()
        connection.close()
        assert eventually(site, f"/v1/runs/{run}") == "READY"
        assert site.get(f"/v1/runs/{run}/events").status == 200, "and then there is room"
