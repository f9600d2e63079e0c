"""Does this store keep its word on conditional writes, and how does it want an ETag written?

Some stores answer 200 to `If-None-Match: *` and overwrite, some ignore `If-Match`, some
match an ETag only without its quotes. All of that is found by trying, once, under a
throw-away key; what was found is kept for a day.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

import attrs

from sr_adapters.s3.client import body
from sr_adapters.s3.errors import DRIVER_ERRORS, code_of, may_have_acted, status_of, translate, translated
from sr_plugins.documents.files import replace_file
from sr_ports import ReasonCode, Unreachable

PROBES: Final = ".sr-probe/"
"""Where, below the store's prefix, probe keys live: the adapter's own, never objects."""

VALID_S: Final = 86_400.0
_REFUSED = (412, 409)
_MISSING = 404
_NOT_IMPLEMENTED = 501
_TRIES = 3


@attrs.frozen
class Conditions:
    """How a store that was found safe takes `If-Match`. `quoted`: whether the ETag goes in quotes."""

    quoted: bool

    def written(self, etag: str) -> str:
        """A bare ETag as this store's `If-Match` wants it."""
        return f'"{etag}"' if self.quoted else etag


class Findings(Protocol):
    """Keeps what probes found. Losing it costs a few requests and no more."""

    def get(self, store: str) -> Conditions | None:
        """What was found within the last day, if anything."""

    def put(self, store: str, found: Conditions) -> None:
        """Keep a finding from now on."""


class ProcessFindings:
    """Kept while the process lives."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[float, Conditions]] = {}

    def get(self, store: str) -> Conditions | None:
        at, found = self._found.get(store, (0.0, None))
        return found if time.monotonic() - at < VALID_S else None

    def put(self, store: str, found: Conditions) -> None:
        self._found[store] = (time.monotonic(), found)


class FileFindings:
    """Kept in a small JSON file, for the next process. A file that cannot be used is as none."""

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now

    def get(self, store: str) -> Conditions | None:
        entry = self._load().get(store)
        if not isinstance(entry, dict):
            return None
        at, quoted = entry.get("at"), entry.get("quoted")
        fresh = isinstance(at, (int, float)) and 0 <= self._now() - at < VALID_S
        return Conditions(quoted) if fresh and isinstance(quoted, bool) else None

    def put(self, store: str, found: Conditions) -> None:
        entries = {**self._load(), store: {"at": self._now(), "quoted": found.quoted}}
        with contextlib.suppress(OSError):  # what is not kept is probed again
            replace_file(self._path, json.dumps(entries, sort_keys=True).encode())

    def _load(self) -> dict[str, Any]:
        try:
            entries = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return entries if isinstance(entries, dict) else {}


class Prober:
    """Probes once, then remembers. `client` tries each request once. `put`: extra arguments of a write."""

    def __init__(self, client: Any, bucket: str, prefix: str, where: str, findings: Findings, **put: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix
        self._where = where
        self._findings = findings
        self._put_with = put
        self._lock = threading.Lock()
        self._known: Conditions | None = None

    def conditions(self) -> Conditions:
        """How to write conditionally here. Raises `Unreachable`, with STORE_UNSAFE if it must not be used."""
        if self._known is not None:
            return self._known
        with self._lock:
            if self._known is None:
                self._known = self._findings.get(self._where) or self.probe()
            return self._known

    def probe(self) -> Conditions:
        """Try the store now, whatever was known. Raises as `conditions` does."""
        for attempt in range(_TRIES):
            try:
                found = self._probe_once(f"{self._prefix}{PROBES}{uuid.uuid4().hex}")
            except DRIVER_ERRORS as error:
                if attempt == _TRIES - 1 or not may_have_acted(error):
                    raise translate(error, f"probing {self._where}") from error
            else:
                self._findings.put(self._where, found)
                return found
        raise AssertionError("unreachable: the last try returns or raises")

    def _probe_once(self, key: str) -> Conditions:
        try:
            self._must(self._try(key, b"1", IfNoneMatch="*"), "does not take If-None-Match on a new key")
            self._must_not(self._try(key, b"2", IfNoneMatch="*"), "ignores If-None-Match: it wrote over an object")
            found, etag = self._etag_form(key)
            stale = self._try(key, b"4", IfMatch=found.written(etag))
            self._must_not(stale, "ignores If-Match: it wrote over an object that had changed")
            absent = self._try(f"{key}-absent", b"5", IfMatch=found.written(etag))
            self._must_not(absent, "ignores If-Match: it made an object that was not there")
        finally:
            self._clear(key)
        return found

    def _etag_form(self, key: str) -> tuple[Conditions, str]:
        """Swap the object with a fresh ETag, quoted or bare: the form that works, and the ETag now stale."""
        head = self._client.head_object(Bucket=self._bucket, Key=key)
        etag = str(head["ETag"]).strip('"')
        for found in (Conditions(quoted=True), Conditions(quoted=False)):
            if self._try(key, b"3", IfMatch=found.written(etag)):
                return found, etag
        raise self._unsafe("refuses If-Match with the object's own ETag")

    def _try(self, key: str, data: bytes, **condition: str) -> bool:
        """Whether the store wrote. An answer that is neither yes nor a refusal is raised."""
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, **body(data), **condition, **self._put_with)
        except DRIVER_ERRORS as error:
            if status_of(error) in _REFUSED or (status_of(error) == _MISSING and code_of(error) == "NoSuchKey"):
                return False
            if status_of(error) == _NOT_IMPLEMENTED:
                raise self._unsafe("does not know conditional writes") from error
            raise
        return True

    def _must(self, wrote: bool, why: str) -> None:
        if not wrote:
            raise self._unsafe(why)

    def _must_not(self, wrote: bool, why: str) -> None:
        if wrote:
            raise self._unsafe(why)

    def _unsafe(self, why: str) -> Unreachable:
        return Unreachable(ReasonCode.STORE_UNSAFE, f"{self._where} {why}")

    def _clear(self, key: str) -> None:
        """Leave nothing behind; what cannot be removed now harms nobody, for lists leave it out."""
        for leftover in (key, f"{key}-absent"):
            try:
                with translated(self._where):
                    self._client.delete_object(Bucket=self._bucket, Key=leftover)
            except Unreachable:
                return
