"""JSON as it is taken: an object, no name twice, nothing that is no JSON; and base64 without a stray character."""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any, NoReturn, cast

from sr_ports import CutShort, EvidenceFault, ReasonCode


def refused(why: str) -> EvidenceFault:
    """What is raised for a flag that cannot be taken."""
    return EvidenceFault(ReasonCode.FLAG_MALFORMED, why)


def document(text: str, what: str) -> dict[str, Any]:
    """The object that `text` is. Raises `EvidenceFault`; `CutShort` where it merely ends too early."""
    try:
        made = json.loads(text, object_pairs_hook=_once, parse_constant=_no_json)
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
            raise CutShort(ReasonCode.FLAG_MALFORMED, f"{what} ends too early") from None
        raise refused(f"{what} is no JSON: {error.msg}, line {error.lineno}") from None
    except (RecursionError, ValueError):  # nested too deeply, or a number of thousands of digits
        raise refused(f"{what} cannot be read") from None
    return parts_of(made, what)


def parts_of(node: object, what: str) -> dict[str, Any]:
    """The object that a value is. Raises `EvidenceFault`."""
    if not isinstance(node, dict):
        raise refused(f"{what} is no JSON object")
    return cast(dict[str, Any], node)


def items_of(node: object, what: str) -> list[Any]:
    """The items of a list that has some. Raises `EvidenceFault`."""
    if not isinstance(node, list) or not node:
        raise refused(what)
    return list(cast(Sequence[Any], node))


def decoded(text: object, what: str) -> bytes:
    """The bytes of base64, of the standard or of the URL-safe alphabet. Raises `EvidenceFault`."""
    if not isinstance(text, str):
        raise refused(f"{what} is no text")
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/").encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise refused(f"{what} is no base64") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise refused("a name stands twice in one object")
    return made


def _no_json(name: str) -> NoReturn:
    raise refused(f"{name} is no JSON")
