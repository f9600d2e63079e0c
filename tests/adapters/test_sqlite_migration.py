"""An authority of the first release comes up to date, beside workers of that release who are still at it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from sr_adapters.sqlite import reading
from sr_adapters.sqlite import statements as sql
from sr_adapters.sqlite.authority import SqliteAuthority
from sr_ports import IndexNote
from sr_ports.conformance.authority_kit import LONG_S, OTHER, STORE, a_binding, at_once, took
from tests.first_authority import FirstRelease


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "authority.db"


@pytest.fixture
def older(file: Path) -> Iterator[FirstRelease]:
    with closing(FirstRelease(file)) as worker:
        worker.admit(a_binding("k"))
        worker.acquire("r", "older", LONG_S)
        worker.release("r", "older", 1, IndexNote("READY", True), a_binding("k").run_id)
        yield worker


def test_its_rows_are_of_no_store(file: Path, older: FirstRelease) -> None:
    older.admit(a_binding("left"))
    with closing(SqliteAuthority(str(file))) as authority:
        assert authority.admit(a_binding("k", "two", STORE)).binding == a_binding("k")
        assert [(row.state, row.settled, row.tail) for row in authority.runs(states=["READY"])] == [
            ("READY", True, None)
        ]
        assert authority.claim(STORE, a_binding("k").run_id) == 1
        assert authority.admit(a_binding("k", "two", STORE)).settled
        assert authority.admit(a_binding("left", "two", OTHER)).binding == a_binding("left")


@pytest.mark.parametrize(
    "call",
    [
        lambda older: older.admit(a_binding("k")),
        lambda older: older.admit(a_binding("new")),
        lambda older: older.acquire("free", "older", LONG_S),
        lambda older: older.renew("held", "older", 1, LONG_S),
        lambda older: older.release("held", "older", 1, IndexNote("READY", True), a_binding("k").run_id),
    ],
    ids=["duplicate", "admit", "acquire", "renew", "release"],
)
def test_the_next_statement_of_an_open_connection_fails_and_changes_nothing(
    file: Path, older: FirstRelease, call: object
) -> None:
    older.acquire("held", "older", LONG_S)
    with closing(SqliteAuthority(str(file))) as authority:
        before = (list(authority.runs()), authority.holder("held") is not None)
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            call(older)  # type: ignore[operator]
        assert (list(authority.runs()), authority.holder("held") is not None) == before
        assert authority.acquire("held", "newer", ttl_s=LONG_S, store_id=STORE) is None


def test_its_lease_is_taken_over_by_its_fence_once_it_lapsed(file: Path, older: FirstRelease) -> None:
    older.acquire("held", "older", 0.2)
    with closing(SqliteAuthority(str(file))) as authority:
        assert authority.acquire("held", "newer", ttl_s=LONG_S, store_id=STORE) is None
        while authority.holder("held") is not None:
            time.sleep(0.02)
        assert took(authority, "held", "newer", store_id=STORE).fence == 2


def test_of_many_that_open_it_one_brings_it_up_to_date(file: Path, older: FirstRelease) -> None:
    handles = [SqliteAuthority(str(file)) for _ in range(8)]
    answers = at_once([partial(one.find, a_binding("k").run_id) for one in handles])
    assert {answer.bindings[0].state for answer in answers} == {"READY"}
    for one in handles:
        one.close()


def test_one_that_may_only_be_read_is_read(file: Path, older: FirstRelease, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "may_write", lambda _: False)
    with closing(SqliteAuthority(str(file))) as authority:
        (found,) = authority.find(a_binding("k").run_id).bindings
        assert (found.state, found.settled) == ("READY", True)
    older.admit(a_binding("as ever"))
    older.close()
    with closing(SqliteAuthority(str(file))) as authority:
        assert len(authority.runs()) == 2
    with closing(sqlite3.connect(file)) as link:
        assert link.execute("PRAGMA user_version").fetchall() == [(1,)]


def test_stores_that_lie_beside_it_are_moved_with_it(tmp_path: Path) -> None:
    from sr_ports import StorePlace

    old, new = tmp_path / "runs", tmp_path / "moved"
    outside = (tmp_path / "outside").as_uri()

    def opened(root: Path) -> SqliteAuthority:
        return SqliteAuthority(str(root / "index" / "authority.db"), runtime_root=str(root))

    with closing(opened(old)) as authority:
        for location, store_id in ((old.as_uri(), STORE), (outside, OTHER)):
            place = StorePlace(location, store_id)
            assert list(authority.serve(place)) == [place]
    old.rename(new)
    with closing(opened(new)) as authority:
        assert set(authority.find("0" * 32).places) == {StorePlace(new.as_uri(), STORE), StorePlace(outside, OTHER)}
        assert list(authority.serve(StorePlace(new.as_uri(), STORE))) == [StorePlace(new.as_uri(), STORE)]
    with closing(SqliteAuthority(str(new / "index" / "authority.db"))) as alone:
        assert list(alone.serve(StorePlace(old.as_uri(), STORE))) != [StorePlace(old.as_uri(), STORE)]


# the second version, which knew nothing of what is due


SECOND = """
CREATE TABLE store_run (
    run_id TEXT NOT NULL, store_id TEXT NOT NULL, run_equivalence_key TEXT NOT NULL, intent_fingerprint TEXT NOT NULL,
    intent TEXT NOT NULL, platform_run_id TEXT NOT NULL, state TEXT NOT NULL, settled INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL, seq INTEGER, event_id TEXT,
    PRIMARY KEY (run_id, store_id), UNIQUE (run_equivalence_key, store_id)
);
CREATE INDEX store_run_unsettled ON store_run (run_id) WHERE settled = 0;
CREATE INDEX store_run_unclaimed ON store_run (run_id) WHERE store_id = '';
CREATE INDEX store_run_newest ON store_run (updated_ms, run_id, store_id, state);
CREATE TABLE store_lease (
    resource TEXT NOT NULL, store_id TEXT NOT NULL, owner TEXT NOT NULL, fence INTEGER NOT NULL,
    ttl_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, PRIMARY KEY (resource, store_id)
) WITHOUT ROWID;
CREATE TABLE store_place (
    location TEXT NOT NULL, store_id TEXT NOT NULL, retired INTEGER NOT NULL DEFAULT 0, served_ms INTEGER NOT NULL
);
CREATE UNIQUE INDEX store_place_location ON store_place (location) WHERE retired = 0;
CREATE UNIQUE INDEX store_place_store ON store_place (store_id) WHERE retired = 0;
CREATE VIEW clock AS SELECT CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) AS now_ms;
PRAGMA application_id = 0x53524131;
PRAGMA user_version = 2;
"""
BIND_AS_SECOND = """
INSERT INTO store_run
    (run_equivalence_key, run_id, intent_fingerprint, intent, platform_run_id, store_id, state, settled, updated_ms)
