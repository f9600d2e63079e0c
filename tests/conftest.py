"""What this machine can test: tiers whose libraries are absent are left out, in one line each."""

from __future__ import annotations

import importlib.util
import os

import pytest

TIERS = {
    "test_servers.py": ("boto3 psycopg", "aws"),
    "test_postgres_*.py": ("psycopg", "postgres"),
    "test_s3_*.py": ("boto3", "s3"),
    "test_kinesis_*.py": ("boto3", "kinesis"),
    "test_attest_*.py": ("securesystemslib in_toto_attestation", "attest"),
}
REQUIREMENTS = {"attest": "attest"}
ABSENT = {
    glob: need for glob, need in TIERS.items() if any(importlib.util.find_spec(one) is None for one in need[0].split())
}
collect_ignore_glob = [f"**/{glob}" for glob in ABSENT] + [f"adapters/{glob}" for glob in ABSENT]


def pytest_report_header() -> list[str]:
    return [
        f"left out: the {extra} tier; to run it: "
        f"pip install -e '.[{extra}]' -r requirements/{REQUIREMENTS.get(extra, 'servers')}.txt"
        for extra in sorted({extra for _, extra in ABSENT.values()})
    ]


def pytest_configure(config: pytest.Config) -> None:
    if ABSENT and os.environ.get("SR_REQUIRE_TIERS"):
        raise pytest.UsageError(f"every tier must run here, and libraries are missing: {sorted(ABSENT.values())}")
