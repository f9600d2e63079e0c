"""Every SQL statement of the SQLite authority. None is put together from values.

`store_run`: bindings, and the index beside them. `store_lease`: the newest lease of each resource of a
store, kept when given up (``expires_ms`` 0) so that its fence is never forgotten. Both are per store; an empty
`store_id` names none. `store_place`: where each store is served; retired ones are kept. `clock`: SQLite's own
clock, which a statement reads once, in whole Unix milliseconds like every instant here. `due_ms`: when the run is next
worth a look; 0, which is long past, where an older release wrote the row. `claimed_by`: the newest claim on it.
Nothing newer than SQLite 3.24 is used (RETURNING is 3.35, which some systems lack).
"""

from __future__ import annotations

SCHEMA_VERSION = 3

_INDEX_OF_DUE = "CREATE INDEX store_run_due ON store_run (store_id, due_ms) WHERE settled = 0"
_TABLES = (
    """
    CREATE TABLE store_run (
        run_id              TEXT NOT NULL,
        store_id            TEXT NOT NULL,
        run_equivalence_key TEXT NOT NULL,
        intent_fingerprint  TEXT NOT NULL,
        intent              TEXT NOT NULL,
        platform_run_id     TEXT NOT NULL,
        state               TEXT NOT NULL,
        settled             INTEGER NOT NULL,
        updated_ms          INTEGER NOT NULL,
        seq                 INTEGER,
        event_id            TEXT,
        due_ms              INTEGER NOT NULL DEFAULT 0,
        claimed_by          TEXT,
        PRIMARY KEY (run_id, store_id),
        UNIQUE (run_equivalence_key, store_id)
    )""",
    "CREATE INDEX store_run_unsettled ON store_run (run_id) WHERE settled = 0",
    "CREATE INDEX store_run_unclaimed ON store_run (run_id) WHERE store_id = ''",
    "CREATE INDEX store_run_newest ON store_run (updated_ms, run_id, store_id, state)",
    _INDEX_OF_DUE,
    """
    CREATE TABLE store_lease (
        resource   TEXT NOT NULL,
        store_id   TEXT NOT NULL,
        owner      TEXT NOT NULL,
        fence      INTEGER NOT NULL,
        ttl_ms     INTEGER NOT NULL,
        expires_ms INTEGER NOT NULL,
        PRIMARY KEY (resource, store_id)
    ) WITHOUT ROWID""",
    """
    CREATE TABLE store_place (
        location  TEXT NOT NULL,
        store_id  TEXT NOT NULL,
        retired   INTEGER NOT NULL DEFAULT 0,
        served_ms INTEGER NOT NULL
    )""",
    "CREATE UNIQUE INDEX store_place_location ON store_place (location) WHERE retired = 0",
    "CREATE UNIQUE INDEX store_place_store ON store_place (store_id) WHERE retired = 0",
)
_VERSION = "PRAGMA user_version = 3"
SCHEMA = (
    """
    CREATE VIEW clock AS
    SELECT CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) AS now_ms""",
    *_TABLES,
    "PRAGMA application_id = 0x53524131",
    _VERSION,
)
# The first release's tables get other names, so that the next statement of its open connections fails and binds
# nothing. What they held names no store.
FROM_VERSION_1 = (
    *_TABLES,
    "ALTER TABLE run RENAME TO run_of_version_1",
    "ALTER TABLE lease RENAME TO lease_of_version_1",
    """
    INSERT INTO store_run (run_id, store_id, run_equivalence_key, intent_fingerprint, intent, platform_run_id,
        state, settled, updated_ms)
    SELECT run_id, '', run_equivalence_key, intent_fingerprint, intent, platform_run_id, state, settled, updated_ms
    FROM run_of_version_1""",
    """
    INSERT INTO store_lease (resource, store_id, owner, fence, ttl_ms, expires_ms)
    SELECT resource, '', owner, fence, ttl_ms, expires_ms FROM lease_of_version_1""",
    _VERSION,
)
FROM_VERSION_2 = (
    "ALTER TABLE store_run ADD COLUMN due_ms INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE store_run ADD COLUMN claimed_by TEXT",
    _INDEX_OF_DUE,
    _VERSION,
)
APPLICATION_ID = 0x53524131  # "SRA1": tells this file from another program's database

NOW = "SELECT now_ms FROM clock"

# admission
BY_KEY = """
SELECT settled, run_equivalence_key, run_id, intent_fingerprint, intent, platform_run_id, store_id
FROM store_run WHERE run_equivalence_key = :key AND store_id IN (:store_id, '')
ORDER BY store_id LIMIT 1"""
FIND = """
SELECT run_equivalence_key, run_id, intent_fingerprint, intent, platform_run_id, store_id, settled, state, seq, event_id
FROM store_run WHERE run_id = :run_id
UNION ALL
SELECT NULL, location, NULL, NULL, NULL, store_id, NULL, NULL, NULL, NULL
FROM store_place WHERE retired = 0 AND (:store_id IS NULL OR store_id = :store_id OR location = :location)"""
BIND = """
INSERT INTO store_run
    (run_equivalence_key, run_id, intent_fingerprint, intent, platform_run_id, store_id, state, settled, updated_ms,
    due_ms)
SELECT :key, :run_id, :fingerprint, :intent, :platform, :store_id, 'OPEN', 0, now_ms, now_ms + :due_in_ms FROM clock
WHERE :location IS NULL
    OR EXISTS (SELECT 1 FROM store_place WHERE location = :location AND store_id = :store_id AND retired = 0)
ON CONFLICT DO NOTHING"""
SERVED = """
SELECT 1 FROM store_place WHERE location = :location AND store_id = :store_id AND retired = 0"""
CLAIM = """
UPDATE OR IGNORE store_run SET store_id = :store_id
WHERE store_id = '' AND (:run_id IS NULL OR run_id = :run_id)"""

