"""Strict JSON from outside: no duplicate keys, no NaN, nothing over-deep or over-large.

Source: spec wire ("JSON and YAML from outside are read strictly"), RFC 8259, RFC 7493.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from itertools import accumulate
from typing import Any

import attrs

from sr_ports import BadInput, ReasonCode

MAX_BYTES = 16 << 20
MAX_DEPTH = 64
MAX_DIGITS = 4299
"""Of an integer, sign included: Python reads no more than 4300 digits."""
_BLOCK = 1 << 16
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS = bytes(set(range(256)) - set(_STEP))


class _Strict(ValueError):
    """What a strict reader found; becomes `BadInput` at the surface."""


def strict_loads(
    data: bytes,
    *,
    what: str,
    max_bytes: int = MAX_BYTES,
    max_depth: int = MAX_DEPTH,
    made: Callable[[dict[str, Any]], Any] = lambda node: node,
) -> Any:
    """The JSON value in `data`. Raises `BadInput(DOCUMENT_INVALID)` naming `what` and the fault.

    `made`: what is kept of each object, inner ones first; an object of an attrs class has all its texts.
    """
    if len(data) > max_bytes:
        raise _bad(what, f"larger than {max_bytes} bytes")
    try:
        # What comes before the bracket that is too deep may have a fault of its own: the parser is shown that much.
        cut = too_deep_at(data, max_depth)
        text = data[:cut].decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=lambda pairs: made(_object(pairs)),
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_int,
        )
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False, default=attrs.astuple).encode()
    except UnicodeError as error:
        raise _bad(what, "not valid UTF-8 text") from error
    except json.JSONDecodeError as error:
        if cut is not None and error.pos >= len(text):
            raise _bad(what, f"nested deeper than {max_depth}") from None
        raise _bad(what, f"not JSON: line {error.lineno} column {error.colno}: {error.msg}") from error
    except ValueError as error:
        raise _bad(what, str(error)) from error
    return value


def _bad(what: str, fault: str) -> BadInput:
    return BadInput(ReasonCode.DOCUMENT_INVALID, f"{what}: {fault}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _Strict(f"the key {twice[:60]!r} stands twice in one object")
    return made


def _constant(name: str) -> Any:
    raise _Strict(f"{name} is not a JSON number")


def _int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise _Strict(f"a number of more than {MAX_DIGITS} digits")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _Strict(f"the number {text[:40]} is out of range")
    return value


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
