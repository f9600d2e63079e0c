"""Sizes as people write them: 10k, 5M, 2G."""

from __future__ import annotations

import re

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


def parse_size(text: str) -> int:
    """Bytes, with an optional k, M or G. Raises `ValueError`."""
    match = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,12})?)([kmg]?)b?", text.strip().lower())
    if match is None:
        raise ValueError(f"{text[:40]!r} is no size such as 10k, 5M or 2G")
    return int(float(match[1]) * _UNITS[match[2]])
