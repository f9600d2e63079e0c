"""What the laws over manifests share: each file read once for all its digests, and the digest of canonical lines.

A canonical line is ``<hex>  <path>`` and a line feed. Lines are sorted by path, and each counts once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, Final

from sr_ports import BundleView

Line = tuple[str, str]
"""A path, and its digest in lower-case hex."""
AT_ONCE: Final = 50_000
"""Lines that are held at once: a longer manifest whose lines are not in order is gone through several times."""
_PIECE: Final = 512


def lines_digest(lines: Iterable[Line]) -> str:
    """sha256 of lines that are in order."""
    whole, piece = hashlib.sha256(), list[str]()
    for path, digest in lines:
        piece.append(f"{digest}  {path}\n")
        if len(piece) >= _PIECE:
            whole.update("".join(piece).encode())
            piece.clear()
    whole.update("".join(piece).encode())
    return whole.hexdigest()


def canonical_digest(walk: Callable[[], Iterable[Line]]) -> str:
    """sha256 of the canonical lines, in whatever order `walk` gives them. `walk`: gives them all, at each call anew.

    Lines in order are gone through once, and none of them is held.
    """
    try:
        return lines_digest(_in_order(walk()))
    except _OutOfOrder:
        return lines_digest(chain.from_iterable(_runs(walk)))


class _OutOfOrder(Exception):
    """A line comes before one that was given."""


def _in_order(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines, each once, as long as they come in order."""
    last: Line | None = None
    for line in lines:
        if last is None or line > last:
            yield line
            last = line
        elif line != last:
            raise _OutOfOrder


def _runs(walk: Callable[[], Iterable[Line]]) -> Iterator[list[Line]]:
    """The lines in order, each once, a run after the other: each run is what a walk finds next."""
    last: Line | None = None
    while run := _next(walk(), last):
        yield run
        if len(run) < AT_ONCE:
            return
        last = run[-1]


def _next(lines: Iterable[Line], last: Line | None) -> list[Line]:
    """The first `AT_ONCE` distinct lines behind `last`."""
    held: list[Line] = []
    bound: Line | None = None
    for line in lines:
        if (last is not None and line <= last) or (bound is not None and line >= bound):
            continue
        held.append(line)
        if len(held) >= 2 * AT_ONCE:
            held = sorted(set(held))[:AT_ONCE]
            bound = held[-1] if len(held) == AT_ONCE else None
    return sorted(set(held))[:AT_ONCE]


def digests(bundle: BundleView, path: str, algorithms: Iterable[str]) -> dict[str, str]:
    """Digests of one file in hex, by algorithm as `hashlib` names it; the file is read once."""
    wanted = sorted(set(algorithms))
    if wanted == ["sha256"]:
        return {"sha256": bundle.sha256([path])}
    hashers: dict[str, Any] = {name: hashlib.new(name, usedforsecurity=False) for name in wanted}
    for chunk in bundle.stream(path) if hashers else ():
        for hasher in hashers.values():
            hasher.update(chunk)
    return {name: hasher.hexdigest() for name, hasher in hashers.items()}
