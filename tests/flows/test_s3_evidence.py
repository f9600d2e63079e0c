"""Evidence on S3: only what is named counts, and bytes that nobody can name are a conflict."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest

from sr_adapters.s3.root import S3EngineRoot
from sr_domain.encoding.canonical import sha256_hex
from sr_domain.record.states import RunState
from sr_domain.runner import ScenarioRunner
from sr_ports import ReasonCode
from tests import revision_1
from tests.adapters.s3_fixtures import moto_server
from tests.kit import BASE, WAIT_S, Lab, request
from tests.releases import by
from tests.servers.s3 import S3Server, fresh_prefix
from tests.worlds import DAILY, EVENTS, FLAG, small_world

pytestmark = pytest.mark.parity
_ = moto_server


@attrs.frozen
class Roots:
    """Engine roots on one server."""

    client: Any

    def open(self, uri: str) -> S3EngineRoot:
        return S3EngineRoot(uri, self.client)


@attrs.frozen
class World:
    """A small world on S3, and runners that read there."""

    lab: Lab
    server: S3Server
    prefix: str = attrs.field(factory=fresh_prefix)

    def put(self, path: str, data: bytes) -> None:
        self.server.client().put_object(Bucket=self.server.bucket, Key=f"{self.prefix}/{path}", Body=data)

    @property
    def runner(self) -> ScenarioRunner:
        return self.lab.runner(roots=Roots(self.server.client()))

    def submit(self) -> Any:
        return self.runner.submit(request(engine_run_root=f"s3://{self.server.bucket}/{self.prefix}"))


@pytest.fixture
def world(lab: Lab, moto_server: S3Server) -> World:
    made = World(lab, moto_server)
    for path, data in small_world().items():
        made.put(path, data)
    return made


@pytest.mark.parametrize("place", ["gates/gate.b", f"{DAILY}", "data", ""], ids=["index", "glob", "above", "root"])
def test_bytes_under_a_folders_key_beside_the_evidence_decide_nothing(world: World, place: str) -> None:
    world.put(f"{place}/zz/".lstrip("/"), b"4444")
    outcome = world.submit()
    assert outcome.state is RunState.READY, outcome.message
    assert world.runner.verify(outcome.run_id).ok


@pytest.mark.parametrize("place", ["gates/gate.a", EVENTS], ids=["a whole bundle", "a folder"])
@pytest.mark.parametrize("data", [b"4444", b""], ids=["full", "empty"])
def test_bytes_under_a_folders_key_are_a_conflict_where_a_law_or_output_takes_them(
    world: World, place: str, data: bytes
) -> None:
    world.put(f"{place}/zz/", data)
    outcome = world.submit()
    assert outcome.state is (RunState.QUARANTINED if data else RunState.READY)
    if data:
        (kept,) = world.lab.document("quarantine", outcome.run_id)["conflicts"]
        assert (kept["code"], kept["path"]) == ("NOT_A_FILE", f"{place}/zz/")


@pytest.mark.parametrize("place", ["gates/gate.a", EVENTS], ids=["a whole bundle", "a folder"])
def test_a_run_that_the_first_release_decided_over_such_bytes_is_still_proven(
    world: World, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put(f"{place}/zz/", b"4444")
    revision_1.decides(monkeypatch)
    with monkeypatch.context() as then:
        by(then, 1)
        outcome = world.submit()
    assert outcome.state is RunState.READY
    assert world.runner.verify(outcome.run_id).ok


@pytest.mark.parametrize("place", ["gates/gate.a", EVENTS], ids=["a whole bundle", "a folder"])
@pytest.mark.parametrize("gone", [True, False], ids=["it goes", "it stays"])
def test_such_bytes_are_missing_to_an_undecided_run_of_the_first_release(
    world: World, place: str, gone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = f"gates/gate.b/{FLAG}"
    world.put(f"{place}/zz/", b"4444")
    world.server.client().delete_object(Bucket=world.server.bucket, Key=f"{world.prefix}/{late}")
    with monkeypatch.context() as then:
        by(then, 1)
        outcome = world.submit()
    assert outcome.missing == ("gate.b",)
    world.put(late, small_world()[late])
    waits = world.runner.resume(outcome.run_id)
    assert waits.state is RunState.WAITING_EVIDENCE, waits.message
    assert waits.missing == (("gate.a",) if place.startswith("gates") else ("events",))
    if gone:
        world.server.client().delete_object(Bucket=world.server.bucket, Key=f"{world.prefix}/{place}/zz/")
    world.lab.clock.sleep(0 if gone else WAIT_S + 1)
    ended = world.runner.resume(outcome.run_id)
    assert ended.state is (RunState.READY if gone else RunState.FAILED)


def test_the_versions_of_what_was_hashed_are_kept_with_their_digest_on_record(world: World) -> None:
    outcome = world.submit()
    assert outcome.state is RunState.READY
    key = f"{BASE}/object_versions/{outcome.run_id}.json"
    data = world.lab.truth()[key]
    kept = json.loads(data)
    parts = {f"{EVENTS}/part-0.bin", f"{EVENTS}/part-1.bin"}
    assert set(kept["events"]) == parts
    root = S3EngineRoot(f"s3://{world.server.bucket}/{world.prefix}", world.server.client())
    for path in parts:
        assert kept["events"][path] == root.stream(path, lambda chunk: None).version_id
    decided = world.lab.ledger(outcome.run_id).first("EVIDENCE_COMPLETE")
    assert decided is not None
    assert decided.details["object_versions_digest"] == sha256_hex(data)
    world.lab.store.delete(key)
    (finding,) = world.runner.audit(outcome.run_id).findings
    assert (finding.code, finding.where) == (ReasonCode.TRUTH_MISSING, key)
