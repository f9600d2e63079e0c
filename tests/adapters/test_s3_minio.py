"""On MinIO's measured answers the adapter keeps its laws, and says what MinIO refuses."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from sr_adapters.s3.root import S3EngineRoot
from sr_adapters.s3.store import S3ObjectStore
from sr_ports import BadInput, ReasonCode, Unreachable
from tests.servers.s3 import S3Server, fresh_prefix

pytestmark = pytest.mark.parity
OLDER_WRITES = 30
"""More than a trail of writes has room for."""


@pytest.fixture(params=["moto_as_minio", "rgw_as_minio"])
def server(request: pytest.FixtureRequest) -> S3Server:
    found: S3Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def client(server: S3Server) -> Any:
    return server.client()


@pytest.fixture
def below() -> str:
    return fresh_prefix()


def refusal(act: Any, **asked: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        act(**asked)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def test_names_that_minio_has_no_place_for(server: S3Server, client: Any, below: str) -> None:
    for name, code in {
        "a//b": "XMinioInvalidObjectName",
        "a/./b": "XMinioInvalidResourceName",
        "a/../b": "XMinioInvalidResourceName",
        f"a/{'n' * 256}": "XMinioInvalidObjectName",
    }.items():
        asked = {"Bucket": server.bucket, "Key": f"{below}/{name}", "Body": b"1"}
        assert refusal(client.put_object, **asked) == (400, code), name
    client.put_object(Bucket=server.bucket, Key=f"{below}/{'n' * 255}", Body=b"1")
    assert refusal(client.list_objects_v2, Bucket=server.bucket, Prefix=f"{below}//") == (
        400,
        "XMinioInvalidObjectName",
    )


def test_metadata_of_2048_bytes_and_no_more(server: S3Server, client: Any, below: str) -> None:
    put = {"Bucket": server.bucket, "Key": f"{below}/a", "Body": b"1"}
    client.put_object(**put, Metadata={"m": "x" * 2036})
    assert refusal(client.put_object, **put, Metadata={"m": "x" * 2037}) == (400, "MetadataTooLarge")


def test_conditions_of_a_put_hold_and_those_of_delete_and_copy_are_ignored(
    server: S3Server, client: Any, below: str
) -> None:
    at = {"Bucket": server.bucket, "Key": f"{below}/a"}
    etag = client.put_object(**at, Body=b"1")["ETag"]
    for fresh in (etag, etag.strip('"')):
        etag = client.put_object(**at, Body=fresh.encode() + b"2", IfMatch=fresh if fresh == etag else etag)["ETag"]
    stale = '"00000000000000000000000000000000"'
    assert refusal(client.put_object, **at, Body=b"3", IfMatch=stale)[0] == 412
    assert refusal(client.put_object, **at, Body=b"3", IfNoneMatch="*")[0] == 412
    gone = {**at, "Key": f"{below}/none"}
    assert refusal(client.put_object, **gone, Body=b"3", IfMatch=etag) == (404, "NoSuchKey")
    client.put_object(**{**at, "Key": f"{below}/b"}, Body=b"other")
    client.copy_object(**at, CopySource={**at, "Key": f"{below}/b"}, IfNoneMatch="*")
    assert client.get_object(**at)["Body"].read() == b"other"
    client.delete_object(**at, IfMatch=stale)
    assert refusal(client.get_object, **at)[0] == 404


def test_a_condition_that_fails_is_told_before_the_body(server: S3Server, below: str) -> None:
    if not server.name.endswith("as MinIO"):
        pytest.skip("this request is not signed, and goes to the proxy alone")
    client, parts = server.client(), urlsplit(server.url)
    client.put_object(Bucket=server.bucket, Key=f"{below}/a", Body=b"1")
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=5)
    connection.putrequest("PUT", f"/{server.bucket}/{below}/a")
    for name, value in {"If-None-Match": "*", "Expect": "100-continue", "Content-Length": "1000000"}.items():
        connection.putheader(name, value)
    connection.endheaders()  # and no body
    assert connection.getresponse().status == 412
    connection.close()


def test_a_record_swapped_often_stays_within_the_metadata_that_fits(server: S3Server, below: str) -> None:
    store = S3ObjectStore(server.endpoint, server.bucket, below)
    made = store.create("record", b"0")
    for number in range(1, OLDER_WRITES):
        assert made is not None
        made = store.replace("record", str(number).encode(), etag=made.etag)
    assert made is not None
    assert store.stat("record") == made


def test_a_root_that_minio_has_no_place_for_is_refused_before_it_is_asked(server: S3Server, client: Any) -> None:
    with pytest.raises(BadInput) as caught:
        S3EngineRoot(f"s3://{server.bucket}/a//b", client)
    assert caught.value.code is ReasonCode.REQUEST_INVALID


def test_a_long_name_is_refused_with_its_cause(server: S3Server, below: str) -> None:
    store = S3ObjectStore(server.endpoint, server.bucket, below)
    with pytest.raises(Unreachable) as caught:
        store.create(f"a/{'n' * 256}", b"1")
    assert caught.value.code is ReasonCode.STORE_UNREACHABLE
    assert "takes no such name" in caught.value.remedy
    assert store.create(f"a/{'n' * 255}", b"1") is not None
