"""Where a store is, as one URI: what consumers of a shared stream find it by. Never a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sr_adapters.file.store import FileObjectStore
from sr_adapters.s3.client import Credentials, Endpoint
from sr_adapters.s3.store import S3ObjectStore
from sr_ports import BadInput, ReasonCode
from sr_ports.stores import check_location

KEYS = Credentials("ACCESS", "SECRET")


def s3(bucket: str = "truth", prefix: str = "", **endpoint: Any) -> str:
    """The location of a store on S3; asks nothing of a server."""
    return S3ObjectStore(Endpoint(credentials=KEYS, region="eu-west-1", **endpoint), bucket, prefix).location()


@pytest.fixture(autouse=True)
def no_chain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [("", "s3://truth"), ("a/b", "s3://truth/a/b"), ("/a/", "s3://truth/a"), ("a b?c#d", "s3://truth/a%20b%3Fc%23d")],
)
def test_on_aws_bucket_and_prefix_are_enough(prefix: str, expected: str) -> None:
    assert s3(prefix=prefix) == expected
    check_location(expected)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:9000", "s3+http://127.0.0.1:9000/truth/p"),
        ("http://MinIO.Example:9000/", "s3+http://minio.example:9000/truth/p"),
        ("https://minio.example:443", "s3+https://minio.example/truth/p"),
        ("http://[::1]:9000", "s3+http://[::1]:9000/truth/p"),
        ("https://gate.example/s3/", "s3+https://gate.example/s3/truth/p"),
        ("https://s3.eu-west-1.amazonaws.com", "s3://truth/p"),
        ("https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com", "s3://truth/p"),
    ],
)
def test_on_another_server_the_endpoint_tells_equal_names_apart(url: str, expected: str) -> None:
    assert s3(prefix="p", url=url) == expected
    check_location(expected)


def test_an_endpoint_of_the_chain_counts_as_one_of_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://minio.example:9000")
    assert s3() == "s3+http://minio.example:9000/truth"


def test_a_folder_is_where_it_really_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real place").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real place")
    monkeypatch.chdir(tmp_path)
    expected = f"{tmp_path.resolve().as_uri()}/real%20place/truth"
    for spelling in ("real place/truth", "link/truth", "link/../real place/truth", str(tmp_path / "link" / "truth")):
        assert FileObjectStore(spelling).location() == expected
    check_location(expected)


@pytest.mark.parametrize("uri", ["file:///srv/a%20b", "s3://b/p@q", "memory:", "dict://x", "s3+https://h:1/b/p"])
def test_what_may_be_a_location(uri: str) -> None:
    check_location(uri)


@pytest.mark.parametrize(
    "uri",
    [
        *("", "truth", "/srv/truth", "s3://user:pw@bucket/p", "https://pw@host/b", "s3://b?versionId=1", "file:///a#b"),
        *("file:///a b", "file:///a\nb", "S3://b", "file:///\ud800", "s3://" + "b" * 5000),
    ],
    ids=ascii,
)
def test_what_may_not_and_is_not_quoted(uri: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_location(uri)
    assert caught.value.code is ReasonCode.PLUGIN_BROKEN
    assert "pw" not in str(caught.value)
