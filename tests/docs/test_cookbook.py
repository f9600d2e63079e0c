"""Every page of the cookbook is followed as written: files are written, commands are typed, what is shown comes out."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path

import pytest

from tests.docs.blocks import REPO, Block, Reader, blocks

COOKBOOK = REPO / "docs" / "cookbook"
PAGES = sorted(path.stem for path in COOKBOOK.glob("*.md") if path.stem != "index")
NEEDS = {"dagster": "dagster"}
"""What a page cannot be followed without."""
OWN_DATA = "mkdir -p data/orders\necho 1,2 > data/orders/part-0.csv\nsr init data\nsr seal\n"


def needed(module: str) -> None:
    """Skip where a library is not installed; fail where every tier must be."""
    if importlib.util.find_spec(module) is None:
        leave = pytest.fail if os.environ.get("SR_REQUIRE_TIERS") else pytest.skip
        leave(f"{module} not found: pip install -r requirements/dev.txt")


def named(block: Block) -> str:
    """The file that a block of Python is."""
    name = re.match(r"# ([\w-]+\.py)\n", block.text)
    assert name is not None, block.text[:80]
    return name[1]


def follow(reader: Reader, home: Path, page: str) -> None:
    for block in blocks((COOKBOOK / f"{page}.md").read_text("utf-8")):
        if block.kind == "python":
            (home / "home" / named(block)).write_text(block.text, "utf-8")
        else:
            reader.follow(block)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_as_written(tmp_path: Path, page: str) -> None:
    if page in NEEDS:
        needed(NEEDS[page])
    with Reader(tmp_path) as reader:
        follow(reader, tmp_path, page)


@pytest.mark.parametrize("page", PAGES)
def test_every_file_of_a_page_is_run_by_one_of_its_commands(page: str) -> None:
    every = blocks((COOKBOOK / f"{page}.md").read_text("utf-8"))
    files = [named(block) for block in every if block.kind == "python"]
    others = " ".join(block.text for block in every if block.kind != "python" or block.text.count("import") > 1)
    assert files
    assert all(name in others or f"from {Path(name).stem} import" in others for name in files)


def test_the_index_has_every_page_and_no_other() -> None:
    text = (COOKBOOK / "index.md").read_text("utf-8")
    assert sorted(re.findall(r"^\| \[(\w+)\]\(\1\.md\)", text, re.MULTILINE)) == PAGES


def python_blocks(home: Path, page: str) -> None:
    """The files of a page, without its commands."""
    for block in blocks((COOKBOOK / f"{page}.md").read_text("utf-8")):
        if block.kind == "python":
            (home / "home" / named(block)).write_text(block.text, "utf-8")


def said(reader: Reader, program: str) -> str:
    """What a program says that ends well."""
    code, told = reader.type(f"python3 - <<'END'\n{program}\nEND")
    assert code == 0, told
    return "\n".join(told)


SPOILED = "echo 1,3 > data/orders/part-0.csv\n"
"""Bytes that are not those that were sealed."""

DAGSTER = """
from pathlib import Path
import dagster as dg
import yaml
from definitions import bytes_are_those_that_were_proven, defs, orders, ready, report

def materialised(name, *checks):
    done = dg.materialize([orders, *checks], resources=defs.resources, raise_on_error=False)
    print(name, done.success, [one.passed for one in done.get_asset_check_evaluations()])

def ticked(name):
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, resources=defs.resources, definitions=defs)
        told = ready.evaluate_tick(context).run_requests
        print(name, len(told), len({one.run_key for one in told}))
        for one in told:
            print("report:", dg.materialize([report], resources=defs.resources, tags=one.tags).success, [])

ticked("nothing yet:")
materialised("sound:", bytes_are_those_that_were_proven)
materialised("again:", bytes_are_those_that_were_proven)
ticked("one READY:")
Path("data/orders/part-0.csv").write_text("1,3")
materialised("rotted:", bytes_are_those_that_were_proven)
request = yaml.safe_load(Path("request.yaml").read_text())
Path("request.yaml").write_text(yaml.safe_dump({**request, "run_equivalence_key": "other"}))
materialised("never:")
ticked("still one:")
"""
TOLD = """nothing yet: 0 0
sound: True [True]
again: True [True]
one READY: 1 1
report: True []
rotted: True [False]
never: False []
still one: 1 1
report: True []"""


def test_dagster_has_an_asset_of_what_is_ready_alone_and_is_told_of_bytes_that_rotted(tmp_path: Path) -> None:
    needed("dagster")
    with Reader(tmp_path) as reader:
        python_blocks(tmp_path, "dagster")
        reader.follow(Block("sh", f"export DAGSTER_DISABLE_TELEMETRY=yes\n{OWN_DATA}"))
        told = said(reader, DAGSTER).splitlines()
    assert [line for line in told if re.match(r"[\w ]+: (\w+ \[|\d \d$)", line)] == TOLD.splitlines()


CALLED = {
    "airflow": """
from readiness import NotReady, is_ready, submit, verify
try:
    print("ready", is_ready(submit("request.yaml")))
except NotReady as error:
    print("never", error)
""",
    "prefect": """
import yaml
from ready import Never, NotYet, again, ready
class Failed:
    def __init__(self, error): self.error = error
    def result(self): raise self.error
try:
    print("ready", [one["output_id"] for one in ready(yaml.safe_load(open("request.yaml")))["locators"]])
except (Never, NotYet) as error:
    print(type(error).__name__.lower(), again(None, None, Failed(error)), error)
""",
    "lambda": """
import yaml
from handler import handler
class Context:
    def get_remaining_time_in_millis(self): return 60_000
told = handler({"request": yaml.safe_load(open("request.yaml"))}, Context())
print({"READY": "ready", None: "refused"}.get(told["state"], "never"), told["again"], told.get("why"))
""",
}


@pytest.mark.parametrize("page", CALLED)
def test_what_is_not_ready_is_ready_to_no_caller(tmp_path: Path, page: str) -> None:
    with Reader(tmp_path) as reader:
        python_blocks(tmp_path, page)
        reader.follow(Block("sh", OWN_DATA))
        assert said(reader, CALLED[page]).startswith("ready")
    other = tmp_path / "spoiled"
    other.mkdir()
    with Reader(other) as reader:
        python_blocks(other, page)
        reader.follow(Block("sh", OWN_DATA + SPOILED))
        told = said(reader, CALLED[page])
    assert told.startswith("never")
    assert "GATE_DIGEST_MISMATCH" in told or "EVIDENCE_CONFLICT" in told


def test_who_waits_asks_again_and_is_ready_when_the_evidence_is_there(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        python_blocks(tmp_path, "airflow")
        python_blocks(tmp_path, "prefect")
        reader.follow(Block("sh", f"{OWN_DATA}mv data/_sr kept\n"))
        assert said(reader, CALLED["airflow"]).startswith("ready False")
        assert said(reader, CALLED["prefect"]).startswith("notyet True")
        reader.follow(Block("sh", "mv kept data/_sr\n"))
        assert said(reader, CALLED["airflow"]).startswith("ready True")
        assert said(reader, CALLED["prefect"]).startswith("ready ['orders']")
