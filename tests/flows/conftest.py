"""The labs that flows run in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """Truth in memory, time moved by hand."""
    return Lab.memory(tmp_path)


@pytest.fixture(params=["memory", "files"])
def any_lab(request: pytest.FixtureRequest, tmp_path: Path) -> Lab:
    """Truth in memory, and truth in files and SQLite."""
    made: Lab = getattr(Lab, request.param)(tmp_path)
    request.addfinalizer(made.authority.close)
    return made
