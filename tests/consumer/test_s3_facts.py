"""Proven files on S3: every read behind the proof is of the proven version or ETag, by range too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_plugins.consumer import open_facts
from tests.adapters.s3_fixtures import moto_as_minio, moto_server, rgw_as_minio, rgw_server
from tests.cli.conftest import Shell
from tests.consumer.test_open_facts import refused
from tests.consumer.world import FILES, LATE, ORDERS, World, world
from tests.servers.s3 import S3Server, fresh_prefix

pytestmark = pytest.mark.parity
_ = (moto_as_minio, moto_server, rgw_as_minio, rgw_server)


@attrs.frozen
class OnS3:
    made: World
    server: S3Server
    prefix: str

    def put(self, name: str, text: str) -> None:
        self.server.client().put_object(Bucket=self.server.bucket, Key=f"{self.prefix}/{name}", Body=text.encode())

    def uri(self, name: str) -> str:
        return f"s3://{self.server.bucket}/{self.prefix}/{name}"


@pytest.fixture(params=["moto_as_minio", "rgw_as_minio"])
def there(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OnS3:
    """Truth and engine root on S3."""
    server: S3Server = request.getfixturevalue(request.param)
    keys = server.endpoint.credentials
    if keys is not None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret)
    store = {"adapter": "minio", "bucket": server.bucket, "prefix": fresh_prefix(), "endpoint_url": server.url}
    made = world(tmp_path, object_store={**store, "region": "us-east-1"})
    found = OnS3(attrs.evolve(made, root=f"s3://{server.bucket}/{(prefix := fresh_prefix())}"), server, prefix)
    for path in made.data.rglob("*"):
        if path.is_file():
            found.put(str(path.relative_to(made.data)), path.read_text())
    return found


def test_paths_are_uris_of_exactly_the_proven_objects_with_their_versions(there: OnS3) -> None:
    run = there.made.submit()
    there.put("orders/2026-01-03/part-0.csv", "order,amount\n666,1.0\n")
    with open_facts(run, there.made.profile) as facts:
        assert facts.paths("orders") == [there.uri(name) for name in ORDERS]
        assert all(part.version_id and part.size == len(FILES[name])
                   for part, name in zip(facts.parts("orders"), ORDERS, strict=True))  # fmt: skip
        assert facts.open("customers").read() == FILES["customers.csv"].encode()
        assert facts.root == there.made.root


def test_a_view_is_opened_by_its_uri_and_sr_open_prints_the_same_paths(
    there: OnS3, capsys: pytest.CaptureFixture[str]
) -> None:
    made = there.made
    outcome = made.outcome("first")
    store = made.profile["object_store"]
    view = f"s3://{store['bucket']}/{store['prefix']}/{outcome.refs['facts_view_ref']}"
    with open_facts(view, made.profile) as facts:
        told = Shell(made.folder, capsys).bare("--profile", str(made.profile_file()), "open", view, "orders")
        assert told.out.splitlines() == facts.paths("orders")


def test_an_object_that_came_beside_or_was_replaced_before_its_proof_is_told(there: OnS3) -> None:
    run = there.made.submit()
    there.put(LATE, "late")
    there.put("customers.csv", FILES["customers.csv"].replace("bob", "eve"))
    with open_facts(run, there.made.profile) as facts:
        refused(lambda: facts.paths("orders"), "ADDED")
        refused(lambda: facts.paths("customers"), "MOVED")
        refused(lambda: facts.open("customers").read(), "proven with")


@pytest.mark.parametrize("there", ["moto_as_minio"], indirect=True)  # what parts say is not the server's
def test_from_another_mount_no_part_claims_the_version_of_the_first(there: OnS3, tmp_path: Path) -> None:
    """The same bytes in a folder, and as other objects: what the store called them where they were proven is theirs."""
    run, mount = there.made.submit(), fresh_prefix()
    for name, text in FILES.items():
        there.server.client().put_object(Bucket=there.server.bucket, Key=f"{mount}/{name}", Body=text.encode())
    with open_facts(run, there.made.profile) as facts:
        first = [part.version_id for part in facts.parts("orders")]
    for root in (str(there.made.data), f"s3://{there.server.bucket}/{mount}"):
        with open_facts(run, there.made.profile, engine_run_root=root) as facts:
            for part, other in zip(facts.parts("orders"), first, strict=True):
                if part.uri.startswith("s3://"):
                    key = part.uri.removeprefix(f"s3://{there.server.bucket}/")
                    found = there.server.client().head_object(Bucket=there.server.bucket, Key=key)
                    assert part.version_id in (found.get("VersionId"), found["ETag"].strip('"'), found["ETag"])
                else:
                    assert (part.version_id, bool(other)) == (None, True)


@pytest.mark.parametrize("there", ["moto_as_minio"], indirect=True)  # RGW enforces no conditions on versions
@pytest.mark.parametrize("swapped", [True, False])
def test_in_a_bucket_with_versions_the_proven_version_is_read_whatever_came_over_it(there: OnS3, swapped: bool) -> None:
    client, bucket = there.server.client(), there.server.bucket
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    try:
        for path in there.made.data.rglob("*.csv"):
            there.put(str(path.relative_to(there.made.data)), path.read_text())
        run = there.made.submit()

        def read() -> bytes:
            with open_facts(run, there.made.profile) as facts:
                uri = facts.paths("orders")[0]
                if swapped:
                    there.put(ORDERS[0], FILES[ORDERS[0]].replace("3.5", "9.5"))
                got = facts.open("orders", uri).read()
                assert got == FILES[ORDERS[0]].encode()
                return got

        if swapped:
            refused(read, "MOVED")
        else:
            assert read()
    finally:
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


@pytest.mark.parametrize("swapped", [True, False])
def test_an_object_that_is_swapped_between_proof_and_read_is_never_read(there: OnS3, swapped: bool) -> None:
    run = there.made.submit()
    with open_facts(run, there.made.profile) as facts:
        uri = facts.paths("orders")[0]
        if swapped:
            there.put(ORDERS[0], FILES[ORDERS[0]].replace("3.5", "9.5"))
            refused(lambda: facts.open("orders", uri).read(), "MOVED")
        else:
            assert facts.open("orders", uri).read() == FILES[ORDERS[0]].encode()


def test_an_object_that_is_swapped_behind_its_proof_is_told_when_the_block_ends(there: OnS3) -> None:
    run = there.made.submit()

    def read() -> None:
        with open_facts(run, there.made.profile) as facts:
            assert facts.paths("orders")
            there.put(ORDERS[0], FILES[ORDERS[0]].replace("3.5", "9.5"))

    refused(read, "may have been read since")


@pytest.mark.parametrize("swapped", [True, False])
def test_arrow_and_duckdb_read_by_range_of_the_proven_objects_alone(there: OnS3, swapped: bool) -> None:
    pytest.importorskip("pyarrow", reason="needs scenario-runner[arrow]")
    duckdb: Any = pytest.importorskip("duckdb", reason="needs scenario-runner[duckdb]")
    run = there.made.submit()
    with open_facts(run, there.made.profile) as facts:
        dataset, relation = facts.dataset("orders"), facts.relation("orders")
        if not swapped:
            assert dataset.to_table().num_rows == 4
            assert relation.aggregate("sum(amount)").fetchall() == [(20.0,)]
            return
        there.put(ORDERS[-1], FILES[ORDERS[-1]].replace("10.0", "99.0"))
        refused(dataset.to_table, "MOVED")
        with pytest.raises((duckdb.Error, Exception), match="not the file any more"):
            relation.fetchall()
