"""Engine roots on S3: one list per folder, one get per file, nothing written."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from sr_adapters.s3.errors import DRIVER_ERRORS, ROOT, key_is_missing, status_of, translate, translated
from sr_ports import BadInput, EvidenceFault, FileFact, ReasonCode, Sink, Unreachable
from sr_ports.roots import check_path

CHUNK: Final = 1 << 20
_RESUMES: Final = 3
_PRECONDITION = 412
_RANGE_INVALID = 416


class S3EngineRoot:
    """`sr_ports.EngineRoot` over the keys below ``s3://bucket/prefix``.

    What a list or a stat found is kept for the life of this object: no fact is asked for
    twice. Open a new one to look again. `page`: keys per list request. `place`: where the server
    is, for messages.
    """

    batch_below = 0

    def __init__(self, uri: str, client: Any, *, page: int = 1000, place: str = "") -> None:
        self._bucket, self._base = split_uri(uri)
        self.uri = f"s3://{self._bucket}/{self._base}".rstrip("/")
        self._client = client
        self._page = page
        self._shown = f"{self.uri} at {place}" if place else self.uri
        self._lock = threading.RLock()
        self._lists: dict[str, tuple[FileFact, ...]] = {}
        self._facts: dict[str, FileFact | None] = {}
        self._exists: bool | None = None

    def exists(self) -> bool:
        """Whether any key is below the root: S3 has no empty folders."""
        with self._lock:
            if self._exists is None:
                self._exists = any(self._facts.values()) or bool(self._keys(self._base, most=1))
            return self._exists

    def list(self, prefix: str) -> Sequence[FileFact]:
        folder = prefix.rstrip("/") if prefix.strip("/") else prefix
        if folder:
            check_path(folder)
        with self._lock:
            if folder not in self._lists:
                self._lists[folder] = self._listed(folder)
            return self._lists[folder]

    def stat(self, path: str) -> FileFact | None:
        check_path(path)
        with self._lock:
            if path not in self._facts:
                covered = any(folder in self._lists for folder in _above(path))
                self._facts[path] = None if covered else self._asked(path)
            return self._facts[path]

    def stream(self, path: str, sink: Sink, *, expect: FileFact | None = None) -> FileFact:
        check_path(path)
        known = expect or self._facts.get(path)
        answer = self._get(path, {"IfMatch": f'"{known.stamp}"'} if known else {})
        fact = _streamed(path, answer)
        if known is not None and (known.size, known.stamp) != (fact.size, fact.stamp):
            answer["Body"].close()
            raise _unstable(path)
        at, resumes = 0, 0
        while True:
            at, trouble = _pump(answer["Body"], sink, at, fact.size)
            if trouble is None:
                return fact
            resumes += 1
            if resumes > _RESUMES:
                what = f"{path} in {self._shown}: its bytes broke off at {at} of {fact.size}: {trouble}"
                raise Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, what) from trouble
            answer = self._get(path, {"IfMatch": f'"{fact.stamp}"', "Range": f"bytes={at}-"})
            if not str(answer.get("ContentRange", "")).startswith(f"bytes {at}-"):
                answer["Body"].close()
                what = f"{path} in {self._shown}: the store does not resume a read"
                raise Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, what)

    def _listed(self, folder: str) -> tuple[FileFact, ...]:
        whole = next((self._lists[above] for above in _above(folder) if above in self._lists), None)
        start = f"{folder}/" if folder else ""
        if whole is not None:
            return tuple(fact for fact in whole if fact.path.startswith(start))
        facts = [self._fact(item) for item in self._keys(self._base + start)]
        kept = tuple(sorted((fact for fact in facts if fact), key=lambda fact: fact.path))
        self._facts.update({fact.path: fact for fact in kept})
        return kept

    def _asked(self, path: str) -> FileFact | None:
        """By a list of one key, which tells an absent key from an absent bucket, as HEAD cannot."""
        first = self._keys(self._base + path, most=1)
        return self._fact(first[0]) if first and first[0]["Key"] == self._base + path else None

    def _keys(self, start: str, most: int | None = None) -> Sequence[Mapping[str, Any]]:
        limits = {"PageSize": most or self._page, "MaxItems": most}
        with translated(f"listing {start!r} of the engine root {self._shown}", ROOT):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=start, PaginationConfig=limits
            )
            return [item for page in pages for item in page.get("Contents", ())]

    def _fact(self, item: Mapping[str, Any]) -> FileFact | None:
        """The listed file; None for a folder marker. Raises `EvidenceFault(PATH_ESCAPES)` for a hostile name."""
        path = str(item["Key"])[len(self._base) :]
        if path.endswith("/") or not path:
            if path.strip("/"):
                check_path(path[:-1])
            return None
        check_path(path)
        return FileFact(path, int(item["Size"]), _bare(item["ETag"]))

    def _get(self, path: str, how: Mapping[str, str]) -> Any:
        try:
            return self._client.get_object(Bucket=self._bucket, Key=self._base + path, **how)
        except DRIVER_ERRORS as error:
            if status_of(error) in (_PRECONDITION, _RANGE_INVALID):
                raise _unstable(path) from error
            if key_is_missing(error):
                raise EvidenceFault(ReasonCode.INDEXED_FILE_ABSENT, f"{path} is not there", path) from error
            raise translate(error, f"reading {path} in the engine root {self._shown}", ROOT) from error


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket, and key prefix that is empty or ends with a slash. Raises `BadInput`."""
    parts = urlsplit(uri)
    prefix = uri[len("s3://") + len(parts.netloc) :].strip("/")
    if parts.scheme != "s3" or not parts.netloc or "@" in parts.netloc:
        raise BadInput(ReasonCode.REQUEST_INVALID, f"{uri!r} is no engine root", "give s3://bucket/prefix")
    if prefix:
        try:
            check_path(prefix)
        except EvidenceFault as fault:
            raise BadInput(ReasonCode.REQUEST_INVALID, fault.what, "give s3://bucket/prefix") from fault
    return parts.netloc, f"{prefix}/" if prefix else ""


def _pump(body: Any, sink: Sink, at: int, size: int) -> tuple[int, BaseException | None]:
    """Feed the body on from `at`: how far it came, and what broke it off, if anything did."""
    try:
        while at < size:
            try:
                chunk = body.read(CHUNK)
            except DRIVER_ERRORS as error:
                return at, error
            if not chunk:
                return at, EOFError("the body ended early")
            sink(memoryview(chunk))
            at += len(chunk)
    finally:
        body.close()
    return at, None


def _streamed(path: str, answer: Mapping[str, Any]) -> FileFact:
    etag, version = _bare(answer["ETag"]), answer.get("VersionId")
    return FileFact(path, int(answer["ContentLength"]), etag, version if version and version != "null" else etag)


def _above(path: str) -> Sequence[str]:
    """The folders above a path, the root last."""
    parts = path.split("/")[:-1] if path else []
    return [*("/".join(parts[:n]) for n in range(len(parts), 0, -1)), *([""] if path else [])]


def _bare(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')


def _unstable(path: str) -> EvidenceFault:
    return EvidenceFault(ReasonCode.EVIDENCE_UNSTABLE, f"{path} changed since it was listed", path)
