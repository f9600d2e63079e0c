"""Bus envelopes as bytes, for every bus whose messages are JSON, and when two of them are one fact.

Source: spec wire, "bus envelope".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import attrs

from sr_domain.encoding.bounds import MAX_BYTES, over
from sr_domain.encoding.strict_json import strict_loads
from sr_ports import BadInput, Envelope, ReasonCode

if TYPE_CHECKING:
    from cattrs import Converter


def encode(envelope: Envelope) -> bytes:
    """One JSON object with the six fields of the wire, in UTF-8. Raises `BadInput` for what is no JSON."""
    try:
        return json.dumps(attrs.asdict(envelope), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        what = f"message {envelope.message_id} is no JSON: {error}"
        raise BadInput(ReasonCode.CONTRACT_VIOLATION, what) from error


def check_fits(where: str, size: int) -> None:
    """Raise `BadInput(DOCUMENT_TOO_LARGE)` for more bytes than an envelope is read of, before they are read."""
    if size > MAX_BYTES:
        raise over(ReasonCode.DOCUMENT_TOO_LARGE, f"{where} is no bus envelope: larger than {MAX_BYTES} bytes")


def decode(data: bytes, where: str) -> Envelope:
    """The envelope in these bytes. Raises `BadInput(DOCUMENT_INVALID)` for anything but a whole, strict one."""
    what = f"{where} is no bus envelope"
    document = strict_loads(data, what=what)
    if not isinstance(document, dict):
        raise BadInput(ReasonCode.DOCUMENT_INVALID, f"{what}: expected an object @ $")
    from cattrs import BaseValidationError, transform_error

    try:
        return _converter().structure(document, Envelope)
    except BaseValidationError as error:
        raise BadInput(ReasonCode.DOCUMENT_INVALID, f"{what}: {'; '.join(transform_error(error))}") from error


@cache
def _converter() -> Converter:
    """Takes no field that an envelope does not have, and no text that is none. Reading alone pays for the import."""
    from cattrs import Converter

    converter = Converter(forbid_extra_keys=True)
    converter.register_structure_hook(str, _text)
    return converter


def _text(value: object, _: type) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def same_fact(stored: bytes, new: Envelope) -> bool:
    """Whether `new` repeats the stored publication, as a retry does. A re-emit never does.

    Times may differ: when it was emitted and published. A damaged file repeats nothing.
    """
    kind = new.attributes.get("kind", "")
    if kind.endswith("_REEMIT"):
        return False
    try:
        old = decode(stored, "")
    except BadInput:
        return False
    again = decode(encode(new), "")
    return old.attributes.get("kind", "") == kind and _timeless(old.payload) == _timeless(again.payload)


def _timeless(payload: Mapping[str, Any]) -> str:
    kept = {name: value for name, value in payload.items() if name != "emitted_at_utc"}
    return json.dumps(kept, sort_keys=True)  # unlike ==, tells 1 from true and from 1.0
