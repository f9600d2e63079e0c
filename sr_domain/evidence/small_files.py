"""Small texts from outside, read whole and in one way: flags, indexes, receipts, manifests."""

from __future__ import annotations

import codecs
import re
from typing import Any

from sr_domain.encoding.bounds import BOUNDS, unmarked
from sr_domain.encoding.strict_json import strict_loads
from sr_ports import BadInput, CutShort, EngineRoot, EvidenceFault, ListingRules, ReasonCode
from sr_ports.wanted import TODAY

_SHOWN = 80
_ZEROS = re.compile(rb"\0+")


def read_small(root: EngineRoot, path: str, limit: int, rules: ListingRules = TODAY) -> bytes:
    """A text file's bytes less a byte order mark.

    Raises `EvidenceFault(DOCUMENT_TOO_LARGE)` when there are more than `limit`.
    """
    parts = bytearray()

    def sink(chunk: memoryview) -> None:
        if len(parts) + len(chunk) > limit:
            raise EvidenceFault(ReasonCode.DOCUMENT_TOO_LARGE, f"{path} is larger than {limit} bytes", path)
        parts.extend(chunk)

    root.stream(path, sink, rules=rules)
    return unmarked(bytes(parts))


def parse_small(data: bytes, path: str, limit: int, code: ReasonCode) -> Any:
    """The JSON value of a small file's bytes. Raises `EvidenceFault(code)` that shows how the file begins.

    Over a bound the code names that; `CutShort` where it is the beginning of a JSON object or list.
    """
    try:
        return strict_loads(data, what=path, max_bytes=limit)
    except BadInput as error:
        if error.code in BOUNDS:
            raise EvidenceFault(error.code, error.what, path) from error
        from sr_domain.evidence.cut_short import json_cut_short

        if json_cut_short(data):
            what = f"{path} ends too early: it begins {first_line(data)}" if data.strip() else f"{path} is empty"
            raise CutShort(code, what, path) from error
        raise EvidenceFault(code, f"{error.what}; it begins {first_line(data)}", path) from error


def first_line(data: bytes) -> str:
    """The first line that is not blank, for a message: bounded, quoted, escaped, zero bytes shown once."""
    if data and not data.strip(b"\0"):
        return "with zero bytes alone"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "as UTF-16, and UTF-8 is read"
    lines = _ZEROS.sub(b"\0", data[: 16 * _SHOWN]).decode("utf-8", "replace").splitlines()
    line = next((one.strip() for one in lines if one.strip()), "")
    return f"{line[:_SHOWN]!r}{'...' if len(line) > _SHOWN else ''}"
