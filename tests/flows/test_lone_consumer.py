"""READY, the facts view and the part lists are all that a consumer needs: it has no code of ours, and no record."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_domain.plan.pack import OutputSpec
from tests.kit import BASE, Lab, request
from tests.worlds import DAILY, EVENTS, GATES, OUTPUTS, WORLD, pack, small_world

PROGRAM = Path(__file__).parents[1] / "lone_consumer.py"
TOPIC = "truth/bus/fp.bus.control.v1"
SECOND = DAILY.replace("utc_day=2026-01-01", "utc_day=2026-01-02")
MORE = {
    f"{DAILY}/part-1.bin": b"daily 1",
    f"{SECOND}/part-0.bin": b"the next day, alone",
    "data/deep/x/y/part-0.parquet": b"deep 0",
    "data/deep/z/part-1.parquet": b"deep 1",
    "data/deep/z/notes.txt": b"beside",
}
DEEP = OutputSpec("deep", "data/deep/**/*.parquet", read_requires_gates=("gate.a",))
EXPECTED = {
    "world": [WORLD],
    "events": [f"{EVENTS}/part-0.bin", f"{EVENTS}/part-1.bin"],
    "daily": [f"{DAILY}/part-0.bin", f"{DAILY}/part-1.bin", f"{SECOND}/part-0.bin"],
    "deep": ["data/deep/x/y/part-0.parquet", "data/deep/z/part-1.parquet"],
}


@attrs.frozen
class Ready:
    """A READY run, and whose root it was proven in."""

    lab: Lab
    run_id: str
    root: Path

    def consumed(self) -> subprocess.CompletedProcess[str]:
        """What the lone consumer says: an interpreter that finds no package but Python's own."""
        words = [sys.executable, "-I", "-S", str(PROGRAM), str(self.lab.root / TOPIC), str(self.lab.root / "truth")]
        return subprocess.run(words, capture_output=True, text=True, check=False, cwd="/")


@pytest.fixture
def ready(tmp_path: Path) -> Ready:
    """A single file, a folder, a glob at any depth, and two days, all of one run."""
    lab = Lab.files(tmp_path)
    root = lab.world({**small_world(), **MORE})
    gates = tuple(
        attrs.evolve(one, authorizes_outputs=("world", "deep")) if one.gate_id == "gate.a" else one for one in GATES
    )
    window: dict[str, Any] = {
        "window_start_utc": "2026-01-01T00:00:00Z", "window_end_utc": "2026-01-03T00:00:00Z", "window_tz": "UTC"
    }  # fmt: skip
    asked = request(engine_run_root=root, window=window, output_ids=list(EXPECTED))
    outcome = lab.runner(packed=pack((*OUTPUTS, DEEP), gates)).submit(asked)
    assert outcome.state == "READY", outcome
    return Ready(lab, outcome.run_id, Path(root))


def test_it_finds_and_proves_every_byte(ready: Ready) -> None:
    said = ready.consumed()
    assert (said.returncode, said.stderr) == (0, "")
    (run,) = map(json.loads, said.stdout.splitlines())
    below = {name: [path.removeprefix(f"{ready.root}/") for path in paths] for name, paths in run["outputs"].items()}
    assert below == EXPECTED
    assert run["run_id"] == ready.run_id


def test_it_needs_nothing_else_of_the_store(ready: Ready) -> None:
    base = ready.lab.root / "truth" / BASE
    for folder in base.iterdir():
        if folder.name not in ("run_facts_view", "part_lists"):
            shutil.rmtree(folder)
    assert ready.consumed().returncode == 0


@pytest.mark.parametrize("path", [path for paths in EXPECTED.values() for path in paths])
def test_it_finds_every_rotten_file(ready: Ready, path: str) -> None:
    (ready.root / path).write_bytes(b"rot")
    said = ready.consumed()
    assert said.returncode == 1
    assert f"{path} has other bytes" in said.stderr


def test_a_reemitted_ready_is_the_same_run(ready: Ready) -> None:
    ready.lab.runner().reemit(ready.run_id, "READY_ONLY", reason="a consumer was late", actor="on call")
    assert len(list((ready.lab.root / TOPIC).glob("*.json"))) == 2
    assert len(ready.consumed().stdout.splitlines()) == 1
