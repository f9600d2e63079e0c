"""How two lists of parts differ, told part by part: what is named of that is bounded, whatever the lists hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sr_domain.evidence.digests import FileDigest

_OVERHEAD = 64
"""Bytes that a name takes beside its letters."""


def part_changes(old: Iterable[FileDigest], new: Iterable[FileDigest], *, most: int) -> dict[str, Any]:
    """The paths added, removed and changed, each in order; both lists are in order of path.

    `most`: bytes of all that is named; where it does not suffice, `unnamed` counts the rest. Raises what the lists do.
    """
    told: dict[str, list[str]] = {"added": [], "removed": [], "changed": []}
    named = unnamed = 0
    for how, path in differences(old, new):
        named += len(path) + _OVERHEAD
        if named > most:
            unnamed += 1
        else:
            told[how].append(path)
    return {**told, "unnamed": unnamed} if unnamed else {**told}


def differences(old: Iterable[FileDigest], new: Iterable[FileDigest]) -> Iterator[tuple[str, str]]:
    """How each part differs that does, ``added``, ``removed`` or ``changed``, and its path; in order of path."""
    before, after = iter(old), iter(new)
    was, now = next(before, None), next(after, None)
    while was is not None or now is not None:
        if was is None or (now is not None and now.path < was.path):
            yield "added", now.path if now is not None else ""
            now = next(after, None)
        elif now is None or was.path < now.path:
            yield "removed", was.path
            was = next(before, None)
        else:
            if was.sha256 != now.sha256:
                yield "changed", was.path
            was, now = next(before, None), next(after, None)
