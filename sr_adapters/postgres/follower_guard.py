"""A lock that ends with the session that has it, so that the claim of a process that died does not stand for long.

The lock decides nothing by itself: a claim is a row with a fence, and whoever lost it saves nothing. What the lock adds
is that another process can tell that a holder's session is gone, before the holder's time is over. A holder that
lives and lost its session alone may so lose its claim to another; it is told at its next save, as after any pause.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress

import psycopg

from sr_adapters.postgres.connections import Connections
from sr_adapters.postgres.trip import Link

# In a transaction that stays open: a pooler gives a server connection to nobody else as long, and ends it with its
# client. It holds no snapshot on, so nothing of it stands in the way of vacuum, and no time limit ends it.
_BEGIN = b"""
BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;
SELECT pg_catalog.set_config('idle_in_transaction_session_timeout', '0', true)"""
_TRY = "SELECT pg_catalog.pg_try_advisory_xact_lock(%s)"
_HELD = b"SELECT 1"


class Guard:
    """The lock of one group, on a connection of its own. `name`: of schema and group."""

    def __init__(self, connections: Connections, name: str) -> None:
        self._connections = connections
        self._link: Link | None = None
        self._key = int.from_bytes(hashlib.sha256(f"sr follower|{name}".encode()).digest()[:8], "big", signed=True)

    def held(self) -> bool:
        """Whether it is had now, after another try where it is not.

        A server that does not answer, or has no connection left, gives none; whoever asks goes on without.
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
        self._link.execute(_BEGIN)
        cursor = psycopg.ClientCursor(self._link)  # a portal of the other kind would hold its snapshot on
        row = cursor.execute(_TRY, (self._key,)).fetchone()
        if row is not None and row[0]:
            return True
        self.close()
        return False

    def close(self) -> None:
        """Let go of it."""
        link, self._link = self._link, None
        if link is not None:
            link.close()
