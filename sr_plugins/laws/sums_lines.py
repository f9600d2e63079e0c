"""The lines of a ``SHA256SUMS`` file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn

from sr_domain.encoding.bounds import unmarked
from sr_domain.evidence.bundle import plain_path
from sr_domain.evidence.small_files import first_line
from sr_ports import CutShort, EvidenceFault, ReasonCode

LONGEST = 32 << 10
"""Bytes of a name."""
_LINE = re.compile(rb"(\\?)([0-9A-Fa-f]{64}) [ *]([^\n]{1,%d})\n" % LONGEST)
_IDLE = re.compile(rb"(?:#[^\n]*|[ \t\r]*)\n")
_BEGUN = re.compile(rb"#[^\n]*|\\?(?:[0-9A-Fa-f]{0,63}|[0-9A-Fa-f]{64}(?: (?:[ *][^\n]*)?)?)|[ \t\r]*")
_ESCAPE = re.compile(rb"\\(.?)", re.DOTALL)
_ESCAPED = {b"\\": b"\\", b"n": b"\n", b"r": b"\r"}


def sums_lines(flag: bytes) -> Iterator[tuple[str, str]]:
    """Each line's path and digest. Raises `EvidenceFault(FLAG_MALFORMED)`, `CutShort`."""
    data = unmarked(flag)
    at, end = 0, len(data)
    if not data:
        raise CutShort(ReasonCode.FLAG_MALFORMED, "it is empty")
    while at < end:
        line = _LINE.match(data, at) or _IDLE.match(data, at)
        if line is None:
            _refuse(data, at)
        if line.re is _LINE:
            name = line[3].removesuffix(b"\r")
            path = _text(_unescaped(name) if line[1] else name, data, at)
            yield plain_path(path, folders=True), line[2].decode().lower()
        at = line.end()


def _unescaped(name: bytes) -> bytes:
    """A name that coreutils escaped; None of it is guessed: another escape stays, and leads to no file."""
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[0]), name)


def _text(name: bytes, data: bytes, at: int) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        what = f"{_place(data, at)} names a file by what is no UTF-8"
        raise EvidenceFault(ReasonCode.FLAG_MALFORMED, what) from None


def _place(data: bytes, at: int) -> str:
    return f"line {data.count(10, 0, at) + 1}"


def _refuse(data: bytes, at: int) -> NoReturn:
    """Raise for what is no line: it ends too early, or it is none."""
    stop = data.find(b"\n", at)
    line = data[at : len(data) if stop < 0 else stop]
    if len(line) > LONGEST:
        raise EvidenceFault(ReasonCode.NAME_TOO_LONG, f"{_place(data, at)} has more than {LONGEST} bytes")
    begun = line.rstrip(b"\0")
    if stop < 0 and (_BEGUN.fullmatch(begun) or not begun):
        raise CutShort(ReasonCode.FLAG_MALFORMED, f"{_place(data, at)} ends too early: it has no line end")
    what = f"{_place(data, at)} is not as sha256sum writes it: it begins {first_line(line[:400])}"
    if line.startswith(b"SHA256 ("):
        what += "; lines of sha256sum --tag are not read"
    raise EvidenceFault(ReasonCode.FLAG_MALFORMED, what)
