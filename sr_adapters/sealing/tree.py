"""Finding the files of a folder that are data, and refusing what Scenario Runner would never prove."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import attrs

from sr_adapters.sealing.errors import SealRefused, cannot, shown

OWN_NAMES = frozenset({"sr.yaml", "pack", "request.yaml", "runs", "_sr", "run_receipt.json"})
"""Names of Scenario Runner's own, directly in the folder: never data."""

_UNFIT = re.compile(r"[\\\x00-\x1f\x7f\ud800-\udfff]")
_KINDS = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a block device"),
    (stat.S_ISCHR, "a character device"),
)


@attrs.frozen
class DataFile:
    """A regular file. `path`: relative to the folder, POSIX. `size`: bytes, when it was found."""

    path: str
    size: int


@attrs.frozen
class Tree:
    """What a folder holds. `files`: the data, by ascending path. `aside`: dot files in its folders, which are none."""

    files: tuple[DataFile, ...]
    aside: tuple[str, ...] = ()


def scan(root: str | os.PathLike[str]) -> Tree:
    """Every data file below `root`. Its own names and whatever begins with a dot are none.

    Raises `SealRefused` for a root that is no folder, a link, a file that is not regular, a name that no path may
    have, and what cannot be listed.
    """
    top = os.fspath(root)
    if "://" in top:
        raise SealRefused(
            f"{shown(top)} is no folder of this machine", "give a folder: data in a store are sealed there"
        )
    if not Path(top).is_dir():
        there = Path(top).exists()
        what = f"{shown(top)} is {'a file' if there else 'not there'}"
        raise SealRefused(what, "give the folder that it lies in" if there else "give a folder of data")
    files: list[DataFile] = []
    aside: list[str] = []
    for path, size in _walk(top, ""):
        if size is None:
            aside.append(path)
        else:
            _check_name(path)
            files.append(DataFile(path, size))
    return Tree(tuple(sorted(files, key=lambda one: one.path)), tuple(sorted(aside)))


def _walk(top: str, inside: str, *, data: bool = True) -> Iterator[tuple[str, int | None]]:
    """Every file below a folder with its size, None for what is no data. `inside`: the folder's path with a slash."""
    folders = []
    for entry in _entries(top, inside):
        path, counts = inside + entry.name, data and not entry.name.startswith(".")
        if not inside and (not counts or entry.name in OWN_NAMES):
            continue
        status = _status(entry, path)
        if stat.S_ISDIR(status.st_mode):
            folders.append((f"{path}/", counts))
        elif not counts:
            yield path, None
        else:
            _check_kind(path, status.st_mode)
            yield path, status.st_size
    for folder, counts in folders:
        yield from _walk(top, folder, data=counts)


def _entries(top: str, inside: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(Path(top, inside)) as found:
            return list(found)
    except OSError as error:
        raise SealRefused(cannot(f"the folder {shown(inside or top)} cannot be listed", error), _RIGHTS) from error


_RIGHTS = "give the right to read it, or move it out of the folder"


def _status(entry: os.DirEntry[str], path: str) -> os.stat_result:
    try:
        return entry.stat(follow_symlinks=False)
    except OSError as error:
        raise SealRefused(cannot(f"{shown(path)} cannot be looked at", error), _RIGHTS) from error


def _check_kind(path: str, mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    if stat.S_ISLNK(mode):
        what = f"{shown(path)} is a symbolic link, and no link is followed"
        raise SealRefused(what, "put the file itself there, or move the link out of the folder")
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "no regular file")
    raise SealRefused(f"{shown(path)} is {kind}, and only regular files are data", "move it out of the folder")


def _check_name(path: str) -> None:
    odd = _UNFIT.search(path)
    if odd is not None:
        sign = odd[0].encode("ascii", "backslashreplace").decode()
        what = f"{shown(path)} has a name that no path may have: {'a backslash' if odd[0] == chr(92) else sign}"
        raise SealRefused(what, "rename it: no backslash, no control character, valid UTF-8")
