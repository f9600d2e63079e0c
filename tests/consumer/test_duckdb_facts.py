"""duckdb over proven files."""

from __future__ import annotations

import duckdb
import pytest

from sr_plugins.consumer import open_facts
from sr_ports import Fault
from tests.consumer.test_open_facts import refused
from tests.consumer.world import LATE, ORDERS, World, put


def test_a_relation_is_of_exactly_the_proven_files(made: World) -> None:
    run = made.submit()
    third = made.data / "orders/2026-01-03/part-0.csv"
    third.parent.mkdir()
    third.write_text("order,amount\n666,1.0\n")
    con = duckdb.connect()
    with open_facts(run, made.profile) as facts:
        orders = facts.relation("orders", con)
        assert orders.aggregate("count(*), sum(amount)").fetchall() == [(4, 20.0)]
        assert facts.relation("customers", con).filter("id = 2").project("name").fetchall() == [("bob",)]
        assert facts.relation("customers").fetchall() == [(1, "ann"), (2, "bob")]


def test_what_is_not_as_it_was_proven_becomes_no_relation(made: World) -> None:
    run = made.submit()
    with open_facts(run, made.profile) as facts:
        (made.data / LATE).write_text("order,amount\n666,1\n")
        refused(lambda: facts.relation("orders"), "ADDED")


def test_a_file_that_is_swapped_between_proof_and_query_is_never_read(made: World) -> None:
    run = made.submit()

    def read(swap: bool) -> list[tuple[object, ...]]:
        with open_facts(run, made.profile) as facts:
            orders = facts.relation("orders")
            if swap:
                put(made.data / ORDERS[0], "order,amount\n1,2.5\n2,9.5\n")
            rows: list[tuple[object, ...]] = orders.aggregate("sum(amount)").fetchall()
            return rows

    assert read(False) == [(20.0,)]
    with pytest.raises((Fault, duckdb.Error), match="not the file any more"):
        read(True)
