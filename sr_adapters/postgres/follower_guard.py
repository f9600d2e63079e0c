"""A lock that ends with the session that has it, so that the claim of a process that died does not stand for long.

The lock decides nothing by itself: a claim is a row with a fence, and whoever lost it saves nothing. What the lock adds
is that another process can tell that a holder's session is gone, before the holder's time is over. A holder that
lives and lost its session alone may so lose its claim to another; it is told at its next save, as after any pause.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Any

import psycopg

from sr_adapters.postgres.connections import Connections
from sr_adapters.postgres.trip import Link

_BACKEND = b"SELECT pg_catalog.pg_backend_pid()"
_TRY = "SELECT pg_catalog.pg_try_advisory_lock(%s)"
_HELD = b"SELECT 1"


class Guard:
    """The lock of one group, on a connection of its own. `name`: of schema and group."""

    def __init__(self, connections: Connections, name: str) -> None:
        self._connections = connections
        self._link: Link | None = None
        self._key = lock_key(name)

    def held(self) -> bool:
        """Whether it is had now, after another try where it is not.

        A server that does not answer, or has no connection left, gives none, and behind a pooler, where a session is
        not the process's own, none is asked for; whoever asks goes on without.
        """
        with suppress(psycopg.Error):
            if self._link is not None:
                self._link.execute(_HELD)
                return True
        self.close()
        with suppress(psycopg.Error):
            return self._taken()
        self.close()
        return False

    def _taken(self) -> bool:
        self._link = self._connections.apart()
        if _answer(self._link, _BACKEND) == self._link.info.backend_pid and _answer(self._link, _TRY, self._key):
            return True
        self.close()
        return False

    def close(self) -> None:
        """Let go of it."""
        link, self._link = self._link, None
        if link is not None:
            link.close()


def lock_key(name: str) -> int:
    """The number of the lock that a name has, of those that a database has for its applications."""
    return int.from_bytes(hashlib.sha256(f"sr follower|{name}".encode()).digest()[:8], "big", signed=True)


def _answer(link: Link, statement: str | bytes, *values: int) -> Any:
    row = psycopg.ClientCursor(link).execute(statement, values or None).fetchone()
    return None if row is None else row[0]
