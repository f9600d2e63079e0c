"""The page on testing: its examples run as written, by the plugin that it names, and its tables name what there is."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

from sr_plugins import testing
from sr_plugins.testing import strategies
from sr_ports.conformance.runs import RunLaws

REPO = Path(__file__).resolve().parents[2]
PAGE = REPO / "docs" / "testing.md"
BLOCK = re.compile(r"```python\n# (\S+\.py)\n(.*?)```", re.DOTALL)


def run_pytest(folder: Path, *options: str) -> str:
    """What pytest says in a folder of somebody's own, and that it passed."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", *options],
        cwd=folder,
        env={**env, "PYTHONPATH": str(REPO), "CI": "true"},  # then hypothesis counts no time
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    return done.stdout


def test_the_examples_run_as_written(tmp_path: Path) -> None:
    found = BLOCK.findall(PAGE.read_text("utf-8"))
    assert [name for name, _ in found] == [
        "conftest.py",
        "test_small_world.py",
        "test_our_wiring.py",
        "test_our_law.py",
    ]
    for name, text in found:
        (tmp_path / name).write_text(text, "utf-8")
    own = sum(text.count("def test_") for _, text in found)
    wirings = sum(text.count("(RunLaws)") for _, text in found)
    each = sum(name.startswith("test_") for name in dir(RunLaws))
    assert own >= 5
    assert wirings == 2
    assert f"{own + wirings * each} passed" in run_pytest(tmp_path)


def test_the_fixtures_are_there_for_who_asks_for_them_alone(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text("def test_one(sr_request):\n    assert sr_request['seed'] == 7\n")
    run_pytest(tmp_path, "-p", "sr_plugins.testing")
    asked = "pytestconfig.pluginmanager.has_plugin('sr_plugins.testing')"
    plain = f"def test_none(pytestconfig):\n    assert not {asked}\n"
    (tmp_path / "test_one.py").write_text(plain)
    run_pytest(tmp_path)


def test_every_fixture_and_strategy_is_in_the_document() -> None:
    text = PAGE.read_text("utf-8")
    for name in testing.__all__:
        assert f"`{name}`" in text or not name.startswith("sr_")
    for name, one in inspect.getmembers(strategies, inspect.isfunction):
        if one.__module__ == strategies.__name__ and f"near_{name}" in vars(strategies):
            assert f"| `{name}(" in text
            assert f"| `near_{name}(" in text
