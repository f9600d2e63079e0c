"""Rows of a database that may only be read: had without writing anything, beside it or into it.

SQLite reads a WAL database through shared memory in a ``-shm`` file, which a reader without rights
cannot make. Where a writer left or keeps one, it is used read-only. Where there is no WAL at all, the
file alone is whole and is read as immutable. A WAL without shared memory, left by a crash or a copy, is
read from a copy of both files.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

_TRIES = 20

Check = Callable[[sqlite3.Connection], None]
Rows = list[tuple[Any, ...]]


def may_write(path: Path) -> bool:
    """Whether this user may write the file and make files beside it, as every connection to a WAL does."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK | os.X_OK)


def rows(path: Path, sql: str, values: Mapping[str, Any] | Sequence[Any], check: Check, timeout_s: float) -> Rows:
    """What the statement finds. `check` is given each connection first. Raises `sqlite3.Error`, `OSError`."""
    for _ in range(_TRIES):
        before = _stamp(path)
        wal, shared = _beside(path, "-wal"), _beside(path, "-shm")
        if wal and shared:
            return _ask(path, "mode=ro", sql, values, check, timeout_s)
        found = _copied(path, sql, values, check, timeout_s) if wal else _alone(path, sql, values, check, timeout_s)
        if found is not None and _stamp(path) == before:
            return found
    raise sqlite3.OperationalError("it changed whenever it was read")


def from_copy(path: Path, sql: str, values: Mapping[str, Any] | Sequence[Any], lay: Check, timeout_s: float) -> Rows:
    """What the statement finds in a copy that `lay` brings up to date. Raises `sqlite3.Error`, `OSError`."""
    for _ in range(_TRIES):
        before = _stamp(path)
        found = _copied(path, sql, values, lay, timeout_s)
        if found is not None and _stamp(path) == before:
            return found
    raise sqlite3.OperationalError("it changed whenever it was read")


def _alone(
    path: Path, sql: str, values: Mapping[str, Any] | Sequence[Any], check: Check, timeout_s: float
) -> Rows | None:
    """From the file alone; None where it was damaged, as it is while a writer brings its WAL home."""
    try:
        return _ask(path, "mode=ro&immutable=1", sql, values, check, timeout_s)
    except sqlite3.DatabaseError:
        if _beside(path, "-wal"):
            return None
        raise


def _copied(
    path: Path, sql: str, values: Mapping[str, Any] | Sequence[Any], check: Check, timeout_s: float
) -> Rows | None:
    """From a copy of file and WAL, where there is one; None where the WAL went away meanwhile."""
    beside = (path.with_name(path.name + "-wal"),) if _beside(path, "-wal") else ()
    with tempfile.TemporaryDirectory(prefix="sr-index-") as folder:
        copy = Path(folder, path.name)
        try:
            for name in (path, *beside):
                shutil.copyfile(name, copy.with_name(name.name))
        except FileNotFoundError:
            return None
        return _ask(copy, "mode=rw", sql, values, check, timeout_s)


def _ask(
    path: Path, how: str, sql: str, values: Mapping[str, Any] | Sequence[Any], check: Check, timeout_s: float
) -> Rows:
    with closing(sqlite3.connect(f"{path.as_uri()}?{how}", uri=True, timeout=timeout_s, isolation_level=None)) as link:
        check(link)
        return link.execute(sql, values).fetchall()


def _beside(path: Path, suffix: str) -> bool:
    """Whether there is such a file with anything in it."""
    try:
        return path.with_name(path.name + suffix).stat().st_size > 0
    except FileNotFoundError:
        return False


def _stamp(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns
