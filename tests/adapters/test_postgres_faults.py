"""The Postgres authority when the server, the network or the credentials fail it."""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from sr_adapters.postgres.authority import PostgresAuthority
from sr_adapters.postgres.database import Database
from sr_adapters.postgres.trip import Link
from sr_ports import IndexNote, LeaseLost, ReasonCode, Unreachable
from sr_ports.conformance.authority_kit import LONG_S, a_binding, took
from tests.servers import postgres
from tests.servers.cutter import Cutter
from tests.servers.postgres import PASSWORD, PostgresServer

pytestmark = pytest.mark.parity


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres.started() as own:
        yield own


@pytest.fixture
def schema(server: PostgresServer) -> Iterator[str]:
    with postgres.fresh_schema(server.dsn) as name:
        yield name


@pytest.fixture
def authority(server: PostgresServer, schema: str) -> Iterator[PostgresAuthority]:
    with closing(PostgresAuthority(Database(server.dsn, schema=schema))) as made:
        made.admit(a_binding("k"))
        yield made


def by_hand(server: PostgresServer, statement: str) -> None:
    with closing(psycopg.connect(server.dsn, autocommit=True)) as link:
        link.execute(statement.encode())


def told(call: Callable[[], object]) -> Unreachable:
    """The error a person sees: one line, and no password anywhere, traceback included."""
    with pytest.raises(Unreachable) as caught:
        call()
    assert caught.value.code is ReasonCode.AUTHORITY_UNREACHABLE
    assert "\n" not in str(caught.value)
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
    return caught.value


# the server goes and comes


@pytest.mark.parametrize("at_once", [False, True], ids=["fast", "crash"])
def test_a_restart_between_two_calls_is_not_noticed(
    server: PostgresServer, authority: PostgresAuthority, at_once: bool
) -> None:
    lease = took(authority, "r")
    server.restart(at_once=at_once)
    assert authority.renew(lease, ttl_s=LONG_S).fence == lease.fence
    assert not authority.admit(a_binding("k")).is_new
    authority.release(lease)
    server.restart(at_once=at_once)
    assert took(authority, "r").fence > lease.fence


