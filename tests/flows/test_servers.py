"""The same runs on the production substrate: truth in S3, authority in Postgres, READY on Kinesis."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sr_domain.encoding.ids import run_id_for
from sr_domain.record.states import RunState
from sr_domain.runner import ScenarioRunner
from sr_plugins import build_runner
from sr_plugins.consumer import verify_facts
from sr_plugins.uses.doctor import examine
from sr_ports import Fault, ReasonCode, Unreachable
from tests.adapters.s3_fixtures import moto_as_minio, moto_server, rgw_as_minio, rgw_server
from tests.reliability.lab import request, write_world
from tests.reliability.test_kill import pack
from tests.servers import kinesis, postgres
from tests.servers.s3 import S3Server, fresh_prefix

postgres_dsn, local_kinesis = postgres.postgres_dsn, kinesis.local_kinesis
_ = (moto_as_minio, moto_server, rgw_as_minio, rgw_server)
POLICY = {"policy_id": "servers", "revision": "1", "evidence_wait_seconds": 600}
RUN = run_id_for("key")
Made = Callable[[dict[str, Any]], ScenarioRunner]


@pytest.fixture(params=["moto_as_minio", "rgw_as_minio"])
def s3(request: pytest.FixtureRequest) -> S3Server:
    server: S3Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def prefix() -> str:
    return fresh_prefix()


@pytest.fixture
def profile(
    s3: S3Server, prefix: str, postgres_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, Any]]:
    """A profile on S3 and Postgres, with a root that the engine left on S3."""
    monkeypatch.setenv("PLATFORM_RUN_ID", "platform_20260131T134200Z")
    keys = s3.endpoint.credentials
    if keys is not None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret)
    with postgres.fresh_schema(postgres_dsn) as schema:
        yield {
            "profile": "servers",
            "runtime_root": str(tmp_path / "runs"),
            "object_store": {
                "adapter": "minio",
                "bucket": s3.bucket,
                "prefix": prefix,
                "endpoint_url": s3.url,
                "region": "us-east-1",
            },
            "authority": {"adapter": "postgres", "dsn": postgres_dsn, "schema": schema},
            "engine": {"interface_pack": str(pack(tmp_path / "pack"))},
        }


@pytest.fixture
def root(s3: S3Server, prefix: str, tmp_path: Path) -> str:
    """An engine root on S3."""
    write_world(tmp_path / "world")
    upload(s3, tmp_path / "world", f"{prefix}-engine")
    return f"s3://{s3.bucket}/{prefix}-engine"


def upload(s3: S3Server, folder: Path, prefix: str) -> None:
    client = s3.client()
    for path in folder.rglob("*"):
        if path.is_file():
            client.put_object(Bucket=s3.bucket, Key=f"{prefix}/{path.relative_to(folder)}", Body=path.read_bytes())


@pytest.fixture
def made() -> Iterator[Made]:
    """Builds runners, and closes them afterwards."""
    runners: list[ScenarioRunner] = []

    def build(profile: dict[str, Any]) -> ScenarioRunner:
        runners.append(build_runner(profile, policy=POLICY))
        return runners[-1]

    yield build
    for runner in runners:
        runner.close()


@pytest.mark.parity
def test_ready_from_an_engine_root_on_s3(made: Made, profile: dict[str, Any], root: str) -> None:
    runner = made(profile)
    outcome = runner.submit(request(engine_run_root=root))
    assert (outcome.state, outcome.published) == (RunState.READY, True), outcome
    assert not runner.audit(RUN).findings
    assert runner.verify(RUN).ok
    again = made(profile).submit(request(engine_run_root=root))
    assert (again.state, again.is_new) == (RunState.READY, False)
    assert runner.submit(request(engine_run_root=root, seed=8)).reason_code is ReasonCode.EQUIVALENCE_COLLISION
    facts = runner.facts(RUN)
    assert {one["output_id"] for one in facts["locators"]} == {"events", "world"}


@pytest.mark.parity
def test_a_consumer_proves_an_s3_uri_and_is_told_what_was_replaced(
    made: Made, profile: dict[str, Any], s3: S3Server, root: str, prefix: str
) -> None:
    outcome = made(profile).submit(request(engine_run_root=root))
    view = f"s3://{s3.bucket}/{prefix}/{outcome.refs['facts_view_ref']}"
    verify_facts(view, profile=profile).raise_if_faulty()
    s3.client().put_object(Bucket=s3.bucket, Key=f"{prefix}-engine/data/world.bin", Body=b"replaced")
    (finding,) = verify_facts(view, profile=profile).verification.findings
    assert finding.what.startswith("MOVED: ")
    assert "was proven" in finding.what


@pytest.mark.parity
def test_contradiction_waiting_and_late_evidence_on_s3(
    made: Made, profile: dict[str, Any], s3: S3Server, root: str, prefix: str
) -> None:
    client, engine = s3.client(), f"{prefix}-engine"
    client.delete_object(Bucket=s3.bucket, Key=f"{engine}/data/world.bin")
    runner = made(profile)
    waiting = runner.submit(request(engine_run_root=root))
    assert (waiting.state, waiting.missing) == (RunState.WAITING_EVIDENCE, ("world",))
    client.put_object(Bucket=s3.bucket, Key=f"{engine}/data/world.bin", Body=b"world" * 50)
    assert runner.resume(RUN).state is RunState.READY
    client.put_object(Bucket=s3.bucket, Key=f"{engine}/up/report.json", Body=b"altered")
    spoiled = runner.submit(request("other", engine_run_root=root))
    assert spoiled.state is RunState.QUARANTINED
    assert runner.quarantine(spoiled.run_id)["conflicts"][0]["subject"] == "gate.up"
    assert not runner.verify(RUN).ok


@pytest.mark.parity
@pytest.mark.parametrize("s3", ["moto_server"], indirect=True)  # it has archive tiers
def test_an_archived_file_of_the_root_is_told_by_verify_and_on_record(
    made: Made, profile: dict[str, Any], s3: S3Server, root: str, prefix: str
) -> None:
    if s3.name == "given":
        pytest.skip("whether the store that is given has archive tiers is not known")
    runner = made(profile)
    assert runner.submit(request(engine_run_root=root)).state is RunState.READY
    key = f"{prefix}-engine/data/world.bin"
    s3.client().put_object(Bucket=s3.bucket, Key=key, Body=b"world" * 50, StorageClass="GLACIER")
    with pytest.raises(Unreachable) as caught:
        runner.verify(RUN)
    assert caught.value.code is ReasonCode.ENGINE_ROOT_ARCHIVED
    assert "data/world.bin" in caught.value.what
    with pytest.raises(Unreachable):
        runner.submit(request("other", engine_run_root=root))
    explained = runner.explain(run_id_for("other"))
    assert explained.reason_code == ReasonCode.ENGINE_ROOT_ARCHIVED
    assert "restore the named object" in explained.next.before
    s3.client().put_object(Bucket=s3.bucket, Key=key, Body=b"world" * 50)
    assert runner.resume(run_id_for("other")).state is RunState.READY


@pytest.mark.parity
def test_a_root_in_a_bucket_that_is_not_there_blames_the_request(made: Made, profile: dict[str, Any]) -> None:
    with pytest.raises(Unreachable) as caught:
        made(profile).submit(request(engine_run_root="s3://sr-no-such-bucket/x"))
    assert caught.value.code is ReasonCode.ENGINE_ROOT_BUCKET_MISSING
    assert "request" in caught.value.remedy


@pytest.mark.parity
def test_the_doctor_finds_the_servers_sound(made: Made, profile: dict[str, Any], root: str) -> None:
    runner = made({**profile, "engine": {**profile["engine"], "oracle_engine_run_root": root}})
    checks = examine(runner, migrate=True)
    assert [one for one in checks if one.ok is False] == []
    assert {one.name for one in checks} >= {"create-once", "stale ETag", "race of 16", "lease and fence", "oracle root"}
    assert {one.name for one in checks} >= {"text", "96 calls, 4 at once"}


@pytest.mark.kinesis
def test_ready_on_kinesis(made: Made, profile: dict[str, Any], root: str, local_kinesis: str) -> None:
    stream = kinesis.make_stream(local_kinesis)
    bus = {"adapter": "kinesis", "stream": stream, "region": kinesis.REGION, "endpoint_url": local_kinesis}
    runner = made({**profile, "control_bus": bus})
    assert runner.submit(request(engine_run_root=root)).state is RunState.READY
    runner.reemit(RUN, "READY_ONLY")
    facts = list(runner.ports.bus.tail("fp.bus.control.v1"))
    assert [one.attributes["kind"] for one in facts] == ["READY", "READY_REEMIT"]
    assert len({one.message_id for one in facts}) == 1


SUBMITTER = """
import json, random, sys
from sr_plugins import build_runner
profile, policy, requests, seed = json.loads(sys.argv[1])
rng, runner = random.Random(seed), build_runner(profile, policy=policy)
for _ in range(50):
    outcome = runner.submit(rng.choice(requests))
    assert outcome.state in ("READY",) or outcome.in_flight, outcome
