"""One schema of a database, as the adapters in it use it: its tables made on first use, each call one round trip."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import psycopg

from sr_adapters.postgres import schema as tables
from sr_adapters.postgres.connections import Connections
from sr_adapters.postgres.dsn import redact_dsn, secrets_of, with_defaults
from sr_adapters.postgres.errors import port_error
from sr_adapters.postgres.follower_guard import Guard
from sr_adapters.postgres.settings import (
    CONNECT_TIMEOUT_S,
    POOL_MAX,
    POOL_WAIT_S,
    SCHEMA,
    STATEMENT_TIMEOUT_S,
)
from sr_adapters.postgres.trip import Link, Row, Values, one_trip, settings
from sr_ports import ReasonCode

if TYPE_CHECKING:
    from sr_adapters.postgres.settings import PostgresSettings


class Database:
    """Statements on one kind of tables in a schema of a database (version 12 or later). Raises port errors.

    `dsn`: URI or ``key=value`` string; what it says of TLS, timeouts or time limits in `options` stands.
    `schema`: where the tables are; made, and brought up to date, on first use or by `migrate`.
    `pool_max`: connections at most, made when needed; a caller waits `pool_wait_s` for one.
    `statement_timeout_s`: the server gives a statement up after this. `connect_timeout_s`: the
    client gives an attempt to connect up after this (at least 2).

    A call whose connection breaks runs once more on a new one: `rows` says what it sends then.
    """

    def __init__(
        self,
        dsn: str,
        *,
        schema: str = SCHEMA,
        pool_max: int = POOL_MAX,
        pool_wait_s: float = POOL_WAIT_S,
        statement_timeout_s: float = STATEMENT_TIMEOUT_S,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        kind: tables.Kind = tables.AUTHORITY,
    ) -> None:
        self._schema = tables.checked_name(schema)
        self._dsn, self._secrets = dsn, secrets_of(dsn)
        self._statement_timeout_s = statement_timeout_s
        conninfo = with_defaults(dsn, connect_timeout_s=connect_timeout_s)
        self._connections = Connections(conninfo, limit=pool_max, wait_s=pool_wait_s)
        self._prepared, self._kind = threading.Event(), kind

    @classmethod
    def wired(cls, settings: PostgresSettings, kind: tables.Kind = tables.AUTHORITY) -> Self:
        """The database that a profile names. Raises `BadInput(PROFILE_INVALID)`."""
        return cls(
            settings.dsn,
            schema=settings.schema,
            pool_max=settings.pool_max,
            pool_wait_s=settings.pool_wait_s,
            statement_timeout_s=settings.statement_timeout_s,
            connect_timeout_s=settings.connect_timeout_s,
            kind=kind,
        )

    def of(self, kind: tables.Kind) -> Self:
        """The same schema and connections, for another kind of tables."""
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__, _prepared=threading.Event(), _kind=kind)
        return other

    def migrate(self) -> None:
        """Lay the tables or bring them up to date; needs the right to create."""
        try:
            self._connections.run(lambda link, _: tables.migrate(link, self._schema, self._settings(link), self._kind))
        except psycopg.Error as exc:
            raise port_error(exc, self._where, self._secrets) from exc

    def rows(
        self,
        statement: str,
        values: Values = None,
        again: Mapping[str, Any] | None = None,
    ) -> list[Row]:
        """One statement's rows. `again`: the values instead, should its first answer be lost."""
        query = tables.render(statement, self._schema)

        def work(link: Link, is_again: bool) -> list[Row]:
            before = self._settings(link)
            if not self._prepared.is_set():
                tables.prepare(link, self._schema, before, self._kind)
                self._prepared.set()
            return one_trip(link, before, query, again if is_again and again else values)

        try:
            return self._connections.run(work)
        except psycopg.Error as exc:
            error = port_error(exc, self._where, self._secrets)
            if error.code is ReasonCode.AUTHORITY_SCHEMA:
                self._prepared.clear()  # dropped while in use: the next call looks again
            raise error from exc

    def guard(self, name: str) -> Guard:
        """A lock that ends with its session. `name`: tells it from every other of the schema."""
        return Guard(self._connections, f"{self._schema}|{name}")

    @property
    def described(self) -> str:
        """Where it is, for people; never a secret."""
        return f"{self._where} schema={self._schema}"

    def close(self) -> None:
        """Close what is idle now, and what is lent when it comes back."""
        self._connections.close()

    @property
    def _where(self) -> str:
        return redact_dsn(self._dsn, self._connections.reached)

    def _settings(self, link: Link) -> bytes:
        return settings(self._statement_timeout_s, link.info.options)
