"""Every SQL statement of the Postgres authority; ``{schema}`` is put in before use.

Each call is one statement, sent with its settings in one round trip. Time is
``clock_timestamp()``: read when a row is judged, after any wait for its lock. Instants come back
as text in UTC and times to live go as seconds: a driver reads and writes timestamps and intervals
by the connection's own styles, which a call does not change for it.
"""

from __future__ import annotations

VERSION = """
SELECT version FROM {schema}.authority_version"""
WITH_ADDITIONS = """
SELECT version, additions FROM {schema}.authority_version"""

# The key is kept as UTF-8 bytes (text cannot hold NUL) and found by its hash (an index entry
# cannot hold a long key). `admitted_by` and `granted_by` name the very call that wrote the
# row: a caller whose answer was lost recognises its own work.
STEPS = (
    """
CREATE TABLE {schema}.run (
    run_id              text COLLATE "C" PRIMARY KEY,
    run_equivalence_key bytea NOT NULL,
    intent_fingerprint  text NOT NULL,
    intent              text NOT NULL,
    platform_run_id     text NOT NULL,
    admitted_by         uuid NOT NULL,
    state               text NOT NULL DEFAULT 'OPEN',
    settled             boolean NOT NULL DEFAULT false,
    updated_at          timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX run_key ON {schema}.run (sha256(run_equivalence_key));
CREATE INDEX run_unsettled ON {schema}.run (run_id) WHERE NOT settled;
CREATE TABLE {schema}.lease (
    resource   text COLLATE "C" PRIMARY KEY,
    owner      text NOT NULL,
    fence      bigint NOT NULL,
    ttl        interval NOT NULL,
    expires_at timestamptz NOT NULL,
    granted_by uuid NOT NULL
);
""",
    # Tables per store. The first release's get other names, so that the next statement of its open connections
    # fails and binds nothing. What they held names no store: an empty `store_id`.
    """
ALTER TABLE {schema}.run RENAME TO run_of_version_1;
ALTER TABLE {schema}.lease RENAME TO lease_of_version_1;
CREATE TABLE {schema}.store_run (
    run_id              text COLLATE "C" NOT NULL,
    store_id            text COLLATE "C" NOT NULL,
    run_equivalence_key bytea NOT NULL,
    intent_fingerprint  text NOT NULL,
    intent              text NOT NULL,
    platform_run_id     text NOT NULL,
    admitted_by         uuid NOT NULL,
    state               text NOT NULL DEFAULT 'OPEN',
    settled             boolean NOT NULL DEFAULT false,
    updated_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    seq                 bigint,
    event_id            text,
    PRIMARY KEY (run_id, store_id)
);
CREATE UNIQUE INDEX store_run_key ON {schema}.store_run (sha256(run_equivalence_key), store_id);
CREATE INDEX store_run_unsettled ON {schema}.store_run (run_id) WHERE NOT settled;
CREATE INDEX store_run_unclaimed ON {schema}.store_run (run_id) WHERE store_id = '';
CREATE INDEX store_run_newest ON {schema}.store_run (updated_at, run_id, store_id, state);
CREATE TABLE {schema}.store_lease (
    resource   text COLLATE "C" NOT NULL,
    store_id   text COLLATE "C" NOT NULL,
    owner      text NOT NULL,
    fence      bigint NOT NULL,
    ttl        interval NOT NULL,
    expires_at timestamptz NOT NULL,
    granted_by uuid NOT NULL,
    PRIMARY KEY (resource, store_id)
);
CREATE TABLE {schema}.store_place (
    location  bytea NOT NULL,
    store_id  text COLLATE "C" NOT NULL,
    retired   boolean NOT NULL DEFAULT false,
    served_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX store_place_location ON {schema}.store_place (sha256(location)) WHERE NOT retired;
CREATE UNIQUE INDEX store_place_store ON {schema}.store_place (store_id) WHERE NOT retired;
INSERT INTO {schema}.store_run
    (run_id, store_id, run_equivalence_key, intent_fingerprint, intent, platform_run_id, admitted_by, state, settled,
    updated_at)
SELECT run_id, '', run_equivalence_key, intent_fingerprint, intent, platform_run_id, admitted_by, state, settled,
    updated_at
FROM {schema}.run_of_version_1;
INSERT INTO {schema}.store_lease (resource, store_id, owner, fence, ttl, expires_at, granted_by)
SELECT resource, '', owner, fence, ttl, expires_at, granted_by FROM {schema}.lease_of_version_1;
""",
)
SCHEMA_VERSION = len(STEPS)
# What older releases of this version work beside, and know nothing of: new columns have defaults, and no statement of
# theirs changes its meaning. Counted apart, so that they do not take the tables for a newer version's.
# `due_at`: when the run is next worth a look; long past in rows from before. `claimed_by`: the newest claim on it.
ADDITIONS = (
    """
ALTER TABLE {schema}.store_run
    ADD COLUMN due_at timestamptz DEFAULT '1970-01-01 00:00:00+00',
    ADD COLUMN claimed_by uuid;
ALTER TABLE {schema}.store_run ALTER COLUMN due_at SET DEFAULT clock_timestamp() + interval '60 s';
CREATE INDEX store_run_due ON {schema}.store_run (store_id, due_at) WHERE NOT settled;
""",
)

