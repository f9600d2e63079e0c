"""Write the reference, or with no flag tell which files are not in step."""

from __future__ import annotations

import sys
from pathlib import Path

from sr_adapters.reference.events import events
from sr_adapters.reference.pages import pages

HOME = Path(__file__).resolve().parents[2] / "docs" / "reference"


def files() -> dict[str, str]:
    """Every file that is made, by its place beside the reference's own."""
    return {**pages(), "../events.md": events()}


def behind() -> list[str]:
    """The files that are not as the code is now, and those that no page makes."""
    made = files()
    there = {one.relative_to(HOME).as_posix() for one in HOME.rglob("*.md")}
    stale = [
        name for name, text in made.items() if not (HOME / name).is_file() or (HOME / name).read_text("utf-8") != text
    ]
    return sorted([*stale, *(there - made.keys())])


def write() -> None:
    """Bring every file up to date."""
    HOME.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (HOME / name).parent.mkdir(exist_ok=True)
        (HOME / name).write_text(text, "utf-8")


if __name__ == "__main__":
    if "--write" in sys.argv:
        write()
    else:
        sys.stdout.write("".join(f"{one} is behind: python -m sr_adapters.reference --write\n" for one in behind()))
