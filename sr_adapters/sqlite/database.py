"""One SQLite file, shared by threads and processes: opening, schema, transactions, errors."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sr_adapters.sqlite import reading
from sr_adapters.sqlite.statements import APPLICATION_ID, FROM_VERSION_1, FROM_VERSION_2, SCHEMA, SCHEMA_VERSION
from sr_ports import ReasonCode, Unreachable, one_line

# NORMAL: no fsync a commit, only at checkpoints. A killed process loses nothing. A power loss
# may lose the last commits, never consistency: it ends every holder on this machine too,
# fences start above the record's own (`above`), and bindings are rebuilt from the record.
_PRAGMAS = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL")

_SENTENCES = {
    sqlite3.SQLITE_BUSY: ("was kept locked by another process", "retry; see which process holds the file"),
    sqlite3.SQLITE_LOCKED: ("was kept locked by another process", "retry; see which process holds the file"),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "check the path and its rights"),
    sqlite3.SQLITE_PERM: ("may not be opened", "check the rights of the file and its folder"),
    sqlite3.SQLITE_READONLY: ("cannot be written", "check the rights of the file and its folder"),
    sqlite3.SQLITE_FULL: ("has no room left on its disk", "free space, then retry"),
    sqlite3.SQLITE_NOTADB: ("is not a SQLite database", "correct authority.path, or move the file aside"),
    sqlite3.SQLITE_CORRUPT: ("is damaged", "restore it, or move it aside with its -wal and -shm files"),
}


class Database:
    """A connection made on first use, for any thread, and made anew after any trouble.

    `path`: asked for once, on first use; the first write makes the file and the folders above it.
    All errors leave as `Unreachable`, and whatever was begun is undone.
    """

    def __init__(self, path: str | Callable[[], str], busy_timeout_s: float) -> None:
        self._connection: sqlite3.Connection | None = None
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self.notices: tuple[str, ...] = ()
        # One connection under one lock: SQLite has one writer anyway, and reads take microseconds.
        self._lock = threading.Lock()
        _databases.add(self)

    @property
    def name(self) -> str:
        return "a file named on first use" if callable(self._path) else self._path

    def rows(self, sql: str, values: Mapping[str, Any] | Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """What one reading statement finds; nothing where there is no file yet, and none is made.

        A user who may not write the file reads it all the same, and `notices` says so.
        """
        with self._lock:
            if self._connection is None and self._absent():
                return []
            try:
                if self._connection is None and not reading.may_write(self.place()):
                    return self._read_only(sql, values)
                return self._linked().execute(sql, values).fetchall()
            except sqlite3.Error as exc:
                self._unlink()
                raise self._unreachable(exc) from exc

    def _read_only(self, sql: str, values: Mapping[str, Any] | Sequence[Any]) -> list[tuple[Any, ...]]:
        path = self.place()
        self.notices = (f"the authority's file {path} may not be written by this user: it is only read",)
        try:
            try:
                return reading.rows(path, sql, values, partial(_checked, str(path)), self._busy_timeout_s)
            except _Older:
                return reading.from_copy(path, sql, values, _lay, self._busy_timeout_s)
        except OSError as exc:
            what = f"the authority's file {path} cannot be read: {exc.strerror}"
            raise Unreachable(ReasonCode.AUTHORITY_UNREACHABLE, what, "check the rights of the file") from exc

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the write lock from its start: what it reads stays true."""
        with self._lock:
            try:
                link = self._linked()
                link.execute("BEGIN IMMEDIATE")
                yield link
                link.execute("COMMIT")
            except sqlite3.Error as exc:
                self._unlink()
                raise self._unreachable(exc) from exc
            except BaseException:
                self._unlink()
                raise

    def close(self) -> None:
        with self._lock:
            self._unlink()

    def __del__(self) -> None:
        """Dropped without `close`: the file is let go all the same, and nothing is said of it."""
        self._unlink()

    def after_fork(self) -> None:
        """In a forked child: leave the parent's connection and lock alone, start afresh."""
        if self._connection is not None:
            _parents_connections.append(self._connection)
        self._connection = None
        self._lock = threading.Lock()

    def _linked(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _unlink(self) -> None:
        """Closing undoes an open transaction."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _open(self) -> sqlite3.Connection:
        path = self._made()
        deadline = time.monotonic() + self._busy_timeout_s
        while True:
            try:
                return _connect(path, self._busy_timeout_s)
            except sqlite3.OperationalError as exc:
                # Turning on WAL while others do too is refused at once, without SQLite's own waiting.
                if _primary(exc) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def _absent(self) -> bool:
        """Whether there is surely no file. Trouble on the way to it is no answer: opening tells it."""
        try:
            return self.place().stat().st_size == 0  # an empty one is laid out by the first write
        except FileNotFoundError:
            return True
        except (OSError, ValueError):
            return False

    def place(self) -> Path:
        """The file's path: absolute, so that no name is special to SQLite (":memory:")."""
        if callable(self._path):
            self._path = self._path()
        return Path(self._path).absolute()

    def _made(self) -> str:
        try:
            path = self.place()
            path.parent.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as exc:
            what = f"the folder of the authority's file {self._path} cannot be made: {exc}"
            if getattr(exc, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
                raise Unreachable(ReasonCode.STORE_FULL, what) from exc
            raise Unreachable(ReasonCode.AUTHORITY_UNREACHABLE, what, "check authority.path and its rights") from exc
        return str(path)

    def _unreachable(self, exc: sqlite3.Error) -> Unreachable:
        said, remedy = _SENTENCES.get(_primary(exc), ("failed", None))
        what = one_line(f"the authority's file {self.name} {said}: {exc}")
        full = _primary(exc) == sqlite3.SQLITE_FULL
        return Unreachable(ReasonCode.STORE_FULL if full else ReasonCode.AUTHORITY_UNREACHABLE, what, remedy)


def _connect(path: str, busy_timeout_s: float) -> sqlite3.Connection:
    link = sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)
    try:
        for pragma in _PRAGMAS:
            link.execute(pragma)
        _lay(link)
        _checked(path, link)
    except BaseException:
        link.close()
        raise
    return link


def _checked(path: str, link: sqlite3.Connection) -> None:
    """Return for a database of this release. Raises `_Older` for one that can be brought up to date."""
    found = _version(link)
    if found in _STEPS:
        raise _Older
    if found != SCHEMA_VERSION:
        whose = "another program's database" if found < 0 else f"authority schema version {found}"
        what = f"{path} is {whose}, this release knows version {SCHEMA_VERSION}"
        raise Unreachable(ReasonCode.AUTHORITY_SCHEMA, what, "use the release that wrote it, or another file")


class _Older(Exception):
    """A database of an earlier release, which may only be read. Never leaves this module."""


def _lay(link: sqlite3.Connection) -> None:
    """Lay the schema or bring it up to date, unless another process just did or the file is someone else's."""
    if _version(link) not in _STEPS:
        return
    link.execute("BEGIN IMMEDIATE")
    for statement in _STEPS.get(_version(link), ()):
        link.execute(statement)
    link.execute("COMMIT")


def _version(link: sqlite3.Connection) -> int:
    """0 for an empty file; -1 for a database of another program."""
    ((version,),) = link.execute("PRAGMA user_version").fetchall()
    ((owner,),) = link.execute("PRAGMA application_id").fetchall()
    ((tables,),) = link.execute("SELECT count(*) FROM sqlite_master").fetchall()
    return int(version) if tables == 0 or owner == APPLICATION_ID else -1


def _primary(exc: sqlite3.Error) -> int:
    """SQLite's primary result code; errors of the driver itself have none."""
    return getattr(exc, "sqlite_errorcode", 0) & 0xFF


_STEPS: Mapping[int, Sequence[str]] = {0: SCHEMA, 1: FROM_VERSION_1, 2: FROM_VERSION_2}
"""By the version that is found, what brings a file to this release's."""
_databases: weakref.WeakSet[Database] = weakref.WeakSet()
_parents_connections: list[sqlite3.Connection] = []  # never closed here: closing would end the parent's locks


def _after_fork_in_child() -> None:
    for database in _databases:
        database.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
