"""The authority behind PgBouncer, and on servers whose defaults are not what anybody expects."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from sr_adapters.postgres.authority import PostgresAuthority
from sr_adapters.postgres.connections import Connections
from sr_adapters.postgres.dsn import with_defaults
from sr_adapters.postgres.trip import one_trip, settings
from sr_ports import IndexNote, ReasonCode, Unreachable
from sr_ports.conformance.authority import AuthorityLaws
from sr_ports.conformance.authority_kit import Reopen, a_binding, at_once, took
from tests.servers import postgres
from tests.servers.cutter import Cutter
from tests.servers.pgbouncer import pgbouncer
from tests.servers.postgres import PASSWORD, PostgresServer
from tests.servers.processes import free_port

pytestmark = pytest.mark.parity

TWO = {"default_pool_size": "2"}


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres.started() as own:
        yield own


@pytest.fixture
def schema(server: PostgresServer) -> Iterator[str]:
    with postgres.fresh_schema(server.dsn) as name:
        yield name


@pytest.fixture(scope="module", params=["transaction", "session"])
def pooled(request: pytest.FixtureRequest, server: PostgresServer) -> Iterator[str]:
    """A pooler with its own defaults, and two server connections for everybody."""
    size = TWO if request.param == "transaction" else {}
    with pgbouncer(server.dsn, request.param, **size) as dsn:
        yield dsn


@pytest.fixture(scope="module")
def by_transaction(server: PostgresServer) -> Iterator[str]:
    with pgbouncer(server.dsn, "transaction", **TWO) as dsn:
        yield dsn


class TestBehindAPooler(AuthorityLaws):
    @pytest.fixture
    def authority(self, reopen: Reopen) -> object:
        return reopen()

    @pytest.fixture
    def reopen(self, by_transaction: str, schema: str) -> Iterator[Reopen]:
        made: list[PostgresAuthority] = []

        def open_again() -> PostgresAuthority:
            made.append(PostgresAuthority(by_transaction, schema=schema))
            return made[-1]

        yield open_again
        for handle in made:
            handle.close()

    @pytest.fixture
    def lapse(self, server: PostgresServer, schema: str) -> Callable[[float], None]:
        def pass_time(seconds: float) -> None:
            by_hand(server.dsn, f"UPDATE {schema}.lease SET expires_at = expires_at - {seconds} * interval '1 second'")

        return pass_time

    @pytest.fixture
    def short_ttl(self) -> float:
        return 60.0

    @pytest.fixture
    def unreachable(self) -> PostgresAuthority:
        return PostgresAuthority(f"postgresql://sr:secret@127.0.0.1:{free_port()}/postgres", connect_timeout_s=2)


def by_hand(dsn: str, *statements: str) -> None:
    with closing(psycopg.connect(dsn, autocommit=True)) as link:
        for statement in statements:
            link.execute(statement.encode())


def test_many_clients_on_two_server_connections_get_their_own_answers(pooled: str, schema: str) -> None:
    crowd = [PostgresAuthority(pooled, schema=schema) for _ in range(6)]
    crowd[0].migrate()

    def busy(number: int) -> int:
        mine = crowd[number]
        for turn in range(20):
            key = f"{number}-{turn}"
            admission = mine.admit(a_binding(key))
            assert admission.is_new
            assert admission.binding == a_binding(key)
            lease = took(mine, f"r-{key}", f"owner-{number}")
            assert mine.holder(lease.resource) is not None
            assert mine.renew(lease, ttl_s=60).fence == lease.fence
            mine.release(lease, note=IndexNote("READY", True), run_id=admission.binding.run_id)
        return len(mine.runs(limit=1000))

    at_once([partial(busy, number) for number in range(6)])
    assert len(crowd[0].runs(limit=1000)) == 120
    assert all(row.settled for row in crowd[0].runs(limit=1000))
    for one in crowd:
        one.close()


@pytest.mark.parametrize("way", ["direct", "pooled"])
def test_the_settings_are_in_force_in_every_call_and_stay_nowhere(
    server: PostgresServer, by_transaction: str, way: str
) -> None:
    role = f"r{os.urandom(4).hex()}"
    spoilt = {
        "statement_timeout": "0",
        "lock_timeout": "1",
        "default_transaction_isolation": "serializable",
        "timezone": "Asia/Tokyo",
        "datestyle": "SQL, DMY",
        "intervalstyle": "sql_standard",
        "bytea_output": "escape",
        "search_path": "public",
        "row_security": "on",
        "standard_conforming_strings": "off",
        "synchronous_commit": "off",
        "client_min_messages": "debug1",
    }
    by_hand(
        server.dsn,
        f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'",
        *(f"ALTER ROLE {role} SET {name} = '{value}'" for name, value in spoilt.items()),
    )
    names = (*spoilt, "transaction_isolation")
    query = "SELECT " + ", ".join(f"current_setting('{name}')" for name in names)
    with pooler_for(server, role, way) as dsn:
        connections = Connections(with_defaults(dsn, connect_timeout_s=5), limit=1, wait_s=5)
        ((*found,),) = connections.run(lambda link, _: one_trip(link, settings(1.5), query.encode()))
        assert dict(zip(names, found, strict=True)) == {
            "statement_timeout": "1500ms",
            "lock_timeout": "1500ms",
            "default_transaction_isolation": "serializable",
            "transaction_isolation": "read committed",
            "timezone": "UTC",
            "datestyle": "ISO, YMD",
            "intervalstyle": "postgres",
            "bytea_output": "hex",
            "search_path": "pg_catalog, pg_temp",
            "row_security": "off",
            "standard_conforming_strings": "on",
            "synchronous_commit": "on",
            "client_min_messages": "warning",
        }
        ((*after,),) = connections.run(lambda link, _: link.execute(query.encode()).fetchall())
        assert dict(zip(names, after, strict=True))["search_path"] == "public"
        connections.close()
    by_hand(server.dsn, f"DROP ROLE {role}")


def pooler_for(server: PostgresServer, role: str, way: str) -> object:
    from contextlib import nullcontext

    dsn = make_conninfo(server.dsn, user=role)
    return nullcontext(dsn) if way == "direct" else pgbouncer(dsn, "transaction")