"""


@pytest.mark.parity
@pytest.mark.slow
def test_eight_processes_fifty_submissions_twenty_keys(
    made: Made, profile: dict[str, Any], root: str, s3: S3Server
) -> None:
    keys = [f"key-{number}" for number in range(20)]
    requests = [request(key, engine_run_root=root) for key in keys]
    crew = [
        subprocess.Popen(
            [sys.executable, "-c", SUBMITTER, json.dumps([profile, POLICY, requests, seed])],
            env=dict(os.environ),
            stderr=subprocess.PIPE,
        )
        for seed in range(8)
    ]
    for worker in crew:
        _, said = worker.communicate(timeout=300)
        assert worker.returncode == 0, said.decode()[-2000:]
    runner = made(profile)
    for key in keys:  # a key that nobody drew is submitted now: twenty runs in all
        assert runner.submit(request(key, engine_run_root=root)).state is RunState.READY
    runs = [runner.run_id(ref) for ref in runner.recorded_runs()]
    assert sorted(runs) == sorted(run_id_for(key) for key in keys)
    assert all(not runner.audit(run_id).findings for run_id in runs)
    messages = [one for one in runner.ports.bus.tail("fp.bus.control.v1") if one.attributes["kind"] == "READY"]
    assert sorted(one.attributes["run_id"] for one in messages) == sorted(runs)


@pytest.mark.parity
def test_a_bucket_that_lost_its_store_is_told_and_one_spelled_another_way_is_itself(
    made: Made, profile: dict[str, Any], root: str, s3: S3Server, prefix: str
) -> None:
    asked = request(engine_run_root=root)
    assert made(profile).submit(asked).state is RunState.READY
    store = profile["object_store"]
    spelled = made({**profile, "object_store": {**store, "endpoint_url": f"{s3.url}/"}})
    assert spelled.resume(RUN).state is RunState.READY
    client, base = s3.client(), f"{prefix}/fraud-platform/"
    kept = {}
    for one in client.list_objects_v2(Bucket=s3.bucket, Prefix=base)["Contents"]:
        kept[one["Key"]] = client.get_object(Bucket=s3.bucket, Key=one["Key"])["Body"].read()
    for key, data in kept.items():
        client.put_object(Bucket=s3.bucket, Key=f"copy-{key}", Body=data)
        client.delete_object(Bucket=s3.bucket, Key=key)
    for profiled, code in (
        (profile, ReasonCode.TRUTH_ROLLED_BACK),
        ({**profile, "object_store": {**store, "prefix": f"copy-{prefix}"}}, ReasonCode.STORE_COPIED),
    ):
        with pytest.raises(Fault) as caught:
            made(profiled).submit(request("other", engine_run_root=root))
        assert caught.value.code is code
    copy = made({**profile, "object_store": {**store, "prefix": f"copy-{prefix}"}})
    assert copy.recover_store("moved", reason="the bucket was migrated").retired == (
        made(profile).ports.store.location(),
    )
    assert copy.submit(asked).is_new is False
    for key, data in kept.items():
        client.put_object(Bucket=s3.bucket, Key=key, Body=data)
    with pytest.raises(Fault) as caught:
        made(profile).resume(RUN)
    assert caught.value.code is ReasonCode.STORE_COPIED


@pytest.mark.parity
def test_a_lost_authority_takes_in_the_bucket_so_that_a_known_key_is_a_duplicate(
    made: Made, profile: dict[str, Any], root: str, postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = request(engine_run_root=root)
    first = made(profile).submit(asked)
    monkeypatch.setenv("PLATFORM_RUN_ID", "platform_20260201T080000Z")
    with postgres.fresh_schema(postgres_dsn) as schema:
        later = made({**profile, "authority": {**profile["authority"], "schema": schema}})
        again = later.submit(asked)
        assert (again.state, again.is_new, again.platform_run_id) == (RunState.READY, False, first.platform_run_id)
        later.close()
