"""The policies and grants of deploy/aws, on servers that enforce them: each role does its work, and no more.

moto enforces IAM by action and resource on S3 and by action alone on Kinesis, and looks at no condition: what
the bucket's policy demands is read in `test_files`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from sr_adapters.postgres.database import Database
from sr_adapters.postgres.follower_statements import FOLLOWERS
from sr_adapters.postgres.followers import PostgresFollowerStore
from sr_domain.record.states import RunState
from sr_plugins import build_runner
from sr_plugins.uses.doctor import examine
from sr_ports import Keeping, Progress, ReasonCode, SetAside, SrError, Unreachable
from tests.deploy.test_files import AWS, STEPS
from tests.reliability.lab import request, write_world
from tests.reliability.test_kill import pack
from tests.servers import kinesis, postgres
from tests.servers.s3 import S3Server, moto

pytestmark = pytest.mark.kinesis
STREAM, REGION = "arn:aws:kinesis:SR_REGION:SR_ACCOUNT:stream/SR_STREAM", "us-east-1"
PLATFORM = "platform_20260131T134200Z"
POLICY = {"policy_id": "rights", "revision": "1", "evidence_wait_seconds": 0}
Said = Mapping[str, tuple[bool | None, str]]


@attrs.frozen
class Account:
    """A server that enforces IAM, with a bucket, a stream and a user for each role. `keys`: by role."""

    server: S3Server
    stream: str
    keys: Mapping[str, tuple[str, str]]

    def profile(self, runs: Path, **more: Any) -> dict[str, Any]:
        at = {"endpoint_url": self.server.url, "region": REGION}
        return {
            "runtime_root": str(runs / "runs"),
            "object_store": {"adapter": "s3", "bucket": self.server.bucket, "addressing_style": "path", **at},
            "control_bus": {"adapter": "kinesis", "stream": self.stream, **at},
            "engine": {"interface_pack": str(runs / "pack")},
            **more,
        }


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    import boto3

    with moto() as server:
        stream, keys = kinesis.make_stream(server.url), {}
        iam = boto3.client("iam", endpoint_url=server.url, region_name=REGION,
                           aws_access_key_id="free", aws_secret_access_key="free")  # fmt: skip
        for path in (AWS / "iam").glob("*.json"):
            iam.create_user(UserName=path.stem)
            document = path.read_text("utf-8").replace(STREAM, "*").replace("SR_BUCKET", server.bucket)
            iam.put_user_policy(UserName=path.stem, PolicyName="role", PolicyDocument=document)
            key = iam.create_access_key(UserName=path.stem)["AccessKey"]
            keys[path.stem] = (key["AccessKeyId"], key["SecretAccessKey"])
        from_now = urllib.request.Request(
            f"{server.url}/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"}
        )
        urllib.request.urlopen(from_now, timeout=5).read()  # until then everybody may do everything
        yield Account(server, stream, keys)


@pytest.fixture
def become(account: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Account]:
    """Work as a role from now on."""
    monkeypatch.setenv("PLATFORM_RUN_ID", PLATFORM)
    pack(tmp_path / "pack")
    write_world(tmp_path / "root")

    def now(role: str) -> Account:
        access, secret = account.keys[role]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", access)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
        return account

    return now


def doctor(profile: Mapping[str, Any]) -> Said:
    with build_runner(profile, policy=POLICY) as runner:
        return {f"{one.port}: {one.name}": (one.ok, one.detail) for one in examine(runner)}


def test_the_worker_takes_a_run_to_ready_and_the_consumer_only_reads_it(
    become: Callable[[str], Account], tmp_path: Path
) -> None:
    asked = request(f"key-{uuid.uuid4().hex[:8]}", engine_run_root=str(tmp_path / "root"))
    profile = become("worker").profile(tmp_path)
    with build_runner(profile, policy=POLICY) as runner:
        outcome = runner.submit(asked)
        assert (outcome.state, outcome.published) == (RunState.READY, True), outcome
        assert not runner.audit(outcome.run_id).findings
    reader = become("consumer").profile(tmp_path)
    with build_runner(reader, policy=POLICY) as runner:
        assert runner.verify(outcome.run_id).ok
        assert outcome.run_id in {one.attributes["run_id"] for one in runner.tail()}
        with pytest.raises(Unreachable) as caught:
            runner.ports.store.create("fraud-platform/x", b"1")
        assert caught.value.code.value == "STORE_DENIED"
        with pytest.raises(SrError):
            runner.submit({**asked, "run_equivalence_key": "another"})


@pytest.mark.parametrize("role", ["worker", "doctor"])
def test_the_doctor_of_a_role_that_writes_is_content(
    become: Callable[[str], Account], tmp_path: Path, role: str
) -> None:
    said = doctor(become(role).profile(tmp_path))
    assert {name: one for name, one in said.items() if one[0] is not True} == {}


def test_the_doctor_of_a_consumer_says_what_its_role_may_not_do(
    become: Callable[[str], Account], tmp_path: Path
) -> None:
    said = doctor(become("consumer").profile(tmp_path))
    assert [name for name, one in said.items() if one[0] is False] == []
    assert said["object_store: reach"][0] is True
    assert said["object_store: create-once"][0] is None
    assert "this role may not" in said["object_store: create-once"][1]
    assert said["control_bus: publish"][0] is None
    assert said["control_bus: read"][0] is True


FORBIDDEN = 403
TRUTH, PROBE, TRIED = "fraud-platform/p/sr/x", ".sr-probe/x", "fraud-platform/_doctor/x"
CALLS = ("read", "list", "put truth", "put probe", "put tried", "delete truth", "delete probe", "delete tried",
         "put roots", "delete roots", "publish", "read bus", "make bucket", "drop stream")  # fmt: skip
LOOKS = {"read", "list", "read bus"}
MAY = {
    "worker": LOOKS | {"put truth", "put probe", "put tried", "delete probe", "delete tried", "put roots", "publish"},
    "doctor": LOOKS | {"put probe", "put tried", "delete probe", "delete tried", "publish"},
    "consumer": LOOKS,
    "recover": set(CALLS) - {"delete roots", "make bucket", "drop stream"},
}


@pytest.mark.parametrize("role", MAY)
def test_each_role_may_do_what_it_is_for_and_nothing_else(account: Account, role: str) -> None:
    import boto3
    from botocore.exceptions import ClientError

    access, secret = account.keys[role]
    at = {"endpoint_url": account.server.url, "region_name": REGION}
    keys = {"aws_access_key_id": access, "aws_secret_access_key": secret}
    s3, bus, bucket = boto3.client("s3", **at, **keys), boto3.client("kinesis", **at, **keys), account.server.bucket
    make: dict[str, Callable[[], Any]] = {
        "read": lambda: s3.get_object(Bucket=bucket, Key=TRUTH),
        "list": lambda: s3.list_objects_v2(Bucket=bucket),
        "put truth": lambda: s3.put_object(Bucket=bucket, Key=TRUTH, Body=b""),
        "put probe": lambda: s3.put_object(Bucket=bucket, Key=PROBE, Body=b""),
        "put tried": lambda: s3.put_object(Bucket=bucket, Key=TRIED, Body=b""),
        "delete truth": lambda: s3.delete_object(Bucket=bucket, Key=TRUTH),
        "delete probe": lambda: s3.delete_object(Bucket=bucket, Key=PROBE),
        "delete tried": lambda: s3.delete_object(Bucket=bucket, Key=TRIED),
        "put roots": lambda: s3.put_object(Bucket=bucket, Key="engine-roots/x", Body=b""),
        "delete roots": lambda: s3.delete_object(Bucket=bucket, Key="engine-roots/x"),
        "publish": lambda: bus.put_record(StreamName=account.stream, Data=b"{}", PartitionKey="x"),
        "read bus": lambda: bus.list_shards(StreamName=account.stream),
        "make bucket": lambda: s3.create_bucket(Bucket="another"),
        "drop stream": lambda: bus.delete_stream(StreamName=account.stream),
    }
    assert tuple(make) == CALLS
    could = set()
    for name, call in make.items():
        try:
            call()
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                could.add(name)
            else:
                assert error.response["ResponseMetadata"]["HTTPStatusCode"] == FORBIDDEN, (name, error)
        else:
            could.add(name)
    assert could == MAY[role]


def test_the_worker_may_copy_an_engine_root_into_the_bucket_and_a_consumer_may_not(
    become: Callable[[str], Account], tmp_path: Path
) -> None:
    def published(role: str) -> None:
        profile = become(role).profile(tmp_path)
        with build_runner(profile, policy=POLICY) as runner:
            assert isinstance(runner.ports.roots, Keeping)
            place = f"s3://{profile['object_store']['bucket']}/engine-roots"
            runner.ports.roots.keep(place, f"{uuid.uuid4().hex}/a", lambda sink: sink(memoryview(b"a")))

    published("worker")
    for role in ("consumer", "doctor"):
        with pytest.raises(Unreachable) as caught:
            published(role)
        assert caught.value.code is ReasonCode.ENGINE_ROOT_DENIED
        assert "the right to write below engine.publish_root" in caught.value.remedy


def test_a_stranger_has_no_store_and_no_bus(
    become: Callable[[str], Account], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = become("worker").profile(tmp_path)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not the secret")
    said = doctor(profile)
    assert said["object_store: reach"][0] is False
    assert said["control_bus: publish"][0] is False
    broken = [name for name, one in said.items() if one[0] is False]
    assert broken == ["object_store: reach", "control_bus: publish"], "one cause, one line"


def migrated(owner: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The migration as it is shipped: a step of its own, by the owner of the tables."""
    profile = folder / "migrates.yaml"
    profile.write_text("runtime_root: migrates\nauthority: {adapter: postgres, dsn: '${SR_PG_DSN}'}\n")
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "SR_PROFILE": str(profile)}
    command = ["sh", str(AWS / STEPS[1])]

    def run(**more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env={**env, **more}, cwd=folder, capture_output=True, text=True, check=False)

    assert run().returncode != 0, "without OWNER_DSN nothing is tried"
    return run(OWNER_DSN=owner)


