"""The authority's tables: looked for, laid and brought up to date."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from psycopg import errors

from sr_adapters.postgres import statements as sql
from sr_adapters.postgres.trip import Link, one_trip
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


def prepare(link: Link, schema: str, settings: bytes) -> None:
    """Make sure the tables are there and of this release's version; change nothing if they are."""
    if version(link, schema, settings) != sql.SCHEMA_VERSION:
        migrate(link, schema, settings)


def migrate(link: Link, schema: str, settings: bytes) -> None:
    """Take the steps that are missing, all or none, one process at a time. `settings`: for its transaction.

    Raises `Unreachable` (AUTHORITY_SCHEMA) when a newer release made the tables.
    """
    with link.transaction():
        link.execute(settings)
        link.execute(sql.LOCK_SCHEMA, (schema,))
        # Asked first: creating what exists needs a right that a mere user of it may lack.
        if not _scalar(link, sql.SCHEMA_IS_THERE.encode(), schema):
            link.execute(render(sql.CREATE_SCHEMA, schema))
        if not _scalar(link, sql.VERSION_IS_THERE.encode(), schema):
            link.execute(render(sql.CREATE_VERSION, schema))
        found = _scalar(link, render(sql.VERSION, schema)) or 0
        if found > sql.SCHEMA_VERSION:
            what = f"schema {schema} has authority version {found}, this release knows {sql.SCHEMA_VERSION}"
            raise Unreachable(ReasonCode.AUTHORITY_SCHEMA, what, "use the release that made it, or a newer one")
        for step in sql.STEPS[found:]:
            link.execute(render(step, schema))
        link.execute(render(sql.SET_VERSION, schema), (sql.SCHEMA_VERSION,))


def version(link: Link, schema: str, settings: bytes) -> int:
    """The version of the tables that are there; 0 when there are none."""
    try:
        rows = one_trip(link, settings, render(sql.VERSION, schema))
    except (errors.UndefinedTable, errors.InvalidSchemaName):
        return 0
    return int(rows[0][0]) if rows else 0


def _scalar(link: Link, statement: bytes, *values: str) -> Any:
    row = link.execute(statement, values).fetchone()
    return row[0] if row else None