# places
RETIRE = """
UPDATE store_place SET retired = 1
WHERE retired = 0 AND (location = :location OR store_id = :store_id)
    AND NOT (location = :location AND store_id = :store_id)"""
SERVE = """
INSERT INTO store_place (location, store_id, served_ms)
SELECT :location, :store_id, now_ms FROM clock
WHERE NOT EXISTS (SELECT 1 FROM store_place WHERE retired = 0 AND (location = :location OR store_id = :store_id))"""
PLACES = """
SELECT location, store_id FROM store_place
WHERE retired = 0 AND (location = :location OR store_id = :store_id) ORDER BY location"""

# leases
HELD = """
SELECT owner, fence, expires_ms - now_ms, ttl_ms, store_id FROM store_lease, clock
WHERE resource = :resource AND store_id IN (:store_id, '') AND expires_ms > now_ms
ORDER BY store_id DESC"""
ACQUIRE = """
INSERT INTO store_lease (resource, store_id, owner, fence, ttl_ms, expires_ms)
SELECT :resource, :store_id, :owner,
    max(:above, ifnull((SELECT max(fence) FROM store_lease WHERE resource = :resource), 0)) + 1,
    :ttl_ms, now_ms + :ttl_ms
FROM clock
WHERE NOT EXISTS (
    SELECT 1 FROM store_lease WHERE resource = :resource AND store_id IN (:store_id, '') AND expires_ms > now_ms
)
ON CONFLICT (resource, store_id) DO UPDATE SET
    owner = excluded.owner, fence = excluded.fence, ttl_ms = excluded.ttl_ms, expires_ms = excluded.expires_ms"""
FENCE = "SELECT fence FROM store_lease WHERE resource = :resource AND store_id = :store_id"
# A lease with more time left than it was taken for: the machine's clock was set back.
REANCHOR = """
UPDATE store_lease SET expires_ms = (SELECT now_ms FROM clock) + ttl_ms
WHERE resource = :resource AND store_id IN (:store_id, '') AND expires_ms > (SELECT now_ms FROM clock) + ttl_ms"""
RENEW = """
UPDATE store_lease SET ttl_ms = :ttl_ms, expires_ms = (SELECT now_ms FROM clock) + :ttl_ms
WHERE resource = :resource AND store_id = :store_id AND owner = :owner AND fence = :fence
AND expires_ms > (SELECT now_ms FROM clock)"""
RELEASE = """
UPDATE store_lease SET expires_ms = 0
WHERE resource = :resource AND store_id = :store_id AND owner = :owner AND fence = :fence
AND expires_ms > (SELECT now_ms FROM clock)"""

# the index
NOTE = """
UPDATE store_run SET state = :state, settled = max(settled, :settled), updated_ms = (SELECT now_ms FROM clock),
    seq = ifnull(:seq, seq), event_id = ifnull(:event_id, event_id), claimed_by = NULL,
    due_ms = (SELECT min(now_ms + :due_in_ms, ifnull(:due_by_ms, now_ms + :due_in_ms)) FROM clock)
WHERE run_id = :run_id AND store_id = :store_id"""
_ROW = "SELECT run_id, platform_run_id, state, settled, updated_ms, store_id, due_ms, seq, event_id FROM store_run"
_CHOSEN = """ run_id > :after AND (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
AND (:store_id IS NULL OR store_id IN (:store_id, ''))
ORDER BY run_id, store_id LIMIT :limit"""
RUNS = f"{_ROW} WHERE{_CHOSEN}"
UNSETTLED_RUNS = f"{_ROW} WHERE settled = 0 AND{_CHOSEN}"
# Both walk the index over instants, and only the first reads rows: as many as it gives.
_SINCE = """ updated_ms >= :since AND (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
AND (:store_id IS NULL OR store_id IN (:store_id, ''))"""
NEWEST = f"{_ROW} WHERE{_SINCE} ORDER BY updated_ms DESC, run_id DESC, store_id DESC LIMIT :limit"
COUNT = f"SELECT count(*) FROM store_run WHERE{_SINCE}"  # noqa: S608 - put together from constants

# what is due: one walk of the index for the store's own, one for those of no store; each reads as many as it gives, and
# those that somebody is at work on
_DUE = """
SELECT run_id, platform_run_id, store_id, due_ms FROM store_run AS due
WHERE settled = 0 AND store_id = {store} AND due_ms <= (SELECT now_ms FROM clock) AND NOT EXISTS (
    SELECT 1 FROM store_lease AS held
    WHERE held.resource = due.run_id AND held.store_id IN (due.store_id, '')
        AND held.expires_ms > (SELECT now_ms FROM clock)
)
ORDER BY due_ms LIMIT :limit"""
DUE = f"""
SELECT * FROM ({_DUE.format(store=":store_id")})
UNION ALL
SELECT * FROM ({_DUE.format(store="''")}) WHERE :store_id <> ''
ORDER BY due_ms, run_id LIMIT :limit"""  # noqa: S608 - put together from constants
CLAIM_DUE = """
UPDATE store_run SET due_ms = (SELECT now_ms FROM clock) + :for_ms, claimed_by = :token
WHERE run_id = :run_id AND store_id = :store_id"""
POSTPONE = """
UPDATE store_run SET claimed_by = NULL,
    due_ms = (SELECT min(now_ms + :due_in_ms, ifnull(:due_by_ms, now_ms + :due_in_ms)) FROM clock)
WHERE run_id = :run_id AND store_id = :store_id AND claimed_by = :token"""
