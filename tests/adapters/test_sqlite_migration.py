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
