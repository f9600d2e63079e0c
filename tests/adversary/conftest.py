"""Fixtures of the attacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adversary.scene import PLATFORM, Scene, scenes


@pytest.fixture(autouse=True)
def session(monkeypatch: pytest.MonkeyPatch) -> None:
    """One platform run, known beforehand: an attacker may know it, too."""
    monkeypatch.delenv("SR_PROFILE", raising=False)
    monkeypatch.setenv("PLATFORM_RUN_ID", PLATFORM)


@pytest.fixture
def fresh(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Scene]:
    """Any number of fresh scenes."""
    return scenes(tmp_path, capsys)


@pytest.fixture
def scene(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scene:
    return Scene.set(tmp_path / "here", capsys)
