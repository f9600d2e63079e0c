"""Settings of an S3 endpoint, and clients tuned by them."""

from __future__ import annotations

import base64
import hashlib
import os
import threading
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

import attrs
from botocore.config import Config

from sr_adapters import aws
from sr_adapters.s3.settings import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, S3Settings
from sr_ports import ReasonCode

POOL: Final = 32
READ_ATTEMPTS: Final = 4
_SHARED_AT_MOST = 8
_STYLES: Final = {"true": "path", "false": "virtual"}
"""How an environment's yes or no to paths is called here."""
_PATH: Final = "/:@!$&'()*+,;="  # what a URI's path may hold as it is


@attrs.frozen
class Credentials:
    """A key pair given by name. `secret` is never shown."""

    access_key: str
    secret: str = attrs.field(repr=False)


@attrs.frozen
class Endpoint:
    """Where an S3 store is and how to speak to it.

    `url`, `region`, `credentials`: None is the AWS chain's. `given_by`: the environment variable
    that gave `url`, where it was not the profile. Timeouts in seconds, for each single try.
    `attempts`: tries of one request. `section`: what the profile calls it, for messages.
    """

    url: str | None = None
    region: str | None = None
    addressing_style: str = "auto"
    connect_timeout_s: float = CONNECT_TIMEOUT_S
    read_timeout_s: float = READ_TIMEOUT_S
    attempts: int = READ_ATTEMPTS
    credentials: Credentials | None = None
    given_by: str | None = None
    section: str = "object_store"

    @property
    def address(self) -> aws.Address:
        return aws.Address(self.section, self.url, self.region, self.given_by)


def endpoint_from(settings: S3Settings, *, style: str = "auto") -> Endpoint:
    """The endpoint that a profile section describes. `style`: how buckets are named where it does not say."""
    named = settings.addressing_style or style
    return Endpoint(
        url=settings.endpoint_url,
        region=settings.region,
        addressing_style=_STYLES.get(named, named),
        connect_timeout_s=settings.connect_timeout_s,
        read_timeout_s=settings.read_timeout_s,
    )


def make_client(
    endpoint: Endpoint, *, attempts: int | None = None, denied: ReasonCode = ReasonCode.STORE_DENIED
) -> Any:
    """A client with a session of its own; safe to share between threads. Raises `BadInput`, `Unreachable(denied)`.

    Checksums: botocore's own are left out, for stores before 2025 answer them with errors;
    writes carry Content-MD5, which every store checks (`body`).
    """
    style: Any = {"addressing_style": endpoint.addressing_style}
    config = Config(
        connect_timeout=endpoint.connect_timeout_s,
        read_timeout=endpoint.read_timeout_s,
        max_pool_connections=POOL,
        retries={"mode": "standard", "total_max_attempts": attempts or endpoint.attempts},
        s3=style,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        tcp_keepalive=True,
        user_agent_extra="scenario-runner",
    )
    keys = endpoint.credentials
    made = aws.client(
        "s3",
        endpoint.address,
        config,
        denied,
        aws_access_key_id=keys.access_key if keys else None,
        aws_secret_access_key=keys.secret if keys else None,
    )
    made.meta.events.register_last("before-call.s3", _without_waiting)
    return made


def _without_waiting(params: Mapping[str, Any], **_: Any) -> None:
    """Drop `Expect: 100-continue`: botocore would wait for the server's leave before each body, a trip of its own."""
    params["headers"].pop("Expect", None)


def body(data: bytes) -> dict[str, Any]:
    """What every write carries. A bucket with Object Lock refuses one without Content-MD5 or a checksum."""
    digest = hashlib.md5(data, usedforsecurity=False).digest()
    return {"Body": data, "ContentMD5": base64.b64encode(digest).decode()}


_shared: dict[tuple[object, ...], Any] = {}
_shared_lock = threading.Lock()


def shared_client(endpoint: Endpoint, denied: ReasonCode) -> Any:
    """A client for `endpoint` that others have as well: making one costs tens of milliseconds and holds sockets.

    Another process (a fork) and another AWS environment get one of their own, and so does whoever
    comes after a change of the AWS files: a client reads its keys once.
    """
    key = (os.getpid(), endpoint, denied, aws.chain_stamp())
    with _shared_lock:
        if key not in _shared:
            while len(_shared) >= _SHARED_AT_MOST:
                _shared.pop(next(iter(_shared)))
            _shared[key] = make_client(endpoint, denied=denied)
        return _shared[key]


def place(made: Any, endpoint: Endpoint) -> str:
    """The address that a client uses, for people, and who gave it where that was not the profile; never a secret."""
    return aws.place(made, "s3", endpoint.address)


def location(made: Any, bucket: str, prefix: str) -> str:
    """The URI of what a client finds in `bucket` below `prefix`.

    ``s3://bucket/prefix`` on AWS, where a bucket's name is enough; on any other server
    ``s3+http://host:port/bucket/prefix``, so that equal names on two servers are two places.
    """
    server = aws.server(made)
    head = "s3://" if server is None else f"s3+{server}/"
    return (head + quote(f"{bucket}/{prefix}", safe=_PATH)).rstrip("/")


def parted(uri: str) -> tuple[str | None, str, str] | None:
    """A location taken apart: the server, None for AWS, the bucket and the prefix; None for one of another kind.

    Of a server that has a path of its own the path is taken for the bucket's.
    """
    parts = urlsplit(uri)
    if parts.scheme == "s3":
        return None, parts.netloc, unquote(parts.path).strip("/")
    if parts.scheme not in ("s3+http", "s3+https"):
        return None
    bucket, _, prefix = unquote(parts.path).strip("/").partition("/")
    return f"{parts.scheme.removeprefix('s3+')}://{parts.netloc}", bucket, prefix
