"""The authority's tables: looked for, laid and brought up to date."""

from __future__ import annotations

import re
from functools import cache

from psycopg import errors

from sr_adapters.postgres import statements as sql
from sr_adapters.postgres.connections import Link
from sr_ports import BadInput, ReasonCode, Unreachable


def checked_name(schema: str) -> str:
    """The name itself, if it needs no quoting to be safe in any statement. Raises `BadInput`."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", schema):
        what = f"authority.schema {schema!r} is not a plain name of at most 63 letters, digits and _"
        raise BadInput(ReasonCode.PROFILE_INVALID, what, "give the schema such a name")
    return schema


@cache
def render(statement: str, schema: str) -> bytes:
    """The statement for one schema. `schema`: a checked name."""
    return statement.format(schema=f'"{schema}"').encode()


def prepare(link: Link, schema: str) -> None:
    """Make sure the tables are there and of this release's version; change nothing if they are."""
    if version(link, schema) != sql.SCHEMA_VERSION:
        migrate(link, schema)


def migrate(link: Link, schema: str) -> None:
    """Take the steps that are missing, all or none, one process at a time.

    Raises `Unreachable` (AUTHORITY_SCHEMA) when a newer release made the tables.
    """
    with link.transaction():
        link.execute(sql.LOCK_SCHEMA, (schema,))
        # Asked first: creating what exists needs a right that a mere user of it may lack.
        if not _scalar(link, sql.SCHEMA_IS_THERE, schema):
            link.execute(render(sql.CREATE_SCHEMA, schema))
        if not _scalar(link, sql.VERSION_IS_THERE, f'"{schema}".authority_version'):
            link.execute(render(sql.CREATE_VERSION, schema))
        found = version(link, schema)
        if found > sql.SCHEMA_VERSION:
            what = f"schema {schema} has authority version {found}, this release knows {sql.SCHEMA_VERSION}"
            raise Unreachable(ReasonCode.AUTHORITY_SCHEMA, what, "use the release that made it, or a newer one")
        for step in sql.STEPS[found:]:
            link.execute(render(step, schema))
        link.execute(render(sql.SET_VERSION, schema), (sql.SCHEMA_VERSION,))


def version(link: Link, schema: str) -> int:
    """The version of the tables that are there; 0 when there are none."""
    try:
        row = link.execute(render(sql.VERSION, schema)).fetchone()
    except (errors.UndefinedTable, errors.InvalidSchemaName):
        return 0
    return int(row[0]) if row else 0


def _scalar(link: Link, statement: str, value: str) -> object:
    row = link.execute(statement.encode(), (value,)).fetchone()
    return row[0] if row else None
