"""Every corpus unpacked under its lock, and a home of a run to work on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.upgrade.corpus import locked
from tests.upgrade.worlds import CORPORA, Home, Run


@pytest.fixture(scope="session", autouse=True)
def _unpacked() -> None:
    """Each corpus as its archive has it, whatever an earlier session left."""
    for corpus in CORPORA:
        with locked(corpus.root, exclusive=True):
            corpus.unpack()


@pytest.fixture
def home(run: Run, tmp_path: Path) -> Iterator[Home]:
    """A copy of the run's home; nobody writes into engine roots meanwhile."""
    with locked(run.corpus.root, exclusive=False):
        yield Home.copied(run, tmp_path / "home")


@pytest.fixture
def lone_home(run: Run, tmp_path: Path) -> Iterator[Home]:
    """A copy of the run's home, and its engine root to write into: nobody else reads, and it is put back."""
    root, kept = run.engine_root, tmp_path / "kept"
    assert root is not None
    with locked(run.corpus.root, exclusive=True):
        if root.exists():
            shutil.copytree(root, kept, symlinks=True)
        try:
            yield Home.copied(run, tmp_path / "home")
        finally:
            shutil.rmtree(root, ignore_errors=True)
            if kept.exists():
                shutil.copytree(kept, root, symlinks=True)
