"""Worlds for consumers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.consumer.world import World, world


@pytest.fixture(autouse=True)
def session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the caller's own session."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SR_PROFILE", raising=False)
    monkeypatch.setenv("PLATFORM_RUN_ID", "platform_20260131T134200Z")


@pytest.fixture
def made(tmp_path: Path) -> World:
    """Truth in files, nothing submitted yet."""
    return world(tmp_path)
