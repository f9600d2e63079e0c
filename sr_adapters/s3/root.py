"""Engine roots on S3: one list per folder, one get per file, one list more at the end, nothing written."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import attrs

from sr_adapters.s3.errors import DRIVER_ERRORS, ROOT, key_is_missing, status_of, translate, translated
from sr_adapters.snapshot import Answer, Snapshot, unstable
from sr_ports import BadInput, EvidenceFault, FileFact, ReasonCode, Unreachable
from sr_ports.globs import segment_glob
from sr_ports.roots import RangeReader, check_path
from sr_ports.wanted import SPAN, ListingRules, Wanted, is_wild

T = TypeVar("T")
U = TypeVar("U")

CHUNK: Final = 1 << 20
_RESUMES: Final = 3
_PRECONDITION = 412
_RANGE_INVALID = 416
_AT_ONCE: Final = 8
"""Requests of a second look that are under way at a time."""
_HEADER_S: Final = (-1.0, 0.5)
"""How far the whole seconds of an HTTP header may be from the time that a list tells: cut off, or rounded."""


class S3EngineRoot(Snapshot):
    """`sr_ports.EngineRoot` over the keys below ``s3://bucket/prefix``.

    What a list or a stat found is asked for once, and once more by `changes`. A file's stamp is its ETag and
    when it was last modified; every read is of that ETag. `page`: keys per list request. `place`: where the
    server is, for messages.
    """

    batch_below = 0
    folders = False

    def __init__(self, uri: str, client: Any, *, page: int = 1000, place: str = "") -> None:
        super().__init__()
        self._bucket, self._base = split_uri(uri)
        self.uri = f"s3://{self._bucket}/{self._base}".rstrip("/")
        self._client = client
        self._page = page
        self._shown = f"{self.uri} at {place}" if place else self.uri
        self._versions: dict[str, str] = {}
        self._exists: bool | None = None

    def exists(self) -> bool:
        """Whether any key is below the root: S3 has no empty folders."""
        self._in_time()
        if self._exists is None:
            known = any(isinstance(one, FileFact) for one in self._answers.values())
            self._exists = known or next(iter(self._keys(self._base, most=1)), None) is not None
        return self._exists

    def _look(self, path: str, rules: ListingRules) -> Answer:
        """By a list of one key, which tells an absent key from an absent bucket, as HEAD cannot."""
        del rules
        first = next(iter(self._keys(self._base + path, most=1)), None)
        return _file(path, first) if isinstance(first, Mapping) and first["Key"] == self._base + path else None

    def _listed(self, folder: str, wanted: Wanted, known: Mapping[str, Answer]) -> Iterable[FileFact]:
        del known
        start = f"{folder}/" if folder else ""
        facts = (self._fact(item, start, wanted) for item in self._reached(start, wanted.segments))
        return sorted((fact for fact in facts if fact), key=lambda fact: fact.path)

    def _each(self, work: Callable[[T], U], items: Iterable[T]) -> Iterable[U]:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(work, items))

    def _chunks(self, path: str, fact: FileFact) -> Generator[memoryview, None, FileFact]:
        etag = etag_of(fact)
        answer = self._get(path, {"IfMatch": f'"{etag}"'})
        version = self._same_version(path, fact, answer)
        at, resumes = 0, 0
        while True:
            at, trouble = yield from _body(answer["Body"], at, fact.size)
            if trouble is None:
                return attrs.evolve(fact, version_id=version or etag)
            resumes += 1
            if resumes > _RESUMES:
                what = f"{path} in {self._shown}: its bytes broke off at {at} of {fact.size}: {trouble}"
                raise Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, what) from trouble
            answer = self._get(path, {"IfMatch": f'"{etag}"', "Range": f"bytes={at}-"})
            self._same_version(path, fact, answer, whole=False)
            if not str(answer.get("ContentRange", "")).startswith(f"bytes {at}-"):
                answer["Body"].close()
                what = f"{path} in {self._shown}: the store does not resume a read"
                raise Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, what)

    def _ranges(self, path: str, fact: FileFact) -> RangeReader:
        from sr_adapters.s3.ranges import S3Ranges

        def get(part: str) -> Mapping[str, Any]:
            answer: Mapping[str, Any] = self._get(path, {"IfMatch": f'"{etag_of(fact)}"', "Range": part})
            self._same_version(path, fact, answer, whole=False)
            return answer

        return S3Ranges(fact, get, self._shown)

    def _same_version(self, path: str, fact: FileFact, answer: Mapping[str, Any], *, whole: bool = True) -> str | None:
        """The version id of an answer, where the bucket has versions.

        It, ETag, time and size are the snapshot's; the first read says which version that is.
        Raises `EvidenceFault(EVIDENCE_UNSTABLE)`.
        """
        version = answer.get("VersionId")
        version = str(version) if version and version != "null" else None
        sound = _is_of(answer, fact) and (not whole or int(answer["ContentLength"]) == fact.size)
        if version is not None and sound:
            sound = self._versions.setdefault(path, version) == version
        if not sound:
            answer["Body"].close()
            raise unstable(path)
        return version

    def _reached(self, at: str, segments: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """The keys below `at` that `segments` may lead to, and few others.

        By the longest prefix without a wildcard; level by level, so that nothing else is paged
        through, unless ``**`` may lead to any depth.
        """
        fixed = next((n for n, one in enumerate(segments[:-1]) if is_wild(one)), max(len(segments) - 1, 0))
        at, segments = at + "".join(f"{one}/" for one in segments[:fixed]), segments[fixed:]
        head = literal_head(segments[0]) if segments else ""
        if not segments or SPAN in segments:
            yield from _objects(self._keys(self._base + at + head))
            return
        folders: list[str] = []
        for one in self._keys(self._base + at + head, level=True):
            if isinstance(one, str):
                folders.append(one)
            else:
                yield one
        for folder in folders:
            name = folder[len(self._base + at) : -1]
            if segment_glob(segments[0]).fits(name):
                yield from self._reached(f"{at}{name}/", segments[1:])

    def _keys(self, start: str, most: int | None = None, *, level: bool = False) -> Iterator[Mapping[str, Any] | str]:
        """Objects whose keys begin with `start`; with `level` those of one level alone, and the folders beside them.

        Page by page, so that no more than one is in memory.
        """
        limits = {"PageSize": most or self._page, "MaxItems": most}
        how = {"Delimiter": "/"} if level else {}
        with translated(f"listing {start!r} of the engine root {self._shown}", ROOT):
            pages = iter(
                self._client.get_paginator("list_objects_v2").paginate(
                    Bucket=self._bucket, Prefix=start, PaginationConfig=limits, **how
                )
            )
        while True:
            with translated(f"listing {start!r} of the engine root {self._shown}", ROOT):
                page = next(pages, None)
            if page is None:
                return
            yield from page.get("Contents", ())
            yield from (one["Prefix"] for one in page.get("CommonPrefixes", ()))

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
        if int(item["Size"]) and not (wanted.rules.full_markers or wanted.files_alone):
            what = f"{path!r} ends in / as a folder's marker does, and holds {item['Size']} bytes that no path names"
            raise EvidenceFault(ReasonCode.NOT_A_FILE, what, path)
        return None

    def _get(self, path: str, how: Mapping[str, str]) -> Any:
        try:
            return self._client.get_object(Bucket=self._bucket, Key=self._base + path, **how)
        except DRIVER_ERRORS as error:
            if status_of(error) in (_PRECONDITION, _RANGE_INVALID) or key_is_missing(error):
                raise unstable(path) from error
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


def _body(body: Any, at: int, size: int) -> Generator[memoryview, None, tuple[int, BaseException | None]]:
    """The body on from `at`; at the end how far it came, and what broke it off, if anything did."""
    try:
        while at < size:
            try:
                chunk = body.read(CHUNK)
            except DRIVER_ERRORS as error:
                return at, error
            if not chunk:
                return at, EOFError("the body ended early")
            yield memoryview(chunk)
            at += len(chunk)
    finally:
        body.close()
    return at, None


def literal_head(segment: str) -> str:
    """What every name begins with that fits a segment."""
    return "" if segment == SPAN else re.split(r"[*?\[]", segment, maxsplit=1)[0]


def _objects(found: Iterable[Mapping[str, Any] | str]) -> Iterator[Mapping[str, Any]]:
    return (one for one in found if not isinstance(one, str))


def _file(path: str, item: Mapping[str, Any]) -> FileFact:
    changed = item.get("LastModified")
    return FileFact(path, int(item["Size"]), f"{_bare(item['ETag'])}@{'' if changed is None else changed.timestamp()}")


def etag_of(fact: FileFact) -> str:
    """The ETag of a listed file, unquoted."""
    return str(fact.stamp).rpartition("@")[0]


def _is_of(answer: Mapping[str, Any], fact: FileFact) -> bool:
    """Whether an answer is of the listed object. A list tells the time more exactly than a read does."""
    etag, _, changed = str(fact.stamp).rpartition("@")
    told = answer.get("LastModified")
    if told is None or not changed:
        return _bare(answer["ETag"]) == etag
    return _bare(answer["ETag"]) == etag and _HEADER_S[0] < told.timestamp() - float(changed) <= _HEADER_S[1]


def _bare(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')
