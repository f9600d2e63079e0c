"""Two engine runs: one that the demo engine made, always; the user's own, where the environment names it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sr_adapters.cli.demo import demo_request
from sr_plugins.documents.pack import load_pack, pack_folder
from tests.own_engine.sealed import PACK, REQUEST, ROOT, EngineRun, NotGiven, inventory, own


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of somebody whose engine is the demo engine."""
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "sr_adapters.cli", "--json", "demo", "--root", "demo", "--size", "20k"]
    told = json.loads(subprocess.run(command, cwd=folder, capture_output=True, check=True, text=True).stdout)
    explain = [sys.executable, "-m", "sr_adapters.cli", "--profile", "demo/profile.yaml", "--json", "explain"]
    why = subprocess.run([*explain, told["run_id"]], cwd=folder, capture_output=True, check=True, text=True)
    request = folder / "request.json"
    request.write_text(json.dumps(demo_request(load_pack("builtin").outputs, "20k", None)))
    return {ROOT: json.loads(why.stdout)["engine_run_root"], PACK: str(pack_folder("builtin")), REQUEST: str(request)}


@pytest.fixture(params=["demo", "own"])
def engine_run(request: pytest.FixtureRequest) -> Iterator[EngineRun]:
    """An engine run; whatever is done with it, nothing below its root may be another than before."""
    own_one = request.param == "own"
    try:
        run = own(os.environ if own_one else request.getfixturevalue("demo"))
    except NotGiven as why:
        if not own_one:
            raise
        pytest.skip(str(why))
    before = inventory(run.root)
    yield run
    assert inventory(run.root) == before, "the engine's own root was changed"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where truth and copies go; never below the root."""
    return tmp_path
