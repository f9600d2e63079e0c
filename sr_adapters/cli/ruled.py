"""A table as a terminal shows it: ruled, coloured, and in the room that there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sr_adapters.cli import output

_MARGIN = 4
"""Columns that the rules of a table take beside its cells."""
_UNCUT = 10_000


def ruled(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    title: str | None,
    room: int | None,
    styles_of: Mapping[str, str],
) -> None:
    """Answer with the table. `room`: columns of a line; None where nothing is cut. `styles_of`: colours of words."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from sr_adapters.cli import tables

    dropped, spared = 0, 0
    if room is not None:
        headers, rows, spared = tables.without_spare(headers, rows, room - _MARGIN)
    styles = [[styles_of.get(cell, "") for cell in row] for row in rows]
    if room is not None:
        headers, rows, dropped = tables.fitted(headers, rows, room - _MARGIN)
    table = Table(title=title, title_justify="left", header_style="bold", box=box.SIMPLE_HEAD, collapse_padding=True)
    for header in headers:
        table.add_column(header, overflow="ignore", no_wrap=True)
    for row, styled in zip(rows, styles, strict=True):
        table.add_row(*(Text(cell, style=style) for cell, style in zip(row, styled, strict=False)))
    console = Console(file=output.answers().file(), width=_UNCUT if room is None else room)
    console.print(table, crop=room is not None)
    if dropped + spared:
        output.answer(f"  {dropped + spared} more column{'s' * (dropped + spared > 1)}: --wide")
