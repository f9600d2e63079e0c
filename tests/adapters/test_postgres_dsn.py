"""Connection strings and settings of the Postgres authority; needs no server."""

from __future__ import annotations

import socket
import traceback
from contextlib import closing
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from sr_adapters.postgres.authority import PostgresAuthority, build
from sr_adapters.postgres.database import Database
from sr_adapters.postgres.dsn import read_dsn, redact_dsn, with_defaults
from sr_adapters.postgres.errors import port_error
from sr_adapters.postgres.settings import PostgresSettings
from sr_adapters.postgres.trip import settings
from sr_ports import BadInput, ReasonCode, SrError, Unreachable
from tests.wired import wired

MARK = "s3cr3t"
passwords = st.builds(lambda junk: f"{MARK}{junk}{MARK}", st.text(max_size=20))


def shown_by(dsn: str) -> str:
    """Everything the adapter would ever print of `dsn` before it reaches a server."""
    try:
        authority = PostgresAuthority(Database(dsn))
    except BadInput as exc:
        return redact_dsn(dsn) + "".join(traceback.format_exception(exc))
    return redact_dsn(dsn) + authority.describe() + repr(authority)


def as_value(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


@given(passwords)
@example(f"{MARK}%80{MARK}")
def test_no_form_of_a_dsn_shows_its_password(password: str) -> None:
    for dsn in (
        f"postgresql://me:{quote(password, safe='')}@db:5432/runs",
        f"postgres://db/runs?user=me&password={quote(password, safe='')}",
        f"host=db user=me password={as_value(password)} dbname=runs",
        f"host=db password={as_value(password)} sslpassword={as_value(password)}",
        # as people get it wrong: nothing escaped
        f"postgresql://me:{password}@db:5432/runs",
        f"postgresql://me:{password}@[::1]/runs",
        f"host=db user=me password={password} dbname=runs",
        f"postgresql+psycopg://me:{password}@db/runs",
    ):
        assert MARK not in shown_by(dsn)


@given(st.text(max_size=60))
@example("postgresql://me:%80@db/runs")
@example("postgresql://me:\ud800@db/runs")
def test_any_text_is_a_dsn_or_bad_input(text: str) -> None:
    try:
        read_dsn(text)
    except BadInput as exc:
        assert exc.code is ReasonCode.PROFILE_INVALID
        assert redact_dsn(text) == "(not a connection string)"


@pytest.mark.parametrize(
    "dsn",
    ["", "  ", "me:pw@db", "host=db port=pw", "postgresql://me:p@w@db/runs", "postgresql://me:1/2@db/runs", "a\0"],
)
def test_what_libpq_would_misread_is_refused(dsn: str) -> None:
    with pytest.raises(BadInput):
        read_dsn(dsn)


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        ("postgresql://me:pw@db:5432/runs?sslmode=require", "host=db port=5432 dbname=runs user=me sslmode=require"),
        ("host=db user=me password='p w'", "host=db user=me"),
        ("postgresql://me:pw@a:1,b:2/runs", "host=a,b port=1,2 dbname=runs user=me"),
        ("postgresql://", "(libpq's defaults)"),
    ],
)
def test_a_dsn_is_shown_by_where_it_leads(dsn: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)
    assert redact_dsn(dsn) == shown


def test_what_the_environment_adds_is_shown_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGHOSTADDR", "PGUSER", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (("PGHOST", "db2"), ("PGPORT", "6000"), ("PGDATABASE", "runs"), ("PGPASSWORD", MARK)):
        monkeypatch.setenv(name, value)
    assert redact_dsn("port=5433") == "port=5433 host=db2 (PGHOST) dbname=runs (PGDATABASE)"


