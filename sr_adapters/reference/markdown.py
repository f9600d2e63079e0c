"""Pages of Markdown: headings and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

NOTICE = "<!-- Made from the code by python -m sr_adapters.reference --write: change it there. -->"


def page(title: str, *parts: str) -> str:
    """A whole page."""
    return "\n\n".join([f"# {title}", NOTICE, *(one for one in parts if one)]) + "\n"


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; nothing in a cell ends it."""
    made = [list(map(_cell, row)) for row in rows]
    lines = [list(headers), ["---"] * len(headers), *made]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(text: object) -> str:
    """Text as it is typed."""
    return f"`{text}`" if str(text) else ""


def _cell(value: object) -> str:
    return "" if value is None else " ".join(str(value).split()).replace("|", "\\|")
