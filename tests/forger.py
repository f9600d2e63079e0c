"""What somebody does who may write the store: records rewritten, their chain recomputed, and nothing amiss in them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from sr_domain.encoding.canonical import exact_json


def rechained(record: bytes, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> bytes:
    """The record with each event as `change` gives it, None for none: numbered, chained and sealed anew."""
    lines: list[bytes] = []
    before = "0" * 64
    for line in record.splitlines():
        event = change(json.loads(line))
        if event is None:
            continue
        width = len(event["event_id"])
        whole = {**event, "event_id": "", "seq": len(lines), "prev_hash": before}
        whole["event_id"] = hashlib.sha256(exact_json(whole)).hexdigest()[:width]
        lines.append(exact_json(whole))
        before = hashlib.sha256(lines[-1]).hexdigest()
    return b"".join(line + b"\n" for line in lines)


def details(kind: str, **changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Changes the details of the events of a kind; a part changed to None is left out."""

    def change(event: dict[str, Any]) -> dict[str, Any]:
        if event["event_kind"] != kind:
            return event
        made = {**event["details"], **changes}
        return {**event, "details": {name: value for name, value in made.items() if value is not None}}

    return change
