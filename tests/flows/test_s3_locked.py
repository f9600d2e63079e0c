"""Buckets with versions and with a default retention: a run gets to READY, and what was proven keeps its version."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sr_domain.encoding.ids import run_id_for
from sr_domain.record.states import RunState
from sr_plugins import build_runner
from sr_plugins.uses.doctor import examine
from tests.adapters.s3_fixtures import moto_as_minio, moto_server
from tests.reliability.lab import request, write_world
from tests.reliability.test_kill import pack
from tests.servers.s3 import S3Server, fresh_prefix

pytestmark = pytest.mark.parity
_ = (moto_as_minio, moto_server)
RUN = run_id_for("key")
POLICY = {"policy_id": "locked", "revision": "1", "evidence_wait_seconds": 0}
RETENTION = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}}


@pytest.fixture(params=["versioned", "locked"])
def bucket(request: pytest.FixtureRequest, moto_as_minio: S3Server) -> str:
    client, name = moto_as_minio.client(), f"{request.param}-{fresh_prefix()}"
    if request.param == "locked":
        client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
        client.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=RETENTION)
    else:
        client.create_bucket(Bucket=name)
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture
def profile(
    moto_as_minio: S3Server, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, Any]]:
    keys = moto_as_minio.endpoint.credentials
    assert keys is not None
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret)
    monkeypatch.setenv("PLATFORM_RUN_ID", "platform_20260131T134200Z")
    store = {"adapter": "minio", "bucket": bucket, "endpoint_url": moto_as_minio.url, "region": "us-east-1"}
    yield {
        "runtime_root": str(tmp_path / "runs"),
        "object_store": store,
        "engine": {"interface_pack": str(pack(tmp_path / "pack"))},
    }


def engine_root(server: S3Server, bucket: str, folder: Path) -> tuple[str, Mapping[str, str]]:
    """A sound engine root in the bucket, and the version id of each of its objects, by path."""
    write_world(folder)
    versions, client = {}, server.client()
    for path in (one for one in folder.rglob("*") if one.is_file()):
        name = path.relative_to(folder).as_posix()
        made = client.put_object(Bucket=bucket, Key=f"engine/{name}", Body=path.read_bytes(), ContentMD5=_md5(path))
        versions[name] = made["VersionId"]
    return f"s3://{bucket}/engine", versions


def _md5(path: Path) -> str:
    from sr_adapters.s3.client import body

    return str(body(path.read_bytes())["ContentMD5"])


def test_a_run_is_ready_and_its_evidence_is_named_by_version(
    moto_as_minio: S3Server, bucket: str, profile: dict[str, Any], tmp_path: Path
) -> None:
    root, versions = engine_root(moto_as_minio, bucket, tmp_path / "world")
    with build_runner(profile, policy=POLICY) as runner:
        assert [one for one in examine(runner) if one.ok is False] == []
        outcome = runner.submit(request(engine_run_root=root))
        assert (outcome.state, outcome.published) == (RunState.READY, True), outcome
        assert not runner.audit(RUN).findings
        assert runner.verify(RUN).ok
        base = "fraud-platform/platform_20260131T134200Z/sr"
        blob = runner.ports.store.read(f"{base}/object_versions/{RUN}.json")
        assert blob is not None
        kept = {path: version for named in json.loads(blob.data).values() for path, version in named.items()}
        assert kept
        assert kept == {path: versions[path] for path in kept}
        if not bucket.startswith("locked"):
            return
        client, key = moto_as_minio.client(), f"{base}/run_record/{RUN}.jsonl"
        version = client.head_object(Bucket=bucket, Key=key)["VersionId"]
        with pytest.raises(ClientError):
            client.delete_object(Bucket=bucket, Key=key, VersionId=version)


def test_a_put_that_is_laid_over_the_truth_leaves_the_version_that_was(
    moto_as_minio: S3Server, bucket: str, profile: dict[str, Any], tmp_path: Path
) -> None:
    root, _ = engine_root(moto_as_minio, bucket, tmp_path / "world")
    with build_runner(profile, policy=POLICY) as runner:
        ref = runner.submit(request(engine_run_root=root)).refs["facts_view_ref"]
        client = moto_as_minio.client()
        sound = client.get_object(Bucket=bucket, Key=ref)
        client.put_object(Bucket=bucket, Key=ref, Body=b"{}", ContentMD5="mZFLkyvTelC5g8XnyQrpOw==")
        assert runner.audit(RUN).findings
        kept = client.get_object(Bucket=bucket, Key=ref, VersionId=sound["VersionId"])["Body"].read()
        client.put_object(Bucket=bucket, Key=ref, **_written(kept))
        assert not runner.audit(RUN).findings


def _written(data: bytes) -> dict[str, Any]:
    from sr_adapters.s3.client import body

    return body(data)
