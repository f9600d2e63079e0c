"""Tables that fit a terminal: nothing wraps, ids and digests in short, paths cut in the middle, columns dropped."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence

_HEX = re.compile(r"[0-9a-f]{32,64}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_ID_SHOWN, _DIGEST_SHOWN, _ID = 8, 12, 32
_GAP = 2
_PATH_LEAST, _TEXT_LEAST = 18, 12
_KEPT = 2
"""Columns that are never dropped: which row it is, and the first that it says."""
_CUT = "…"

Rows = Sequence[Sequence[str]]


def width() -> int:
    """Columns of the terminal."""
    return shutil.get_terminal_size().columns


def middle(text: str, most: int) -> str:
    """A path with its middle left out, the end longer than the beginning: there the name is."""
    if len(text) <= most:
        return text
    before = max((most - 1) // 3, 1)
    return f"{text[:before]}{_CUT}{text[len(text) - (most - 1 - before) :]}"


def end(text: str, most: int) -> str:
    """A text with its end left out."""
    return text if len(text) <= most else f"{text[: most - 1]}{_CUT}"


def _cut_text(text: str, most: int) -> str:
    """Words without their end, a name without its middle: a key ends with what tells it from others."""
    return end(text, most) if " " in text else middle(text, most)


def short_hex(text: str) -> str:
    """An id as 8 characters, a digest as 12; any other text as it is."""
    if not _HEX.fullmatch(text):
        return text
    return text[: _ID_SHOWN if len(text) == _ID else _DIGEST_SHOWN]


def fitted(headers: Sequence[str], rows: Rows, room: int) -> tuple[list[str], list[list[str]], int]:
    """The table in `room` columns: headers, rows, and how many columns were dropped from the right.

    Of what is too wide, ids and digests are shortened first, then paths, then other texts, each as little as it
    takes; what still does not fit is dropped.
    """
    whole = [[header, *(row[at] for row in rows)] for at, header in enumerate(headers)]
    columns = _cut_down(whole, room)
    kept = len(columns)
    while kept > _KEPT and _over(columns[:kept], room) > 0:
        kept -= 1
    if kept < len(whole):  # what is dropped leaves its room to the others
        columns = _cut_down(whole[:kept], room)
    columns = _grown(columns, room)
    return (
        [one[0] for one in columns],
        [list(row) for row in zip(*(one[1:] for one in columns), strict=True)],
        len(headers) - kept,
    )


def without_spare(headers: Sequence[str], rows: Rows, room: int) -> tuple[list[str], list[list[str]], int]:
    """The table without what is missed least, where it is too wide: columns that say nothing, then instants.

    Beside them an age or a duration tells the same in few characters. Also how many were left out that say something.
    """
    columns = [[header, *(row[at] for row in rows)] for at, header in enumerate(headers)]
    kept, dropped = list(range(len(columns))), 0
    for is_spare, counts in ((_is_empty, 0), (_is_instant, 1)):
        for at in reversed(kept[_KEPT:]):
            short = [[columns[one][0], *map(short_hex, columns[one][1:])] for one in kept]
            if _over(short, room) > 0 and is_spare(columns[at][1:]):
                kept.remove(at)
                dropped += counts
    return [headers[at] for at in kept], [[row[at] for at in kept] for row in rows], dropped


def _is_empty(cells: Sequence[str]) -> bool:
    return not any(cells)


def _is_instant(cells: Sequence[str]) -> bool:
    return all(_INSTANT.match(cell) for cell in cells)


def _cut_down(columns: list[list[str]], room: int) -> list[list[str]]:
    if _over(columns, room) > 0:
        columns = [[column[0], *map(short_hex, column[1:])] for column in columns]
    columns = list(columns)
    for is_kind, cut, least in ((_is_path, middle, _PATH_LEAST), (_is_text, _cut_text, _TEXT_LEAST)):
        _shrink(columns, room, is_kind, cut, least)
    return columns


def _grown(columns: list[list[str]], room: int) -> list[list[str]]:
    """The columns that must stay, cut to the room where even they are too wide."""
    over = _over(columns, room)
    if over > 0:
        widest = max(range(len(columns)), key=lambda at: _wide(columns[at]))
        most = max(_wide(columns[widest]) - over, _TEXT_LEAST)
        columns[widest] = [end(cell, most) for cell in columns[widest]]
    return columns


def _wide(column: Sequence[str]) -> int:
    return max(map(len, column))


def _over(columns: Sequence[Sequence[str]], room: int) -> int:
    return sum(_wide(one) + _GAP for one in columns) - _GAP - room


def _shrink(
    columns: list[list[str]],
    room: int,
    is_kind: Callable[[Sequence[str]], bool],
    cut: Callable[[str, int], str],
    least: int,
) -> None:
    """Cut the widest column of a kind, again and again, until all fits or none can be cut further.

    A short header stays whole; a long one is cut with its column, so that every round takes something away.
    """
    own = [at for at, column in enumerate(columns) if is_kind(column[1:])]
    floor = {at: max(least, min(len(columns[at][0]), _PATH_LEAST)) for at in own}
    while (over := _over(columns, room)) > 0 and (wider := [at for at in own if _wide(columns[at]) > floor[at]]):
        widest = max(wider, key=lambda at: _wide(columns[at]))
        most = max(_wide(columns[widest]) - over, floor[widest])
        columns[widest] = [end(columns[widest][0], most), *(cut(cell, most) for cell in columns[widest][1:])]


def _is_path(cells: Sequence[str]) -> bool:
    return any("/" in cell and " " not in cell for cell in cells)


def _is_text(cells: Sequence[str]) -> bool:
    """Words and names, which may lose their end; an id may not."""
    return not _is_path(cells) and not any(_HEX.match(cell) or re.fullmatch(r"[0-9a-f]{8,12}", cell) for cell in cells)