def test_every_idle_connection_is_replaced_after_a_restart(
    server: PostgresServer, authority: PostgresAuthority
) -> None:
    gate = threading.Barrier(4, timeout=30)
    with closing(PostgresAuthority(Database(server.dsn))) as shared:
        threads = [threading.Thread(target=_together, args=(shared, gate)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        server.restart()
        for _ in range(5):
            shared.now()


def _together(shared: PostgresAuthority, gate: threading.Barrier) -> None:
    shared._database._connections.run(lambda link, _: (link.execute("SELECT 1"), gate.wait()))


def test_a_server_that_is_down_is_told_and_one_that_is_back_is_used(
    server: PostgresServer, authority: PostgresAuthority
) -> None:
    lease = took(authority, "r")
    server.stop()
    try:
        for call in (
            partial(authority.admit, a_binding("k")),
            partial(authority.acquire, "r", "b", ttl_s=LONG_S),
            partial(authority.renew, lease, ttl_s=LONG_S),
        ):
            assert "the connection was refused" in told(call).what
    finally:
        server.start()
    assert authority.renew(lease, ttl_s=LONG_S).fence == lease.fence


def test_a_session_ended_by_an_administrator_is_replaced(server: PostgresServer, authority: PostgresAuthority) -> None:
    lease = took(authority, "r")
    by_hand(server, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'scenario-runner'")
    assert authority.renew(lease, ttl_s=LONG_S).fence == lease.fence


def test_closing_spares_a_call_that_is_under_way(server: PostgresServer, authority: PostgresAuthority) -> None:
    with closing(PostgresAuthority(Database(server.dsn))) as shared:

        def close_in_use(link: Link, _: bool) -> Link:
            shared.close()
            assert link.execute("SELECT 1").fetchall() == [(1,)]
            return link

        assert shared._database._connections.run(close_in_use).closed, "it went when it came back"


# the answer is lost


@pytest.fixture
def cutter(server: PostgresServer) -> Iterator[Cutter]:
    made = Cutter(server.port)
    yield made
    made.close()


@pytest.fixture
def far(server: PostgresServer, schema: str, cutter: Cutter) -> Iterator[PostgresAuthority]:
    """An authority behind the cutter, with a connection open."""
    dsn = make_conninfo(server.dsn, port=cutter.port)
    with closing(PostgresAuthority(Database(dsn, schema=schema))) as made:
        made.now()
        yield made


def test_an_admission_whose_answer_is_lost_is_still_new_to_its_caller(far: PostgresAuthority, cutter: Cutter) -> None:
    cutter.lose_the_next_answer()
    assert far.admit(a_binding("k", "one")).is_new
    assert not cutter.is_armed
    cutter.lose_the_next_answer()
    assert not far.admit(a_binding("k", "two")).is_new


def test_a_lease_whose_answer_is_lost_is_held_by_its_caller_alone(far: PostgresAuthority, cutter: Cutter) -> None:
    cutter.lose_the_next_answer()
    lease = took(far, "r")
    assert not cutter.is_armed
    assert far.renew(lease, ttl_s=LONG_S).fence == lease.fence
    assert far.acquire("r", lease.owner, ttl_s=LONG_S) is None
    cutter.lose_the_next_answer()
    assert far.acquire("r", lease.owner, ttl_s=LONG_S) is None, "its own name is not enough"
    assert far.renew(lease, ttl_s=LONG_S).fence == lease.fence


def test_a_renewal_whose_answer_is_lost_is_made_again(far: PostgresAuthority, cutter: Cutter) -> None:
    lease = took(far, "r")
    cutter.lose_the_next_answer()
    assert far.renew(lease, ttl_s=LONG_S * 2).expires_in_s > LONG_S
    assert not cutter.is_armed


def test_a_release_whose_answer_is_lost_is_done_once(far: PostgresAuthority, cutter: Cutter) -> None:
    run_id = far.admit(a_binding("k")).binding.run_id
    lease = took(far, "r")
    cutter.lose_the_next_answer()
    far.release(lease, note=IndexNote("READY", True), run_id=run_id)
    assert not cutter.is_armed
    (row,) = far.runs()
    assert (row.state, row.settled) == ("READY", True)
    with pytest.raises(LeaseLost):
        far.renew(lease, ttl_s=LONG_S)


# too much at once


def test_waiting_for_a_connection_is_bounded(server: PostgresServer, schema: str, authority: PostgresAuthority) -> None:
    with closing(PostgresAuthority(Database(server.dsn, schema=schema, pool_max=1, pool_wait_s=0.05))) as narrow:

        def inside(link: psycopg.Connection[object], _: bool) -> Unreachable:
            return told(narrow.now)

        assert "all 1 connections" in narrow._database._connections.run(inside).what
        assert narrow.find("0" * 32).bindings == ()


def test_a_statement_that_waits_for_a_lock_is_given_up(
    server: PostgresServer, schema: str, authority: PostgresAuthority
) -> None:
    lease = took(authority, "r")
    with closing(PostgresAuthority(Database(server.dsn, schema=schema, statement_timeout_s=0.1))) as hurried:
        hurried.now()
        with closing(psycopg.connect(server.dsn)) as other:
            other.execute(f"SELECT * FROM {schema}.store_lease FOR UPDATE".encode())
            assert "did not finish" in told(partial(hurried.renew, lease, ttl_s=LONG_S)).what
            other.rollback()
        assert hurried.renew(lease, ttl_s=LONG_S).fence == lease.fence


def test_a_server_without_room_is_told(server: PostgresServer, authority: PostgresAuthority) -> None:
    role = f"r{os.urandom(4).hex()}"
    by_hand(server, f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT 0")
    crowded = PostgresAuthority(Database(make_conninfo(server.dsn, user=role)))
    assert "no connection left" in told(crowded.now).what
    by_hand(server, f"DROP ROLE {role}")


# the wrong place


def test_a_wrong_password_is_told_and_never_shown(server: PostgresServer) -> None:
    secret = "hunter2-hunter2"
    wrong = PostgresAuthority(Database(f"postgresql://sr:{secret}@127.0.0.1:{server.port}/postgres"))
    error = told(wrong.now)
    assert "authentication failed" in error.what
    shown = "".join(traceback.format_exception(error)) + wrong.describe() + repr(error) + repr(wrong)
    assert secret not in shown


def test_an_unknown_role_is_an_authentication_failure(server: PostgresServer) -> None:
    stranger = PostgresAuthority(Database(make_conninfo(server.dsn, user="nobody_here")))
    assert "authentication failed" in told(stranger.now).what


def test_a_missing_database_is_named(server: PostgresServer) -> None:
    lost = PostgresAuthority(Database(make_conninfo(server.dsn, dbname="not_there")))
    error = told(lost.now)
    assert "the database does not exist" in error.what
    assert "not_there" in error.what


def test_a_standby_is_told(server: PostgresServer, schema: str, authority: PostgresAuthority) -> None:
    read_only = make_conninfo(server.dsn, options="-c default_transaction_read_only=on")
    with closing(PostgresAuthority(Database(read_only, schema=schema))) as standby:
        assert standby.find(a_binding("k").run_id).bindings == (a_binding("k"),)
        assert "it is a standby" in told(partial(standby.admit, a_binding("k2"))).what
        assert standby._database._connections._idle == [], "the next call connects anew and may find the primary"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_uses_connections_of_its_own(authority: PostgresAuthority) -> None:
    child = os.fork()
    if child == 0:
        fine = not authority.admit(a_binding("k")).is_new and authority.admit(a_binding("child")).is_new
        os._exit(0 if fine else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert not authority.admit(a_binding("child")).is_new
