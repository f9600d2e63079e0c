"""A file that proves what is read of it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import Any, Final, Protocol

from sr_domain.queries.finding import Finding
from sr_domain.queries.reading import Telling, ViewReader, fault_of, moved
from sr_domain.queries.view_outputs import ListedFile
from sr_ports import EvidenceFault, Fault, ReasonCode
from sr_ports.roots import RangeReader

_AT_LEAST: Final = 1 << 20
"""Bytes that are read at a time, where fewer are asked for."""
Unproven = dict[str, ListedFile]
"""By path: files of which bytes were given, and not all are proven."""


class _Source(Protocol):
    """A file's bytes in order. Raises `Fault` where it is not the file any more that was found."""

    def take(self, wanted: int) -> bytes:
        """The next bytes, about as many as are wanted; none at the end."""

    def close(self) -> None:
        """Read no more of it."""


class ProvenStream(io.BufferedIOBase):
    """The bytes of a file that was listed; the last of them once all are those that were proven.

    `proven`: they were read before, under the same identity, and are not hashed again. Closing it early reads the
    rest, so that nothing which was read stays unproven; an error that leaves its block does not, nor does one who
    lets go of it without closing it. `unproven`: by path, the files of which bytes were given and which nobody has
    proven, for who must see to it then. What a read raised, every later read raises again: it was not the end.
    """

    def __init__(
        self, reader: ViewReader, listed: ListedFile, *, proven: bool, telling: Telling, unproven: Unproven
    ) -> None:
        self._source: _Source | None = None
        self._source = _source(reader, listed.fact.path)
        self._unproven = unproven
        self._failed: BaseException | None = None
        self._listed, self._telling = listed, telling
        self._hash = None if proven else hashlib.sha256()
        self._rest, self._at = b"", 0
        self._left = listed.fact.size
        self.name = listed.fact.path

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:  # all at once: parts that are joined are held twice
            size = max(len(self._rest) - self._at + self._left, 1)
        data = self.read1(size)
        if len(data) == size:
            return data
        parts = [data]
        while data and (size := size - len(data)) and (data := self.read1(size)):
            parts.append(data)
        return b"".join(parts)

    def read1(self, size: int = -1, /) -> bytes:
        size = _AT_LEAST if size < 0 else size
        if self._at >= len(self._rest):
            self._rest, self._at = self._next(size) if size else b"", 0
        if not self._at and size >= len(self._rest):
            data, self._rest = self._rest, b""  # held no longer: memory that is given out is not asked for again
            return data
        start, self._at = self._at, min(self._at + size, len(self._rest))
        return self._rest[start : self._at]

    def readinto(self, buffer: Any, /) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readline(self, size: int | None = -1, /) -> bytes:
        parts: list[bytes] = []
        left = size if size is not None and size >= 0 else None
        while left is None or left > 0:
            if self._at >= len(self._rest):
                self._rest, self._at = self._next(_AT_LEAST), 0
            end = self._rest.find(b"\n", self._at) + 1 or len(self._rest)
            part = self._rest[self._at : end if left is None else min(end, self._at + left)]
            self._at += len(part)
            parts.append(part)
            if not part or part.endswith(b"\n"):
                break
            left = None if left is None else left - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        if self.closed:
            return
        try:
            while self._source is not None and self._hash is not None:
                self._next(_AT_LEAST)
        finally:
            self._abandon()
            super().close()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is not None:
            self._abandon()
        self.close()

    def __del__(self) -> None:
        self._abandon()  # whoever lets go of it without closing it is told nothing any more

    def _abandon(self) -> None:
        """Read no more of it."""
        source, self._source, self._rest, self._at = self._source, None, b"", 0
        if source is not None:
            source.close()

    def _next(self, wanted: int) -> bytes:
        """The next bytes; the last ones after all are proven; none at the end."""
        if self.closed:
            raise ValueError("the file is closed")
        if self._failed is not None:
            raise self._failed
        if self._source is None:
            return b""
        try:
            data = self._source.take(max(wanted, _AT_LEAST))
            if self._hash is not None:
                self._hash.update(data)
                self._unproven[self.name] = self._listed
            self._left -= len(data)
            if self._left <= 0 or not data:
                self._source.take(1)  # its end, where its identity is looked at once more
                self._abandon()
                self._prove()
        except BaseException as error:
            self._failed = error
            self._telling.told |= isinstance(error, Fault)
            self._abandon()
            raise
        return data

    def _prove(self) -> None:
        listed = self._listed
        now = listed.sha256 if self._hash is None else self._hash.hexdigest()
        if now != listed.sha256 or listed.size not in (None, listed.fact.size):
            what = f"ROTTED: {listed.fact.path}: proven with {listed.sha256}, now {now}"
            raise fault_of(Finding(ReasonCode.TRUTH_ALTERED, listed.place.output_id, what))
        self._unproven.pop(self.name, None)


class _Ranges:
    """From a file that is at hand: each read is as long as is asked for, and no byte is copied on its way."""

    def __init__(self, made: RangeReader, name: str) -> None:
        self._made, self._name, self._at = made, name, 0

    def take(self, wanted: int) -> bytes:
        try:
            data = self._made.read(self._at, wanted)
        except EvidenceFault as fault:
            raise moved(self._name, fault) from fault
        self._at += len(data)
        return data

    def close(self) -> None:
        self._made.close()


class _Chunks:
    """From far away: one request streams the whole file."""

    def __init__(self, chunks: Iterator[memoryview]) -> None:
        self._chunks = chunks

    def take(self, wanted: int) -> bytes:
        del wanted
        return bytes(next(self._chunks, b""))

    def close(self) -> None:
        self._chunks.close()  # type: ignore[attr-defined]


def _source(reader: ViewReader, path: str) -> _Source:
    made = reader.ranges(path) if reader.root.batch_below else None
    return _Chunks(reader.chunks(path)) if made is None else _Ranges(made, path)
