"""Settings of an S3 endpoint, and clients tuned by them."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import attrs
import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config

from sr_ports import BadInput, ReasonCode

POOL: Final = 32
READ_ATTEMPTS: Final = 4
_LOOPBACK_REGION = "us-east-1"  # stores other than AWS mostly sign for this one
_STYLES = ("auto", "path", "virtual")


@attrs.frozen
class Credentials:
    """A key pair given by name. `secret` is never shown."""

    access_key: str
    secret: str = attrs.field(repr=False)


@attrs.frozen
class Endpoint:
    """Where an S3 store is and how to speak to it.

    `url`: None is AWS itself. `region`: None is the AWS chain's. `credentials`: None is the
    AWS chain's. Timeouts in seconds, for each single try. `attempts`: tries of one request.
    """

    url: str | None = None
    region: str | None = None
    addressing_style: str = "auto"
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 30.0
    attempts: int = READ_ATTEMPTS
    credentials: Credentials | None = None

    @property
    def shown(self) -> str:
        """The endpoint for people: no user, password, query or fragment."""
        if self.url is None:
            return f"AWS ({self.region or 'region of the AWS chain'})"
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def endpoint_from(settings: Mapping[str, Any], *, style: str = "auto") -> Endpoint:
    """The endpoint that a profile section describes. Raises `BadInput(PROFILE_INVALID)`."""
    chosen = text(settings, "addressing_style") or style
    if chosen not in _STYLES:
        raise invalid("addressing_style", f"must be one of {', '.join(_STYLES)}")
    return Endpoint(
        url=text(settings, "endpoint_url"),
        region=text(settings, "region"),
        addressing_style=chosen,
        connect_timeout_s=_seconds(settings, "connect_timeout_seconds", 5.0),
        read_timeout_s=_seconds(settings, "read_timeout_seconds", 30.0),
    )


def make_client(endpoint: Endpoint, *, attempts: int | None = None) -> Any:
    """A client with a session of its own; safe to share between threads.

    Checksums: botocore's own are left out, for stores before 2025 answer them with errors;
    writes carry Content-MD5, which every store checks.
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
    try:
        session = _session()
        return session.client(
            "s3",
            config=config,
            endpoint_url=endpoint.url,
            region_name=endpoint.region or _region(session, endpoint),
            aws_access_key_id=keys.access_key if keys else None,
            aws_secret_access_key=keys.secret if keys else None,
        )
    except ValueError as error:
        raise invalid("endpoint_url", str(error)) from error


@functools.cache
def _loader() -> Any:
    """The service descriptions, read once a process: they are most of a client's cost."""
    return botocore.loaders.create_loader()


def _session() -> Any:
    core = botocore.session.get_session()
    core.register_component("data_loader", _loader())
    return boto3.session.Session(botocore_session=core)


def _region(session: Any, endpoint: Endpoint) -> str | None:
    found: str | None = os.environ.get("AWS_REGION") or session.region_name
    return found or (_LOOPBACK_REGION if endpoint.url else None)


def text(settings: Mapping[str, Any], key: str) -> str | None:
    """A setting that is a string; None when absent or empty."""
    value = settings.get(key)
    if value is not None and not isinstance(value, str):
        raise invalid(key, "must be a string")
    return value or None


def _seconds(settings: Mapping[str, Any], key: str, default: float) -> float:
    value = settings.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise invalid(key, "must be a number of seconds above 0")
    return float(value)


def invalid(key: str, why: str) -> BadInput:
    """The error for a profile key that cannot be used."""
    return BadInput(ReasonCode.PROFILE_INVALID, f"object_store.{key}: {why}")
