"""The recipes for consumers run as they are written; those of heavy tools without the tool."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from sr_plugins.consumer import open_facts
from tests.consumer.world import DAYS, FILES, LATE, ORDERS, World, put, world
from tests.docs.blocks import REPO, Block, Reader, blocks

PAGE = (REPO / "docs" / "consuming.md").read_text("utf-8")
EVERY = [one for one in blocks(PAGE) if one.kind == "python"]
TABLES = {"pyarrow", "duckdb", "polars", "pandas"}


def the_one(word: str) -> str:
    """The block that has the word."""
    (found,) = [one.text for one in EVERY if word in one.text]
    return found


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLATFORM_RUN_ID", "platform_20260131T134200Z")
    made = world(tmp_path)
    monkeypatch.setenv("SR_PROFILE", str(made.profile_file()))
    return made


def needed(text: str) -> set[str]:
    """The libraries that a block needs."""
    names = {alias.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import) for alias in node.names}
    found = {name.partition(".")[0] for name in names} & TABLES
    return found | ({"pandas", "pyarrow"} if ".frame(" in text else set())


def run(text: str) -> dict[str, Any]:
    """Run a block, where its libraries are here."""
    for name in sorted(needed(text)):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    names: dict[str, Any] = {}
    exec(compile(text, "docs/consuming.md", "exec"), names)
    return names


@pytest.mark.parametrize("block", EVERY, ids=[str(number) for number in range(len(EVERY))])
def test_a_recipe_runs_as_it_is_written(made: World, block: Block) -> None:
    made.submit("orders-1")
    run(block.text)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("frame(", "20.0"),
        ("ds.field", "3"),
        ("facts.relation", "[(4, 20.0)]"),
        ("scan_pyarrow_dataset", "3 4"),
        ("facts.window", "orders/2026-01-02/part-0.csv"),
    ],
)
def test_a_recipe_reads_the_proven_files_and_none_else(
    made: World, capsys: pytest.CaptureFixture[str], word: str, says: str
) -> None:
    made.submit("orders-1")
    third = made.data / "orders/2026-01-03/part-0.csv"
    third.parent.mkdir()
    third.write_text("order,amount\n666,1.0\n")
    run(the_one(word))
    out = capsys.readouterr().out
    assert says in out
    assert "2026-01-03/part" not in out


def test_the_recipe_for_spark_hands_on_exactly_the_proven_files(made: World) -> None:
    made.submit("orders-1")
    asked: list[Any] = []

    def csv(paths: Any, **how: Any) -> str:
        asked.append((paths, how))
        return "frame"

    reader = SimpleNamespace(csv=csv)
    with open_facts("key:orders-1", made.profile) as facts:
        assert run(the_one("spark.read"))["orders"](SimpleNamespace(read=reader), facts) == "frame"
    assert asked == [([str(made.data / name) for name in ORDERS], {"header": True, "inferSchema": True})]
    facts_on_s3: Any = SimpleNamespace(paths=lambda output: ["s3://bucket/orders/part-0.csv"])
    run(the_one("spark.read"))["orders"](SimpleNamespace(read=reader), facts_on_s3)
    assert asked[-1][0] == ["s3a://bucket/orders/part-0.csv"]


def test_the_sensor_for_airflow_waits_succeeds_and_gives_up(made: World) -> None:
    is_ready = run(the_one("def is_ready"))["is_ready"]
    assert is_ready("orders-1", made.profile) is False
    run_id = made.submit("orders-1")
    assert is_ready("orders-1", made.profile) is True
    made.submit("orders-2", supersedes=run_id)
    with pytest.raises(RuntimeError, match="superseded"):
        is_ready("orders-1", made.profile)


def test_the_sensor_for_airflow_raises_for_a_run_that_ended(made: World) -> None:
    is_ready = run(the_one("def is_ready"))["is_ready"]
    put(made.data / ORDERS[0], "other bytes than were sealed")
    assert made.outcome("orders-1").state in ("FAILED", "QUARANTINED")
    with pytest.raises(RuntimeError, match=r"is (FAILED|QUARANTINED)"):
        is_ready("orders-1", made.profile)


@attrs.define
class Context:
    """As Dagster's, of a sensor: its cursor is kept with the tick."""

    cursor: str | None = None

    def update_cursor(self, cursor: str) -> None:
        self.cursor = cursor


def test_the_sensor_for_dagster_asks_for_each_run_and_repeats_what_a_crash_lost(made: World) -> None:
    tick: Callable[..., list[dict[str, Any]]] = run(the_one("def tick"))["tick"]
    made.submit("orders-1")
    context = Context()
    (first,) = tick(Context(), dict, made.profile)  # the tick was lost: nothing of it was kept
    assert tick(context, dict, made.profile) == [first]
    assert set(first) == {"run_key", "tags"}
    assert tick(context, dict, made.profile) == []
    assert context.cursor == ""
    made.submit("orders-2")
    assert len(tick(context, dict, made.profile)) == 1


def test_the_loop_in_a_shell_runs_as_it_is_written(tmp_path: Path, made: World) -> None:
    made.submit("orders-1")
    (block,) = [one for one in blocks(PAGE) if one.kind == "sh"]
    (tmp_path / "reader").mkdir()
    with Reader(tmp_path / "reader") as reader:
        reader.type(f"export SR_PROFILE={made.profile_file()}")
        code, told = reader.type(block.text)
        assert code == 0, told
        assert [line.split()[-1] for line in told] == [str(made.data / name) for name in ORDERS]
        (made.data / LATE).write_text("late")
        code, told = reader.type("sr open key:orders-1 orders")
        assert code == 5
        assert [line for line in told if not line.startswith("error[TRUTH_ALTERED]")] == []


def test_the_sensors_have_twenty_lines() -> None:
    for name in ("is_ready", "tick"):
        lines = [line for line in the_one(f"def {name}").splitlines() if line.strip()]
        assert len(lines) <= 20, name


def test_the_page_names_every_way_to_read() -> None:
    from sr_plugins.consumer import Facts

    ways = {name for name in vars(Facts) if not name.startswith("_") and name not in ("view", "run_id", "close")}
    assert {name for name in ways if not re.search(rf"\b{name}\b", PAGE)} == set()
    assert (len(DAYS), len(FILES)) == (2, 4)
