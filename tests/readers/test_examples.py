"""The examples without Scenario Runner prove what it proves, and refuse what it refuses: in Python and in Go."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sr_plugins.consumer import open_facts
from tests.consumer.world import FILES, ORDERS, World, world

REPO = Path(__file__).resolve().parents[2]
PYTHON, GO = REPO / "examples" / "prove.py", REPO / "examples" / "prove.go"
GO_FLAGS = {"GOFLAGS": "-mod=mod", "GO111MODULE": "off", "GOTOOLCHAIN": "local", "GOPROXY": "off"}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The Go example as a program; skips where there is no Go."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("no go on this machine")
    folder = tmp_path_factory.mktemp("go")
    env = {**os.environ, **GO_FLAGS, "GOCACHE": str(folder / "cache"), "HOME": str(folder)}
    program = folder / "prove"
    subprocess.run([go, "build", "-o", str(program), str(GO)], check=True, env=env, cwd=folder)
    for check in (["vet", "prove.go", "prove_test.go"], ["test", "prove.go", "prove_test.go"]):
        subprocess.run([go, *check], check=True, env=env, cwd=GO.parent)
    return [str(program)]


@pytest.fixture(params=["python", "go"])
def prove(request: pytest.FixtureRequest) -> Callable[[World, str], subprocess.CompletedProcess[str]]:
    command = [sys.executable, "-I", "-S", str(PYTHON)] if request.param == "python" else None
    if command is None:
        command = request.getfixturevalue("built")

    def run(made: World, run_id: str) -> subprocess.CompletedProcess[str]:
        (signal,) = (made.folder / "runs").glob(f"fraud-platform/*/sr/ready_signal/{run_id}.json")
        args = [*command, str(made.folder / "runs"), str(signal)]
        return subprocess.run(args, capture_output=True, text=True, check=False)

    return run


Prove = Callable[[World, str], subprocess.CompletedProcess[str]]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("PLATFORM_RUN_ID", "platform_20260131T134200Z")
    return world(tmp_path, {**FILES, "odd/ä b&<c>.csv": "1\n", "odd/€😀.csv": "2\n"})


OUTPUTS = ["customers", "odd", "orders"]


def test_they_name_the_very_files_that_open_facts_names(made: World, prove: Prove) -> None:
    run = made.submit(output_ids=OUTPUTS, seed=2**64 - 1)
    done = prove(made, run)
    assert (done.returncode, done.stderr) == (0, "")
    told = [tuple(line.split("\t")) for line in done.stdout.splitlines()]
    with open_facts(run, made.profile) as facts:
        assert sorted(told) == sorted((output, path) for output in OUTPUTS for path in facts.paths(output))


def altered(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    path.chmod(0o644)
    path.write_bytes(data.replace(old, new, 1))


def view_without_a_gate(made: World, run: str) -> None:
    view = json.loads(made.view(run).read_bytes())
    view["gate_receipts"] = []
    made.view(run).chmod(0o644)
    made.view(run).write_text(json.dumps(view))


def record_of(made: World, run: str) -> Path:
    return made.view(run).parents[1] / "run_record" / f"{run}.jsonl"


def part_list_of(made: World, run: str) -> Path:
    lists = sorted(made.view(run).parents[1].glob("part_lists/*.json"))
    return next(one for one in lists if b"part-1.csv" in one.read_bytes())


FAULTS: dict[str, tuple[Callable[[World, str], object], str]] = {
    "a byte": (lambda made, run: altered(made.data / ORDERS[0], b"3.5", b"9.5"), "other bytes than were proven"),
    "a file that is gone": (lambda made, run: (made.data / ORDERS[1]).unlink(), "part-1.csv"),
    "a single file": (lambda made, run: altered(made.data / "customers.csv", b"bob", b"eve"), "other bytes"),
    "a part list": (lambda made, run: altered(part_list_of(made, run), b"part-1", b"part-9"), "other bytes"),
    "a view": (view_without_a_gate, "bundle_hash"),
    "a line of the record": (lambda made, run: altered(record_of(made, run), b'"seed":7', b'"seed":8'), "record"),
    "the record's last line": (
        lambda made, run: altered(record_of(made, run), b'"READY_PUBLISHED"', b'"READY_PUBLISHES"'),
        "was altered",
    ),
    "a later successor": (lambda made, run: made.submit("newer", supersedes=run), "was superseded by"),
    "another view's READY": (
        lambda made, run: altered(
            made.view(run).parents[1] / "ready_signal" / f"{run}.json", b'"message_id":"', b'"message_id":"0'
        ),
        "READY is not of this view",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_they_refuse_whatever_is_not_as_it_was_proven(made: World, prove: Prove, fault: str) -> None:
    run = made.submit()
    assert prove(made, run).returncode == 0
    act, why = FAULTS[fault]
    act(made, run)
    done = prove(made, run)
    assert (done.returncode, done.stdout) == (1, ""), fault
    assert done.stderr.startswith("not proven: ")
    assert why in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_python_example_keeps_the_vectors() -> None:
    prove = runpy.run_path(str(PYTHON))
    vectors = REPO / "contracts" / "vectors"
    for case in json.loads((vectors / "bundle_hash.json").read_text("utf-8"))["cases"]:
        assert prove["bundle_hash"](case) == case["expected"]
    for case in json.loads((vectors / "ids.json").read_text("utf-8"))["cases"]:
        if case["formula"] == "ready_message_id":
            told = "|".join(("ready", *(case["input"][name] for name in case["input"])))
            assert prove["sha256"](told.encode()) == case["expected"]