LOCK_SCHEMA = """
SELECT pg_advisory_xact_lock(hashtextextended('scenario-runner authority ' || %s, 0))"""
# The catalogue's rows, not to_regclass: a connection that has long been in use answers that
# from a cache, which may be older than the lock just waited for.
SCHEMA_IS_THERE = """
SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %s)"""
VERSION_IS_THERE = """
SELECT EXISTS (
    SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = %s AND c.relname = 'authority_version'
)"""
ADDITIONS_ARE_THERE = """
SELECT EXISTS (
    SELECT FROM pg_attribute AS a
    JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = %s AND c.relname = 'authority_version' AND a.attname = 'additions' AND NOT a.attisdropped
)"""
CREATE_ADDITIONS = """
ALTER TABLE {schema}.authority_version ADD COLUMN additions integer NOT NULL DEFAULT 0"""
ADDITIONS_TAKEN = """
SELECT additions FROM {schema}.authority_version"""
SET_ADDITIONS = """
UPDATE {schema}.authority_version SET additions = %s"""
CREATE_SCHEMA = """
CREATE SCHEMA {schema}"""
CREATE_VERSION = """
CREATE TABLE {schema}.authority_version (
    version integer NOT NULL,
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row)
)"""
SET_VERSION = """
INSERT INTO {schema}.authority_version (version) VALUES (%s)
ON CONFLICT (only_row) DO UPDATE SET version = excluded.version"""

NOW = """
SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')"""

# Two callers with one new key: the second waits for the first's insert, and then sees
# neither branch (its snapshot is older than the row). It asks again.
ADMIT = """
WITH standing AS (
    SELECT run_equivalence_key, run_id, intent_fingerprint, intent, platform_run_id, store_id, admitted_by, settled
    FROM {schema}.store_run
    WHERE sha256(run_equivalence_key) = sha256(%(key)s::bytea) AND store_id IN (%(store)s, '')
    ORDER BY store_id LIMIT 1
), made AS (
    INSERT INTO {schema}.store_run
        (run_equivalence_key, run_id, intent_fingerprint, intent, platform_run_id, store_id, admitted_by)
    SELECT %(key)s::bytea, %(run_id)s, %(fingerprint)s, %(intent)s, %(platform)s, %(store)s, %(call)s::uuid
    WHERE NOT EXISTS (SELECT FROM standing) AND (%(location)s::bytea IS NULL OR EXISTS (
        SELECT FROM {schema}.store_place
        WHERE location = %(location)s::bytea AND store_id = %(store)s AND NOT retired
    ))
    ON CONFLICT DO NOTHING
    RETURNING run_equivalence_key, run_id, intent_fingerprint, intent, platform_run_id, store_id, admitted_by, settled
)
SELECT * FROM standing UNION ALL SELECT * FROM made"""
FIND = """
SELECT run_equivalence_key, run_id, intent_fingerprint, intent, platform_run_id, store_id, settled, state, seq, event_id
FROM {schema}.store_run WHERE run_id = %(run_id)s
UNION ALL
SELECT location, NULL, NULL, NULL, NULL, store_id, NULL, NULL, NULL, NULL
FROM {schema}.store_place
WHERE NOT retired AND (%(store)s::text IS NULL OR store_id = %(store)s::text OR location = %(location)s::bytea)"""
CLAIM = """
UPDATE {schema}.store_run AS free SET store_id = %(store)s
WHERE store_id = '' AND (%(run_id)s::text IS NULL OR run_id = %(run_id)s::text) AND NOT EXISTS (
    SELECT FROM {schema}.store_run AS own
    WHERE own.store_id = %(store)s AND (own.run_id = free.run_id
        OR sha256(own.run_equivalence_key) = sha256(free.run_equivalence_key))
)
RETURNING run_id"""

