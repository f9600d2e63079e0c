"""Suites bite: each known-broken adapter and law fails in the law that it breaks, and its failure quotes that law.

All of `tests/conformance/broken` runs once, in a pytest of its own.
"""

from __future__ import annotations

import fcntl
import importlib
import os
import pkgutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_ports import conformance
from sr_ports.conformance.lawful import Laws, laws_of, quoted
from tests.conformance import broken

HERE = Path(__file__).resolve().parent / "broken"
REPO = HERE.parents[2]
HELPERS = {"conftest", "making"}
MODULES = sorted(module.name for module in pkgutil.iter_modules(broken.__path__) if module.name not in HELPERS)


@attrs.frozen
class Found:
    """What came of one class: its tests that passed, and what each that failed said."""

    passed: tuple[str, ...]
    failed: Mapping[str, str]


def classes(module: str) -> Iterator[type[Laws]]:
    """The suites of a module of broken things."""
    found = vars(importlib.import_module(f"{broken.__name__}.{module}"))
    return (one for name, one in found.items() if name.startswith("Test") and issubclass(one, Laws))


SUITES = [(module, one) for module in MODULES for one in classes(module)]


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, Found]]:
    """By module and class, what came of it. Of several processes that test, one runs them for all."""
    shared = tmp_path_factory.getbasetemp().parent if "PYTEST_XDIST_WORKER" in os.environ else None
    folder = tmp_path_factory.mktemp("bite") if shared is None else shared / "bite"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = folder / "told"
        if not told.exists():
            told.write_text(run_all(folder), "utf-8")
        trouble = told.read_text("utf-8")  # the others need not go through it again
    assert not trouble, trouble
    return found_in(folder / "found.xml")


def run_all(folder: Path) -> str:
    """Run every module, two tests at once; what came of it is left in the folder. What went wrong, "" for nothing."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(HERE), "-p", "no:cacheprovider", "-n", "2", "--dist", "worksteal", "-q",
         "--tb=short", "-o", f"python_files={' '.join(f'{module}.py' for module in MODULES)}", "-o", "addopts=",
         f"--junitxml={folder / 'found.xml'}", f"--basetemp={folder / 'all'}"],
        cwd=REPO, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    what = f"pytest ended with {done.returncode}, and not with 1: {done.stdout[-3000:]}{done.stderr[-1000:]}"
    return "" if done.returncode == 1 else what


def found_in(path: Path) -> Mapping[str, Mapping[str, Found]]:
    """By module and class, what a JUnit file says came of it."""
    passed: dict[tuple[str, str], list[str]] = {}
    failed: dict[tuple[str, str], dict[str, str]] = {}
    for case in ET.parse(path).iter("testcase"):
        module, cls = case.attrib["classname"].split(".")[-2:]
        name = case.attrib["name"]
        for one in case.findall("failure"):
            failed.setdefault((module, cls), {})[name] = f"{one.attrib['message']}\n{one.text}"
        assert case.find("error") is None, f"{cls}.{name} broke before it began"
        if case.find("failure") is None and case.find("skipped") is None:
            passed.setdefault((module, cls), []).append(name)
    found: dict[str, dict[str, Found]] = {}
    for module, cls in {*passed, *failed}:
        came = Found(tuple(passed.get((module, cls), ())), failed.get((module, cls), {}))
        found.setdefault(module, {})[cls] = came
    return found


@pytest.mark.parametrize(("module", "suite"), SUITES, ids=[f"{module}-{one.__name__}" for module, one in SUITES])
def test_what_is_broken_fails_in_its_law_and_what_is_sound_passes(
    module: str, suite: type[Laws], reports: Mapping[str, Mapping[str, Found]]
) -> None:
    found, law = reports[module][suite.__name__], getattr(suite, "breaks", None)
    if law is None:
        assert found.failed == {}
        assert found.passed
        return
    assert found.failed, f"nothing in {suite.__name__} was found out"
    for name, said in found.failed.items():
        assert name.startswith(f"test_{law.lower()}_")
        assert f"law {law} of " in said or law == "keys" or "_to_" in name


def test_each_port_has_a_broken_thing_and_a_sound_one() -> None:
    ports = {port for _, one in SUITES for port in one.states}
    for _, one in SUITES:
        law = getattr(one, "breaks", "keys")
        assert law == "keys" or any(law in laws_of(port) for port in one.states)
    named = {port.__name__ for port in ports}
    assert {"ObjectStore", "AuthorityStore", "ControlBus", "HashingLaw", "Signer", "SignatureChecker"} <= named
    assert {"ObservabilitySink", "Authenticator", "Clock", "IdSource", "WorkPool", "Heartbeat", "PlatformRuns"} <= named
    assert {"EngineRoot", "EngineRoots", "EngineInvoker", "Runner", "Positioned", "FollowerStore"} <= named


def test_a_test_that_never_ends_is_ended_and_says_which_law_it_is_about(
    reports: Mapping[str, Mapping[str, Found]],
) -> None:
    said = reports["stores"]["TestNeverEndsO4"].failed["test_o4_what_is_absent_reads_as_none"]
    assert "it did not end within 1 seconds" in said
    assert "law O4 of ObjectStore: `read` and `stat` return None only when" in said


def test_a_stale_read_ends_the_counter_s_test_and_says_why(reports: Mapping[str, Mapping[str, Found]]) -> None:
    said = reports["stores"]["TestStaleReadsO2"].failed["test_o2_no_update_of_a_shared_counter_is_lost"]
    assert "what is read is stale" in said


def every_suite() -> Iterator[type[Any]]:
    """Every class of `sr_ports.conformance` that has tests."""
    for found in pkgutil.iter_modules(conformance.__path__):
        module = importlib.import_module(f"{conformance.__name__}.{found.name}")
        mine = (one for one in vars(module).values() if isinstance(one, type) and one.__module__ == module.__name__)
        yield from (one for one in mine if any(name.startswith("test_") for name in vars(one)))


@pytest.mark.parametrize("suite", list(every_suite()), ids=lambda suite: suite.__name__)
def test_every_suite_is_limited_in_time_and_each_of_its_tests_has_a_law_to_quote(suite: type[Any]) -> None:
    assert issubclass(suite, Laws)
    whole = [one for one in every_suite() if issubclass(one, suite) and one.states]
    assert whole, "no suite says which port it is of"
    for name, test in vars(suite).items():
        if name.startswith("test_"):
            assert quoted(test, whole[-1].states).split(": ", 1)[1] not in ("", "every law of it"), name
