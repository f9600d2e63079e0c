"""Envelopes as the bytes of a file, and when two of them are one fact."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sr_ports.bus import Envelope
from sr_ports.errors import BadInput
from sr_ports.reasons import ReasonCode

_TEXTS = ("topic", "message_id", "published_at_utc", "partition_key")


def encode(envelope: Envelope) -> bytes:
    """One JSON object with the six fields of the wire. Raises `BadInput` for what is no JSON."""
    fields = {
        "topic": envelope.topic,
        "message_id": envelope.message_id,
        "published_at_utc": envelope.published_at_utc,
        "attributes": dict(envelope.attributes),
        "partition_key": envelope.partition_key,
        "payload": dict(envelope.payload),
    }
    try:
        return (json.dumps(fields, ensure_ascii=False, allow_nan=False) + "\n").encode()
    except (TypeError, ValueError, RecursionError) as exc:
        what = f"message {envelope.message_id} is no JSON: {exc}"
        raise BadInput(ReasonCode.CONTRACT_VIOLATION, what) from exc


def decode(data: bytes, where: str) -> Envelope:
    """The envelope in a file's bytes. Raises `BadInput` for anything but a whole, strict one."""
    try:
        return _envelope(json.loads(data, object_pairs_hook=_unique, parse_constant=_refuse))
    except (ValueError, KeyError, RecursionError) as exc:
        raise BadInput(ReasonCode.DOCUMENT_INVALID, f"{where} is no bus envelope: {exc}") from exc


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


def _envelope(document: Any) -> Envelope:
    fields = _expect(document, dict)
    texts = {name: _expect(fields.pop(name), str) for name in _TEXTS}
    attributes = _expect(fields.pop("attributes"), dict)
    payload = _expect(fields.pop("payload"), dict)
    if fields or not all(isinstance(value, str) for value in attributes.values()):
        raise ValueError("it has fields that an envelope does not have")
    return Envelope(**texts, attributes=attributes, payload=payload)


def _expect(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"not a {kind.__name__}: {value!r:.80}")  # noqa: TRY004 - wrong content, not a wrong call
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field is there twice")
    return found


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")
