"""Where the files that ship with SR are: inside the package in a wheel, else beside it in the checkout.

They are package resources, which may lie in an archive on the path (a zip that a cluster hands to its workers): read
them as such, and ask `on_disk` where a program needs a real folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


class _Nested(Protocol):
    """What every folder of resources has that is one folder: a path, or a place in an archive."""

    parent: Traversable


def shipped(kind: str) -> Traversable:
    """The folder of shipped ``contracts``, ``config`` or ``templates``, wherever SR runs from."""
    here = files("sr_plugins")
    packaged = here / "shipped" / kind
    return packaged if packaged.is_dir() else cast("_Nested", here).parent / kind


def on_disk(folder: Traversable, copy: Path) -> Path:
    """The folder as a real one: itself, or all that is in it in the folder `copy`. Raises `OSError`."""
    if isinstance(folder, Path):
        return folder
    copy.mkdir(parents=True, exist_ok=True)
    for one in folder.iterdir():
        if one.is_dir():
            on_disk(one, copy / one.name)
        else:
            (copy / one.name).write_bytes(one.read_bytes())
    return copy


@contextmanager
def lent(folder: Traversable) -> Iterator[Path]:
    """The folder as a real one for the block's time."""
    if isinstance(folder, Path):
        yield folder
        return
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="sr-") as copy:
        yield on_disk(folder, Path(copy))