def test_the_roles_of_the_database(tmp_path: Path) -> None:
    pack(tmp_path / "pack")
    write_world(tmp_path / "root")
    with postgres.started() as server:

        def as_role(role: str) -> str:
            return make_conninfo(server.dsn, user=f"scenario_runner_{role}", password=postgres.PASSWORD)

        def profile_of(role: str) -> dict[str, Any]:
            authority = {"adapter": "postgres", "dsn": as_role(role)}
            engine = {"interface_pack": str(tmp_path / "pack")}
            return {"runtime_root": str(tmp_path / "runs"), "authority": authority, "engine": engine}

        def script(name: str) -> None:
            with closing(psycopg.connect(server.dsn, autocommit=True)) as link:
                link.execute((AWS / name).read_bytes())

        def examined(role: str, *, migrate: bool = False) -> Said:
            with build_runner(profile_of(role), policy=POLICY) as runner:
                checks = examine(runner, migrate=migrate)
            return {one.name: (one.ok, one.detail) for one in checks if one.port == "authority"}

        def submitted(role: str) -> Any:
            with build_runner(profile_of(role), policy=POLICY) as runner:
                return runner.submit(request("key", engine_run_root=str(tmp_path / "root")))

        script(STEPS[0])
        with closing(psycopg.connect(server.dsn, autocommit=True)) as link:
            for role in ("owner", "worker", "reader"):
                link.execute(f"ALTER ROLE scenario_runner_{role} PASSWORD '{postgres.PASSWORD}'".encode())
        assert examined("worker", migrate=True)["migrate"][0] is False, "a role that may not migrate"
        with pytest.raises(SrError) as caught:
            submitted("worker")
        assert caught.value.code.value.startswith("AUTHORITY_")
        assert migrated(as_role("owner"), tmp_path).returncode == 0
        assert False in {one[0] for one in examined("worker").values()}, "nothing was granted yet"
        script(STEPS[2])
        assert {one[0] for one in examined("worker").values()} == {True}
        assert submitted("worker").state is RunState.READY
        assert examined("owner", migrate=True)["migrate"][0] is True, "again, and nothing to do"
        with closing(psycopg.connect(as_role("worker"), autocommit=True)) as link:
            for forbidden in (b"DROP TABLE scenario_runner.store_run", b"CREATE TABLE scenario_runner.x (a int)",
                              b"UPDATE scenario_runner.authority_version SET version = 1"):  # fmt: skip
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    link.execute(forbidden)
        with closing(psycopg.connect(as_role("reader"), autocommit=True)) as link:
            link.execute(b"SELECT * FROM scenario_runner.store_run")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                link.execute(b"DELETE FROM scenario_runner.store_run")
        follows = PostgresFollowerStore(Database(as_role("reader"), kind=FOLLOWERS))
        with closing(follows):
            claim = follows.claim("group", "me", ttl_s=60)
            assert claim is not None
            follows.save(claim, Progress({"shard": "1"}), done=["one"], aside=[SetAside("s", "1", "R", "why", "now")])
            assert follows.load("group") == Progress({"shard": "1"})
