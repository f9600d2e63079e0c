"""The S3 object store keeps the port's laws on real servers, as s3 and as minio."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
from botocore.exceptions import ReadTimeoutError
from hypothesis import HealthCheck, settings

from sr_adapters.s3.build import build_minio, build_s3
from sr_adapters.s3.client import Endpoint
from sr_adapters.s3.probe import Conditions, FileFindings, ProcessFindings
from sr_adapters.s3.settings import MinioSettings, S3Settings
from sr_adapters.s3.store import S3ObjectStore
from sr_ports import BadInput, Fault, ReasonCode, Unreachable
from sr_ports.conformance.stores import Losing, ObjectStoreLaws, Reopen
from sr_ports.hooks import Wiring
from sr_ports.stores import ObjectStore
from tests.servers.s3 import S3Server, fresh_prefix
from tests.wired import wired

pytestmark = pytest.mark.parity
DEAD = Endpoint("http://127.0.0.1:9", "us-east-1", "path", 0.5, 0.5, attempts=1)


@pytest.fixture(params=["moto_server", "rgw_server"])
def server(request: pytest.FixtureRequest) -> S3Server:
    found: S3Server = request.getfixturevalue(request.param)
    return found


def wiring(server: S3Server, root: Path, **more: Any) -> Wiring[MinioSettings]:
    found = {"bucket": server.bucket, "endpoint_url": server.url, "region": "us-east-1", **more}
    return wired(MinioSettings, "object_store", found, root)


class S3Laws(ObjectStoreLaws):
    @pytest.fixture
    def content_etags(self) -> bool:
        return True

    @pytest.fixture
    def model_settings(self) -> settings:
        return settings(
            max_examples=3,
            stateful_step_count=12,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )

    @pytest.fixture
    def broken(self, server: S3Server) -> ObjectStore:
        findings = ProcessFindings()
        findings.put(f"s3://{server.bucket} at {DEAD.url}", Conditions(quoted=True))
        return S3ObjectStore(
            attrs.evolve(DEAD, credentials=server.endpoint.credentials), server.bucket, findings=findings
        )

    @pytest.fixture
    def lost_answer(self, store: ObjectStore) -> Losing:
        assert isinstance(store, S3ObjectStore)
        store.probe()  # whose writes are not the ones to lose
        lost: list[bool] = []
        events = store._writer.meta.events

        def lose(**_: Any) -> None:
            if not lost:
                lost.append(True)
                raise ReadTimeoutError(endpoint_url="lost")

        @contextmanager
        def losing() -> Iterator[None]:
            events.register("after-call.s3.PutObject", lose)
            try:
                yield
            finally:
                events.unregister("after-call.s3.PutObject", lose)
                assert lost, "no answer was lost"

        return losing


class TestS3(S3Laws):
    @pytest.fixture
    def reopen(self, server: S3Server) -> Reopen:
        below = fresh_prefix()
        return lambda: S3ObjectStore(server.endpoint, server.bucket, below, page=10)

    @pytest.fixture
    def store(self, reopen: Reopen) -> ObjectStore:
        return reopen()


class TestMinio(S3Laws):
    """The adapter by its name, on MinIO's answers."""

    @pytest.fixture(params=["moto_as_minio", "rgw_as_minio"])
    def server(self, request: pytest.FixtureRequest) -> S3Server:
        found: S3Server = request.getfixturevalue(request.param)
        return found

    @pytest.fixture
    def reopen(self, server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reopen:
        if server.endpoint.credentials is not None:
            for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
                monkeypatch.delenv(name, raising=False)
            monkeypatch.setenv("MINIO_ROOT_USER", server.endpoint.credentials.access_key)
            monkeypatch.setenv("MINIO_ROOT_PASSWORD", server.endpoint.credentials.secret)
        given = wiring(server, tmp_path, prefix=fresh_prefix())
        return lambda: build_minio(given)

    @pytest.fixture
    def store(self, reopen: Reopen) -> ObjectStore:
        return reopen()


def test_a_missing_bucket_is_no_missing_key(server: S3Server) -> None:
    findings = ProcessFindings()
    store = S3ObjectStore(server.endpoint, "sr-no-such-bucket", findings=findings)
    findings.put(store.describe(), Conditions(quoted=False))
    for act in (
        lambda: store.read("a"),
        lambda: store.stat("a"),
        lambda: list(store.list("")),
        lambda: store.create("a", b""),
        lambda: store.replace("a", b"", etag="e"),
    ):
        with pytest.raises(Unreachable) as caught:
            act()
        assert caught.value.code is ReasonCode.STORE_BUCKET_MISSING


def test_a_probe_leaves_nothing_and_is_kept_for_the_next_process(server: S3Server, tmp_path: Path) -> None:
    path, now = tmp_path / "root" / "s3_probe.json", [1000.0]
    findings = FileFindings(path, now=lambda: now[0])
    store = S3ObjectStore(server.endpoint, server.bucket, fresh_prefix(), findings=findings)
    found = store.probe()
    assert list(store.list("")) == []
    assert FileFindings(path, now=lambda: now[0]).get(store.describe()) == found
    now[0] += 86_401
    assert findings.get(store.describe()) is None
    path.write_text("not json")
    assert findings.get(store.describe()) is None


def test_the_etag_form_is_found_by_trying(moto_server: S3Server, rgw_server: S3Server) -> None:
    if "given" in (moto_server.name, rgw_server.name):
        pytest.skip("what is given is of one form, whichever")
    forms = [S3ObjectStore(server.endpoint, server.bucket).probe().quoted for server in (moto_server, rgw_server)]
    assert forms[0] is True
    assert forms[1] is False


def test_rgw_ignores_if_none_match_in_a_bucket_with_versions_and_is_refused_there(rgw_server: S3Server) -> None:
    if rgw_server.name != "rgw":
        pytest.skip("this is of RGW")
    client, name = rgw_server.client(), f"versions-{fresh_prefix()}"
    client.create_bucket(Bucket=name)
    S3ObjectStore(rgw_server.endpoint, name, findings=ProcessFindings()).probe()
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    with pytest.raises(Unreachable) as caught:
        S3ObjectStore(rgw_server.endpoint, name, findings=ProcessFindings()).probe()
    assert caught.value.code is ReasonCode.STORE_UNSAFE


def test_one_write_is_one_request_once_probed(moto_server: S3Server) -> None:
    store = S3ObjectStore(moto_server.endpoint, moto_server.bucket, fresh_prefix())
    store.probe()
    sent: list[str] = []
    for client in (store._reader, store._writer):
        client.meta.events.register("before-send.s3", lambda request, **_: sent.append(request.method))
    made = store.create("a", b"1")
    assert made is not None
    assert store.replace("a", b"2", etag=made.etag) is not None
    assert sent == ["PUT", "PUT"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"bucket": None},
        {"bucket": "a/b"},
        {"prefix": "../x"},
        {"endpoint_url": "not a url"},
        {"endpoint_url": 7},
        {"addressing_style": "sideways"},
        {"connect_timeout_seconds": 0},
        {"read_timeout_seconds": "soon"},
        {"read_timeout_seconds": float("inf")},
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    good = {"bucket": "b", "region": "us-east-1", "endpoint_url": "http://127.0.0.1:9"}
    builds: list[tuple[Any, type[S3Settings]]] = [(build_s3, S3Settings), (build_minio, MinioSettings)]
    for build, settings_ in builds:
        build(wired(settings_, "object_store", good, tmp_path))
        with pytest.raises(BadInput) as caught:
            build(wired(settings_, "object_store", {**good, **wrong}, tmp_path))
        assert caught.value.code is ReasonCode.PROFILE_INVALID


def test_nothing_secret_is_described(tmp_path: Path) -> None:
    settings_ = {"bucket": "b", "region": "us-east-1", "endpoint_url": "http://127.0.0.1:9/?k=hush"}
    store = build_s3(wired(S3Settings, "object_store", settings_, tmp_path))
    assert "hush" not in store.describe()
    assert "s3://b at http://127.0.0.1:9" in store.describe()


def test_an_object_that_somebody_padded_is_not_read(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    store = S3ObjectStore(server.endpoint, server.bucket, fresh_prefix())
    assert store.create("a/b.json", b"x" * 2001) is not None
    assert store.create("a/c.json", b"x" * 2000) is not None
    monkeypatch.setattr("sr_ports.stores.MAX_OBJECT", 2000)
    with pytest.raises(Fault) as caught:
        store.read("a/b.json")
    assert caught.value.code is ReasonCode.OBJECT_TOO_LARGE
    assert store.stat("a/b.json") is not None
    assert store.read("a/c.json") is not None
