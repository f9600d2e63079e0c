"""What crosses between a worker and its parent: length-framed bytes and JSON, and nothing that is executed.

A frame is one byte that says what it holds, four bytes of length, big-endian, and that many bytes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

_HEAD = struct.Struct(">cI")
JSON, BYTES = b"J", b"B"
MESSAGE = 1 << 20
"""Bytes of the longest JSON frame."""
CHUNK = 1 << 20
"""Bytes of the longest frame of bytes."""
_AT_ONCE = 1 << 18
PAGE = MESSAGE // 8
"""Characters of the names that are sent in one frame, about, where there are many."""

MOST_MEMBERS = 300_000
MEMBERS_TEXT = 32 << 20
"""Characters of all members that a law of another distribution may find in a flag, `ENTRY_TEXT` beside each."""
ENTRY_TEXT = 64
TOO_MANY_MEMBERS = f"it lists more than {MOST_MEMBERS} files, or {MEMBERS_TEXT} characters of them"


class Garbled(Exception):
    """What came is no frame that was to be expected."""


class Ended(Exception):
    """Nobody is at the other end any more."""


class Pipe(Protocol):
    """Both directions, as one end has them. Both raise `OSError` where nobody is at the other end."""

    def read(self, size: int) -> bytes:
        """Some bytes, `size` at most; none at the end."""

    def write(self, data: memoryview) -> int:
        """Write some of the bytes; how many."""


def send_json(pipe: Pipe, node: Any) -> None:
    """Send one JSON value. Raises `Ended`; `ValueError` for what JSON or UTF-8 cannot say."""
    _send(pipe, JSON, json.dumps(node, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode())


def send_bytes(pipe: Pipe, data: bytes) -> None:
    """Send bytes, `CHUNK` at most. Raises `Ended`."""
    _send(pipe, BYTES, data)


def _send(pipe: Pipe, kind: bytes, data: bytes) -> None:
    try:
        for part in (_HEAD.pack(kind, len(data)), data):
            left = memoryview(part)
            while left:
                left = left[pipe.write(left) :]
    except OSError as error:
        raise Ended from error


def receive(pipe: Pipe) -> tuple[bytes, bytes]:
    """The next frame: what it holds, and its bytes. Raises `Ended`, `Garbled`."""
    kind, length = _HEAD.unpack(_read(pipe, _HEAD.size))
    if kind not in (JSON, BYTES) or length > (MESSAGE if kind == JSON else CHUNK):
        raise Garbled("a frame that is none, or longer than any")
    return kind, _read(pipe, length)


def _read(pipe: Pipe, size: int) -> bytes:
    """Exactly so many bytes: no more room is taken than was announced, and none before it comes."""
    parts: list[bytes] = []
    while size:
        try:
            part = pipe.read(min(size, _AT_ONCE))
        except OSError as error:
            raise Ended from error
        if not part:
            raise Ended
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def pages(rows: Iterable[tuple[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows, each told by its name, so many at a time; the last page, which may be empty, says that no more follow."""
    page: list[Any] = []
    size = 0
    for name, row in rows:
        page.append(row)
        size += len(name) + 80
        if size > PAGE:
            yield {"rows": page, "more": True}
            page, size = [], 0
    yield {"rows": page, "more": False}
