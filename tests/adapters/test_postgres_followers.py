"""Progress of followers in Postgres keeps the port's laws, and its tables have a version of their own."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from sr_adapters.postgres.authority import PostgresAuthority
from sr_adapters.postgres.database import Database
from sr_adapters.postgres.follower_guard import Guard, lock_key
from sr_adapters.postgres.follower_statements import FOLLOWERS
from sr_adapters.postgres.followers import PostgresFollowerStore
from sr_ports import FollowerStore, Progress, ReasonCode, Unreachable
from sr_ports.conformance.followers import LONG_S, FollowerStoreLaws, Reopen, claimed, lost
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

    @pytest.fixture
    def died(self, postgres_dsn: str, schema: str) -> Callable[[FollowerStore], None]:
        def end(store: FollowerStore) -> None:
            """The server ends the sessions that hold a lock, as it does when their process is gone."""
            ended(postgres_dsn, schema)

        return end


def guards(schema: str) -> str:
    """Of pg_locks: the sessions that hold the lock of the schema's group ``group``, and no other test's."""
    high, low = divmod(lock_key(f"{schema}|group") % (1 << 64), 1 << 32)
    lock = f"locktype = 'advisory' AND granted AND objsubid = 1 AND classid = {high} AND objid = {low}"
    return f"FROM pg_locks WHERE {lock}"


def ended(dsn: str, schema: str) -> int:
    """How many sessions that hold a lock were ended; it returns when none has one any more."""
    pids = by_hand(dsn, f"SELECT pg_terminate_backend(pid) {guards(schema)}")
    until = time.monotonic() + 20
    while by_hand(dsn, f"SELECT 1 {guards(schema)}"):
        assert time.monotonic() < until, "the sessions go on"
    return len(pids)


def test_a_holder_that_lives_and_lost_its_session_goes_on_where_nobody_came(
    postgres_dsn: str, schema: str, reopen: Reopen
) -> None:
    store, other = reopen(), reopen()
    claim = claimed(store)
    assert ended(postgres_dsn, schema) == 1
    claim = store.renew(claim, ttl_s=LONG_S)
    assert other.claim("group", "other", ttl_s=LONG_S) is None, "its new session has the lock"
    store.save(claim, Progress({"s": "1"}))
    store.release(claim)
    assert by_hand(postgres_dsn, f"SELECT 1 {guards(schema)}") == []
    other.release(claimed(other))


def test_a_holder_that_lost_its_session_and_its_claim_is_told_and_holds_nothing(
    postgres_dsn: str, schema: str, reopen: Reopen
) -> None:
    store, other = reopen(), reopen()
    claim = claimed(store)
    ended(postgres_dsn, schema)
    newer = claimed(other)
    lost(store, claim)
    other.save(newer, Progress({"s": "2"}))
    assert len(by_hand(postgres_dsn, f"SELECT 1 {guards(schema)}")) == 1
    assert reopen().claim("group", "third", ttl_s=LONG_S) is None


def test_a_claim_whose_holder_could_not_have_the_lock_stands_for_its_time(
    postgres_dsn: str, schema: str, reopen: Reopen
) -> None:
    """As where the server had no connection left for it: that nobody has the lock then tells nothing."""
    store, other = reopen(), reopen()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Guard, "held", lambda self: False)
        claim = claimed(store)
    assert other.claim("group", "other", ttl_s=LONG_S) is None
    claim = store.renew(claim, ttl_s=LONG_S)
    assert other.claim("group", "other", ttl_s=LONG_S) is None
    ended(postgres_dsn, schema)
    other.release(claimed(other))


def test_what_holds_a_group_keeps_no_rows_from_being_cleaned_up(
    postgres_dsn: str, schema: str, store: FollowerStore
) -> None:
    claimed(store)
    held = f"SELECT backend_xmin, backend_xid FROM pg_stat_activity WHERE pid IN (SELECT pid {guards(schema)})"
    assert by_hand(postgres_dsn, held) == [(None, None)]


FOLLOWS = """
import sys, time
from sr_adapters.postgres.database import Database
from sr_adapters.postgres.follower_statements import FOLLOWERS
from sr_adapters.postgres.followers import PostgresFollowerStore
store = PostgresFollowerStore(Database(sys.argv[1], schema=sys.argv[2], kind=FOLLOWERS))
print(store.claim("group", "child", ttl_s=600).fence, flush=True)
time.sleep(600)
"""


def test_a_process_that_is_killed_holds_its_group_no_longer(postgres_dsn: str, schema: str, reopen: Reopen) -> None:
    store = reopen()
    command = [sys.executable, "-c", FOLLOWS, postgres_dsn, schema]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "1\n"
        assert store.claim("group", "me", ttl_s=LONG_S) is None, "it lives"
        child.kill()
    until = time.monotonic() + 20
    while (claim := store.claim("group", "me", ttl_s=LONG_S)) is None:
        assert time.monotonic() < until, "its session goes on"
    assert claim.fence == 2


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
