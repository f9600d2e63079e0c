"""Engine roots on S3: one list per folder, one get per file, nothing written."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import attrs

from sr_adapters.s3.errors import DRIVER_ERRORS, ROOT, key_is_missing, status_of, translate, translated
from sr_ports import BadInput, EvidenceFault, FileFact, ReasonCode, Sink, Unreachable
from sr_ports.roots import check_path
from sr_ports.wanted import EVERYTHING, SPAN, Wanted, is_wild, segment_pattern

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
    folders = False

    def __init__(self, uri: str, client: Any, *, page: int = 1000, place: str = "") -> None:
        self._bucket, self._base = split_uri(uri)
        self.uri = f"s3://{self._bucket}/{self._base}".rstrip("/")
        self._client = client
        self._page = page
        self._shown = f"{self.uri} at {place}" if place else self.uri
        self._lock = threading.RLock()
        self._lists: dict[tuple[str, Wanted], tuple[FileFact, ...]] = {}
        self._facts: dict[str, FileFact | None] = {}
        self._exists: bool | None = None

    def exists(self) -> bool:
        """Whether any key is below the root: S3 has no empty folders."""
        with self._lock:
            if self._exists is None:
                self._exists = any(self._facts.values()) or bool(self._keys(self._base, most=1)[0])
            return self._exists

    def list(self, prefix: str, wanted: Wanted = EVERYTHING) -> Sequence[FileFact]:
        folder = prefix.rstrip("/") if prefix.strip("/") else prefix
        if folder:
            check_path(folder)
        with self._lock:
            if (folder, wanted) not in self._lists:
                self._lists[folder, wanted] = self._listed(folder, wanted)
            return self._lists[folder, wanted]

    def stat(self, path: str) -> FileFact | None:
        check_path(path)
        with self._lock:
            if path not in self._facts:
                self._facts[path] = None if self._covered(path) else self._asked(path)
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

    def _covered(self, path: str) -> bool:
        """Whether a list of everything would have named a file at `path`."""
        above, name = frozenset(_above(path)), path.rpartition("/")[2]
        return any(one.everything and name not in one.leave_out and folder in above for folder, one in self._lists)

    def _listed(self, folder: str, wanted: Wanted) -> tuple[FileFact, ...]:
        start = f"{folder}/" if folder else ""
        for above in _above(f"{folder}/x" if folder else "x"):
            whole = self._lists.get((above, Wanted(rules=wanted.rules)))
            if whole is not None:
                below = (fact for fact in whole if fact.path.startswith(start))
                return tuple(fact for fact in below if wanted.takes(fact.path[len(start) :]))
        facts = [self._fact(item, start, wanted) for item in self._reached(start, wanted.segments)]
        kept = tuple(sorted((fact for fact in facts if fact), key=lambda fact: fact.path))
        self._facts.update({fact.path: fact for fact in kept})
        return kept

    def _reached(self, at: str, segments: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """The keys below `at` that `segments` may lead to, and few others.

        By the longest prefix without a wildcard; level by level, so that nothing else is paged
        through, unless ``**`` may lead to any depth.
        """
        fixed = next((n for n, one in enumerate(segments[:-1]) if is_wild(one)), max(len(segments) - 1, 0))
        at, segments = at + "".join(f"{one}/" for one in segments[:fixed]), segments[fixed:]
        head = literal_head(segments[0]) if segments else ""
        if not segments or SPAN in segments:
            yield from self._keys(self._base + at + head)[0]
            return
        keys, folders = self._keys(self._base + at + head, level=True)
        yield from keys
        for folder in folders:
            name = folder[len(self._base + at) : -1]
            if segment_pattern(segments[0]).match(name):
                yield from self._reached(f"{at}{name}/", segments[1:])

    def _asked(self, path: str) -> FileFact | None:
        """By a list of one key, which tells an absent key from an absent bucket, as HEAD cannot."""
        first, _ = self._keys(self._base + path, most=1)
        return _file(path, first[0]) if first and first[0]["Key"] == self._base + path else None

    def _keys(
        self, start: str, most: int | None = None, *, level: bool = False
    ) -> tuple[Sequence[Mapping[str, Any]], Sequence[str]]:
        """Objects whose keys begin with `start`; with `level` those of one level alone, and the folders beside them."""
        limits = {"PageSize": most or self._page, "MaxItems": most}
        how = {"Delimiter": "/"} if level else {}
        with translated(f"listing {start!r} of the engine root {self._shown}", ROOT):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=start, PaginationConfig=limits, **how
            )
            found = [(page.get("Contents", ()), page.get("CommonPrefixes", ())) for page in pages]
        return [one for items, _ in found for one in items], [one["Prefix"] for _, folders in found for one in folders]

    def _fact(self, item: Mapping[str, Any], start: str, wanted: Wanted) -> FileFact | None:
        """The listed file, if it is wanted; None for a folder's marker too. Raises `EvidenceFault` by law R1 or R4."""
        path = str(item["Key"])[len(self._base) :]
        name = path[len(start) :].removesuffix("/")
        if path.endswith("/"):  # it has no base name that could be left out
            wanted = attrs.evolve(wanted, leave_out=frozenset())
        if not (wanted.takes(name) if name else wanted.everything):
            return None
        if not path.endswith("/") and path:
            check_path(path)
            return _file(path, item)
        if path.strip("/"):
            check_path(path[:-1])
        if int(item["Size"]) and not wanted.rules.full_markers:
            what = f"{path!r} ends in / as a folder's marker does, and holds {item['Size']} bytes that no path names"
            raise EvidenceFault(ReasonCode.NOT_A_FILE, what, path)
        return None

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


def literal_head(segment: str) -> str:
    """What every name begins with that fits a segment."""
    return "" if segment == SPAN else re.split(r"[*?\[]", segment, maxsplit=1)[0]


def _file(path: str, item: Mapping[str, Any]) -> FileFact:
    return FileFact(path, int(item["Size"]), _bare(item["ETag"]))


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
