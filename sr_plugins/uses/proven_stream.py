"""A file that proves what is read of it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from sr_domain.queries.finding import Finding
from sr_domain.queries.reading import ViewReader, fault_of
from sr_domain.queries.view_outputs import ListedFile
from sr_ports import ReasonCode

_BUFFER = 1 << 20
Telling = Callable[[], AbstractContextManager[None]]


class ProvenStream(io.BufferedReader):
    """The bytes of a file that was listed; the last of them once all are those that were proven.

    `proven`: they were read before, under the same identity, and are not hashed again.
    """

    def __init__(self, reader: ViewReader, listed: ListedFile, *, proven: bool, telling: Telling) -> None:
        self._proving = _Proving(reader, listed, proven=proven, telling=telling)
        super().__init__(self._proving, _BUFFER)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is not None:
            self._proving.abandon()
        super().__exit__(kind, error, trace)

    def __del__(self) -> None:
        self._proving.abandon()  # whoever lets go of it without closing it is told nothing any more


class _Proving(io.RawIOBase):
    def __init__(self, reader: ViewReader, listed: ListedFile, *, proven: bool, telling: Telling) -> None:
        self._listed, self._telling = listed, telling
        self._chunks: Iterator[memoryview] | None = reader.chunks(listed.fact.path)
        self._hash = None if proven else hashlib.sha256()
        self._rest: memoryview | bytes = b""
        self._left = listed.fact.size
        self.name = listed.fact.path

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = self._next()
        count = min(len(self._rest), len(buffer))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        if self.closed:
            return
        try:
            while self._chunks is not None and self._hash is not None:
                self._next()
        finally:
            self.abandon()
            super().close()

    def abandon(self) -> None:
        """Read no more of it."""
        chunks, self._chunks, self._rest = self._chunks, None, b""
        if chunks is not None:
            chunks.close()  # type: ignore[attr-defined]

    def _next(self) -> memoryview | bytes:
        """The next bytes; the last ones after all are proven; none at the end."""
        if self._chunks is None:
            return b""
        with self._telling():
            chunk: memoryview | bytes = next(self._chunks, b"")
            if self._hash is not None:
                self._hash.update(chunk)
            self._left -= len(chunk)
            if self._left > 0 and chunk:
                return chunk
            chunk = bytes(chunk)  # it is valid no longer than until the reading ends
            next(self._chunks, None)
            self._chunks = None
            self._prove()
        return chunk

    def _prove(self) -> None:
        listed = self._listed
        now = listed.sha256 if self._hash is None else self._hash.hexdigest()
        if now != listed.sha256 or listed.size not in (None, listed.fact.size):
            what = f"ROTTED: {listed.fact.path}: proven with {listed.sha256}, now {now}"
            raise fault_of(Finding(ReasonCode.TRUTH_ALTERED, listed.place.output_id, what))