# Of two that serve one location or one store at once the second waits for the first's insert, and then sees
# nothing. It asks again.
RETIRE = """
UPDATE {schema}.store_place SET retired = true
WHERE NOT retired AND (location = %(location)s::bytea OR store_id = %(store)s)
    AND NOT (location = %(location)s::bytea AND store_id = %(store)s)"""
SERVE = """
WITH standing AS (
    SELECT location, store_id FROM {schema}.store_place
    WHERE NOT retired AND (location = %(location)s::bytea OR store_id = %(store)s)
), made AS (
    INSERT INTO {schema}.store_place (location, store_id)
    SELECT %(location)s::bytea, %(store)s WHERE NOT EXISTS (SELECT FROM standing)
    ON CONFLICT DO NOTHING
    RETURNING location, store_id
)
SELECT * FROM standing UNION ALL SELECT * FROM made"""

# `set_back`: a lease with more time left than it was taken for means that the server's clock
# was set back; it stands, for one more of its own time. `retaken`: this call's own id when
# its first answer was lost: if that try did take the lease, it is taken over from oneself.
# A lease of no store is the first release's: nobody takes one any more, so it only has to be waited for.
ACQUIRE = """
WITH set_back AS (
    UPDATE {schema}.store_lease SET expires_at = clock_timestamp() + ttl
    WHERE resource = %(resource)s AND store_id IN (%(store)s, '') AND expires_at > clock_timestamp() + ttl
    RETURNING resource
), before AS (
    SELECT greatest(max(fence), 0) AS fence,
        bool_or(store_id = '' AND store_id <> %(store)s AND expires_at > clock_timestamp()) AS held
    FROM {schema}.store_lease WHERE resource = %(resource)s
)
INSERT INTO {schema}.store_lease AS held (resource, store_id, owner, fence, ttl, expires_at, granted_by)
SELECT %(resource)s, %(store)s, %(owner)s, greatest(before.fence, %(above)s::bigint) + 1,
    make_interval(secs => %(ttl)s), clock_timestamp() + make_interval(secs => %(ttl)s), %(call)s::uuid
FROM before WHERE NOT EXISTS (SELECT FROM set_back) AND before.held IS NOT TRUE
ON CONFLICT (resource, store_id) DO UPDATE SET
    owner = excluded.owner, fence = greatest(held.fence + 1, excluded.fence), ttl = excluded.ttl,
    expires_at = clock_timestamp() + excluded.ttl, granted_by = excluded.granted_by
WHERE held.expires_at <= clock_timestamp() OR held.granted_by = %(retaken)s::uuid
RETURNING fence, extract(epoch FROM expires_at - clock_timestamp())::float8"""
RENEW = """
UPDATE {schema}.store_lease SET
    ttl = make_interval(secs => %(ttl)s), expires_at = clock_timestamp() + make_interval(secs => %(ttl)s)
WHERE resource = %(resource)s AND store_id = %(store)s AND owner = %(owner)s AND fence = %(fence)s
    AND expires_at > clock_timestamp()
RETURNING extract(epoch FROM expires_at - clock_timestamp())::float8"""
RELEASE = """
UPDATE {schema}.store_lease SET expires_at = '-infinity'
WHERE resource = %(resource)s AND store_id = %(store)s AND owner = %(owner)s AND fence = %(fence)s
    AND expires_at > clock_timestamp()"""