SELECT ?, ?, ?, ?, ?, ?, 'OPEN', 0, now_ms FROM clock"""


@pytest.fixture
def second(file: Path) -> Iterator[sqlite3.Connection]:
    """An open connection of a worker of that version; one run is settled, one is not."""
    with closing(sqlite3.connect(file, isolation_level=None)) as link:
        link.execute("PRAGMA journal_mode = WAL")
        link.executescript(SECOND)
        for key in ("done", "left"):
            bind_as_second(link, key)
        link.execute("UPDATE store_run SET settled = 1, state = 'READY' WHERE run_equivalence_key = 'done'")
        yield link


def bind_as_second(link: sqlite3.Connection, key: str) -> str:
    one = a_binding(key, store_id=STORE)
    values = (key, one.run_id, one.intent_fingerprint, one.intent, one.platform_run_id, STORE)
    link.execute(BIND_AS_SECOND, values)
    return one.run_id


def test_what_the_second_version_left_is_due_at_once(file: Path, second: sqlite3.Connection) -> None:
    with closing(SqliteAuthority(str(file))) as authority:
        (claim,) = authority.claim_due(limit=9, for_s=60, store_id=STORE)
        assert claim.run_id == a_binding("left").run_id
        assert authority.admit(a_binding("done", "two", STORE)).settled
        assert len(authority.runs()) == 2


def test_what_the_first_version_left_is_due_at_once(file: Path, older: FirstRelease) -> None:
    older.admit(a_binding("left"))
    with closing(SqliteAuthority(str(file))) as authority:
        claims = authority.claim_due(limit=9, for_s=60, store_id=STORE)
        assert [(one.run_id, one.store_id) for one in claims] == [(a_binding("left").run_id, "")]


def test_an_open_connection_of_the_second_version_goes_on(file: Path, second: sqlite3.Connection) -> None:
    with closing(SqliteAuthority(str(file))) as authority:
        assert len(authority.claim_due(limit=9, for_s=60, store_id=STORE)) == 1
        run_id = bind_as_second(second, "later")
        second.execute("UPDATE store_run SET state = 'WAITING_EVIDENCE' WHERE run_id = ?", (run_id,))
        assert [one.run_id for one in authority.claim_due(limit=9, for_s=60, store_id=STORE)] == [run_id]


def test_one_of_the_second_version_that_may_only_be_read_is_read(
    file: Path, second: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "may_write", lambda _: False)
    with closing(SqliteAuthority(str(file))) as authority:
        assert {row.state: row.settled for row in authority.runs()} == {"READY": True, "OPEN": False}
        assert authority.find(a_binding("done").run_id).bindings[0].settled
    assert second.execute("PRAGMA user_version").fetchall() == [(2,)]


def test_of_many_that_open_one_of_the_second_version_one_brings_it_up_to_date(
    file: Path, second: sqlite3.Connection
) -> None:
    handles = [SqliteAuthority(str(file)) for _ in range(8)]
    claims = at_once([partial(one.claim_due, limit=9, for_s=60, store_id=STORE) for one in handles])
    assert sum(map(len, claims)) == 1
    for one in handles:
        one.close()


# what it costs


def test_what_is_due_is_found_by_an_index_and_nothing_else_is_read(file: Path) -> None:
    with closing(SqliteAuthority(str(file))) as authority:
        authority.now()
        with closing(sqlite3.connect(file)) as link:
            asked = {"store_id": STORE, "limit": 4}
            plan = [row[3] for row in link.execute(f"EXPLAIN QUERY PLAN {sql.DUE}", asked).fetchall()]
    walked = [step for step in plan if "store_run" in step]
    assert len(walked) == 2, plan
    assert all("USING INDEX store_run_due (store_id=? AND due_ms<?)" in step for step in walked), plan
