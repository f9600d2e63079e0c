"""The followers' tables, and every SQL statement on them; ``{schema}`` is put in before use.

They have a version of their own, so that a release which changes them stops no worker of an earlier one.
"""

from __future__ import annotations

from sr_adapters.postgres.schema import Kind

STEPS = (
    """
CREATE TABLE {schema}.follower (
    group_name text COLLATE "C" PRIMARY KEY,
    owner      text NOT NULL,
    fence      bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    claimed_by uuid NOT NULL,
    positions  text NOT NULL DEFAULT '{{}}',
    as_of_utc  text
);
CREATE TABLE {schema}.follower_done (
    group_name text COLLATE "C" NOT NULL,
    key_hash   bytea NOT NULL,
    PRIMARY KEY (group_name, key_hash)
);
CREATE TABLE {schema}.follower_aside (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    group_name text COLLATE "C" NOT NULL,
    document   text NOT NULL
);
CREATE INDEX follower_aside_group ON {schema}.follower_aside (group_name, number);
""",
    """
ALTER TABLE {schema}.follower ADD COLUMN guarded boolean NOT NULL DEFAULT false;
""",
)
FOLLOWERS = Kind("follower", STEPS)

# `again`: this call's own id when its first answer was lost: if that try did claim, it is claimed again from oneself.
# `guarded`: whether the caller's session has the group's lock (see `follower_guard`). Who has it finds that a claim
# under guard has lost its session, whatever time it has left.
CLAIM = """
INSERT INTO {schema}.follower AS held (group_name, owner, fence, expires_at, claimed_by, guarded)
VALUES (%(group)s, %(owner)s, 1, clock_timestamp() + make_interval(secs => %(ttl)s), %(call)s::uuid, %(guarded)s)
ON CONFLICT (group_name) DO UPDATE SET
    owner = excluded.owner, fence = held.fence + 1, expires_at = excluded.expires_at,
    claimed_by = excluded.claimed_by, guarded = excluded.guarded
WHERE held.expires_at <= clock_timestamp() OR held.claimed_by = %(again)s::uuid OR (held.guarded AND %(guarded)s)
RETURNING fence, extract(epoch FROM expires_at - clock_timestamp())::float8"""
_THIS = "group_name = %(group)s AND owner = %(owner)s AND fence = %(fence)s AND expires_at > clock_timestamp()"
RENEW = f"""
UPDATE {{schema}}.follower SET expires_at = clock_timestamp() + make_interval(secs => %(ttl)s), guarded = %(guarded)s
WHERE {_THIS}
RETURNING extract(epoch FROM expires_at - clock_timestamp())::float8"""  # noqa: S608 - put together from constants
RELEASE = f"""
UPDATE {{schema}}.follower SET expires_at = '-infinity' WHERE {_THIS}"""  # noqa: S608 - put together from constants
LOAD = """
SELECT positions, as_of_utc FROM {schema}.follower WHERE group_name = %(group)s"""
SAVE = f"""
WITH held AS (
    UPDATE {{schema}}.follower SET positions = %(positions)s, as_of_utc = %(as_of)s WHERE {_THIS}
    RETURNING group_name
), done AS (
    INSERT INTO {{schema}}.follower_done (group_name, key_hash)
    SELECT DISTINCT held.group_name, key FROM held, unnest(%(done)s::bytea[]) AS key
    ON CONFLICT DO NOTHING
), aside AS (
    INSERT INTO {{schema}}.follower_aside (group_name, document)
    SELECT held.group_name, document FROM held, unnest(%(aside)s::text[]) AS document
)
SELECT group_name FROM held"""  # noqa: S608 - put together from constants
DEALT_WITH = """
SELECT key_hash FROM {schema}.follower_done WHERE group_name = %(group)s AND key_hash = ANY (%(keys)s::bytea[])"""
ASIDE = """
SELECT document FROM {schema}.follower_aside WHERE group_name = %(group)s ORDER BY number DESC LIMIT %(limit)s"""
