"""Strict JSON from outside: no duplicate keys, no NaN, nothing over-deep or over-large.

Source: spec wire ("JSON and YAML from outside are read strictly"), RFC 8259, RFC 7493.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from sr_ports import BadInput, ReasonCode

MAX_BYTES = 16 << 20
MAX_DEPTH = 64
MAX_DIGITS = 4299
"""Of an integer, sign included: Python reads no more than 4300 digits."""
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class _Strict(ValueError):
    """What a strict reader found; becomes `BadInput` at the surface."""


def strict_loads(data: bytes, *, what: str, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> Any:
    """The JSON value in `data`. Raises `BadInput(DOCUMENT_INVALID)` naming `what` and the fault."""
    if len(data) > max_bytes:
        raise _bad(what, f"larger than {max_bytes} bytes")
    try:
        text = data.decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int
        )
        check_depth(value, max_depth)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeError as error:
        raise _bad(what, "not valid UTF-8 text") from error
    except RecursionError as error:
        raise _bad(what, f"nested deeper than {max_depth}") from error
    except json.JSONDecodeError as error:
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


def check_depth(value: Any, max_depth: int) -> None:
    """Raise ValueError when lists and objects nest deeper than `max_depth`."""
    level = [value] if isinstance(value, dict | list) else []
    depth = 0
    while level:
        depth += 1
        if depth > max_depth:
            raise _Strict(f"nested deeper than {max_depth}")
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
