"""pyarrow and pandas over proven files: every read is of the proven identity, or it is refused."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.orc
import pyarrow.parquet as pq
import pytest

from sr_plugins.consumer import open_facts
from sr_ports import BadInput, Fault, ReasonCode
from tests.consumer.test_open_facts import refused
from tests.consumer.world import LATE, ORDERS, World, put, world

TABLE = pa.table({"order": list(range(5_000)), "amount": [float(n) for n in range(5_000)]})


def parquet(rows: pa.Table = TABLE) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, row_group_size=500)
    return bytes(sink.getvalue())


@pytest.fixture
def tables(tmp_path: Path) -> World:
    """Orders in parquet files of several row groups."""
    return world(tmp_path, {f"orders/2026-01-0{day}/part-0.parquet": parquet() for day in (1, 2)})


def submitted(made: World) -> str:
    return made.submit(output_ids=["orders"])


def test_a_dataset_has_exactly_the_proven_files(tables: World) -> None:
    run = submitted(tables)
    (tables.data / "orders/2026-01-03").mkdir()
    (tables.data / "orders/2026-01-03/part-0.parquet").write_bytes(parquet())
    with open_facts(run, tables.profile) as facts:
        made = facts.dataset("orders")
        assert made.files == facts.paths("orders")
        assert len(made.files) == 2
        assert made.count_rows() == 2 * TABLE.num_rows
        assert made.to_table(columns=["amount"], filter=pads.field("order") < 10).num_rows == 20


def test_a_frame_is_the_output(made: World) -> None:
    run = made.submit()
    (made.data / "orders/2026-01-03").mkdir()
    (made.data / "orders/2026-01-03/part-0.csv").write_text("order,amount\n666,1.0\n")
    with open_facts(run, made.profile) as facts:
        frame = facts.frame("orders")
        assert list(frame["order"]) == [1, 2, 3, 4]
        assert frame["amount"].sum() == 20.0
        assert list(facts.frame("customers")["name"]) == ["ann", "bob"]


@pytest.mark.parametrize("use", ["dataset", "frame"])
@pytest.mark.parametrize("fault", ["late", "changed"])
def test_what_is_not_as_it_was_proven_becomes_no_table(made: World, use: str, fault: str) -> None:
    run = made.submit()
    with open_facts(run, made.profile) as facts:
        if fault == "late":
            (made.data / LATE).write_text("order,amount\n666,1\n")
        else:
            (made.data / ORDERS[0]).write_text("order,amount\n1,2.5\n2,9.5\n")
        refused(lambda: getattr(facts, use)("orders"), "ADDED" if fault == "late" else "ROTTED")


def spoilt(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"!")


def renamed_over(path: Path) -> None:
    fresh = path.with_suffix(".tmp")
    fresh.write_bytes(path.read_bytes())
    fresh.rename(path)


SWAPS: dict[str, Callable[[Path], object]] = {
    "in place": lambda path: path.write_bytes(parquet(TABLE.slice(0, 4_999))),
    "one byte in place": spoilt,
    "renamed over": renamed_over,
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("swap", [None, *SWAPS])
def test_a_file_that_is_swapped_between_proof_and_read_by_range_is_never_read(tables: World, swap: str | None) -> None:
    """The bytes of a renamed twin are equal: it is another file all the same."""
    run = submitted(tables)
    with open_facts(run, tables.profile) as facts:
        made = facts.dataset("orders")
        if swap is None:
            assert made.to_table().num_rows == 2 * TABLE.num_rows
            return
        SWAPS[swap](tables.data / "orders/2026-01-01/part-0.parquet")
        refused(made.to_table, "MOVED")


def test_a_file_that_is_swapped_while_a_scan_is_under_way_ends_the_scan(tables: World) -> None:
    run = submitted(tables)
    with open_facts(run, tables.profile) as facts:
        batches = facts.dataset("orders").to_batches(batch_size=10, batch_readahead=0, fragment_readahead=0)
        assert next(batches).num_rows == 10
        SWAPS["in place"](tables.data / "orders/2026-01-02/part-0.parquet")
        refused(lambda: list(batches), "MOVED")


def test_after_the_block_a_dataset_gives_nothing(tables: World) -> None:
    run = submitted(tables)
    with open_facts(run, tables.profile) as facts:
        made = facts.dataset("orders")
    with pytest.raises(RuntimeError):
        made.to_table()


def test_text_that_is_packed_or_has_tabs_is_read_by_its_suffix(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "a/x.csv.gz": gzip.compress(b"n\n1\n2\n"),
        "b/x.tsv": "n\tm\n1\t2\n",
        "c/x.jsonl": '{"n": 1}\n{"n": 2}\n',
        "d/x.json": '{"n": 3}\n',
        "e/x.bin": "n\n1\n",
    }
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, TABLE.schema) as out:
        out.write_table(TABLE)
    files["f/x.arrow"] = bytes(sink.getvalue())
    sink = pa.BufferOutputStream()
    pyarrow.orc.write_table(TABLE, sink)
    files["g/x.orc"] = bytes(sink.getvalue())
    made = world(tmp_path, files)
    run = made.submit(output_ids=list("abcdefg"))
    with open_facts(run, made.profile) as facts:
        rows = {one: facts.dataset(one).count_rows() for one in "abcdfg"}
        assert rows == {"a": 2, "b": 1, "c": 2, "d": 1, "f": 5_000, "g": 5_000}
        assert facts.dataset("b").schema.names == ["n", "m"]
        with pytest.raises(BadInput, match=r"no table is read from files with \.bin") as caught:
            facts.dataset("e")
        assert "format=" in caught.value.remedy
        assert facts.dataset("e", format="csv").schema.names == ["n"]


def test_options_are_those_of_pyarrow(made: World) -> None:
    run = made.submit()
    schema = pa.schema([("order", pa.string()), ("amount", pa.float64())])
    with open_facts(run, made.profile) as facts:
        assert list(facts.frame("orders", schema=schema)["order"]) == ["1", "2", "3", "4"]


def test_another_mount_is_read_by_arrow_too(made: World) -> None:
    run = made.submit()
    mount = made.folder / "mount"
    made.data.rename(mount)
    with open_facts(run, made.profile, engine_run_root=str(mount)) as facts:
        assert facts.frame("orders")["amount"].sum() == 20.0


@pytest.mark.parametrize(("use", "extra"), [("dataset", "arrow"), ("frame", "arrow"), ("relation", "duckdb")])
def test_a_library_that_is_not_there_is_named_with_what_brings_it(
    made: World, monkeypatch: pytest.MonkeyPatch, use: str, extra: str
) -> None:
    import importlib

    run, real = made.submit(), importlib.import_module

    def without(name: str, package: str | None = None) -> Any:
        if name.partition(".")[0] in ("pyarrow", "pandas", "duckdb"):
            raise ImportError(name)
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", without)
    with open_facts(run, made.profile) as facts:
        with pytest.raises(BadInput) as caught:
            getattr(facts, use)("orders")
        assert caught.value.code is ReasonCode.EXTRA_MISSING
        assert f"pip install 'scenario-runner[{extra}]'" in caught.value.remedy
        assert len(facts.paths("orders")) == len(ORDERS), "what needs no library goes on"


def test_a_fault_met_in_a_table_is_told_once(tables: World) -> None:
    run = submitted(tables)
    with pytest.raises(Fault), open_facts(run, tables.profile) as facts:
        made = facts.dataset("orders")
        put(tables.data / "orders/2026-01-01/part-0.parquet", "x")
        made.to_table()
