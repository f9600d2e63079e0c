"""What sr plugins new writes is as its README says: its tests pass as written, and SR takes it as it is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sr_adapters.cli.plugins import KINDS
from sr_plugins.uses.plugin_new import write_plugin

REPO = Path(__file__).resolve().parents[2]
LONG = ("store", "authority")
"""Whose conformance suites take longer than half a minute on a busy machine."""
QUICK = [one for one in KINDS if one not in LONG]


def written(kind: str, into: Path) -> Path:
    return Path(write_plugin(kind, f"acme-{kind}", into).folder)


def run_tests_of(folder: Path) -> None:
    """Run a distribution's tests as its reader would, in an interpreter of their own."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"],
        cwd=folder,
        env={**env, "PYTHONPATH": str(REPO)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert re.search(r"^\d+ passed", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("kind", QUICK)
def test_its_tests_pass_as_written(kind: str, tmp_path: Path) -> None:
    run_tests_of(written(kind, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("kind", LONG)
def test_its_long_tests_pass_as_written(kind: str, tmp_path: Path) -> None:
    run_tests_of(written(kind, tmp_path))


def test_tests_that_a_change_breaks_do_not_pass(tmp_path: Path) -> None:
    folder = written("law", tmp_path)
    module = folder / "src" / "acme_law" / "__init__.py"
    module.write_text(module.read_text().replace("whole.update(chunk)", "break"))
    with pytest.raises(AssertionError):
        run_tests_of(folder)


@pytest.mark.parametrize("kind", KINDS)
def test_its_project_says_what_pip_needs(kind: str, tmp_path: Path) -> None:
    folder = written(kind, tmp_path)
    project = tomllib.loads((folder / "pyproject.toml").read_text())
    module = f"acme_{kind}"
    assert project["project"]["name"] == f"acme-{kind}"
    assert project["project"]["entry-points"]["scenario_runner"] == {module: module}
    assert (folder / project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"][0] / "py.typed").exists()
    readme = (folder / project["project"]["readme"]).read_text()
    for word in (f"pip install -e ./acme-{kind}", "sr plugins check", "twine upload"):
        assert word in readme


def test_the_templates_are_in_the_wheel_and_in_the_sdist() -> None:
    targets = tomllib.loads((REPO / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
    assert targets["wheel"]["force-include"]["config"] == "sr_plugins/shipped/config"
    assert "config" in targets["sdist"]["include"]
    assert {path.name for path in (REPO / "config" / "templates").iterdir()} == {"common", "examples", *KINDS}
