"""Strict JSON from outside: no duplicate keys, no NaN, nothing over-deep or over-large.

Source: spec wire ("JSON and YAML from outside are read strictly"), RFC 8259, RFC 7493.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from sr_domain.encoding.bounds import MAX_BYTES, MAX_DEPTH, MAX_VALUES, check_count, check_size, over, too_deep_at
from sr_ports import BadInput, ReasonCode

MAX_DIGITS = 4299
"""Of an integer, sign included: Python reads no more than 4300 digits."""
SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
"""Half of a surrogate pair, which alone has no UTF-8."""


class _Strict(ValueError):
    """What a strict reader found; becomes `BadInput` at the surface."""


def strict_loads(
    data: bytes,
    *,
    what: str,
    max_bytes: int = MAX_BYTES,
    max_depth: int = MAX_DEPTH,
    max_values: int = MAX_VALUES,
) -> Any:
    """The JSON value in `data`. Raises `BadInput(DOCUMENT_INVALID)` naming `what` and the fault.

    Over a bound the code names it: `DOCUMENT_TOO_LARGE`, `DOCUMENT_TOO_MANY`, `DOCUMENT_TOO_DEEP`.
    """
    check_size(data, what, max_bytes)
    check_count(data, what, max_values)
    try:
        # What comes before the bracket that is too deep may have a fault of its own: the parser is shown that much.
        cut = too_deep_at(data, max_depth)
        text = data[:cut].decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int
        )
        if SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeError as error:
        raise _bad(what, "not valid UTF-8 text") from error
    except json.JSONDecodeError as error:
        if cut is not None and error.pos >= len(text):
            raise over(ReasonCode.DOCUMENT_TOO_DEEP, f"{what}: nested deeper than {max_depth}") from None
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


DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int)
"""Reads one value by these rules. Raises `ValueError`, `RecursionError`; halves of surrogate pairs are for its user."""
