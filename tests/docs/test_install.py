"""What an installation promises: declared libraries, extras that hold something, a lock that fits."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import conftest

REPO = Path(__file__).resolve().parents[2]
PYPROJECT: dict[str, Any] = tomllib.loads((REPO / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
OURS = ("sr_ports", "sr_domain", "sr_plugins", "sr_adapters")
DISTRIBUTIONS = {
    "yaml": "pyyaml",
    "jwt": "pyjwt",
    "prometheus_client": "prometheus-client",
    "opentelemetry": "opentelemetry-api",
    "opentelemetry.sdk": "opentelemetry-sdk",
    "opentelemetry.exporter.otlp.proto.http": "opentelemetry-exporter-otlp-proto-http",
}
"""Where a module has another name than its distribution."""


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(one).name) for one in requirements}


def imported(package: str) -> Iterator[tuple[str, Path]]:
    """The distributions that a package's modules import, wherever in a module."""
    for path in (REPO / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            whole = []
            if isinstance(node, ast.Import):
                whole = [one.name for one in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                whole = [node.module or ""]
            for module in {one.partition(".")[0] for one in whole} - sys.stdlib_module_names - set(OURS):
                yield DISTRIBUTIONS.get(module, module), path


@pytest.mark.parametrize("package", OURS)
def test_what_is_imported_is_declared(package: str) -> None:
    base, extras = names(PROJECT["dependencies"]), names([one for of in EXTRAS.values() for one in of])
    for name, path in imported(package):
        inside = path.relative_to(REPO / package).parts[0]
        optional = EXTRAS.get("test" if inside in ("conformance", "testing") else inside)
        assert name in base | (extras if optional is None else names(optional)), f"{path} imports {name}"


def test_no_extra_is_empty_and_every_adapter_s_extra_is_there() -> None:
    assert all(EXTRAS.values())
    points = [point for point in entry_points(group="scenario_runner") if point.value.startswith("sr_adapters.")]
    modules = [point.load() for point in points]
    hooks = [getattr(module, name) for module in modules for name in dir(module) if name.startswith("sr_")]
    offers = [offer for hook in hooks for offer in hook()]
    for offer in offers:
        assert bool(offer.extra) == bool(offer.requires), offer.name
        if offer.extra:
            assert {DISTRIBUTIONS.get(one, one) for one in offer.requires} <= names(EXTRAS[offer.extra])
    of_consumers, of_people = {"arrow", "duckdb"}, {"report", "service"}
    offered = {offer.extra for offer in offers if offer.extra}
    assert offered | of_people == set(EXTRAS) - of_consumers - {"aws", "test", "all"}


def test_the_extra_for_tests_changes_no_run_by_being_installed() -> None:
    assert not {"pytest-randomly", "pytest-cov"} & names(EXTRAS["test"])


def test_the_lock_fits_and_shows_nothing_of_the_machine_it_was_made_on() -> None:
    text = conftest.LOCK.read_text("utf-8")
    assert "://" not in text
    assert "/" not in text
    lock = conftest.locked()
    for one in map(Requirement, [*PROJECT["dependencies"], *(one for of in EXTRAS.values() for one in of)]):
        if one.name != PROJECT["name"]:
            assert one.specifier.contains(lock[canonicalize_name(one.name)]), one


def test_an_installed_version_that_is_not_the_locked_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "constraints.txt"
    lock.write_text(
        f"# made by: tox -e lock\npluggy==0.0.1\npytest=={pytest.__version__}\nno-such-thing==1.0\n"
        "attrs==0.0.2 ; python_version < '3'\n"
    )
    monkeypatch.setattr(conftest, "LOCK", lock)
    (other,) = conftest.other_versions()
    assert other.startswith("pluggy ")
    assert other.endswith(" (0.0.1)")


def test_the_source_distribution_has_all_that_its_files_name() -> None:
    include = PYPROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert {*OURS, "contracts", "config", "docs", "tests", "requirements", ".ci", "tox.ini", "hatch_build.py"} <= {
        *include
    }
    assert all((REPO / one).exists() for one in include)


def test_the_project_says_where_it_lives_and_what_it_runs_on() -> None:
    home = PROJECT["urls"]["Homepage"]
    assert all(url.startswith(home) for url in PROJECT["urls"].values())
    for wanted in (
        "Operating System :: POSIX :: Linux",
        "Operating System :: MacOS",
        "Programming Language :: Python :: 3.13",
    ):
        assert wanted in PROJECT["classifiers"]
