"""What is due, in Postgres: beside releases that know nothing of it, and at a hundred thousand runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Any
from uuid import uuid4

import attrs
import psycopg
import pytest

from sr_adapters.postgres import schema as tables
from sr_adapters.postgres import statements
from sr_adapters.postgres.authority import PostgresAuthority
from sr_adapters.postgres.database import Database
from sr_ports import Due, IndexNote
from sr_ports.conformance.authority_kit import OTHER, STORE, a_binding, at_once, took
from tests.servers import postgres

postgres_dsn = postgres.postgres_dsn
pytestmark = pytest.mark.parity
RUNS = 100_000

NOTE_BEFORE = """
WITH given_up AS (
    UPDATE {schema}.store_lease SET expires_at = '-infinity'
    WHERE resource = %(resource)s AND store_id = %(store)s AND owner = %(owner)s AND fence = %(fence)s
        AND expires_at > clock_timestamp()
    RETURNING resource
)
UPDATE {schema}.store_run
SET state = %(state)s, settled = settled OR %(settled)s, updated_at = clock_timestamp(),
    seq = coalesce(%(seq)s::bigint, seq), event_id = coalesce(%(event_id)s::text, event_id)
FROM given_up WHERE run_id = %(run_id)s AND store_id = %(store)s"""
"""How a release that knew nothing of what is due told the index."""


@pytest.fixture
def schema(postgres_dsn: str) -> Iterator[str]:
    with postgres.fresh_schema(postgres_dsn) as name:
        yield name


@pytest.fixture
def authority(postgres_dsn: str, schema: str) -> Iterator[PostgresAuthority]:
    with closing(PostgresAuthority(Database(postgres_dsn, schema=schema))) as made:
        yield made


@pytest.fixture
def before(postgres_dsn: str, schema: str) -> Iterator[PostgresAuthority]:
    """A worker of such a release: it looks for that version of the tables, and notes as it always did."""
    with closing(PostgresAuthority(Database(postgres_dsn, schema=schema))) as made:
        made._database._kind = attrs.evolve(tables.AUTHORITY, additions=())
        yield made


def note_as_before(worker: PostgresAuthority, key: str, state: str, *, settled: bool) -> None:
    """Take the lease of a key's run, and give it up with a note."""
    run_id = a_binding(key).run_id
    lease = took(worker, run_id, store_id=STORE)
    this = {"resource": run_id, "store": STORE, "owner": lease.owner, "fence": lease.fence}
    worker._rows(
        NOTE_BEFORE, {**this, "state": state, "settled": settled, "seq": 3, "event_id": "e" * 64, "run_id": run_id}
    )


def claimed(worker: PostgresAuthority, limit: int = 9, store_id: str = STORE) -> list[str]:
    return [one.run_id for one in worker.claim_due(limit=limit, for_s=60, store_id=store_id)]


def by_hand(dsn: str, statement: str, values: Any = None) -> list[tuple[Any, ...]]:
    with closing(psycopg.connect(dsn, autocommit=True)) as link:
        cursor = link.execute(statement.encode(), values)
        return cursor.fetchall() if cursor.description else []


# beside releases that know nothing of it


def test_what_such_a_release_left_is_due_at_once(before: PostgresAuthority, authority: PostgresAuthority) -> None:
    for key in ("done", "left"):
        before.admit(a_binding(key, store_id=STORE))
    note_as_before(before, "done", "READY", settled=True)
    assert claimed(authority) == [a_binding("left").run_id]
    assert {row.state: row.due_at is None for row in authority.runs()} == {"READY": True, "OPEN": False}


def test_both_go_on_beside_each_other(
    postgres_dsn: str, schema: str, before: PostgresAuthority, authority: PostgresAuthority
) -> None:
    before.admit(a_binding("first", store_id=STORE))
    authority.migrate()
    before.admit(a_binding("second", store_id=STORE))
    note_as_before(before, "first", "WAITING_EVIDENCE", settled=False)
    assert claimed(authority) == [a_binding("first").run_id], "one that was just admitted is its submitter's"
    note_as_before(before, "second", "WAITING_EVIDENCE", settled=False)
    by_hand(postgres_dsn, f"UPDATE {schema}.store_run SET due_at = due_at - interval '61 s'")
    assert set(claimed(authority)) == {a_binding("first").run_id, a_binding("second").run_id}
    note_as_before(before, "first", "READY", settled=True)
    authority.release(
        took(authority, a_binding("second").run_id, store_id=STORE),
        note=IndexNote("WAITING_EVIDENCE", False, due=Due(3600)),
        run_id=a_binding("second").run_id,
    )
    assert [(row.state, row.tail is not None) for row in before.runs(states=["READY"])] == [("READY", True)]
    assert not before.admit(a_binding("second", "two", STORE)).is_new


