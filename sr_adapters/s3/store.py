"""`sr_ports.ObjectStore` on S3."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from sr_adapters.s3 import trail
from sr_adapters.s3.client import Endpoint, body, location, make_client, parted, place
from sr_adapters.s3.errors import DRIVER_ERRORS, key_is_missing, status_of, translate, translated
from sr_adapters.s3.probe import PROBES, Conditions, Findings, Prober, ProcessFindings
from sr_adapters.s3.trail import Trail
from sr_adapters.s3.write import ConditionalWrite, Seen
from sr_ports.stores import Blob, Stored, check_bytes, check_key

_REMEMBERED: Final = 1024
_CHUNK: Final = 1 << 20
_NOT_FOUND = 404
_PROCESS = ProcessFindings()


class S3ObjectStore:
    """SR's truth in a bucket, below `prefix`. Safe to share between threads.

    Writes are conditional PUTs, each tried a few times by this class and never by the driver,
    so that it is known which try may have taken effect. `page`: keys per list request.
    """

    shared = True

    def __init__(
        self,
        endpoint: Endpoint,
        bucket: str,
        prefix: str = "",
        *,
        sse_kms_key_id: str | None = None,
        findings: Findings = _PROCESS,
        page: int = 1000,
    ) -> None:
        self._endpoint, self._findings = endpoint, findings
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._page = page
        self._reader = make_client(endpoint)
        self._writer = make_client(endpoint, attempts=1)
        self._where = f"s3://{bucket}/{self._prefix}".rstrip("/") + f" at {place(self._reader, endpoint)}"
        self._location = location(self._reader, bucket, self._prefix)
        self._tries = endpoint.attempts
        self._encryption = _encryption(sse_kms_key_id)
        self._prober = Prober(self._writer, bucket, self._prefix, self._where, findings, **self._encryption)
        self._trails: OrderedDict[str, tuple[str, Trail]] = OrderedDict()

    def create(self, key: str, data: bytes) -> Stored | None:
        check_key(key)
        check_bytes(key, len(data))
        self._prober.conditions()
        return self._write(key, data, trail.started(), None, {"IfNoneMatch": "*"})

    def replace(self, key: str, data: bytes, *, etag: str) -> Stored | None:
        check_key(key)
        check_bytes(key, len(data))
        conditions: Conditions = self._prober.conditions()
        known = self._trails.get(key)
        mine = known[1].next(etag) if known and known[0] == etag else trail.unknown(etag)
        return self._write(key, data, mine, etag, {"IfMatch": conditions.written(etag)})

    def read(self, key: str) -> Blob | None:
        check_key(key)
        try:
            answer = self._reader.get_object(Bucket=self._bucket, Key=self._prefix + key)
            with answer["Body"] as body:
                check_bytes(key, int(answer["ContentLength"]))
                data: bytes = body.read()  # raises when it is shorter than its stated length
        except DRIVER_ERRORS as error:
            if key_is_missing(error):
                return None
            raise translate(error, self._about(key)) from error
        return Blob(data, self._noted(key, answer))

    def chunks(self, key: str) -> Iterator[bytes] | None:
        """See `sr_ports.stores.Streamed`."""
        check_key(key)
        try:
            answer = self._reader.get_object(Bucket=self._bucket, Key=self._prefix + key)
        except DRIVER_ERRORS as error:
            if key_is_missing(error):
                return None
            raise translate(error, self._about(key)) from error
        return self._pieces(key, answer)

    def _pieces(self, key: str, answer: Mapping[str, Any]) -> Iterator[bytes]:
        with answer["Body"] as body:
            check_bytes(key, int(answer["ContentLength"]))
            while True:
                with translated(self._about(key)):
                    piece = body.read(_CHUNK)  # raises when the body is shorter than its stated length
                if not piece:
                    return
                yield piece

    def stat(self, key: str) -> Stored | None:
        check_key(key)
        seen = self._look(key)
        return None if seen is None else seen.stored

    def list(self, prefix: str) -> Iterator[Stored]:
        cut = len(self._prefix)
        for page in self._pages(prefix):
            for item in page.get("Contents", ()):
                key = str(item["Key"])[cut:]
                if not key.startswith(PROBES):
                    yield Stored(key, int(item["Size"]), _bare(item["ETag"]))

    def folders(self, prefix: str) -> Sequence[str]:
        start = self._prefix + prefix
        found = [one["Prefix"] for page in self._pages(prefix, Delimiter="/") for one in page.get("CommonPrefixes", ())]
        names = {str(one)[len(start) : -1] for one in found}
        return sorted(name for name in names if name and not f"{prefix}{name}/".startswith(PROBES))

    def _pages(self, prefix: str, **asked: str) -> Iterator[Mapping[str, Any]]:
        """The answers to one listing; each is asked for when it is wanted."""
        asked |= {"Bucket": self._bucket, "Prefix": self._prefix + prefix}
        paginator = self._reader.get_paginator("list_objects_v2")
        pages = iter(paginator.paginate(**asked, PaginationConfig={"PageSize": self._page}))
        while True:
            with translated(self._about(prefix)):
                found = next(pages, None)
            if found is None:
                return
            yield found

    def delete(self, key: str) -> None:
        check_key(key)
        with translated(self._about(key)):
            self._reader.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    def describe(self) -> str:
        return self._where

    def location(self) -> str:
        return self._location

    def elsewhere(self, location: str) -> S3ObjectStore | None:
        """The store at another location (`sr_ports.stores.Elsewhere`), by this one's credentials."""
        found = parted(location)
        if found is None:
            return None
        server, bucket, prefix = found
        return S3ObjectStore(attrs.evolve(self._endpoint, url=server), bucket, prefix, findings=self._findings)

    def probe(self) -> Conditions:
        """Try the store's conditional writes now. Raises `Unreachable`, STORE_UNSAFE where they do not hold."""
        return self._prober.probe()

    def _write(
        self, key: str, data: bytes, mine: Trail, etag: str | None, condition: Mapping[str, str]
    ) -> Stored | None:
        arguments = {
            "Bucket": self._bucket,
            "Key": self._prefix + key,
            **body(data),
            "Metadata": mine.metadata(),
            **condition,
            **self._encryption,
        }

        def put() -> Stored:
            return Stored(key, len(data), _bare(self._writer.put_object(**arguments)["ETag"]))

        write = ConditionalWrite(put, lambda: self._look(key), mine, etag, self._about(key), self._tries)
        made = write.run()
        if made is not None:
            self._remember(key, made.etag, mine)
        return made

    def _look(self, key: str) -> Seen | None:
        """The object and its trail; None when it is certainly absent."""
        asked = {"Bucket": self._bucket, "Key": self._prefix + key}
        try:
            answer = self._reader.head_object(**asked)
        except DRIVER_ERRORS as error:
            if status_of(error) != _NOT_FOUND:
                raise translate(error, self._about(key)) from error
            answer = self._why_missing(key, asked)
        if answer is None:
            return None
        stored = Stored(key, int(answer["ContentLength"]), self._noted(key, answer))
        return Seen(stored, trail.read(answer.get("Metadata", {})))

    def _why_missing(self, key: str, asked: Mapping[str, str]) -> Any | None:
        """A HEAD's 404 has no body to say whether the key or the bucket is missing: ask by GET."""
        try:
            answer = self._reader.get_object(**asked)
        except DRIVER_ERRORS as error:
            if key_is_missing(error):
                return None
            raise translate(error, self._about(key)) from error
        answer["Body"].close()  # it was made in between
        return answer

    def _noted(self, key: str, answer: Mapping[str, Any]) -> str:
        """The answer's bare ETag, its trail remembered for the replace that may follow."""
        etag, found = _bare(answer["ETag"]), trail.read(answer.get("Metadata", {}))
        if found is not None:
            self._remember(key, etag, found)
        return etag

    def _remember(self, key: str, etag: str, found: Trail) -> None:
        self._trails[key] = (etag, found)
        while len(self._trails) > _REMEMBERED:
            self._trails.popitem(last=False)

    def _about(self, key: str) -> str:
        return f"{key or 'the objects'} in {self._where}"


def _bare(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')


def _encryption(key_id: str | None) -> dict[str, str]:
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id} if key_id else {}
