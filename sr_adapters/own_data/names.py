"""What a path says: its day, and the ids and patterns that are made from its names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

import attrs

from sr_adapters.own_data.dates import TOKENS, dates_in, shape_of

_PURE = re.compile(rf"(?:[^/]*=)?(?:(?:{TOKENS.pattern})[-_.]?)+")
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".lz4")
_LONGEST = 100
_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "ø": "o", "œ": "oe", "đ": "d", "ł": "l", "Æ": "AE", "Ø": "O",
                          "Œ": "OE", "Đ": "D", "Ł": "L"})  # fmt: skip
"""What has no letter of ASCII in it, as people write it there."""
_SPAN = re.compile(rf"(?P<before>.*?)(?P<day>(?:{TOKENS.pattern})(?:.*(?:{TOKENS.pattern}))?)(?P<after>.*?)", re.DOTALL)
"""A name, split before the first token of its day and behind the last."""


@attrs.frozen
class Named:
    """A path and what it says. `shape`: the path, its day as a token; the path itself where it has none."""

    path: str
    shape: str
    day: str | None


def named(path: str) -> Named:
    """A path's day is the first date in it, wherever that stands."""
    dates = dates_in(path)
    return Named(path, shape_of(path, dates[0].day, dates), dates[0].day) if dates else Named(path, path, None)


def days_in(path: str) -> list[str]:
    """Every day that a path names."""
    return [one.day for one in dates_in(path)]


def group_of(one: Named) -> tuple[str, str]:
    """Which output a file belongs to: the first folder that is more than a day, else the file's stem and extension."""
    *folders, leaf = one.shape.split("/")
    folder = next((name for name in folders if _PURE.fullmatch(name) is None), None)
    if folder is not None:
        return folder, "/"
    extension = extension_of(leaf)
    return leaf.removesuffix(extension), extension


def extension_of(name: str) -> str:
    """A file name's extension with its dot, that of what was packed with it; empty for none."""
    stem, dot, last = name.rpartition(".")
    if not dot or not stem or TOKENS.search(last):
        return ""
    if f".{last}" in _PACKED:
        return f"{extension_of(stem)}.{last}"
    return f".{last}"


def without_day(name: str) -> str:
    """A name without the tokens of its day."""
    return TOKENS.sub("", name)


def fitting(name: str) -> str:
    """The name as an id may be: letters, digits, ``_``, ``.`` and ``-`` of ASCII alone; empty where nothing is left."""
    plain = unicodedata.normalize("NFKD", without_day(name).translate(_LETTERS)).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", plain).strip("._-")[:_LONGEST].strip("._-")


def literal(text: str) -> str:
    """A pattern for these very letters; those that no template may have stand for any one character."""
    kept = re.split(f"({TOKENS.pattern})", text)
    return "".join(one if TOKENS.fullmatch(one) else re.sub(r"[*?[]", r"[\g<0>]", one).translate(_ANY) for one in kept)


_ANY = str.maketrans({"{": "?", "}": "?"})


def pattern(shapes: Iterable[str], wild: str) -> str | None:
    """A template that takes every one of the shapes; None where the day stands at different depths.

    `wild`: what stands for a name that differs, ``*`` or, to pass dot files over, ``[!.]*``.
    """
    rows = [shape.split("/") for shape in shapes]
    depth = min(map(len, rows))
    common = next((at for at in range(depth - 1) if len({row[at] for row in rows}) > 1), depth - 1)
    head, tails = rows[0][:common], [row[common:] for row in rows]
    if len(set(map(len, tails))) == 1:
        middle = [_differing([row[at] for row in tails], wild) for at in range(len(tails[0]) - 1)]
    else:
        middle = ["**"]
        if any(TOKENS.search(name) for row in tails for name in row[:-1]):
            return None
    made = "/".join([*map(literal, head), *middle, _differing([row[-1] for row in tails], wild, leaf=True)])
    return re.sub(r"^\s|\s$", "?", made)


def _differing(names: Sequence[str], wild: str, *, leaf: bool = False) -> str:
    """A segment that takes all of these names: itself where they are one."""
    if len(set(names)) == 1:
        return literal(names[0])
    spelt = [_SPAN.fullmatch(name) for name in names]
    days = {one["day"] for one in spelt if one is not None}
    if None not in spelt and len(days) == 1:
        before, after = ({one[side] for one in spelt if one is not None} for side in ("before", "after"))
        head = literal(next(iter(before))) if len(before) == 1 else wild
        tail = literal(next(iter(after))) if len(after) == 1 else _star(after)
        return f"{head}{days.pop()}{tail}"
    ends = {extension_of(name) for name in names} if leaf else set()
    return wild + (literal(next(iter(ends))) if len(ends) == 1 else "")


def _star(names: Iterable[str]) -> str:
    ends = {extension_of(f"x{name}") for name in names}
    return "*" + (literal(next(iter(ends))) if len(ends) == 1 else "")