def test_the_dsns_own_words_stand() -> None:
    dsn = "host=db sslmode=verify-full sslrootcert=ca.pem connect_timeout=9 options='-c statement_timeout=77'"
    parts = conninfo_to_dict(with_defaults(dsn, connect_timeout_s=2))
    assert parts["sslmode"] == "verify-full"
    assert parts["sslrootcert"] == "ca.pem"
    assert parts["connect_timeout"] == "9"
    assert parts["options"] == "-c statement_timeout=77"


def test_nothing_is_sent_that_a_pooler_would_refuse() -> None:
    assert "options" not in conninfo_to_dict(with_defaults("host=db", connect_timeout_s=2))


def test_text_is_utf_8_whatever_the_dsn_or_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "SQL_ASCII")
    for dsn in ("host=db", "host=db client_encoding=LATIN1"):
        assert conninfo_to_dict(with_defaults(dsn, connect_timeout_s=2))["client_encoding"] == "UTF8"


@pytest.mark.parametrize(
    ("options", "statement", "lock"),
    [
        ("", True, True),
        ("-c statement_timeout=77", False, True),
        ("--lock-timeout=5s -cstatement_timeout=1", False, False),
        ("-c  search_path=x -c geqo=off", True, True),
    ],
)
def test_a_time_limit_named_in_options_stands(options: str, statement: bool, lock: bool) -> None:
    made = settings(1.5, options).decode()
    assert ("'statement_timeout', '1500'" in made) is statement
    assert ("'lock_timeout', '1500'" in made) is lock
    assert "'search_path', 'pg_catalog, pg_temp'" in made


# what can be told without a server


def test_a_refused_connection_is_told() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening
        with pytest.raises(Unreachable, match="the connection was refused"):
            PostgresAuthority(Database(f"postgresql://127.0.0.1:{taken.getsockname()[1]}/runs")).now()


def test_an_unknown_host_is_told() -> None:
    with pytest.raises(Unreachable, match="the host name is not known") as caught:
        PostgresAuthority(Database(f"postgresql://me:{MARK}@no-such-host.invalid/runs")).now()
    assert MARK not in "".join(traceback.format_exception(caught.value))


def test_a_server_that_says_nothing_is_given_up() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as mute, pytest.raises(Unreachable, match="in time"):
        PostgresAuthority(Database(f"postgresql://127.0.0.1:{mute.getsockname()[1]}/runs", connect_timeout_s=2)).now()


def test_migrating_out_of_reach_is_told() -> None:
    with pytest.raises(Unreachable, match="the host name is not known"):
        PostgresAuthority(Database("postgresql://no-such-host.invalid/runs")).migrate()


def test_trouble_nobody_foresaw_is_told_without_secrets() -> None:
    error = port_error(psycopg.OperationalError(f"odd\nthing about {MARK}"), "host=db", [MARK])
    assert isinstance(error, Unreachable)
    assert error.what == "Postgres did not answer (host=db): odd thing about ***"


# the factory


def _build(**settings: Any) -> PostgresAuthority:
    return build(wired(PostgresSettings, "authority", settings))


def test_a_profile_builds_it_without_a_server() -> None:
    authority = _build(
        dsn="host=db password=pw",
        schema="sr_prod",
        pool_max=3,
        pool_wait_seconds=1,
        statement_timeout_seconds=2.5,
        connect_timeout_seconds=3,
    )
    assert authority.describe() == "postgres: host=db schema=sr_prod"
    authority.close()
    authority.close()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dsn", None),
        ("dsn", "nonsense"),
        ("schema", 3),
        ("schema", 'x"; DROP TABLE run; --'),
        ("schema", "x" * 64),
        ("pool_max", 0),
        ("pool_max", 1.5),
        ("pool_max", True),
        ("pool_wait_seconds", "soon"),
        ("statement_timeout_seconds", float("nan")),
        ("connect_timeout_seconds", float("inf")),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(SrError, match=f"authority.{key}") as refused:
        _build(**{"dsn": make_conninfo(host="db"), key: value})
    assert refused.value.code is ReasonCode.PROFILE_INVALID
