"""Writing below an engine root that is a copy: one object a file, each once."""

from __future__ import annotations

import base64
import hashlib
import tempfile
from collections.abc import Callable, Mapping
from typing import IO, Any, Final

import attrs

from sr_adapters.s3 import trail
from sr_adapters.s3.errors import DRIVER_ERRORS, ROOT, Cause, status_of, translate
from sr_adapters.s3.root import split_uri
from sr_adapters.s3.write import ConditionalWrite, Seen
from sr_ports import OutcomeUnknown, ReasonCode, Sink, Stored, Unreachable
from sr_ports.roots import check_path

IN_MEMORY: Final = 8 << 20
LARGEST: Final = 5 << 30
"""Bytes that S3 takes in one PUT, the only kind that can be made once on every store."""
_NOT_FOUND: Final = 404
_WHO: Final = "see who writes below engine.publish_root"
_RIGHT = "give these credentials the right to write below engine.publish_root, then retry"
_BUCKET = "create the bucket, or correct engine.publish_root"
WORDS: Final = attrs.evolve(
    ROOT,
    told={
        **ROOT.told,
        Cause.DENIED: (ReasonCode.ENGINE_ROOT_DENIED, _RIGHT),
        Cause.BUCKET: (ReasonCode.ENGINE_ROOT_BUCKET_MISSING, _BUCKET),
    },
)
"""Of a root that is written: who is to be given what."""


def keep_object(client: Any, tries: int, uri: str, path: str, source: Callable[[Sink], object]) -> None:
    """See `sr_ports.Keeping.keep`. A file above 8 MiB waits on this machine's disk to be sent.

    `client`: sends each request once. `tries`: how often one is sent in all.
    """
    check_path(path)
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
        asked = {"Bucket": bucket, "Key": base + path}
        sent = {"ContentMD5": base64.b64encode(digest.digest()).decode(), "IfNoneMatch": "*"}
        _once(_write(client, tries, asked, sent, spooled, where), where)


def _write(
    client: Any, tries: int, at: Mapping[str, str], sent: Mapping[str, str], data: IO[bytes], where: str
) -> ConditionalWrite:
    """The write, which carries an id of its own: a try whose answer was lost is known again by that."""
    mine, size = trail.started(), data.tell()

    def put() -> Stored:
        data.seek(0)
        answer = client.put_object(**at, **sent, Body=data, Metadata=mine.metadata())
        return Stored(at["Key"], size, str(answer["ETag"]))

    def look() -> Seen | None:
        try:
            found = client.head_object(**at)
        except DRIVER_ERRORS as error:
            if status_of(error) == _NOT_FOUND:
                return None
            raise translate(error, where, WORDS) from error
        stored = Stored(at["Key"], int(found["ContentLength"]), str(found["ETag"]))
        return Seen(stored, trail.read(found.get("Metadata", {})))

    return ConditionalWrite(put, look, mine, None, where, tries, WORDS)


def _once(write: ConditionalWrite, where: str) -> None:
    try:
        made = write.run()
    except OutcomeUnknown as error:
        raise Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, error.what) from error
    if made is None:
        raise Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, f"{where}: another object is there", _WHO)
