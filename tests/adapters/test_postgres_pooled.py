"""The authority behind PgBouncer, and on servers whose defaults are not what anybody expects."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from sr_adapters.memory.authority import MemoryAuthority
from sr_adapters.postgres.authority import PostgresAuthority
from sr_adapters.postgres.connections import Connections
from sr_adapters.postgres.database import Database
from sr_adapters.postgres.dsn import with_defaults
from sr_adapters.postgres.follower_statements import FOLLOWERS
from sr_adapters.postgres.followers import PostgresFollowerStore
from sr_adapters.postgres.trip import one_trip, settings
from sr_domain.runner import ScenarioRunner
from sr_plugins import build_runner
from sr_plugins.uses.doctor import Check, examine
from sr_ports import Admission, AuthorityStore, IndexNote, Lease, Progress, ReasonCode, Unreachable
from sr_ports.conformance.authority import AuthorityLaws
from sr_ports.conformance.authority_kit import Reopen, a_binding, at_once, took
from tests.reliability.lab import request, write_world
from tests.reliability.test_kill import pack
from tests.servers import postgres
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


def test_followers_pin_no_connection_of_a_pooler_and_their_claims_stand_for_their_time(
    server: PostgresServer, pooled: str, schema: str
) -> None:
    def handle(dsn: str) -> PostgresFollowerStore:
        return PostgresFollowerStore(Database(dsn, schema=schema, kind=FOLLOWERS))

    with closing(handle(pooled)) as store, closing(handle(pooled)) as other, closing(handle(server.dsn)) as direct:
        groups = [f"group-{number}" for number in range(4)]
        claims = {group: store.claim(group, "me", ttl_s=60) for group in groups}
        for group, claim in claims.items():
            assert claim is not None
            store.save(store.renew(claim, ttl_s=60), Progress({"s": group}), done=[group])
            assert other.claim(group, "other", ttl_s=60) is None
            assert direct.claim(group, "direct", ttl_s=60) is None
        with closing(psycopg.connect(server.dsn, autocommit=True)) as link:
            assert link.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'").fetchall() == []
        by_hand(server.dsn, f"UPDATE {schema}.follower SET expires_at = '-infinity'")
        assert other.claim(groups[0], "other", ttl_s=60) is not None


class TestBehindAPooler(AuthorityLaws):
    @pytest.fixture
    def authority(self, reopen: Reopen) -> AuthorityStore:
        return reopen()

    @pytest.fixture
    def reopen(self, by_transaction: str, schema: str) -> Iterator[Reopen]:
        made: list[PostgresAuthority] = []

        def open_again() -> PostgresAuthority:
            made.append(PostgresAuthority(Database(by_transaction, schema=schema)))
            return made[-1]

        yield open_again
        for handle in made:
            handle.close()

    @pytest.fixture
    def lapse(self, server: PostgresServer, schema: str) -> Callable[[float], None]:
        def pass_time(seconds: float) -> None:
            by_hand(
                server.dsn, f"UPDATE {schema}.store_lease SET expires_at = expires_at - {seconds} * interval '1 second'"
            )
            by_hand(server.dsn, f"UPDATE {schema}.store_run SET due_at = due_at - {seconds} * interval '1 second'")

        return pass_time

    @pytest.fixture
    def short_ttl(self) -> float:
        return 60.0

    @pytest.fixture
    def unreachable(self) -> PostgresAuthority:
        nobody = f"postgresql://sr:secret@127.0.0.1:{free_port()}/postgres"
        return PostgresAuthority(Database(nobody, connect_timeout_s=2))


def by_hand(dsn: str, *statements: str) -> None:
    with closing(psycopg.connect(dsn, autocommit=True)) as link:
        for statement in statements:
            link.execute(statement.encode())


def test_many_clients_on_two_server_connections_get_their_own_answers(pooled: str, schema: str) -> None:
    crowd = [PostgresAuthority(Database(pooled, schema=schema)) for _ in range(6)]
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


SPOILT = {
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


@pytest.fixture
def spoilt(server: PostgresServer) -> Iterator[str]:
    """The DSN of a role to which every setting that matters is another than usual."""
    role = f"r{os.urandom(4).hex()}"
    changes = [f"ALTER ROLE {role} SET {name} = '{value}'" for name, value in SPOILT.items()]
    by_hand(server.dsn, f"CREATE ROLE {role} SUPERUSER LOGIN PASSWORD '{PASSWORD}'", *changes)
    yield make_conninfo(server.dsn, user=role)
    by_hand(server.dsn, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


@pytest.fixture(params=["direct", "pooled"])
def odd(request: pytest.FixtureRequest, spoilt: str) -> Iterator[str]:
    """The same, with and without a pooler before it."""
    if request.param == "direct":
        yield spoilt
        return
    with pgbouncer(spoilt, "transaction", **TWO) as dsn:
        yield dsn


def test_the_settings_are_in_force_in_a_call_and_nowhere_after_it(odd: str) -> None:
    names = (*SPOILT, "transaction_isolation", "client_encoding")
    query = ("SELECT " + ", ".join(f"current_setting('{name}')" for name in names)).encode()
    with closing(Connections(with_defaults(odd, connect_timeout_s=5), limit=1, wait_s=5)) as connections:
        (found,) = connections.run(lambda link, _: one_trip(link, settings(1.5), query))
        (after,) = connections.run(lambda link, _: link.execute(query).fetchall())
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
        "client_encoding": "UTF8",
    }
    left = dict(zip(names, after, strict=True))
    assert (left["search_path"], left["synchronous_commit"], left["statement_timeout"]) == ("public", "off", "0")


def test_no_answer_depends_on_what_a_server_is_set_to(odd: str, schema: str) -> None:
    binding = attrs.evolve(a_binding("k\\'é😀"), intent='{"a":"\\\\ \' é 😀"}')
    with closing(PostgresAuthority(Database(odd, schema=schema))) as authority:
        before = datetime.now(UTC)
        assert authority.admit(binding).binding == binding
        assert authority.find(binding.run_id).bindings == (binding,)
        assert abs((authority.now() - before).total_seconds()) < 60
        (row,) = authority.runs(states=["OPEN"])
        assert abs((row.updated_at - before).total_seconds()) < 60
        lease = took(authority, "r\\'é", ttl_s=90.5)
        assert 60 < authority.renew(lease, ttl_s=90.5).expires_in_s <= 90.5
        assert authority.holder("r\\'é") is not None


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "UTF8", "EUC_JP"])
def test_a_database_in_any_encoding_gives_back_what_it_took(server: PostgresServer, encoding: str) -> None:
    binding = attrs.evolve(a_binding("k é"), intent='{"a":"日本"}')
    with postgres.fresh_database(server.dsn, encoding) as dsn, closing(PostgresAuthority(Database(dsn))) as authority:
        assert authority.admit(binding) == Admission(binding, is_new=True)
        assert authority.admit(binding) == Admission(binding, is_new=False)
        assert isinstance(authority.runs()[0].run_id, str)


def test_what_a_database_cannot_hold_is_told_before_anything_is_bound(server: PostgresServer) -> None:
    with postgres.fresh_database(server.dsn, "LATIN1") as dsn, closing(PostgresAuthority(Database(dsn))) as authority:
        assert authority.admit(a_binding("plain")).is_new
        wrong = attrs.evolve(a_binding("k"), intent='{"a":"日本"}')
        with pytest.raises(Unreachable, match="cannot hold this text") as caught:
            authority.admit(wrong)
        assert caught.value.code is ReasonCode.AUTHORITY_ENCODING
        assert authority.find(wrong.run_id).bindings == ()


def test_a_refused_startup_parameter_is_told_with_what_to_do(by_transaction: str) -> None:
    asked = PostgresAuthority(Database(make_conninfo(by_transaction, options="-c geqo=off")))
    with pytest.raises(Unreachable, match=r"a pooler refuses a startup parameter .*options") as caught:
        asked.now()
    assert caught.value.code is ReasonCode.AUTHORITY_UNREACHABLE
    assert "ignore_startup_parameters" in caught.value.remedy


def test_a_pooler_by_statement_serves_all_but_the_laying_of_tables(server: PostgresServer, schema: str) -> None:
    with (
        pgbouncer(server.dsn, "statement") as dsn,
        closing(PostgresAuthority(Database(dsn, schema=schema))) as pooled,
        closing(PostgresAuthority(Database(server.dsn, schema=schema))) as direct,
    ):
        with pytest.raises(Unreachable, match="in statement mode") as caught:
            pooled.admit(a_binding("k"))
        assert "pool_mode" in caught.value.remedy
        direct.migrate()
        assert pooled.admit(a_binding("k")).is_new


def test_a_pooler_without_a_connection_to_give_is_told(server: PostgresServer, schema: str) -> None:
    with (
        pgbouncer(server.dsn, "session", default_pool_size="1", query_wait_timeout="1") as dsn,
        closing(PostgresAuthority(Database(dsn, schema=schema))) as first,
        closing(PostgresAuthority(Database(dsn, schema=schema))) as second,
    ):
        first.now()
        with pytest.raises(Unreachable, match="no server connection to give"):
            second.now()


def test_rows_that_a_policy_would_hide_are_an_error_not_an_absence(server: PostgresServer, schema: str) -> None:
    role = f"{schema}_user"
    with closing(PostgresAuthority(Database(server.dsn, schema=schema))) as owner:
        owner.admit(a_binding("k"))
    by_hand(
        server.dsn,
        f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'",
        f"GRANT USAGE ON SCHEMA {schema} TO {role}",
        f"GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA {schema} TO {role}",
        f"ALTER TABLE {schema}.store_run ENABLE ROW LEVEL SECURITY",
    )
    weak = PostgresAuthority(Database(make_conninfo(server.dsn, user=role), schema=schema))
    with closing(weak), pytest.raises(Unreachable, match="lacks a right"):
        weak.find(a_binding("k").run_id)
    by_hand(server.dsn, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_what_a_service_file_chose_is_told_once_connected(
    server: PostgresServer, schema: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGHOST", "PGPORT", "PGDATABASE", "PGUSER"):
        monkeypatch.delenv(name, raising=False)
    parts = [f"{name}={value}" for name, value in conninfo_to_dict(server.dsn).items()]
    (tmp_path / "services").write_text("\n".join(["[runs]", *parts, ""]))
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    with closing(PostgresAuthority(Database("service=runs", schema=schema))) as authority:
        assert authority.describe() == f"postgres: service=runs schema={schema}"
        authority.now()
        assert f"port={server.port} (service runs)" in authority.describe()
        assert PASSWORD not in authority.describe()


# the doctor


def examined(dsn: str, schema: str, runtime: Path) -> dict[str, Check]:
    section = {"adapter": "postgres", "dsn": dsn, "schema": schema}
    with build_runner({"runtime_root": str(runtime), "authority": section}) as runner:
        return {one.name: one for one in examine(runner) if one.port == "authority"}


def test_the_doctor_is_content_behind_a_pooler(pooled: str, schema: str, tmp_path: Path) -> None:
    checks = examined(pooled, schema, tmp_path)
    assert [one for one in checks.values() if not one.ok] == []
    assert f"schema={schema}" in checks["lease and fence"].detail


def test_the_doctor_finds_a_database_that_cannot_hold_every_name(server: PostgresServer, tmp_path: Path) -> None:
    for encoding, sound in (("SQL_ASCII", True), ("LATIN1", False)):
        with postgres.fresh_database(server.dsn, encoding) as dsn:
            check = examined(dsn, "scenario_runner", tmp_path)["text"]
            assert (check.ok, check.code) == (sound, None if sound else ReasonCode.AUTHORITY_ENCODING)


def test_the_doctor_finds_clients_that_are_mixed_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pooler that hands statements to another client's connection, as far as a caller can see it."""
    holder = MemoryAuthority.holder

    def mixed(self: MemoryAuthority, resource: str) -> Lease | None:
        return holder(self, f"{resource[:-1]}2" if resource.endswith(":1") else resource)  # an id may begin with 1

    monkeypatch.setattr(MemoryAuthority, "holder", mixed)
    with build_runner({"runtime_root": str(tmp_path)}) as runner:
        broken = attrs.evolve(runner.ports, authority=MemoryAuthority(lambda: datetime.now(UTC)))
        found = {
            one.name: one for one in examine(ScenarioRunner(broken, runner._context.policy, runner._context.read_pack))
        }
    assert found["96 calls, 4 at once"].ok is False
    assert "another caller's answer" in found["96 calls, 4 at once"].detail


def test_forty_submissions_of_one_runner_behind_two_server_connections(
    by_transaction: str, schema: str, tmp_path: Path
) -> None:
    policy = {"policy_id": "pooled", "revision": "1", "evidence_wait_seconds": 600}
    write_world(tmp_path / "world")
    profile = {
        "runtime_root": str(tmp_path / "runs"),
        "authority": {"adapter": "postgres", "dsn": by_transaction, "schema": schema},
        "engine": {"interface_pack": str(pack(tmp_path / "pack"))},
    }
    with build_runner(profile, policy=policy) as runner:
        asked = [request(f"key-{n}", engine_run_root=str(tmp_path / "world")) for n in range(40)]
        states = at_once([partial(_submit_all, runner, asked[n::4]) for n in range(4)])
    assert [state for part in states for state in part] == ["READY"] * 40


def _submit_all(runner: ScenarioRunner, asked: list[dict[str, Any]]) -> list[str | None]:
    return [runner.submit(one).state for one in asked]
