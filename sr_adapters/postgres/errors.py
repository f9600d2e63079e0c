"""From what psycopg raises to the port's errors: one sentence and one remedy a cause."""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs
import psycopg

from sr_ports import Fault, ReasonCode, SrError, Unreachable, one_line


@attrs.frozen
class Cause:
    """`states`: SQLSTATEs. `says`: for errors that have no state of their own: libpq's and a pooler's."""

    sentence: str
    remedy: str | None
    states: tuple[str, ...] = ()
    says: str = "(?!)"
    code: ReasonCode = ReasonCode.AUTHORITY_UNREACHABLE


_CAUSES = (
    Cause(
        "authentication failed",
        "check the user and password of authority.dsn",
        ("28P01", "28000"),
        "authentication failed|no password supplied|no pg_hba.conf entry|role .* does not exist",
    ),
    Cause(
        "the database does not exist",
        "create it, or correct authority.dsn",
        ("3D000",),
        "database .* does not exist",
    ),
    Cause(
        "the role lacks a right",
        "grant it, or let a role that has it run sr doctor --migrate once",
        ("42501",),
        "permission denied",
    ),
    Cause(
        "the server has no connection left",
        "raise its max_connections, or lower authority.pool_max",
        ("53300",),
        "too many (clients|connections)|remaining connection slots",
    ),
    Cause(
        "the server is starting up or shutting down",
        "retry in a moment",
        ("57P01", "57P02", "57P03"),
        "(starting up|shutting down|in recovery mode)",
    ),
    Cause(
        "the server did not finish the statement in its time",
        "look for locks and load on the server, then retry",
        ("57014", "55P03"),
    ),
    Cause(
        "the server only reads: it is a standby, or default_transaction_read_only is on",
        "name the primary, or add target_session_attrs=read-write to authority.dsn; or let the role write",
        ("25006",),
        "session is read-only|not accepting (writes|read-write)",
    ),
    Cause(
        "the database cannot hold this text",
        "create the authority's database with ENCODING 'UTF8'",
        ("22P05", "22021"),
        code=ReasonCode.AUTHORITY_ENCODING,
    ),
    Cause(
        "a pooler refuses a startup parameter",
        "take it out of authority.dsn and PGOPTIONS, or name it in the pooler's ignore_startup_parameters",
        says="unsupported startup parameter",
    ),
    Cause(
        "a pooler in statement mode does not keep a transaction together",
        "set its pool_mode to transaction or session for this database",
        says="transaction blocks not allowed in statement pooling mode",
    ),
    Cause(
        "the pooler had no server connection to give",
        "raise its default_pool_size or max_client_conn, or lower authority.pool_max",
        says="query_wait_timeout|no more connections allowed",
    ),
    Cause(
        "the authority's tables are not there",
        None,
        ("42P01", "3F000", "42703"),
        code=ReasonCode.AUTHORITY_SCHEMA,
    ),
    Cause(
        "the host name is not known",
        "check the host in authority.dsn and this machine's name service",
        says="resolve host|translate host name|Name or service not known|getaddrinfo",
    ),
    Cause("the connection was refused", "check that the server runs and the host and port", says="onnection refused"),
    Cause("the server did not answer in time", None, says="timeout|timed out"),
    Cause("TLS failed", "check sslmode and the certificates named in authority.dsn", says="SSL|certificate"),
)

_STATELESS = (None, "08P01")
"""While connecting libpq gives no state; PgBouncer gives this one to whatever it says itself."""


def port_error(exc: psycopg.Error, where: str, secrets: Sequence[str]) -> SrError:
    """The error to raise in its place. Bugs of this adapter are `Fault`, the rest `Unreachable`."""
    said = one_line(str(exc), 300)
    for secret in secrets:
        said = said.replace(secret, "***")
    for cause in _CAUSES:
        if exc.sqlstate in cause.states or (exc.sqlstate in _STATELESS and re.search(cause.says, said)):
            return Unreachable(cause.code, f"{cause.sentence} ({where}): {said}", cause.remedy)
    if isinstance(exc, psycopg.DataError | psycopg.IntegrityError | psycopg.ProgrammingError):
        return Fault(ReasonCode.INTERNAL, f"Postgres refused a statement ({where}): {said}")
    return Unreachable(ReasonCode.AUTHORITY_UNREACHABLE, f"Postgres did not answer ({where}): {said}")
