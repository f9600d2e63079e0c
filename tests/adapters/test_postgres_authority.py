"""The Postgres authority keeps the port's laws on a real server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from sr_adapters.postgres import statements
from sr_adapters.postgres.authority import PostgresAuthority
from sr_adapters.postgres.database import Database
from sr_ports import Due, DueClaim, Fault, IndexNote, ReasonCode, Unreachable
from sr_ports.conformance.authority import AuthorityLaws
from sr_ports.conformance.authority_kit import LONG_S, STORE, Reopen, a_binding, at_once, took
from tests.servers import postgres
from tests.servers.cutter import Cutter

postgres_dsn, schema = postgres.postgres_dsn, postgres.schema
pytestmark = pytest.mark.parity


@pytest.fixture
def authority(postgres_dsn: str, schema: str) -> Iterator[PostgresAuthority]:
    with closing(PostgresAuthority(Database(postgres_dsn, schema=schema))) as made:
        yield made


def by_hand(dsn: str, statement: str) -> list[tuple[object, ...]]:
    """One statement on the server, past the adapter."""
    with closing(psycopg.connect(dsn, autocommit=True)) as link:
        cursor = link.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def pass_time(dsn: str, schema: str, seconds: float) -> None:
    """Move every stored instant that is waited for back: the same to the authority as time that passes."""
    by_hand(dsn, f"UPDATE {schema}.store_lease SET expires_at = expires_at - {seconds} * interval '1 second'")
    by_hand(dsn, f"UPDATE {schema}.store_run SET due_at = due_at - {seconds} * interval '1 second'")


class TestPostgresAuthority(AuthorityLaws):
    @pytest.fixture
    def authority(self, authority: PostgresAuthority) -> PostgresAuthority:
        return authority

    @pytest.fixture
    def reopen(self, postgres_dsn: str, schema: str) -> Iterator[Reopen]:
        made: list[PostgresAuthority] = []

        def open_again() -> PostgresAuthority:
            made.append(PostgresAuthority(Database(postgres_dsn, schema=schema)))
            return made[-1]

        yield open_again
        for handle in made:
            handle.close()

    @pytest.fixture
    def lapse(self, postgres_dsn: str, schema: str) -> Callable[[float], None]:
        return partial(pass_time, postgres_dsn, schema)

    @pytest.fixture
    def short_ttl(self) -> float:
        return 60.0

    @pytest.fixture
    def unreachable(self) -> PostgresAuthority:
        return PostgresAuthority(Database("postgresql://sr:secret@127.0.0.1:1/postgres", connect_timeout_s=2))


# time


def test_a_lease_lapses_by_the_servers_clock(authority: PostgresAuthority) -> None:
    old = took(authority, "r", ttl_s=0.05)
    time.sleep(0.06)
    assert took(authority, "r", "b").fence > old.fence


def test_a_clock_set_back_never_cuts_a_lease_and_does_not_hold_it_for_ever(
    postgres_dsn: str, schema: str, authority: PostgresAuthority
) -> None:
    lease = took(authority, "r", ttl_s=60)
    pass_time(postgres_dsn, schema, -86400)
    assert authority.acquire("r", "b", ttl_s=60) is None
    assert authority.renew(lease, ttl_s=60).fence == lease.fence
    pass_time(postgres_dsn, schema, -86400)
    assert authority.acquire("r", "b", ttl_s=60) is None
    pass_time(postgres_dsn, schema, 61)
    assert took(authority, "r", "b").fence > lease.fence


# concurrency that Postgres itself makes interesting


def test_a_pool_shared_by_threads_admits_once(postgres_dsn: str, schema: str) -> None:
    with closing(PostgresAuthority(Database(postgres_dsn, schema=schema, pool_max=3, pool_wait_s=60))) as shared:
        for key in ("k1", "k2", "k3"):
            answers = at_once([partial(shared.admit, a_binding(key, str(n))) for n in range(12)])
            assert sum(answer.is_new for answer in answers) == 1
            assert len({answer.binding for answer in answers}) == 1


def test_the_second_of_two_waits_for_the_first_and_gets_its_binding(
    postgres_dsn: str, schema: str, authority: PostgresAuthority
) -> None:
    authority.migrate()
    binding = a_binding("k", "first")
    with closing(psycopg.connect(postgres_dsn)) as first:
        first.execute(
            f"INSERT INTO {schema}.store_run (run_equivalence_key, run_id, intent_fingerprint, intent, platform_run_id,"
            " store_id, admitted_by) VALUES (%s, %s, %s, %s, %s, '', gen_random_uuid())".encode(),
            (b"k", binding.run_id, binding.intent_fingerprint, binding.intent, binding.platform_run_id),
        )
        timer = threading.Timer(0.1, first.commit)
        timer.start()
        answer = authority.admit(a_binding("k", "second"))
        timer.join()
    assert not answer.is_new
    assert answer.binding == binding


def test_two_leases_note_one_run_at_once(authority: PostgresAuthority) -> None:
    run_id = authority.admit(a_binding("k")).binding.run_id
    for _ in range(5):
        leases = [took(authority, f"r{n}") for n in range(8)]
        calls = [
            partial(authority.release, lease, note=IndexNote("READY", n == 0), run_id=run_id)
            for n, lease in enumerate(leases)
        ]
        at_once(calls)
    (row,) = authority.runs()
    assert (row.state, row.settled) == ("READY", True)


def test_a_note_waits_for_another_that_is_being_written(
    postgres_dsn: str, schema: str, authority: PostgresAuthority
) -> None:
    run_id = authority.admit(a_binding("k")).binding.run_id
    lease = took(authority, "r")
    with closing(psycopg.connect(postgres_dsn)) as other:
        other.execute(f"UPDATE {schema}.store_run SET settled = true".encode())
        timer = threading.Timer(0.1, other.commit)
        timer.start()
        authority.release(lease, note=IndexNote("WAITING_EVIDENCE", False), run_id=run_id)
        timer.join()
    (row,) = authority.runs()
    assert (row.state, row.settled) == ("WAITING_EVIDENCE", True)
    assert authority.holder("r") is None


# the schema


def test_sixteen_first_users_lay_the_tables_once(postgres_dsn: str, schema: str) -> None:
    handles = [PostgresAuthority(Database(postgres_dsn, schema=schema)) for _ in range(16)]
    at_once([partial(handle.admit, a_binding("k")) for handle in handles])
    assert by_hand(postgres_dsn, f"SELECT version FROM {schema}.authority_version") == [(statements.SCHEMA_VERSION,)]
    for handle in handles:
        handle.close()


def test_an_authority_of_the_first_release_comes_up_to_date(postgres_dsn: str, schema: str) -> None:
    """Its open connections are told, and bind nothing; what it held names no store, its leases are waited for."""
    old = a_binding("k", "old")
    admit = (
        f"INSERT INTO {schema}.run (run_equivalence_key, run_id, intent_fingerprint, intent, platform_run_id,"
        " admitted_by, state, settled) VALUES (%s, %s, %s, %s, %s, gen_random_uuid(), 'READY', true)"
        " ON CONFLICT DO NOTHING"
    ).encode()
    values = (b"k", old.run_id, old.intent_fingerprint, old.intent, old.platform_run_id)
    lease = (
        f"INSERT INTO {schema}.lease VALUES ('held', 'older', 7, interval '60 s',"
        " clock_timestamp() + interval '60 s', gen_random_uuid())"
    )
    with closing(psycopg.connect(postgres_dsn, autocommit=True)) as older:
        postgres.lay_first_release(postgres_dsn, schema, [])
        older.execute(admit, values)
        older.execute(lease.encode())
        with closing(PostgresAuthority(Database(postgres_dsn, schema=schema))) as authority:
            assert authority.admit(a_binding("k", "new", STORE)).binding == old
            assert authority.acquire("held", "newer", ttl_s=LONG_S, store_id=STORE) is None
            for statement in (admit, f"SELECT * FROM {schema}.lease".encode()):
                with pytest.raises(psycopg.errors.UndefinedTable):
                    older.execute(statement, values if statement == admit else None)
            assert authority.claim(STORE) == 1
            assert authority.admit(a_binding("k", "new", STORE)).settled
            pass_time(postgres_dsn, schema, 61)
            assert took(authority, "held", "newer", store_id=STORE).fence == 8


def test_migrating_again_changes_nothing(authority: PostgresAuthority) -> None:
    authority.migrate()
    authority.admit(a_binding("k"))
    authority.migrate()
    assert authority.find(a_binding("k").run_id).bindings == (a_binding("k"),)


def test_a_newer_schema_is_refused_by_name(postgres_dsn: str, schema: str, authority: PostgresAuthority) -> None:
    authority.migrate()
    by_hand(postgres_dsn, f"UPDATE {schema}.authority_version SET version = 7")
    with pytest.raises(Unreachable, match=r"version 7, this release knows 2") as refused:
        authority.admit(a_binding("k"))
    assert refused.value.code is ReasonCode.AUTHORITY_SCHEMA
    assert by_hand(postgres_dsn, f"SELECT count(*) FROM {schema}.store_run") == [(0,)]


def test_a_role_without_rights_to_create_uses_what_is_there(
    postgres_dsn: str, schema: str, authority: PostgresAuthority
) -> None:
    role = f"{schema}_user"
    by_hand(postgres_dsn, f"CREATE ROLE {role} LOGIN PASSWORD 'plain-user-1'")
    weaker = make_conninfo(postgres_dsn, user=role, password="plain-user-1")
    try:
        with closing(PostgresAuthority(Database(weaker, schema=schema))) as weak:
            with pytest.raises(Unreachable, match="lacks a right") as refused:
                weak.admit(a_binding("k"))
            assert refused.value.code is ReasonCode.AUTHORITY_UNREACHABLE
            authority.migrate()
            by_hand(postgres_dsn, f"GRANT USAGE ON SCHEMA {schema} TO {role}")
            by_hand(postgres_dsn, f"GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA {schema} TO {role}")
            assert weak.admit(a_binding("k")).is_new
            assert took(weak, "r").fence == 1
    finally:
        by_hand(postgres_dsn, f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_tables_dropped_in_use_are_no_answer(postgres_dsn: str, schema: str, authority: PostgresAuthority) -> None:
    authority.admit(a_binding("k"))
    by_hand(postgres_dsn, f"DROP SCHEMA {schema} CASCADE")
    with pytest.raises(Unreachable) as refused:
        authority.find(a_binding("k").run_id)
    assert refused.value.code is ReasonCode.AUTHORITY_SCHEMA
    assert authority.admit(a_binding("k")).is_new


def test_a_run_id_is_never_bound_to_two_keys(authority: PostgresAuthority) -> None:
    twin = a_binding("k")
    authority.admit(twin)
    with pytest.raises(Fault):
        authority.admit(type(twin)("another key", twin.run_id, "f", "{}", "p"))
    assert authority.find(twin.run_id).bindings == (twin,)


def test_a_statement_that_postgres_refuses_is_a_fault_not_an_outage(authority: PostgresAuthority) -> None:
    with pytest.raises(Fault):
        authority.acquire("r\0", "a", ttl_s=LONG_S)


# round trips


@pytest.fixture
def cutter(postgres_dsn: str) -> Iterator[Cutter]:
    made = Cutter(int(conninfo_to_dict(postgres_dsn).get("port") or 5432))
    yield made
    made.close()


@pytest.mark.parametrize("call", ["new", "known", "acquire", "renew", "release", "claim_due", "postpone"])
def test_a_call_is_one_round_trip_settings_and_all(postgres_dsn: str, schema: str, cutter: Cutter, call: str) -> None:
    database = Database(make_conninfo(postgres_dsn, port=cutter.port), schema=schema)
    with closing(PostgresAuthority(database)) as authority:
        run_id = authority.admit(a_binding("k")).binding.run_id
        lease = took(authority, "r")
        claim = DueClaim(run_id, "p", STORE, "0" * 32)
        calls: dict[str, Callable[[], object]] = {
            "new": lambda: authority.admit(a_binding("new")),
            "known": lambda: authority.admit(a_binding("k")),
            "acquire": lambda: authority.acquire("r2", "a", ttl_s=LONG_S),
            "renew": lambda: authority.renew(lease, ttl_s=LONG_S),
            "release": lambda: authority.release(lease, note=IndexNote("READY", True), run_id=run_id),
            "claim_due": lambda: authority.claim_due(limit=9, for_s=LONG_S, store_id=STORE),
            "postpone": lambda: authority.postpone(claim, Due(LONG_S)),
        }
        before = cutter.trips
        calls[call]()
        assert cutter.trips == before + 1
