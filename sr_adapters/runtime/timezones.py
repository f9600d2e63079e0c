"""Which names are time zones."""

from __future__ import annotations

import pkgutil
from functools import cache


def known_timezone(name: str) -> bool:
    """Whether `name` is an IANA zone, by the list of the installed tzdata distribution.

    Not by the machine's zone files: those differ between machines and hold more than zones
    (``localtime``, ``posix/...``). No path is built from `name`, and no zone is loaded.
    """
    return name in _zones()


@cache
def _zones() -> frozenset[str]:
    return frozenset((pkgutil.get_data("tzdata", "zones") or b"").decode("ascii").split())
