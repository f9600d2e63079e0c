"""Every SQL statement of the Postgres authority; ``{schema}`` is put in before use.

Each call is one statement, sent with its settings in one round trip. Time is
``clock_timestamp()``: read when a row is judged, after any wait for its lock. Instants come back
as text in UTC and times to live go as seconds: a driver reads and writes timestamps and intervals
by the connection's own styles, which a call does not change for it.
"""

from __future__ import annotations

VERSION = """
SELECT version FROM {schema}.authority_version"""

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
)
SCHEMA_VERSION = len(STEPS)

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
    SELECT run_equivalence_key, run_id, intent_fingerprint, intent, platform_run_id, admitted_by, settled
    FROM {schema}.run WHERE sha256(run_equivalence_key) = sha256(%(key)s::bytea)
), made AS (
    INSERT INTO {schema}.run
        (run_equivalence_key, run_id, intent_fingerprint, intent, platform_run_id, admitted_by)
    SELECT %(key)s::bytea, %(run_id)s, %(fingerprint)s, %(intent)s, %(platform)s, %(call)s::uuid
    WHERE NOT EXISTS (SELECT FROM standing)
    ON CONFLICT DO NOTHING
    RETURNING run_equivalence_key, run_id, intent_fingerprint, intent, platform_run_id, admitted_by, settled
)
SELECT * FROM standing UNION ALL SELECT * FROM made"""
FIND = """
SELECT run_equivalence_key, run_id, intent_fingerprint, intent, platform_run_id, settled
FROM {schema}.run WHERE run_id = %s"""

# `set_back`: a lease with more time left than it was taken for means that the server's clock
# was set back; it stands, for one more of its own time. `retaken`: this call's own id when
# its first answer was lost: if that try did take the lease, it is taken over from oneself.
ACQUIRE = """
WITH set_back AS (
    UPDATE {schema}.lease SET expires_at = clock_timestamp() + ttl
    WHERE resource = %(resource)s AND expires_at > clock_timestamp() + ttl
    RETURNING resource
)
INSERT INTO {schema}.lease AS held (resource, owner, fence, ttl, expires_at, granted_by)
SELECT %(resource)s, %(owner)s, greatest(%(above)s::bigint, 0) + 1, make_interval(secs => %(ttl)s),
    clock_timestamp() + make_interval(secs => %(ttl)s), %(call)s::uuid
WHERE NOT EXISTS (SELECT FROM set_back)
ON CONFLICT (resource) DO UPDATE SET
    owner = excluded.owner, fence = greatest(held.fence, %(above)s::bigint) + 1, ttl = excluded.ttl,
    expires_at = clock_timestamp() + excluded.ttl, granted_by = excluded.granted_by
WHERE held.expires_at <= clock_timestamp() OR held.granted_by = %(retaken)s::uuid
RETURNING fence, extract(epoch FROM expires_at - clock_timestamp())::float8"""
RENEW = """
UPDATE {schema}.lease SET
    ttl = make_interval(secs => %(ttl)s), expires_at = clock_timestamp() + make_interval(secs => %(ttl)s)
WHERE resource = %(resource)s AND owner = %(owner)s AND fence = %(fence)s AND expires_at > clock_timestamp()
RETURNING extract(epoch FROM expires_at - clock_timestamp())::float8"""
RELEASE = """
UPDATE {schema}.lease SET expires_at = '-infinity'
WHERE resource = %(resource)s AND owner = %(owner)s AND fence = %(fence)s AND expires_at > clock_timestamp()"""
RELEASE_AND_NOTE = """
WITH given_up AS (
    UPDATE {schema}.lease SET expires_at = '-infinity'
    WHERE resource = %(resource)s AND owner = %(owner)s AND fence = %(fence)s AND expires_at > clock_timestamp()
    RETURNING resource
)
UPDATE {schema}.run
SET state = %(state)s, settled = settled OR %(settled)s, updated_at = clock_timestamp()
FROM given_up WHERE run_id = %(run_id)s"""
HOLDER = """
SELECT owner, fence, extract(epoch FROM expires_at - clock_timestamp())::float8
FROM {schema}.lease WHERE resource = %s AND expires_at > clock_timestamp()"""

RUNS = """
SELECT run_id, platform_run_id, state, settled,
    to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')
FROM {schema}.run
WHERE run_id > %(after)s AND (%(states)s::text[] IS NULL OR state = ANY (%(states)s::text[]))
ORDER BY run_id LIMIT %(limit)s"""
UNSETTLED_RUNS = """
SELECT run_id, platform_run_id, state, settled,
    to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')
FROM {schema}.run
WHERE NOT settled
AND run_id > %(after)s AND (%(states)s::text[] IS NULL OR state = ANY (%(states)s::text[]))
ORDER BY run_id LIMIT %(limit)s"""
