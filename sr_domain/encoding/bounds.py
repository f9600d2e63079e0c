"""Bounds of documents from outside, looked at before anything grows (spec: behaviour, "Bounds").

Each bound has a reason code that names it. What stands here holds wherever a document is read; a reader that
knows its documents to be smaller asks for less.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from sr_ports import BadInput, ReasonCode

MAX_BYTES = 16 << 20
MAX_TEXT = 32 << 20
"""Bytes of memory that a document takes as text: 1, 2 or 4 for each character, as its widest one needs."""
MAX_DEPTH = 64
MAX_VALUES = 400_000
"""Values of a document: what commas part, and every list and object."""

BOUNDS = frozenset(
    {
        ReasonCode.DOCUMENT_TOO_LARGE,
        ReasonCode.DOCUMENT_TOO_DEEP,
        ReasonCode.DOCUMENT_TOO_MANY,
        ReasonCode.NAME_TOO_LONG,
        ReasonCode.PATH_TOO_DEEP,
        ReasonCode.PATTERN_TOO_LONG,
    }
)
"""The codes of what is over a bound. A reader with a code of its own passes these on."""

STORED_VALUES = 500_000
"""Values of an object of the store, which is longer than a document from outside."""
MAX_LINE = 10 << 20
"""Bytes that a line of a record takes as text."""
OVER_LONG = f"its line takes more than {MAX_LINE} bytes as text"
MAX_STORED = 24 << 20
"""The same of an object of the store, of all its lines together where it is a record."""
_LONG_OBJECT = f"takes more than {MAX_STORED} bytes as text"
_FEW_BYTES = 2 << 20
"""So few bytes hold no more of them than fit into little memory."""

_BLOCK = 1 << 16
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS = bytes(set(range(256)) - set(_STEP))
_NEXT_MARK = rb'(?s:(?:"(?:[^"\\]++|\\.)*+"?|[^",\[{]++)*+[,\[{])'
_TAILS = bytes(range(0x80, 0xC0))
"""The bytes of UTF-8 that go on with a character."""
_WIDE, _WIDER = re.compile(rb"[\xc4-\xff]"), re.compile(rb"[\xf0-\xff]")


def unmarked(data: bytes) -> bytes:
    """A text's bytes less the byte order mark that some editors write before UTF-8."""
    return data.removeprefix(codecs.BOM_UTF8)


def over(code: ReasonCode, what: str) -> BadInput:
    """The error of a document that is over the bound which `code` names."""
    return BadInput(code, what)


def code_of(error: BadInput, otherwise: ReasonCode) -> ReasonCode:
    """The error's own code where it names a bound, else the reader's."""
    return error.code if error.code in BOUNDS else otherwise


def check_size(data: bytes, what: str, max_bytes: int = MAX_BYTES) -> None:
    """Raise `BadInput(DOCUMENT_TOO_LARGE)` for more bytes, or as text more memory, than is read."""
    if len(data) > max_bytes:
        raise over(ReasonCode.DOCUMENT_TOO_LARGE, f"{what}: larger than {max_bytes} bytes")
    if as_text(data) > MAX_TEXT:
        raise over(ReasonCode.DOCUMENT_TOO_LARGE, f"{what}: larger than {MAX_TEXT} bytes as text")


def as_text(data: bytes) -> int:
    """Bytes of memory that this UTF-8 takes as text."""
    if data.isascii():
        return len(data)
    width = 4 if _WIDER.search(data) else 2 if _WIDE.search(data) else 1
    return len(data.translate(None, _TAILS)) * width


def check_count(data: bytes, what: str, most: int = MAX_VALUES) -> None:
    """Raise `BadInput(DOCUMENT_TOO_MANY)` for JSON of more than `most` values; it may be no JSON at all."""
    too_many = over(ReasonCode.DOCUMENT_TOO_MANY, f"{what}: more than {most} values")
    if data.count(b'"') - data.count(b'\\"') > 4 * (most + 1):  # more strings than commas could part
        raise too_many
    if _marks(data) <= most:
        return
    found, at, next_mark = 0, 0, re.compile(_NEXT_MARK)  # which few documents need
    while (match := next_mark.match(data, at)) is not None:  # what strings hold does not count
        found, at = found + 1, match.end()
        if found > most:
            raise too_many


def crowded(data: bytes) -> str | None:
    """Why an object of the store, JSON or lines of it, has too many values; None where it has not."""
    try:
        if len(data) > _FEW_BYTES:
            check_count(data, "", STORED_VALUES)
    except BadInput:
        return f"has more than {STORED_VALUES} values"
    return None


def overgrown(data: bytes) -> str | None:
    """Why a JSON object of the store is not parsed: more would come of it than is held."""
    return crowded(data) or (_LONG_OBJECT if len(data) > 2 * MAX_STORED or as_text(data) > MAX_STORED else None)


def is_long(line: bytes) -> bool:
    """Whether a line takes more memory as text than one may. No UTF-8 takes less than half of its bytes."""
    return 4 * len(line) > MAX_LINE and (len(line) > 2 * MAX_LINE or as_text(line) > MAX_LINE)


def lines_of(data: bytes) -> Iterator[bytes]:
    """The lines that end, without their newlines: one copy at a time."""
    at = 0
    while (end := data.find(b"\n", at)) >= 0:
        yield data[at:end]
        at = end + 1


def line_of(line: bytes) -> Any:
    """What a line of a record says, taken by itself. Raises `ValueError` for no JSON, and for more than a line has."""
    if is_long(line) or crowded(line) is not None:
        raise ValueError(OVER_LONG)
    return json.loads(line.decode())


def stored_json(data: bytes) -> Any:
    """The JSON value in an object of the store. Raises `ValueError` for none, and for more than is held."""
    grown = overgrown(data)
    if grown is not None:
        raise ValueError(f"it {grown}")
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _marks(data: bytes) -> int:
    return data.count(b",") + data.count(b"[") + data.count(b"{")


def too_deep_at(data: bytes, most: int) -> int | None:
    """Where JSON goes deeper than `most` lists and objects: the index behind that bracket; None for nowhere."""
    if data.count(b"[") + data.count(b"{") <= most:
        return None
    at = depth = quoted = 0
    while at < len(data):
        block = data[at : at + _BLOCK]
        if (len(block) - len(block.rstrip(b"\\"))) % 2:  # no escape is cut in two
            block = data[at : at + _BLOCK + 1]
        parts = block.replace(rb"\\", b"..").replace(rb"\"", b"..").split(b'"')
        steps = list(map(_STEP.__getitem__, b"".join(parts[quoted::2]).translate(None, _NO_BRACKETS)))
        if max(accumulate(steps, initial=depth)) > most:
            parts[1 - quoted :: 2] = [b"." * len(string) for string in parts[1 - quoted :: 2]]
            depths = accumulate((_STEP.get(byte, 0) for byte in b'"'.join(parts)), initial=depth)
            return next(at + behind for behind, depth in enumerate(depths) if depth > most)
        at, depth, quoted = at + len(block), depth + sum(steps), (quoted + len(parts) - 1) % 2
    return None