RELEASE_AND_NOTE = """
WITH given_up AS (
    UPDATE {schema}.store_lease SET expires_at = '-infinity'
    WHERE resource = %(resource)s AND store_id = %(store)s AND owner = %(owner)s AND fence = %(fence)s
        AND expires_at > clock_timestamp()
    RETURNING resource
)
UPDATE {schema}.store_run
SET state = %(state)s, settled = settled OR %(settled)s, updated_at = clock_timestamp(),
    seq = coalesce(%(seq)s::bigint, seq), event_id = coalesce(%(event_id)s::text, event_id),
    due_at = least(clock_timestamp() + make_interval(secs => %(due_in)s), %(due_by)s::timestamptz), claimed_by = NULL
FROM given_up WHERE run_id = %(run_id)s AND store_id = %(store)s"""
HOLDER = """
SELECT owner, fence, extract(epoch FROM expires_at - clock_timestamp())::float8, store_id
FROM {schema}.store_lease
WHERE resource = %(resource)s AND store_id IN (%(store)s, '') AND expires_at > clock_timestamp()
ORDER BY store_id DESC"""

_ROW = """
SELECT run_id, platform_run_id, state, settled,
    to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), store_id,
    CASE WHEN NOT settled THEN to_char(due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') END, seq, event_id
FROM {schema}.store_run
WHERE"""
_CHOSEN = """ run_id > %(after)s AND (%(states)s::text[] IS NULL OR state = ANY (%(states)s::text[]))
    AND (%(store)s::text IS NULL OR store_id IN (%(store)s::text, ''))
ORDER BY run_id, store_id LIMIT %(limit)s"""
RUNS = f"{_ROW}{_CHOSEN}"
UNSETTLED_RUNS = f"{_ROW} NOT settled AND{_CHOSEN}"
_SINCE = """ (%(since)s::timestamptz IS NULL OR updated_at >= %(since)s::timestamptz)
    AND (%(states)s::text[] IS NULL OR state = ANY (%(states)s::text[]))
    AND (%(store)s::text IS NULL OR store_id IN (%(store)s::text, ''))"""
NEWEST = f"{_ROW}{_SINCE} ORDER BY updated_at DESC, run_id DESC, store_id DESC LIMIT %(limit)s"
COUNT = f"SELECT count(*) FROM {{schema}}.store_run WHERE{_SINCE}"  # noqa: S608 - put together from constants

# The store's own by one walk of the index, those of no store by another; each reads as many as it gives, and those that
# somebody is at work on. Of two that claim at once the second passes by what the first has locked. The instant comes
# from a query of its own: an index cannot be walked up to a function that may change meanwhile.
_DUE = """
    SELECT run_id, store_id, due_at FROM {schema}.store_run AS due
    WHERE NOT settled AND store_id = %(store)s AND due_at <= (SELECT clock_timestamp()) AND NOT EXISTS (
        SELECT FROM {schema}.store_lease AS held
        WHERE held.resource = due.run_id AND held.store_id IN (due.store_id, '')
            AND held.expires_at > clock_timestamp()
    )
    ORDER BY due_at LIMIT %(limit)s FOR UPDATE OF due SKIP LOCKED"""
_DUE_IN_NO_STORE = _DUE.replace("store_id = %(store)s", "store_id = '' AND %(store)s <> ''")
CLAIM_DUE = f"""
WITH own AS ({_DUE}
), unclaimed AS ({_DUE_IN_NO_STORE}
), chosen AS (
    SELECT * FROM (SELECT * FROM own UNION ALL SELECT * FROM unclaimed) AS found
    ORDER BY due_at, run_id LIMIT %(limit)s
)
UPDATE {{schema}}.store_run AS run
SET due_at = clock_timestamp() + make_interval(secs => %(for)s), claimed_by = %(token)s::uuid
FROM chosen WHERE run.run_id = chosen.run_id AND run.store_id = chosen.store_id
RETURNING run.run_id, run.platform_run_id, run.store_id, extract(epoch FROM chosen.due_at)::float8"""  # noqa: S608 - put together from constants
POSTPONE = """
UPDATE {schema}.store_run
SET due_at = least(clock_timestamp() + make_interval(secs => %(due_in)s), %(due_by)s::timestamptz), claimed_by = NULL
WHERE run_id = %(run_id)s AND store_id = %(store)s AND claimed_by = %(token)s::uuid"""
