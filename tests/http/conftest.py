"""A service with a small world for each test."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.http.kit import Site

HERE = all(find_spec(name) is not None for name in ("uvicorn", "starlette", "httptools", "uvloop"))
collect_ignore_glob = [] if HERE else ["test_*.py"]


def pytest_report_header() -> list[str]:
    """Say why tests are left out, where they are."""
    return [] if HERE else ["tests/http are left out: pip install 'scenario-runner[service]'"]


@pytest.fixture(autouse=True)
def _own_session(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PLATFORM_RUN_ID", "SR_PROFILE", "SR_SERVER", "SR_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    from tests.http.kit import running

    with running(tmp_path) as made:
        yield made
