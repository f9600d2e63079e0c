"""Commands in README and docs run; tables are what the code says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sr_adapters.cli.app import COMMANDS
from sr_plugins.reason_table import filled
from sr_ports import hooks
from tests.docs.blocks import REPO, Block, Reader, blocks, same

PAGES = "https://github.com/scenario-runner/scenario-runner/blob/main/"
DOCS = [REPO / "README.md", *sorted((REPO / "docs").rglob("*.md"))]


def sr(*args: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    import os

    return subprocess.run(
        [sys.executable, "-m", "sr_adapters.cli", *args],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(REPO), **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_tour_of_the_readme_runs_as_written(tmp_path: Path) -> None:
    every = blocks((REPO / "README.md").read_text("utf-8"))
    demos = [one for one in every if one.kind == "console"]
    assert len(demos) == 2
    (tour,) = [one for one in every if one.kind == "sh" and "SR_PROFILE=" in one.text]
    with Reader(tmp_path) as reader:
        for block in demos:
            reader.follow(block)
        for line in tour.text.splitlines():
            code, told = reader.type(line)
            assert code == 0, (line, told)
            assert bool(told) is line.startswith("sr "), (line, told)


def test_the_five_lines_of_the_readme_bring_own_data_to_ready(tmp_path: Path) -> None:
    (block,) = [one for one in blocks((REPO / "README.md").read_text("utf-8")) if "sr init" in one.text]
    assert len(block.text.splitlines()) == 5
    with Reader(tmp_path) as reader:
        reader.follow(Block("sh", "mkdir -p data/orders\necho 1 > data/orders/part-0.csv\n"))
        reader.follow(block)
        assert str(reader.type("sr list")).count("READY") == 1


def test_the_tutorial_runs_as_written(tmp_path: Path) -> None:
    every = blocks((REPO / "docs" / "tutorial.md").read_text("utf-8"))
    assert len(every) > 12
    with Reader(tmp_path) as reader:
        for block in every:
            reader.follow(block)


def test_the_way_to_a_published_law_runs_as_written(tmp_path: Path) -> None:
    every = [one for one in blocks((REPO / "docs" / "plugins.md").read_text("utf-8")) if one.kind == "console"]
    assert len(every) == 3
    with Reader(tmp_path) as reader:
        for block in every:
            reader.follow(block)


def test_a_block_that_shows_something_else_is_found() -> None:
    told = ["READY run 12", "  facts", "  plan", "took 0.8 s"]
    for shown in (["READY run ...", "  ...", "took 1.2 s"], told):
        assert same(shown, told)
    for shown in ([], ["READY run 12"], ["READY run 13", "...", "took 1 s"], [*told, "..."], ["...", "took 1 min"]):
        assert not same(shown, told)


def test_the_shell_of_the_blocks_tells_codes_and_lines_and_keeps_its_folder(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        assert reader.type("mkdir a\ncd a\nX=1") == (0, [])
        assert reader.type("pwd; printf %s $X; exit_code() { return 3; }; exit_code") == (
            3, [str(tmp_path / "home" / "a"), "1"]
        )  # fmt: skip
        assert reader.type("cat") == (0, [])
        with pytest.raises(AssertionError):
            reader.follow(Block("console", "$ sr status --no-such-option\n...\n"))
        with pytest.raises(AssertionError, match="ended"):
            reader.follow(Block("sh", "false\n"))


def test_the_engine_of_the_docs_seals_by_itself(tmp_path: Path) -> None:
    text = (REPO / "docs" / "own-data.md").read_text("utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "engine.py").write_text(block)
    (tmp_path / "sample").mkdir()
    (tmp_path / "sample" / "orders.csv").write_text("x")
    assert sr("init", "sample", "--engine", f"{sys.executable} engine.py", cwd=tmp_path).returncode == 0
    profile = (tmp_path / "sr.yaml").read_text("utf-8")
    (tmp_path / "sr.yaml").write_text(re.sub(r"command: .*", f'command: ["{sys.executable}", engine.py]', profile))
    done = sr("submit", "request.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_table_of_reason_codes_is_fresh() -> None:
    text = (REPO / "docs" / "operations.md").read_text("utf-8")
    assert filled(text) == text, "run: python -m sr_plugins.reason_table --write"


def test_the_example_of_the_vectors_runs_as_written() -> None:
    text = (REPO / "docs" / "contracts.md").read_text("utf-8")
    (block,) = [one for one in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "contracts/vectors/" in one]
    for program, code in ((block, 0), (block.replace('"ready", ', '"READY", '), 1)):
        assert program != block or code == 0, "its twin is another program"
        command = [sys.executable, "-I", "-c", program]
        assert subprocess.run(command, cwd=REPO, capture_output=True, check=False).returncode == code
    named = set(re.findall(r"`contracts/vectors/(\w+)\.json`", text))
    assert named == {path.stem for path in (REPO / "contracts" / "vectors").glob("*.json")}


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_every_command_and_link_in_the_docs_exists(path: Path) -> None:
    text = path.read_text("utf-8")
    for name in re.findall(r"`sr ([a-z]+)", text):
        assert name in COMMANDS, name
    for link in re.findall(r"(?:\]\(|^\[\w+\]: )([^)#\s]+)", text, re.MULTILINE):
        if link.startswith(PAGES):
            assert (REPO / link.removeprefix(PAGES)).exists(), link
        elif "://" not in link:
            assert path.name != "README.md", f"{link} leads nowhere on an index page"
            assert (path.parent / link).exists(), link
    for name in re.findall(r"`((?:sr_\w+|tests|contracts|config)/[\w./*-]+\.py)`", text):
        assert (REPO / name).exists(), name


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_every_name_that_the_docs_place_in_a_file_is_there(path: Path) -> None:
    for names, place in placed(path.read_text("utf-8")):
        text = (REPO / place).read_text("utf-8")
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"\b{name}\b", text), (name, place)


def placed(text: str) -> list[tuple[str, str]]:
    """``a``, ``b`` and ``c`` in ``place.py``: the names and the place."""
    one = r"`\w+`"
    return re.findall(rf"({one}(?:(?:, | and | or ){one})*) in `((?:sr_\w+|tests)/[\w/]+\.py)`", text)


def test_names_and_places_are_found() -> None:
    assert placed("see `a` and `b` in `sr_ports/lazy.py`, `c` in `sr_ports/`") == [("`a` and `b`", "sr_ports/lazy.py")]
    assert len(placed((REPO / "docs" / "architecture.md").read_text("utf-8"))) > 5


def test_every_hook_is_documented() -> None:
    text = (REPO / "docs" / "plugins.md").read_text("utf-8")
    assert all(f"`{name}`" in text for name in dir(hooks) if name.startswith("sr_"))


def test_the_limit_on_days_is_documented() -> None:
    from sr_domain.plan.compile import MAX_DAYS

    assert f"{MAX_DAYS:,} days" in (REPO / "docs" / "operations.md").read_text("utf-8")


def test_every_promise_of_the_threat_model_names_tests_that_are_there() -> None:
    text = (REPO / "docs" / "threat-model.md").read_text("utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    assert len(named) > 30
    for place, name in named:
        assert re.search(rf"\bdef {name}\(", (REPO / place).read_text("utf-8")), (place, name)
    rows = [line for line in text.splitlines() if line.startswith("| ") and "shown by" not in line]
    promises = [line for line in rows if "tests/" in line]
    assert all(line.rstrip().endswith("` |") for line in promises)


def test_the_bounds_in_the_threat_model_are_those_of_the_code() -> None:
    from sr_domain.encoding import bounds
    from sr_domain.evidence import flags, index_reader
    from sr_plugins.documents import yaml
    from sr_ports import roots, wanted

    text = (REPO / "docs" / "threat-model.md").read_text("utf-8")
    counts = [
        bounds.MAX_VALUES, yaml.MAX_NODES, index_reader.MAX_ENTRIES, index_reader.MAX_ENTRY, roots.MAX_PATH,
        roots.MAX_PARTS, wanted.MAX_PATTERN, wanted.MAX_SPANS, bounds.MAX_DEPTH,
    ]  # fmt: skip
    assert all(f"{count:,}" in text for count in counts)
    sizes = [bounds.MAX_BYTES, bounds.MAX_TEXT, yaml.MAX_YAML, index_reader.MAX_INDEX]
    assert all(f"{size >> 20} MiB" in text for size in sizes)
    assert f"{flags.FLAG_LIMIT >> 10} KiB" in text
    assert all(f"`{code.value}`" in text for code in bounds.BOUNDS)
