"""What this machine can test, and with which versions.

A tier whose libraries are absent is left out, in one line. `SR_REQUIRE_TIERS=1` makes that an error.
`SR_STRICT_WARNINGS=1` makes every warning an error: for the locked versions, whose warnings are known.
`SR_CI_NOTE` is shown before pytest's own summary.
"""

from __future__ import annotations

import importlib.util
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

TIERS = {
    "test_servers.py": ("boto3 psycopg", "aws"),
    "test_servers_runs.py": ("boto3 psycopg", "aws"),
    "test_rights.py": ("boto3 psycopg", "aws"),
    "test_linted.py": ("boto3", "aws"),
    "test_servers_up.py": ("boto3 psycopg", "aws"),
    "test_postgres_*.py": ("psycopg", "postgres"),
    "test_s3_*.py": ("boto3", "s3"),
    "test_kinesis_*.py": ("boto3", "kinesis"),
    "test_arrow_*.py": ("pyarrow pandas", "arrow"),
    "test_duckdb_*.py": ("duckdb pyarrow", "duckdb"),
    "test_otel_*.py": ("prometheus_client opentelemetry", "otel"),
    "test_jwt_*.py": ("jwt cryptography", "service"),
    "test_parity.py": ("starlette uvicorn httptools uvloop", "service"),
    "test_browser.py": ("playwright jinja2 starlette", "service"),
    "test_attest_*.py": ("securesystemslib in_toto_attestation", "attest"),
}
REQUIREMENTS = {"attest": "attest"}
ABSENT = {
    glob: need for glob, need in TIERS.items() if any(importlib.util.find_spec(one) is None for one in need[0].split())
}
collect_ignore_glob = [f"**/{glob}" for glob in ABSENT] + [f"adapters/{glob}" for glob in ABSENT]
LOCK = Path(__file__).resolve().parents[1] / "requirements" / "constraints.txt"
STRICT = ("error", "default::DeprecationWarning:botocore.*", "default::DeprecationWarning:boto3.*")


def locked() -> dict[str, str]:
    """The versions that CI tests on this Python, by distribution."""
    lines = [line for line in LOCK.read_text("utf-8").splitlines() if line[:1].isalnum()]
    wanted = [one for one in map(Requirement, lines) if one.marker is None or one.marker.evaluate()]
    return {one.name: next(iter(one.specifier)).version for one in wanted}


def other_versions() -> list[str]:
    """What is installed in another version than the locked one, as ``name version (locked version)``."""
    found = []
    for name, wanted in locked().items():
        try:
            installed = version(name)
        except PackageNotFoundError:
            continue
        if installed != wanted:
            found.append(f"{name} {installed} ({wanted})")
    return found


def pytest_report_header() -> list[str]:
    return [
        f"left out: the {extra} tier; to run it: "
        f"pip install -e '.[{extra}]' -r requirements/{REQUIREMENTS.get(extra, 'servers')}.txt"
        for extra in sorted({extra for _, extra in ABSENT.values()})
    ]


def pytest_configure(config: pytest.Config) -> None:
    if ABSENT and os.environ.get("SR_REQUIRE_TIERS"):
        raise pytest.UsageError(f"every tier must run here, and libraries are missing: {sorted(ABSENT.values())}")
    if os.environ.get("SR_STRICT_WARNINGS"):
        for line in STRICT:
            config.addinivalue_line("filterwarnings", line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
    """A failure on other versions than the locked ones says so: it may be a library's, not this project's."""
    others = other_versions() if exitstatus == pytest.ExitCode.TESTS_FAILED else []
    if others:
        terminalreporter.section("not the versions that CI tests")
        terminalreporter.line(f"installed (locked): {', '.join(others)}")
        terminalreporter.line("the locked ones: pip install -e '.[test]' -c requirements/constraints.txt")
    if note := os.environ.get("SR_CI_NOTE"):
        terminalreporter.section("the runs before this one")
        terminalreporter.line(note)
