"""Progress of followers in Postgres keeps the port's laws, and its tables have a version of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from sr_adapters.postgres.authority import PostgresAuthority
from sr_adapters.postgres.database import Database
from sr_adapters.postgres.follower_statements import FOLLOWERS
from sr_adapters.postgres.followers import PostgresFollowerStore
from sr_ports import FollowerStore, Progress, ReasonCode, Unreachable
from sr_ports.conformance.followers import FollowerStoreLaws, Reopen, claimed
from tests.adapters.test_postgres_authority import by_hand
from tests.servers import postgres

postgres_dsn, schema = postgres.postgres_dsn, postgres.schema
pytestmark = pytest.mark.parity


@pytest.fixture
def reopen(postgres_dsn: str, schema: str) -> Iterator[Reopen]:
    made: list[PostgresFollowerStore] = []

    def handle() -> PostgresFollowerStore:
        made.append(PostgresFollowerStore(Database(postgres_dsn, schema=schema, kind=FOLLOWERS)))
        return made[-1]

    yield handle
    for one in made:
        one.close()


@pytest.fixture
def store(reopen: Reopen) -> FollowerStore:
    return reopen()


class TestPostgresFollowerStore(FollowerStoreLaws):
    @pytest.fixture
    def reopen(self, reopen: Reopen) -> Reopen:
        return reopen

    @pytest.fixture
    def store(self, store: FollowerStore) -> FollowerStore:
        return store

    @pytest.fixture
    def lapse(self, postgres_dsn: str, schema: str) -> Callable[[float], None]:
        def pass_(seconds: float) -> None:
            moved = f"UPDATE {schema}.follower SET expires_at = expires_at - {seconds} * interval '1 second'"
            by_hand(postgres_dsn, moved)

        return pass_


def test_their_tables_lie_beside_the_authoritys_and_stop_no_worker_of_another_release(
    postgres_dsn: str, schema: str, store: FollowerStore
) -> None:
    claimed(store)
    with closing(PostgresAuthority(Database(postgres_dsn, schema=schema))) as authority:
        assert authority.runs() == ()
    by_hand(postgres_dsn, f"UPDATE {schema}.follower_version SET version = 7")
    with closing(PostgresAuthority(Database(postgres_dsn, schema=schema))) as authority:
        assert authority.runs() == ()
    newer = PostgresFollowerStore(Database(postgres_dsn, schema=schema, kind=FOLLOWERS))
    with closing(newer), pytest.raises(Unreachable) as caught:
        newer.load("group")
    assert caught.value.code is ReasonCode.AUTHORITY_SCHEMA


def test_an_owner_lays_them_beforehand(postgres_dsn: str, schema: str) -> None:
    with closing(PostgresAuthority(Database(postgres_dsn, schema=schema))) as authority:
        authority.migrate()
    assert by_hand(postgres_dsn, f"SELECT version FROM {schema}.follower_version") == [(len(FOLLOWERS.steps),)]


def test_many_who_come_first_at_once_lay_them_once(reopen: Reopen) -> None:
    handles = [reopen() for _ in range(4)]
    threads = [threading.Thread(target=handle.load, args=("group",)) for handle in handles]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert handles[0].load("group") == Progress()
