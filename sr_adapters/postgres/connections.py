"""Connections lent one caller at a time: bounded in number and in waiting, made anew when lost.

A library pool was weighed: it connects in threads of its own, so a caller learns of a wrong
password only as "timed out", and those threads do not survive a fork.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import psycopg

from sr_adapters.postgres.trip import Link
from sr_ports import ReasonCode, Unreachable

T = TypeVar("T")


class Connections:
    """At most `limit` connections; a caller waits at most `wait_s` seconds for one.

    Raises psycopg's errors as they are, and `Unreachable` when all stay in use. `reached`: host,
    port, database and user of the newest connection.
    """

    def __init__(self, conninfo: str, *, limit: int, wait_s: float) -> None:
        self._idle: list[Link] = []
        self._apart: weakref.WeakSet[Link] = weakref.WeakSet()
        self._conninfo, self._limit, self._wait_s = conninfo, limit, wait_s
        self._generation = 0
        self.reached: Mapping[str, str] = {}
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(limit)
        _all.add(self)

    def run(self, work: Callable[[Link, bool], T]) -> T:
        """What `work` returns. If its connection is lost it runs once more, on a new one.

        The flag tells `work` that it runs again, and so may have taken effect already.
        """
        with self._slot():
            try:
                return self._once(work, again=False)
            except _ConnectionLost:
                return self._once(work, again=True)

    def apart(self) -> Link:
        """A connection beside all others, which whoever asks for it closes. Raises psycopg's errors."""
        link = self._connect()
        self._apart.add(link)
        return link

    def close(self) -> None:
        """Close what is idle now, and what is lent when it comes back."""
        with self._lock:
            self._generation += 1
            idle, self._idle = self._idle, []
        for link in idle:
            link.close()

    def __del__(self) -> None:
        """Dropped without `close`: the idle connections end all the same, and nothing is said of it."""
        for link in self._idle:
            link.close()

    def after_fork(self) -> None:
        """In a forked child: the parent's sockets stay the parent's."""
        _parents_links.extend((*self._idle, *self._apart))
        self._idle, self._apart = [], weakref.WeakSet()
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(self._limit)

    @contextmanager
    def _slot(self) -> Iterator[None]:
        slots = self._slots
        if not slots.acquire(timeout=self._wait_s):
            what = f"all {self._limit} connections to Postgres stayed in use for {self._wait_s:g} s"
            raise Unreachable(ReasonCode.AUTHORITY_UNREACHABLE, what, "retry, or raise authority.pool_max")
        try:
            yield
        finally:
            slots.release()

    def _once(self, work: Callable[[Link, bool], T], *, again: bool) -> T:
        link, generation = self._borrow()
        try:
            done = work(link, again)
        except psycopg.Error as exc:
            if isinstance(exc, psycopg.errors.ReadOnlySqlTransaction):
                link.close()  # the primary is elsewhere now; a new connection may find it
            if not link.closed:
                self._give_back(link, generation)
                raise
            self.close()  # its neighbours went with it, most likely
            if again:
                raise
            raise _ConnectionLost from exc
        except BaseException:
            link.close()  # in whatever state an interrupt left it
            raise
        self._give_back(link, generation)
        return done

    def _borrow(self) -> tuple[Link, int]:
        with self._lock:
            generation = self._generation
            if self._idle:
                return self._idle.pop(), generation
        return self._connect(), generation

    def _connect(self) -> Link:
        """A new connection. It prepares no statement on the server: behind a pooler that is not its own."""
        link = psycopg.connect(self._conninfo, autocommit=True, prepare_threshold=None)
        if link.info.encoding != "utf-8":
            spoken = link.info.encoding
            link.close()
            what = f"the server or its pooler speaks {spoken}, though UTF-8 was asked for"
            raise Unreachable(ReasonCode.AUTHORITY_ENCODING, what, "let the pooler pass client_encoding on")
        info = link.info
        self.reached = {"host": info.host, "port": str(info.port), "dbname": info.dbname, "user": info.user}
        link.isolation_level = psycopg.IsolationLevel.READ_COMMITTED  # whatever the server's default
        return link

    def _give_back(self, link: Link, generation: int) -> None:
        with self._lock:
            if generation == self._generation and not link.closed:
                self._idle.append(link)
                return
        link.close()


class _ConnectionLost(Exception):
    """Between two tries; never leaves this module."""


_all: weakref.WeakSet[Connections] = weakref.WeakSet()
_parents_links: list[Link] = []  # kept from being finalised: that would speak on the parent's sockets


def _after_fork_in_child() -> None:
    for connections in _all:
        connections.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
