"""Lists: newest first, with key and age, narrowed by state, key and time, and how many of how many."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sr_adapters.cli.lists import age
from sr_adapters.sqlite.authority import SqliteAuthority
from sr_domain.queries import listing
from tests.cli.conftest import Shell


@pytest.fixture
def some(sr: Shell) -> Shell:
    for key in ("orders-1", "orders-2", "stock-1"):
        assert sr("submit", sr.request(key)).code == 0
    assert sr("submit", sr.request("orders-bad", output_ids=["nope"])).code == 4
    return sr


def keys(sr: Shell, *args: str) -> list[str]:
    return [row["run_equivalence_key"] for row in sr("--json", "list", *args).json["runs"]]


def test_the_newest_run_is_first_and_each_row_has_its_key(some: Shell) -> None:
    assert keys(some) == ["orders-bad", "stock-1", "orders-2", "orders-1"]
    shown = some("list").out.splitlines()
    assert shown[0].split() == ["RUN", "STATE", "KEY", "AGE", "REASON", "UPDATED"]
    assert [line.split()[2] for line in shown[1:]] == keys(some)


def test_what_is_cut_is_said(some: Shell) -> None:
    answer = some("--json", "list", "--limit", "1").json
    assert (len(answer["runs"]), answer["total"], answer["more"]) == (1, 4, True)
    assert "1 of 4 shown" in some("list", "--limit", "1").out
    assert "shown" not in some("list").out


@pytest.mark.parametrize(
    ("args", "wanted"),
    [
        (("--state", "READY"), {"orders-1", "orders-2", "stock-1"}),
        (("--state", "!READY"), {"orders-bad"}),
        (("--key", "orders-*"), {"orders-1", "orders-2", "orders-bad"}),
        (("--key", "stock-1"), {"stock-1"}),
        (("--key", "stock-?", "--state", "FAILED"), set()),
        (("--since", "1h"), {"orders-1", "orders-2", "stock-1", "orders-bad"}),
        (("--since", "2100-01-01"), set()),
        (("--since", "2100-01-01T00:00:00Z"), set()),
    ],
)
def test_lists_are_narrowed(some: Shell, args: tuple[str, ...], wanted: set[str]) -> None:
    assert set(keys(some, *args)) == wanted
    assert some("list", *args).code == 0


def test_a_pattern_tells_that_there_are_more(some: Shell) -> None:
    answer = some("--json", "list", "--key", "orders-*", "--limit", "2").json
    assert (len(answer["runs"]), answer["more"], "total" in answer) == (2, True, False)


def test_a_time_that_is_none_is_refused(some: Shell) -> None:
    answer = some("list", "--since", "yesterday")
    assert (answer.code, answer.error) == (2, "USAGE")
    assert "30m" in answer.err


@pytest.mark.parametrize(
    ("past", "told"),
    [(5, "5 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (172_800, "2 d"), (-3, "0 s")],
)
def test_ages_are_in_the_largest_unit_that_tells(past: int, told: str) -> None:
    now = datetime(2026, 1, 31, tzinfo=UTC)
    assert age(now - timedelta(seconds=past), now) == told


def test_a_page_hands_out_no_more_of_the_index_than_it_shows(some: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """An authority that does not find the newest by itself gives the same answer, from all its rows."""
    asked = ((), ("--limit", "2"), ("--state", "READY", "--limit", "1"), ("--since", "1h", "--limit", "3"))
    told = [some("--json", "list", *args).json for args in asked]
    exact = some("--json", "list", "--key", "stock-1").json
    given: list[int] = []
    runs = SqliteAuthority.runs

    def counted(self: SqliteAuthority, **choice: Any) -> Any:
        rows = runs(self, **choice)
        given.append(len(rows))
        return rows

    monkeypatch.setattr(SqliteAuthority, "runs", counted)
    assert [some("--json", "list", *args).json for args in asked] == told
    assert given == []
    assert some("--json", "list", "--key", "stock-1").json == exact
    assert sum(given) <= 2, "a key names its row"
    monkeypatch.setattr(listing, "Newest", int)  # what no authority is
    assert [some("--json", "list", *args).json for args in asked] == told
    assert sum(given) > 8
