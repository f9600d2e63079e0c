"""MinIO's measured answers in front of another S3 server, for machines that have no MinIO.

What is imitated was measured on MinIO's release of 2026-02-12, and is the list in `MinioProxy`.
What is not: its own checksums, and a leading slash that it takes off a key.
"""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import attrs
from botocore.exceptions import ClientError

from tests.servers.faulty_proxy import Answer, FaultyProxy, Handler, error, serving
from tests.servers.s3 import S3Server

LONGEST_SEGMENT: Final = 255
MOST_METADATA: Final = 2048
_META: Final = "x-amz-meta-"
_COPY: Final = "x-amz-copy-source"
_BAD_NAME, _BAD_SEGMENT = error(400, "XMinioInvalidObjectName"), error(400, "XMinioInvalidResourceName")
_PRECONDITION, _NO_KEY = error(412, "PreconditionFailed"), error(404, "NoSuchKey")


class MinioProxy(FaultyProxy):
    """A proxy that answers as MinIO does.

    1. `//` in a key, or `.` or `..` as a segment, is refused with 400, in a list's prefix too.
    2. A segment of more than 255 characters is refused in a PUT.
    3. User metadata is at most 2,048 bytes, each full header name counted.
    4. If-Match takes an ETag with quotes and without; on a missing key it is 404.
    5. DeleteObject ignores If-Match, CopyObject ignores If-None-Match.
    6. A condition that fails is 412 before the body, where the client asks with `Expect`.
    """

    def __init__(self, server: S3Server) -> None:
        super().__init__(server.url)
        self._looks: Any = server.client()
        self.keys = server.endpoint.credentials

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        parts = urlsplit(path)
        bucket, _, key = unquote(parts.path).removeprefix("/").partition("/")
        refused = _refused(method, key, parse_qs(parts.query), _lower(headers))
        if refused is not None:
            return refused
        kept = self._kept(method, path, headers, body)
        return self._as_found(bucket, key, headers, super().ask(method, path, kept, body))

    def before_body(self, path: str, headers: Mapping[str, str]) -> Answer | None:
        """The answer to a PUT whose condition does not hold, given before its body is asked for."""
        asked = _lower(headers)
        if _COPY in asked or not {"if-match", "if-none-match"} & set(asked):
            return None
        bucket, _, key = unquote(urlsplit(path).path).removeprefix("/").partition("/")
        etag = self._etag(bucket, key)
        if "if-match" in asked:
            if etag is None:
                return _NO_KEY
            return None if asked["if-match"].strip('"') in (etag, "*") else _PRECONDITION
        return _PRECONDITION if etag is not None and asked["if-none-match"].strip('"') in (etag, "*") else None

    def _kept(self, method: str, path: str, headers: dict[str, str], body: bytes) -> dict[str, str]:
        """What the server behind is asked: conditions that MinIO ignores are left out, an ETag loses its quotes."""
        asked = _lower(headers)
        gone = set()
        if method == "DELETE":
            gone = {"if-match"}
        elif _COPY in asked:
            gone = {"if-none-match"}
        kept = {name: value for name, value in headers.items() if name.lower() not in gone}
        kept = {name: value.strip('"') if name.lower() == "if-match" else value for name, value in kept.items()}
        return headers if kept == headers else self.signed(method, path, kept, body)

    def _as_found(self, bucket: str, key: str, headers: Mapping[str, str], answer: Answer) -> Answer:
        """A refused swap of a missing key is 404 here, whatever the server behind says."""
        is_swap = answer.status == _PRECONDITION.status and "if-match" in _lower(headers)
        return _NO_KEY if is_swap and self._etag(bucket, key) is None else answer

    def _etag(self, bucket: str, key: str) -> str | None:
        try:
            return str(self._looks.head_object(Bucket=bucket, Key=key)["ETag"]).strip('"')
        except ClientError:
            return None


class _MinioHandler(Handler):
    def handle_expect_100(self) -> bool:
        assert isinstance(self.proxy, MinioProxy)
        early = self.proxy.before_body(self.path, dict(self.headers.items()))
        if early is None:
            return super().handle_expect_100()
        self.say(early, None)
        self.close_connection = True
        return False


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _refused(method: str, key: str, query: Mapping[str, list[str]], headers: Mapping[str, str]) -> Answer | None:
    names = [key, *query.get("prefix", ())]
    if any("//" in name for name in names):
        return _BAD_NAME
    if any(part in (".", "..") for name in names for part in name.split("/")):
        return _BAD_SEGMENT
    if method != "PUT":
        return None
    if any(len(part) > LONGEST_SEGMENT for part in key.split("/")):
        return _BAD_NAME
    size = sum(len(name) + len(value.encode()) for name, value in headers.items() if name.startswith(_META))
    return error(400, "MetadataTooLarge") if size > MOST_METADATA else None


def is_minio(url: str) -> bool:
    """Whether the server at this address is a MinIO, by the page that says that it is ready."""
    try:
        with urllib.request.urlopen(f"{url}/minio/health/ready", timeout=5) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


@contextmanager
def as_minio(server: S3Server) -> Iterator[S3Server]:
    """The same store, answering as MinIO does. A MinIO that was given is left as it is."""
    if is_minio(server.url) or server.endpoint.credentials is None:
        yield server
        return
    proxy = MinioProxy(server)
    with serving(proxy, _MinioHandler):
        endpoint = attrs.evolve(server.endpoint, url=proxy.url)
        yield attrs.evolve(server, name=f"{server.name} as MinIO", endpoint=endpoint)
