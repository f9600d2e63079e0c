"""Objects in several parts, in versions and under delete markers: READY is of the sealed bytes, or it is not READY."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import partial

import attrs
import pytest

from tests.adapters.s3_fixtures import moto_server
from tests.adversary.scene import FAULT, RUN, WAITING, Scene
from tests.adversary.test_s3_swapped import OTHER, Bucket, Root, name_of, overwritten
from tests.adversary.world import CUSTOMERS, FIRST, FLAG, SECOND, world
from tests.servers.s3 import S3Server, fresh_prefix

pytestmark = pytest.mark.parity
_ = moto_server

SUSPENDED, ENABLED = "Suspended", "Enabled"


@attrs.frozen
class Versions(Bucket):
    """A bucket that has versions, or had them."""

    def turn(self, status: str) -> None:
        self.client.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": status})

    def in_parts(self, prefix: str, path: str, data: bytes) -> str:
        """Put an object by a multipart upload; its ETag, which is no MD5 of its bytes."""
        at = {"Bucket": self.name, "Key": f"{prefix}/{path}"}
        upload = self.client.create_multipart_upload(**at)["UploadId"]
        part = self.client.upload_part(**at, UploadId=upload, PartNumber=1, Body=data)["ETag"]
        parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
        return str(self.client.complete_multipart_upload(**at, UploadId=upload, MultipartUpload=parts)["ETag"])

    def unmark(self, prefix: str, path: str) -> None:
        """Take the newest delete marker of an object away: what stood before stands again, the same version."""
        found = self.client.list_object_versions(Bucket=self.name, Prefix=f"{prefix}/{path}")
        (marker,) = [one for one in found.get("DeleteMarkers", ()) if one["IsLatest"]]
        self.client.delete_object(Bucket=self.name, Key=marker["Key"], VersionId=marker["VersionId"])


@pytest.fixture
def bucket(moto_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Versions:
    keys = moto_server.endpoint.credentials
    assert keys is not None
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("SR_ENGINE_S3_ENDPOINT", moto_server.url)
    made = Versions(f"versions-{fresh_prefix()}", moto_server.client())
    made.client.create_bucket(Bucket=made.name)
    return made


@pytest.fixture
def roots(fresh: Iterator[Scene], bucket: Versions) -> Iterator[Root]:
    """Any number of sound roots; the status of the bucket's versions is the test's own affair."""

    def made() -> Iterator[Root]:
        for scene in fresh:
            root = Root(scene, bucket)
            bucket.put(root.prefix, world())
            yield root

    return made()


def attacked(roots: Iterator[Root], how: Callable[[Root], object], moments_of: slice) -> list[int]:
    """The exit codes of runs in which something happened at one of these moments each; none is READY of other bytes."""
    twin = next(roots)
    moments = twin.moments()
    twin.scene.ready(twin.submit(moments), world())
    codes = []
    for at in range(len(moments.seen))[moments_of]:
        root = next(roots)
        attack = root.moments(at, partial(how, root))
        answer = root.submit(attack)
        assert len(attack.seen) > at, "the attack did not happen"
        codes.append(answer.code)
        if answer.code == 0:
            root.scene.still_ready(answer)
            continue
        root.scene.not_ready(answer, WAITING, FAULT)
        if answer.code == WAITING:
            root.bucket.put(root.prefix, world())
            root.scene.ready(root.scene.sr("resume", RUN), world())
    return codes


def in_parts(root: Root, path: str, data: bytes) -> None:
    assert isinstance(root.bucket, Versions)
    root.bucket.in_parts(root.prefix, path, data)


def test_an_object_in_parts_is_proven_by_its_bytes_whatever_its_etag_says(roots: Iterator[Root]) -> None:
    root, sound = next(roots), world()
    assert isinstance(root.bucket, Versions)
    for path in (CUSTOMERS, FIRST, FLAG):
        etag = root.bucket.in_parts(root.prefix, path, sound[path])
        assert etag.strip('"') != hashlib.md5(sound[path], usedforsecurity=False).hexdigest()
    root.scene.ready(root.submit(), sound)
    assert root.scene.sr("verify", RUN).code == 0
    root.bucket.in_parts(root.prefix, CUSTOMERS, OTHER[CUSTOMERS])
    assert root.scene.sr("verify", RUN).code == FAULT


@pytest.mark.parametrize(
    ("kind", "status", "step"),
    [
        ("sound", None, 10),
        ("other", ENABLED, 10),
        *(pytest.param(kind, on, 3, marks=pytest.mark.slow) for kind in ("sound", "other") for on in (None, ENABLED)),
    ],
)
def test_an_object_replaced_by_one_in_parts_at_any_moment(
    roots: Iterator[Root], bucket: Versions, kind: str, status: str | None, step: int
) -> None:
    if status is not None:
        bucket.turn(status)
    codes = attacked(roots, lambda root: in_parts(root, CUSTOMERS, world(kind)[CUSTOMERS]), slice(1, None, step))
    assert WAITING in codes, codes


def marked(root: Root) -> None:
    root.bucket.delete(root.prefix, SECOND)


def marked_and_back(root: Root) -> None:
    assert isinstance(root.bucket, Versions)
    marked(root)
    root.bucket.unmark(root.prefix, SECOND)


def test_a_delete_marker_that_stays_is_a_file_gone_and_one_taken_away_is_nothing(
    roots: Iterator[Root], bucket: Versions
) -> None:
    bucket.turn(ENABLED)
    assert WAITING in attacked(roots, marked, slice(2, None, 12))
    codes = attacked(roots, marked_and_back, slice(2, None, 12))
    assert set(codes) == {0}, "the very version that was listed is read"


def test_a_file_under_a_delete_marker_comes_back_and_the_run_goes_on(roots: Iterator[Root], bucket: Versions) -> None:
    bucket.turn(ENABLED)
    root = next(roots)
    marked(root)
    root.scene.not_ready(root.submit(), WAITING)
    bucket.unmark(root.prefix, SECOND)
    root.scene.ready(root.scene.sr("resume", RUN), world())


@pytest.mark.parametrize("path", [CUSTOMERS, pytest.param(FIRST, marks=pytest.mark.slow)])
def test_a_null_version_overwritten_in_a_suspended_bucket(roots: Iterator[Root], bucket: Versions, path: str) -> None:
    """Before and after the version id is `null`: what tells them apart is the ETag."""
    bucket.turn(ENABLED)
    bucket.turn(SUSPENDED)
    codes = attacked(roots, lambda root: overwritten(root, path), slice(1, None, 10))
    assert WAITING in codes, codes


def test_a_null_version_over_a_numbered_one_and_back(roots: Iterator[Root], bucket: Versions) -> None:
    """The root was written in versions; in the suspended bucket one object is overwritten with the same bytes."""
    bucket.turn(ENABLED)
    root = next(roots)
    bucket.turn(SUSPENDED)
    bucket.put(root.prefix, {CUSTOMERS: world()[CUSTOMERS]})
    root.scene.ready(root.submit(), world())
    assert root.scene.sr("verify", RUN).code == 0


def test_an_object_replaced_between_two_reads_of_a_look(roots: Iterator[Root], bucket: Versions) -> None:
    """A later read is of the identity that was listed, whatever was read before."""
    bucket.turn(ENABLED)
    root = next(roots)
    attack = root.moments(act=lambda: overwritten(root, FIRST))
    attack.after = name_of(FIRST)
    root.scene.not_ready(root.submit(attack), WAITING)
    root.bucket.put(root.prefix, world())
    root.scene.ready(root.scene.sr("resume", RUN), world())