def test_a_new_process_of_such_a_release_takes_the_tables_for_its_own(
    postgres_dsn: str, schema: str, before: PostgresAuthority, authority: PostgresAuthority
) -> None:
    authority.migrate()
    assert before.admit(a_binding("k", store_id=STORE)).is_new
    before.migrate()
    assert by_hand(postgres_dsn, f"SELECT version, additions FROM {schema}.authority_version") == [
        (statements.SCHEMA_VERSION, len(statements.ADDITIONS))
    ]


def test_what_a_later_release_adds_is_none_of_this_one_s_business(
    postgres_dsn: str, schema: str, authority: PostgresAuthority
) -> None:
    authority.migrate()
    by_hand(postgres_dsn, f"UPDATE {schema}.authority_version SET additions = 9")
    assert authority.admit(a_binding("k", store_id=STORE)).is_new
    authority.migrate()
    assert by_hand(postgres_dsn, f"SELECT additions FROM {schema}.authority_version") == [(9,)]


def test_of_many_that_meet_such_tables_one_adds(postgres_dsn: str, schema: str, before: PostgresAuthority) -> None:
    before.admit(a_binding("k", store_id=STORE))
    handles = [PostgresAuthority(Database(postgres_dsn, schema=schema)) for _ in range(12)]
    given = at_once([partial(claimed, one) for one in handles])
    assert sorted(map(len, given)) == [0] * 11 + [1]
    for one in handles:
        one.close()


def test_a_worker_in_the_middle_of_a_call_is_waited_for(
    postgres_dsn: str, schema: str, before: PostgresAuthority, authority: PostgresAuthority
) -> None:
    before.admit(a_binding("k", store_id=STORE))
    with closing(psycopg.connect(postgres_dsn)) as other:
        other.execute(f"UPDATE {schema}.store_run SET state = 'VERIFYING'".encode())
        timer = threading.Timer(0.1, other.commit)
        timer.start()
        assert claimed(authority) == [a_binding("k").run_id]
        timer.join()


# claims that meet


def test_what_another_has_locked_is_passed_by(postgres_dsn: str, schema: str, authority: PostgresAuthority) -> None:
    for key in ("one", "two"):
        run_id = authority.admit(a_binding(key, store_id=STORE)).binding.run_id
        lease = took(authority, run_id, store_id=STORE)
        authority.release(lease, note=IndexNote("WAITING_EVIDENCE", False), run_id=run_id)
    with closing(psycopg.connect(postgres_dsn)) as other:
        other.execute(
            f"SELECT * FROM {schema}.store_run WHERE run_id = %s FOR UPDATE".encode(), (a_binding("one").run_id,)
        )
        assert claimed(authority) == [a_binding("two").run_id]
    assert claimed(authority) == [a_binding("one").run_id]


# at a hundred thousand runs


FILL = """
INSERT INTO {schema}.store_run
    (run_id, store_id, run_equivalence_key, intent_fingerprint, intent, platform_run_id, admitted_by, settled, due_at)
SELECT md5(n::text), CASE WHEN n %% 3 = 0 THEN %(other)s ELSE %(store)s END, n::text::bytea, 'f', '{{}}', 'p', %(by)s,
    n %% 10 <> 0, CASE WHEN n <= 100 THEN clock_timestamp() - n * interval '1 s'
        ELSE clock_timestamp() + n * interval '1 s' END
FROM generate_series(1, %(runs)s) AS n"""


@pytest.fixture
def many(postgres_dsn: str, schema: str, authority: PostgresAuthority) -> PostgresAuthority:
    """100,000 runs: one in ten is not settled, ten of those are due, in two stores."""
    authority.migrate()
    values = {"other": OTHER, "store": STORE, "by": uuid4(), "runs": RUNS}
    by_hand(postgres_dsn, FILL.format(schema=schema), values)
    by_hand(postgres_dsn, f"ANALYZE {schema}.store_run")
    return authority


def test_what_is_due_is_found_by_its_index_alone(postgres_dsn: str, schema: str, many: PostgresAuthority) -> None:
    query = "EXPLAIN (ANALYZE, COSTS OFF) " + tables.render(statements.CLAIM_DUE, schema).decode()
    values = {"store": STORE, "limit": 4, "for": 60, "token": uuid4()}
    with closing(psycopg.connect(postgres_dsn, cursor_factory=psycopg.ClientCursor)) as link:
        plan = [row[0] for row in link.execute(query.encode(), values).fetchall()]
    told = "\n".join(plan)
    assert "Seq Scan on store_run" not in told
    walks = [line for line in plan if "using store_run_due" in line]
    assert walks, told
    assert all("rows=4" in line or "rows=0" in line or "never executed" in line for line in walks), told


def test_each_due_run_is_given_once_however_many_there_are(many: PostgresAuthority) -> None:
    given = [run_id for _ in range(5) for run_id in claimed(many, 3)]
    assert len(given) == len(set(given)) == 7
    assert len(claimed(many, store_id=OTHER)) == 3
    assert claimed(many) == []
