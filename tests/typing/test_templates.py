"""What sr plugins new writes is clean in mypy and pyright at their strictest, and in ruff, whatever its name."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sr_adapters.cli.plugins import KINDS
from sr_plugins.uses.plugin_new import write_plugin

REPO = Path(__file__).resolve().parents[2]
NAMES = ("ab", "acme-thing", "a-name-that-is-as-long-as-it-may")


def needs(*modules: str) -> None:
    """Skip, or fail where every tier is asked for, unless these are there."""
    missing = [one for one in modules if importlib.util.find_spec(one) is None and shutil.which(one) is None]
    if missing:
        leave = pytest.fail if os.environ.get("SR_REQUIRE_TIERS") else pytest.skip
        leave(f"{' and '.join(missing)} not found: pip install -r requirements/lint.txt; pyright runs on node")


def said(folder: Path, *words: str) -> str:
    """What a tool says of a folder; it must find nothing."""
    env = {**os.environ, "PYTHONPATH": str(REPO), "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_ruff_finds_nothing_by_the_projects_own_rules_and_by_its_defaults(kind: str, name: str, tmp_path: Path) -> None:
    needs("ruff")
    folder = Path(write_plugin(kind, name, tmp_path).folder)
    for more in ((), ("--isolated",)):
        said(folder, "ruff", "check", *more, ".")
        said(folder, "ruff", "format", "--check", *more, ".")


@pytest.mark.slow
def test_mypy_and_pyright_find_nothing_in_the_examples_without_a_template(tmp_path: Path) -> None:
    needs("mypy", "pyright", "node")
    examples = sorted((REPO / "config" / "templates" / "examples").glob("*.in"))
    assert len(examples) == 3
    for path in examples:
        (tmp_path / path.stem).write_text(path.read_text())
    said(tmp_path, "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), ".")
    config = {"typeCheckingMode": "strict", "extraPaths": [str(REPO)]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(config))
    said(tmp_path, "pyright", "--pythonpath", sys.executable)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_mypy_and_pyright_find_nothing(kind: str, tmp_path: Path) -> None:
    needs("mypy", "pyright", "node")
    folder = Path(write_plugin(kind, f"acme-{kind}", tmp_path).folder)
    assert "type: ignore" not in "".join(path.read_text() for path in folder.rglob("*.py"))
    assert "Success" in said(folder, "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"))
    config = {"typeCheckingMode": "strict", "extraPaths": ["src", str(REPO)], "include": ["src", "tests"]}
    (folder / "pyrightconfig.json").write_text(json.dumps(config))
    said(folder, "pyright", "--pythonpath", sys.executable)
