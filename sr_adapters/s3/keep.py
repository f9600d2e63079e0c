"""Writing an engine root that is a copy: one object a file, each once."""

from __future__ import annotations

import base64
import hashlib
import tempfile
from collections.abc import Callable
from typing import IO, Any, Final

from sr_adapters.s3.errors import DRIVER_ERRORS, ROOT, status_of, translate
from sr_adapters.s3.root import split_uri
from sr_ports import ReasonCode, Sink, Unreachable

IN_MEMORY: Final = 8 << 20
LARGEST: Final = 5 << 30
"""Bytes that S3 takes in one PUT, the only kind that can be made once on every store."""
_REFUSED: Final = (412, 409)


def keep_object(client: Any, uri: str, path: str, source: Callable[[Sink], object]) -> None:
    """See `sr_ports.Keeping.keep`. A file above 8 MiB waits on this machine's disk to be sent."""
    bucket, base = split_uri(uri)
    where = f"writing {path} in the copied engine root {uri}"
    digest = hashlib.md5(usedforsecurity=False)
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as spooled:

        def taken(part: memoryview) -> None:
            digest.update(part)
            spooled.write(part)

        source(taken)
        if spooled.tell() > LARGEST:
            raise Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, f"{where}: it is larger than one PUT may be (5 GiB)")
        spooled.seek(0)
        _put(client, {"Bucket": bucket, "Key": base + path}, spooled, digest.digest(), where)


def _put(client: Any, at: dict[str, str], data: IO[bytes], digest: bytes, where: str) -> None:
    """Write the object once. One of the same bytes that is there already may be this write's own first try."""
    try:
        client.put_object(**at, Body=data, ContentMD5=base64.b64encode(digest).decode(), IfNoneMatch="*")
    except DRIVER_ERRORS as error:
        if status_of(error) not in _REFUSED:
            raise translate(error, where, ROOT) from error
    else:
        return
    try:
        found = str(client.head_object(**at)["ETag"]).strip('"')
    except DRIVER_ERRORS as error:
        raise translate(error, where, ROOT) from error
    if found != digest.hex():
        raise Unreachable(
            ReasonCode.ENGINE_ROOT_UNREACHABLE,
            f"{where}: another object is there",
            "see who writes below engine.publish_root",
        )
