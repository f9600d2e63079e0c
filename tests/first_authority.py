"""A worker of the first release at an authority in SQLite: its statements, as that release sent them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sr_ports import Binding, IndexNote

SCHEMA = (
    """
    CREATE TABLE run (
        run_id              TEXT PRIMARY KEY,
        run_equivalence_key TEXT NOT NULL UNIQUE,
        intent_fingerprint  TEXT NOT NULL,
        intent              TEXT NOT NULL,
        platform_run_id     TEXT NOT NULL,
        state               TEXT NOT NULL,
        settled             INTEGER NOT NULL,
        updated_ms          INTEGER NOT NULL
    )""",
    "CREATE INDEX run_unsettled ON run (run_id) WHERE settled = 0",
    """
    CREATE TABLE lease (
        resource   TEXT PRIMARY KEY,
        owner      TEXT NOT NULL,
        fence      INTEGER NOT NULL,
        ttl_ms     INTEGER NOT NULL,
        expires_ms INTEGER NOT NULL
    ) WITHOUT ROWID""",
    """
    CREATE VIEW clock AS
    SELECT CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) AS now_ms""",
    "PRAGMA application_id = 0x53524131",
    "PRAGMA user_version = 1",
)
BY_KEY = """
SELECT settled, run_equivalence_key, run_id, intent_fingerprint, intent, platform_run_id
FROM run WHERE run_equivalence_key = ?"""
BIND = """
INSERT INTO run (run_equivalence_key, run_id, intent_fingerprint, intent, platform_run_id, state, settled, updated_ms)
VALUES (?, ?, ?, ?, ?, 'OPEN', 0, (SELECT now_ms FROM clock))
ON CONFLICT DO NOTHING"""
ACQUIRE = """
INSERT INTO lease (resource, owner, fence, ttl_ms, expires_ms)
VALUES (:resource, :owner, max(:above, 0) + 1, :ttl_ms, (SELECT now_ms FROM clock) + :ttl_ms)
ON CONFLICT (resource) DO UPDATE SET
    owner = excluded.owner, fence = max(lease.fence, :above) + 1,
    ttl_ms = excluded.ttl_ms, expires_ms = excluded.expires_ms
WHERE lease.expires_ms <= (SELECT now_ms FROM clock)"""
RENEW = """
UPDATE lease SET ttl_ms = :ttl_ms, expires_ms = (SELECT now_ms FROM clock) + :ttl_ms
WHERE resource = :resource AND owner = :owner AND fence = :fence
AND expires_ms > (SELECT now_ms FROM clock)"""
RELEASE = """
UPDATE lease SET expires_ms = 0
WHERE resource = :resource AND owner = :owner AND fence = :fence
AND expires_ms > (SELECT now_ms FROM clock)"""
NOTE = """
UPDATE run SET state = ?, settled = max(settled, ?), updated_ms = (SELECT now_ms FROM clock)
WHERE run_id = ?"""


class FirstRelease:
    """One worker with a connection of its own, kept open as that release kept it."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.link = sqlite3.connect(file, isolation_level=None)
        self.link.execute("PRAGMA journal_mode = WAL")
        if self.link.execute("PRAGMA user_version").fetchall() == [(0,)]:
            for statement in SCHEMA:
                self.link.execute(statement)

    def admit(self, one: Binding) -> str:
        """The run that the key is bound to."""
        key = (one.run_equivalence_key,)
        if not self.link.execute(BY_KEY, key).fetchall():
            values = (*key, one.run_id, one.intent_fingerprint, one.intent, one.platform_run_id)
            self._write(BIND, values)
        return str(self.link.execute(BY_KEY, key).fetchall()[0][2])

    def acquire(self, resource: str, owner: str, ttl_s: float, *, above: int = 0) -> None:
        wish = {"resource": resource, "owner": owner, "above": above, "ttl_ms": round(ttl_s * 1000)}
        assert self._write(ACQUIRE, wish) == 1

    def renew(self, resource: str, owner: str, fence: int, ttl_s: float) -> None:
        wish = {"resource": resource, "owner": owner, "fence": fence, "ttl_ms": round(ttl_s * 1000)}
        assert self._write(RENEW, wish) == 1

    def release(self, resource: str, owner: str, fence: int, note: IndexNote, run_id: str) -> None:
        assert self._write(RELEASE, {"resource": resource, "owner": owner, "fence": fence}) == 1
        self._write(NOTE, (note.state, note.settled, run_id))

    def close(self) -> None:
        self.link.close()

    def _write(self, statement: str, values: object) -> int:
        self.link.execute("BEGIN IMMEDIATE")
        try:
            return self.link.execute(statement, values).rowcount  # type: ignore[arg-type]
        finally:
            self.link.execute("COMMIT")
