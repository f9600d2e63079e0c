"""Tables, the authority's and the followers': looked for, laid and brought up to date, each kind by its own version."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import attrs
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


@attrs.frozen
class Kind:
    """A kind of tables. `name`: begins that of the table that keeps their version. `steps`: from each version on.

    `additions`: what came to the newest version later, and releases that know nothing of it work beside.
    """

    name: str
    steps: tuple[str, ...]
    additions: tuple[str, ...] = ()

    def about(self, statement: str) -> str:
        """A statement about the authority's version, said of this kind's."""
        return statement.replace("authority", self.name)


AUTHORITY = Kind("authority", sql.STEPS, sql.ADDITIONS)


def prepare(link: Link, schema: str, settings: bytes, kind: Kind = AUTHORITY) -> None:
    """Make sure the tables are there and of this release's version; change nothing if they are."""
    if not _up_to_date(link, schema, settings, kind):
        migrate(link, schema, settings, kind)


def migrate(link: Link, schema: str, settings: bytes, kind: Kind = AUTHORITY) -> None:
    """Take the steps that are missing, all or none, one process at a time. `settings`: for its transaction.

    Raises `Unreachable` (AUTHORITY_SCHEMA) when a newer release made the tables.
    """
    with link.transaction():
        link.execute(settings)
        link.execute(sql.LOCK_SCHEMA, (schema,))  # of all kinds: the schema itself may be to be made
        # Asked first: creating what exists needs a right that a mere user of it may lack.
        if not _scalar(link, sql.SCHEMA_IS_THERE.encode(), schema):
            link.execute(render(sql.CREATE_SCHEMA, schema))
        if not _scalar(link, kind.about(sql.VERSION_IS_THERE).encode(), schema):
            link.execute(render(kind.about(sql.CREATE_VERSION), schema))
        found = _scalar(link, render(kind.about(sql.VERSION), schema)) or 0
        if found > len(kind.steps):
            what = f"schema {schema} has {kind.name} version {found}, this release knows {len(kind.steps)}"
            raise Unreachable(ReasonCode.AUTHORITY_SCHEMA, what, "use the release that made it, or a newer one")
        for step in kind.steps[found:]:
            link.execute(render(step, schema))
        link.execute(render(kind.about(sql.SET_VERSION), schema), (len(kind.steps),))
        if kind.additions:
            _add(link, schema, kind)


def _add(link: Link, schema: str, kind: Kind) -> None:
    """Take the additions that are missing; those that a newer release took stay."""
    if not _scalar(link, kind.about(sql.ADDITIONS_ARE_THERE).encode(), schema):
        link.execute(render(kind.about(sql.CREATE_ADDITIONS), schema))
    taken = int(_scalar(link, render(kind.about(sql.ADDITIONS_TAKEN), schema)))
    for addition in kind.additions[taken:]:
        link.execute(render(addition, schema))
    if taken < len(kind.additions):
        link.execute(render(kind.about(sql.SET_ADDITIONS), schema), (len(kind.additions),))


def _up_to_date(link: Link, schema: str, settings: bytes, kind: Kind) -> bool:
    """Whether version and additions are this release's, or the additions of one that has more; one round trip."""
    if not kind.additions:
        return version(link, schema, settings, kind) == len(kind.steps)
    try:
        rows = one_trip(link, settings, render(kind.about(sql.WITH_ADDITIONS), schema))
    except (errors.UndefinedTable, errors.InvalidSchemaName, errors.UndefinedColumn):
        return False
    return bool(rows) and rows[0][0] == len(kind.steps) and rows[0][1] >= len(kind.additions)


def version(link: Link, schema: str, settings: bytes, kind: Kind = AUTHORITY) -> int:
    """The version of the tables that are there; 0 when there are none."""
    try:
        rows = one_trip(link, settings, render(kind.about(sql.VERSION), schema))
    except (errors.UndefinedTable, errors.InvalidSchemaName):
        return 0
    return int(rows[0][0]) if rows else 0


def _scalar(link: Link, statement: bytes, *values: str) -> Any:
    row = link.execute(statement, values).fetchone()
    return row[0] if row else None
