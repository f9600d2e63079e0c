"""Every SQL statement of the SQLite authority. None is put together from values.

`run`: bindings, and the index beside them. `lease`: the newest lease of each resource, kept
when given up (``expires_ms`` 0) so that its fence is never forgotten. `clock`: SQLite's own
clock, which a statement reads once, in whole Unix milliseconds like every instant here.
Nothing newer than SQLite 3.24 is used (RETURNING is 3.35, which some systems lack).
"""

from __future__ import annotations

SCHEMA_VERSION = 1

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
APPLICATION_ID = 0x53524131  # "SRA1": tells this file from another program's database

NOW = "SELECT now_ms FROM clock"

# admission
BY_KEY = """
SELECT settled, run_equivalence_key, run_id, intent_fingerprint, intent, platform_run_id
FROM run WHERE run_equivalence_key = ?"""
BY_RUN = """
SELECT run_equivalence_key, run_id, intent_fingerprint, intent, platform_run_id, settled
FROM run WHERE run_id = ?"""
BIND = """
INSERT INTO run (run_equivalence_key, run_id, intent_fingerprint, intent, platform_run_id, state, settled, updated_ms)
VALUES (?, ?, ?, ?, ?, 'OPEN', 0, (SELECT now_ms FROM clock))
ON CONFLICT DO NOTHING"""

# leases
HELD = """
SELECT owner, fence, expires_ms - now_ms, ttl_ms FROM lease, clock
WHERE resource = ? AND expires_ms > now_ms"""
ACQUIRE = """
INSERT INTO lease (resource, owner, fence, ttl_ms, expires_ms)
VALUES (:resource, :owner, max(:above, 0) + 1, :ttl_ms, (SELECT now_ms FROM clock) + :ttl_ms)
ON CONFLICT (resource) DO UPDATE SET
    owner = excluded.owner, fence = max(lease.fence, :above) + 1,
    ttl_ms = excluded.ttl_ms, expires_ms = excluded.expires_ms
WHERE lease.expires_ms <= (SELECT now_ms FROM clock)"""
FENCE = "SELECT fence FROM lease WHERE resource = ?"
# A lease with more time left than it was taken for: the machine's clock was set back.
REANCHOR = """
UPDATE lease SET expires_ms = (SELECT now_ms FROM clock) + ttl_ms
WHERE resource = ? AND expires_ms > (SELECT now_ms FROM clock) + ttl_ms"""
RENEW = """
UPDATE lease SET ttl_ms = :ttl_ms, expires_ms = (SELECT now_ms FROM clock) + :ttl_ms
WHERE resource = :resource AND owner = :owner AND fence = :fence
AND expires_ms > (SELECT now_ms FROM clock)"""
RELEASE = """
UPDATE lease SET expires_ms = 0
WHERE resource = :resource AND owner = :owner AND fence = :fence
AND expires_ms > (SELECT now_ms FROM clock)"""

# the index
NOTE = """
UPDATE run SET state = ?, settled = max(settled, ?), updated_ms = (SELECT now_ms FROM clock)
WHERE run_id = ?"""
RUNS = """
SELECT run_id, platform_run_id, state, settled, updated_ms FROM run
WHERE run_id > :after AND (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
ORDER BY run_id LIMIT :limit"""
UNSETTLED_RUNS = """
SELECT run_id, platform_run_id, state, settled, updated_ms FROM run
WHERE settled = 0
AND run_id > :after AND (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
ORDER BY run_id LIMIT :limit"""
