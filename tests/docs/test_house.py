"""The house measured: small functions, small files, imports that run one way. No limit here is ever raised.

Measured over the code that people write: the compiled contracts are left out.
"""

from __future__ import annotations

import ast
import statistics
import tomllib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

REPO = Path(__file__).resolve().parents[2]
PACKAGES = ("sr_ports", "sr_domain", "sr_plugins", "sr_adapters")
FILE_LIMIT, FILE_MEDIAN, FUNCTION_LIMIT, FUNCTION_P95 = 350, 110, 40, 20

Module = str


@cache
def sources() -> Mapping[Module, Path]:
    """Every module, by its dotted name."""
    paths = [path for package in PACKAGES for path in (REPO / package).rglob("*.py") if "_contracts" not in path.parts]
    return {_name(path): path for path in paths}


def _name(path: Path) -> Module:
    parts = path.relative_to(REPO).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree(module: Module) -> ast.Module:
    return ast.parse(sources()[module].read_text("utf-8"))


def lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How long a function is, its docstring with it: as many lines as a reader has before him."""
    return (function.end_lineno or 0) - function.lineno + 1


def functions() -> list[tuple[int, str]]:
    """Every function's length, with its name, shortest first."""
    return sorted(
        (lines(node), f"{module}.{node.name}")
        for module in sources()
        for node in ast.walk(tree(module))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


@cache
def imports() -> Mapping[Module, frozenset[Module]]:
    """What each module imports of ours when it runs, inside functions too; not what type checkers alone see."""
    return {module: frozenset(set(_imported(tree(module))) - {module}) for module in sources()}


def _imported(node: ast.AST) -> Iterator[Module]:
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in sources())
    elif isinstance(node, ast.ImportFrom) and node.module in sources():
        for alias in node.names:
            inner = f"{node.module}.{alias.name}"
            yield inner if inner in sources() else str(node.module)
    for child in ast.iter_child_nodes(node):
        yield from _imported(child)


@cache
def contracts() -> list[dict[str, Any]]:
    """What import-linter checks."""
    tools = tomllib.loads((REPO / "pyproject.toml").read_text("utf-8"))["tool"]
    found: list[dict[str, Any]] = tools["importlinter"]["contracts"]
    return found


def excused(module: Module, other: Module) -> bool:
    """Whether a layers contract names this import, and says why."""
    named = [one.split(" -> ") for of in contracts() if of["type"] == "layers" for one in of.get("ignore_imports", ())]
    return any(fnmatch(module, here) and fnmatch(other, there.replace("**", "*")) for here, there in named)


@cache
def floors() -> tuple[tuple[frozenset[str], ...], ...]:
    """Each layers contract, from the top floor down: the packages or rooms of each floor."""
    return tuple(
        tuple(
            frozenset(f"{prefix}{room.strip()}" for room in floor.replace(":", "|").split("|"))
            for floor in contract["layers"]
        )
        for contract in contracts()
        if contract["type"] == "layers"
        for prefix in [f"{name}." for name in contract.get("containers", ())] or [""]
    )


def _floor(house: tuple[frozenset[str], ...], module: Module) -> int | None:
    for number, rooms in enumerate(house):
        if any(module == room or module.startswith(f"{room}.") for room in rooms):
            return number
    return None


def test_the_measure_sees_the_house() -> None:
    assert len(sources()) > 150
    assert len(functions()) > 1000
    assert sum(map(len, imports().values())) > 500
    assert "sr_domain.flows.submit" in imports()["sr_domain.runner"], "imports inside functions are seen"
    assert len(floors()) > 1


def test_functions_are_short() -> None:
    found = functions()
    assert found[int(len(found) * 0.95)][0] <= FUNCTION_P95
    assert [name for length, name in found if length > FUNCTION_LIMIT] == []


def test_files_are_short() -> None:
    lengths = {path.relative_to(REPO).as_posix(): _lines(path) for path in sources().values()}
    assert statistics.median(lengths.values()) <= FILE_MEDIAN
    assert {name for name, length in lengths.items() if length > FILE_LIMIT} == set()


def _lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def test_no_imports_run_in_a_circle() -> None:
    try:
        TopologicalSorter({module: set(found) for module, found in imports().items()}).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_no_import_runs_upward() -> None:
    for house in floors():
        for module, found in imports().items():
            here = _floor(house, module)
            for other in found:
                there = _floor(house, other)
                fits = here is None or there is None or here <= there
                assert fits or excused(module, other), f"{module} -> {other}"


def test_the_command_line_reads_a_profile_through_its_session_alone() -> None:
    """A session hides what a profile takes from the environment; one that is read past it would be quoted."""
    session = "sr_adapters.cli.session"
    assert "load_profile" in _names(session), "the measure sees it"
    for module in (one for one in sources() if one.startswith("sr_adapters.cli.") and one != session):
        assert "load_profile" not in _names(module), module
        passed = [one for call in ast.walk(tree(module)) if isinstance(call, ast.Call) for one in _given(call)]
        assert "session.profile" not in passed, f"{module}: give session.loaded, or a name of another profile"


def _names(module: Module) -> set[str]:
    """What a module imports by name."""
    found = (one for one in ast.walk(tree(module)) if isinstance(one, ast.ImportFrom))
    return {alias.name for one in found for alias in one.names}


def _given(call: ast.Call) -> Iterator[str]:
    yield from map(ast.unparse, (*call.args, *(one.value for one in call.keywords)))
