"""Settings of object stores on S3 and MinIO."""

from __future__ import annotations

from typing import Final, Literal

import attrs
from attrs.validators import gt, matches_re, min_len

from sr_ports import BadInput, check_key, setting

CONNECT_TIMEOUT_S: Final = 5.0
READ_TIMEOUT_S: Final = 30.0
_TIMED: Final = "a number of seconds above 0"


def _relative(instance: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not value.strip("/"):
        return
    try:
        check_key(value.strip("/"))
    except BadInput as error:
        raise ValueError(error.what) from error


@attrs.frozen(kw_only=True)
class S3Settings:
    """What is None is the AWS chain's."""

    bucket: str = attrs.field(
        validator=matches_re(r"[^/]+"), metadata=setting("the bucket", wanted="a name without slashes")
    )
    prefix: str = attrs.field(
        default="", validator=_relative, metadata=setting("where in the bucket", wanted="a relative POSIX path")
    )
    endpoint_url: str | None = attrs.field(default=None, metadata=setting("the server, where it is not AWS"))
    region: str | None = attrs.field(default=None, metadata=setting("the bucket's region"))
    addressing_style: Literal["auto", "path", "virtual", "true", "false"] | None = attrs.field(
        default=None,
        metadata=setting("how a bucket is named in a URL; true: path, false: virtual", wanted="auto, path or virtual"),
    )
    sse_kms_key_id: str | None = attrs.field(
        default=None, metadata=setting("the KMS key that encrypts what is written")
    )
    connect_timeout_s: float = attrs.field(
        default=CONNECT_TIMEOUT_S,
        alias="connect_timeout_seconds",
        validator=gt(0),
        metadata=setting("how long an attempt to connect may take", wanted=_TIMED),
    )
    read_timeout_s: float = attrs.field(
        default=READ_TIMEOUT_S,
        alias="read_timeout_seconds",
        validator=gt(0),
        metadata=setting("how long an answer may take", wanted=_TIMED),
    )


@attrs.frozen(kw_only=True)
class MinioSettings(S3Settings):
    """The same, on a server that must be named."""

    endpoint_url: str = attrs.field(validator=min_len(1), metadata=setting("the server", wanted="the server's URL"))
