"""What this machine can test: tiers whose libraries are absent are left out, in one line each."""

from __future__ import annotations

import importlib.util
import os

import pytest

TIERS = {
    "test_postgres_*.py": ("psycopg", "postgres"),
    "test_s3_*.py": ("boto3", "s3"),
    "test_kinesis_*.py": ("boto3", "kinesis"),
}
ABSENT = {glob: need for glob, need in TIERS.items() if importlib.util.find_spec(need[0]) is None}
collect_ignore_glob = [f"**/{glob}" for glob in ABSENT] + [f"adapters/{glob}" for glob in ABSENT]


def pytest_report_header() -> list[str]:
    return [
        f"left out: the {extra} tier; to run it: pip install -e '.[{extra}]' -r requirements/servers.txt"
        for extra in sorted({extra for _, extra in ABSENT.values()})
    ]


def pytest_configure(config: pytest.Config) -> None:
    if ABSENT and os.environ.get("SR_REQUIRE_TIERS"):
        raise pytest.UsageError(f"every tier must run here, and libraries are missing: {sorted(ABSENT.values())}")
