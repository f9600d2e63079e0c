"""S3 keeps the laws of a root that is written, on real servers and on MinIO's measured answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

from sr_adapters.s3 import keep
from sr_adapters.s3.build import S3EngineRoots
from sr_adapters.s3.settings import S3Settings
from sr_ports import Keeping, ReasonCode, Unreachable
from sr_ports.conformance.keeping import KeepingLaws, of
from tests.servers.faulty_proxy import Fault, FaultyProxy, error, faulty_proxy
from tests.servers.s3 import S3Server, fresh_prefix

pytestmark = pytest.mark.parity
SERVERS = ["moto_server", "rgw_server", "moto_as_minio", "rgw_as_minio"]


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    found: S3Server = request.getfixturevalue(request.param)
    keys = found.endpoint.credentials
    if keys is not None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret)
    return found


@pytest.fixture
def uri(server: S3Server) -> str:
    return f"s3://{server.bucket}/{fresh_prefix()}"


@pytest.fixture
def roots(server: S3Server) -> S3EngineRoots:
    return at(server)


def at(server: S3Server, url: str | None = None, **settings: Any) -> S3EngineRoots:
    place: dict[str, Any] = {"endpoint_url": url or server.url, "region": "us-east-1", "addressing_style": "path"}
    return S3EngineRoots(S3Settings(bucket=server.bucket, **place, **settings))


class TestS3Keeping(KeepingLaws):
    @pytest.fixture
    def bounded(self, server: S3Server) -> bool:
        return not server.name.endswith("as MinIO")  # the proxy has every body in this process's memory

    @pytest.fixture
    def reopen(self, server: S3Server) -> Callable[[], Keeping]:
        return lambda: at(server)

    @pytest.fixture
    def broken(self, server: S3Server) -> Keeping:
        return at(server, "http://127.0.0.1:9", connect_timeout_seconds=0.5)

    @pytest.fixture
    def lost_answer(self, server: S3Server) -> Iterator[Keeping]:
        with faulty_proxy(server.url) as proxy:
            proxy.fail(Fault(forward=True, drop=True))
            yield at(server, proxy.url)

    @pytest.fixture
    def drafts(self, server: S3Server, uri: str) -> Callable[[], list[str]]:
        prefix = f"{uri.split('/', 3)[3]}/"

        def names() -> list[str]:
            found = server.client().list_objects_v2(Bucket=server.bucket, Prefix=prefix).get("Contents", ())
            return [str(one["Key"]).removeprefix(prefix) for one in found]

        return names


@pytest.fixture
def proxy(server: S3Server) -> Iterator[FaultyProxy]:
    with faulty_proxy(server.url) as found:
        yield found


@pytest.mark.parametrize(
    "fault",
    [
        Fault(answer=error(503, "SlowDown")),
        Fault(answer=error(500, "InternalError")),
        Fault(forward=True, answer=error(500, "InternalError")),
        Fault(answer=error(409, "ConditionalRequestConflict")),
    ],
    ids=["slow down", "a 500 before acting", "a 500 after acting", "a conflict"],
)
def test_a_write_is_tried_again(server: S3Server, proxy: FaultyProxy, uri: str, fault: Fault) -> None:
    proxy.fail(fault)
    at(server, proxy.url).keep(uri, "a", of(b"a"))
    with at(server).open(uri) as root:
        assert [fact.path for fact in root.list("")] == ["a"]


def test_an_object_of_the_same_bytes_that_another_wrote_is_no_write_of_ours(
    server: S3Server, proxy: FaultyProxy, uri: str
) -> None:
    at(server).keep(uri, "a", of(b"a"))
    proxy.fail(Fault(answer=error(500, "InternalError")))
    with pytest.raises(Unreachable):
        at(server, proxy.url).keep(uri, "a", of(b"a"))


@pytest.mark.parametrize(
    ("answer", "code", "remedy"),
    [
        (error(403, "AccessDenied"), ReasonCode.ENGINE_ROOT_DENIED, "the right to write below engine.publish_root"),
        (error(404, "NoSuchBucket"), ReasonCode.ENGINE_ROOT_BUCKET_MISSING, "correct engine.publish_root"),
        (error(500, "InternalError"), ReasonCode.ENGINE_ROOT_UNREACHABLE, ""),
    ],
    ids=["denied", "bucket", "down"],
)
def test_what_is_in_the_way_is_told(
    server: S3Server, proxy: FaultyProxy, uri: str, answer: Any, code: ReasonCode, remedy: str
) -> None:
    proxy.fail(Fault(answer=answer), times=20)
    proxy.fail(Fault(answer=error(404, "NoSuchKey")), method="HEAD", times=20)
    with pytest.raises(Unreachable) as caught:
        at(server, proxy.url).keep(uri, "a", of(b"a"))
    assert caught.value.code is code
    assert remedy in caught.value.remedy


def test_a_file_larger_than_one_put_is_refused_before_it_is_sent(
    roots: S3EngineRoots, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keep, "LARGEST", 10)
    with pytest.raises(Unreachable, match="5 GiB"):
        roots.keep(uri, "big", of(b"x" * 11))
    roots.keep(uri, "fits", of(b"x" * 10))


def test_names_that_minio_has_no_place_for(server: S3Server, roots: S3EngineRoots, uri: str) -> None:
    """A segment of 256 characters, which no file system of this machine has either; one of 255 is fine."""
    roots.keep(uri, f"in/{'n' * 255}", of(b"a"))
    if not server.name.endswith("as MinIO") and server.name != "given":
        roots.keep(uri, f"in/{'n' * 256}", of(b"a"))
        return
    with pytest.raises(Unreachable) as caught:
        roots.keep(uri, f"in/{'n' * 256}", of(b"a"))
    assert caught.value.code is ReasonCode.ENGINE_ROOT_UNREACHABLE
    assert "takes no such name" in caught.value.remedy


def test_a_key_longer_than_s3_has_is_told(server: S3Server, roots: S3EngineRoots, uri: str) -> None:
    if server.name.startswith("moto"):
        pytest.skip("moto takes any length")
    with pytest.raises(Unreachable) as caught:
        roots.keep(uri, "/".join(["n" * 200] * 6), of(b"a"))
    assert caught.value.code is ReasonCode.ENGINE_ROOT_UNREACHABLE


def test_a_bucket_with_a_default_retention_takes_a_copy(server: S3Server, uri: str) -> None:
    with faulty_proxy(server.url) as proxy:
        proxy.lock = True
        at(server, proxy.url).keep(uri, "a", of(b"a"))
        (sent,) = [headers for method, _, headers in proxy.asked if method == "PUT"]
    assert sent["if-none-match"] == "*"


def test_roots_of_another_server_are_asked_there(server: S3Server, uri: str) -> None:
    elsewhere = attrs.evolve(at(server, "http://127.0.0.1:9"), url=server.url)
    elsewhere.keep(uri, "a", of(b"a"))
    with elsewhere.open(uri) as root:
        assert root.exists()
