"""Where the files that ship with SR are: beside the code in a wheel, else in the checkout."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent


def shipped(kind: str) -> Path:
    """The folder of shipped ``contracts`` or ``config``, wherever SR runs from."""
    packaged = _HERE / "shipped" / kind
    return packaged if packaged.is_dir() else _HERE.parent / kind
