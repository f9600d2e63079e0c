"""What every store of followers has alike: how keys are kept, and how documents are written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import attrs

from sr_ports import Progress, SetAside

HASH_BYTES = 16


def key_hash(key: str) -> bytes:
    """What is kept of a key, `HASH_BYTES` long: there may be very many."""
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=HASH_BYTES).digest()


def written(aside: SetAside) -> str:
    """A line of JSON."""
    return json.dumps(attrs.asdict(aside))


def read(line: str | bytes) -> SetAside:
    """What `written` wrote."""
    return SetAside(**json.loads(line))


def progress(positions: Mapping[str, Any], as_of_utc: str | None) -> Progress:
    """Progress as it was stored."""
    return Progress({str(shard): str(place) for shard, place in positions.items()}, as_of_utc)
