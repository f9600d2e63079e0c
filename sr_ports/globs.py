"""One segment of a glob against one name, in time that is linear in the name, whatever the segment.

Nothing here backtracks. A segment of stars and letters is looked for piece by piece. Any other one is
read once, letter by letter: bit `n` of a number says whether what was read fits the first `n` of its parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import attrs

from sr_ports.compared import Compared

_REMEMBERED = 256
"""Letters whose parts a pattern remembers."""


@attrs.frozen(eq=False, repr=False)
class OneOf(Compared):
    """A set such as ``[a-z_]``; ``?`` is the negated set of nothing. `ranges`: first and last letter of each."""

    ranges: tuple[tuple[str, str], ...] = ()
    negated: bool = False

    def has(self, char: str) -> bool:
        """Whether the letter fits."""
        return any(first <= char <= last for first, last in self.ranges) is not self.negated


ANY = OneOf(negated=True)
STAR = "*"
Part = str | OneOf
"""A letter, a set, or `STAR`; a star that is meant as a letter is a set."""


def parts(segment: str) -> tuple[Part, ...]:
    """What a segment consists of, as `fnmatch` reads it; ``[^...]`` is ``[!...]``, as shells have it."""
    found: list[Part] = []
    at = 0
    while at < len(segment):
        end = _set_end(segment, at) if segment[at] == "[" else None
        if end is not None:
            found.append(_set(segment[at + 1 : end]))
            at = end
        elif segment[at] == "?":
            found.append(ANY)
        elif segment[at] != STAR or found[-1:] != [STAR]:
            found.append(segment[at])
        at += 1
    return tuple(found)


def _set_end(segment: str, at: int) -> int | None:
    """Where the set that begins at a bracket ends; None where nothing closes it, and it is a letter."""
    start = at + 1 + (segment[at + 1 : at + 2] in ("!", "^"))
    start += segment[start : start + 1] == "]"
    end = segment.find("]", start)
    return None if end < 0 else end


def _set(inner: str) -> OneOf:
    negated = inner[:1] in ("!", "^")
    body = inner[1:] if negated else inner
    pieces = _pieces(body)
    ranges = [(left[-1], right[0]) for left, right in pairwise(pieces)]
    last = len(pieces) - 1
    for at, piece in enumerate(pieces):
        alone = piece[(1 if at else 0) : (len(piece) if at == last else -1)]
        ranges += [(char, char) for char in alone]
    return OneOf(tuple(one for one in ranges if one[0] <= one[1]), negated)


def _pieces(body: str) -> list[str]:
    """The body of a set, cut at each hyphen that stands between two letters: it makes a range of them."""
    found: list[str] = []
    start, at = 0, body.find("-", 1)
    while at >= 0:
        found.append(body[start:at])
        start, at = at + 1, body.find("-", at + 3)
    if start < len(body) or not found:
        return [*found, body[start:]]
    return [*found[:-1], found[-1] + "-"]


@attrs.define(eq=False)
class Glob:
    """One segment, ready to be held against names. `loops`: where a star lets any letter pass."""

    fixed: tuple[OneOf | str, ...]
    loops: int
    _letters: dict[str, int] = attrs.field(factory=dict, init=False)

    @classmethod
    def of(cls, found: Sequence[Part]) -> Glob:
        """The pattern of a segment's parts."""
        fixed: list[OneOf | str] = []
        loops = 0
        for part in found:
            if part == STAR:
                loops |= 1 << len(fixed)
            else:
                fixed.append(part)
        return cls(tuple(fixed), loops)

    def fits(self, name: str) -> bool:
        """Whether the whole name fits."""
        state = 1
        for char in name:
            state = ((state & self._takes(char)) << 1) | (state & self.loops)
            if not state:
                return False
        return bool(state >> len(self.fixed) & 1)

    def _takes(self, char: str) -> int:
        known = self._letters.get(char)
        if known is None:
            if len(self._letters) >= _REMEMBERED:
                self._letters.clear()
            fit = (part == char if isinstance(part, str) else part.has(char) for part in self.fixed)
            known = self._letters[char] = sum(1 << at for at, one in enumerate(fit) if one)
        return known


@attrs.frozen(eq=False, repr=False)
class Pieces(Compared):
    """A segment of stars and letters: it begins and ends so, and has the rest between them, in this order."""

    start: str
    between: tuple[str, ...]
    end: str

    def fits(self, name: str) -> bool:
        """Whether the whole name fits."""
        at, last = len(self.start), len(name) - len(self.end)
        if at > last or not name.startswith(self.start) or not name.endswith(self.end):
            return False
        for piece in self.between:
            found = name.find(piece, at, last)
            if found < 0:
                return False
            at = found + len(piece)
        return True


@attrs.frozen(eq=False, repr=False)
class Plain(Compared):
    """A segment without any wildcard."""

    name: str

    def fits(self, name: str) -> bool:
        """Whether it is this very name."""
        return name == self.name


@lru_cache(maxsize=1024)
def segment_glob(segment: str) -> Plain | Pieces | Glob:
    """A segment, ready to be held against names."""
    found = parts(segment)
    letters = [part for part in found if isinstance(part, str)]
    if len(letters) < len(found):
        return Glob.of(found)
    if STAR not in letters:
        return Plain(segment)
    first, *between, last = "".join(letters).split(STAR)
    return Pieces(first, tuple(between), last)


def matches_nothing(segment: str) -> bool:
    """Whether no name fits a segment: a set of it is made of ranges that end before they begin."""
    return any(isinstance(part, OneOf) and not part.ranges and not part.negated for part in parts(segment))
