"""The table of reason codes for `docs/operations.md`: ``python -m sr_plugins.reason_table [--write]``."""

from __future__ import annotations

import sys
from pathlib import Path

from sr_ports import REASONS

BEGIN, END = "<!-- reason codes: generated -->", "<!-- end of reason codes -->"


def table() -> str:
    """Every code, its kind, meaning and remedy, as Markdown."""
    rows = [f"| `{code.value}` | {one.kind.value} | {one.meaning} | {one.remedy} |" for code, one in REASONS.items()]
    return "\n".join(["| code | kind | meaning | what to do |", "|---|---|---|---|", *rows])


def filled(text: str) -> str:
    """The document with the table between its marks brought up to date."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{table()}\n\n{END}{tail}"


if __name__ == "__main__":
    path = Path(__file__).resolve().parent.parent / "docs" / "operations.md"
    made = filled(path.read_text("utf-8"))
    if "--write" in sys.argv:
        path.write_text(made, "utf-8")
    else:
        sys.stdout.write(table() + "\n")
