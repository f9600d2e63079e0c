"""Every corpus unpacked under its lock, and a home of a run to work on."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest

from sr_domain.runner import ScenarioRunner
from sr_plugins import build_runner
from tests.upgrade.corpus import locked
from tests.upgrade.worlds import CORPORA, Home, Run


@pytest.fixture(scope="session", autouse=True)
def _unpacked() -> None:
    """Each corpus as its archive has it, whatever an earlier session left."""
    for corpus in CORPORA:
        with locked(corpus.root, exclusive=True):
            corpus.unpack()


@contextmanager
def memory() -> Iterator[Path]:
    """A scratch folder, in memory's own file system where the machine has one: nothing waits for a disk."""
    shared = "/dev/shm"
    with tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder of the test's own."""
    with memory() as folder:
        yield folder


@pytest.fixture
def home(run: Run, scratch: Path) -> Iterator[Home]:
    """A copy of the run's home; nobody writes into engine roots meanwhile."""
    with locked(run.corpus.root, exclusive=False):
        yield Home.copied(run, scratch / "home")


@attrs.frozen
class Shelf:
    """Whole copies of homes that nobody writes into, and runners on them, for the length of a session."""

    folder: Path
    homes: dict[str, Home] = attrs.field(factory=dict)
    runners: dict[str, ScenarioRunner] = attrs.field(factory=dict)

    def home(self, run: Run) -> Home:
        """A copy of the run's home."""
        name = f"{run.corpus.folder.name}-{run.told['home']}"
        if name not in self.homes:
            self.homes[name] = Home.copied(run, self.folder / name, whole=True)
        return attrs.evolve(self.homes[name], run=run)

    def runner(self, home: Home) -> ScenarioRunner:
        """A runner on the copy, for the run's profile and platform run."""
        name = f"{home.folder.name}-{home.run.told['profile']}-{home.run.told['platform_run_id']}"
        if name not in self.runners:
            self.runners[name] = build_runner(home.profile, policy=home.run.corpus.manifest["policy"])
            if home.run.told.get("lost_index"):
                self.runners[name].rebuild_index()
        return self.runners[name]


@pytest.fixture(scope="session")
def shelf() -> Iterator[Shelf]:
    """One for every session."""
    with memory() as folder:
        made = Shelf(folder)
        yield made
        for runner in made.runners.values():
            runner.close()


@pytest.fixture
def shown(run: Run, shelf: Shelf) -> Iterator[tuple[Home, ScenarioRunner]]:
    """A home to read, and a runner to read it with. Whoever writes into it fails."""
    with locked(run.corpus.root, exclusive=False):
        home = shelf.home(run)
        with home.session():
            runner, before = shelf.runner(home), home.marks()
            yield home, runner
        assert home.marks() == before


@pytest.fixture
def lone_home(run: Run, scratch: Path) -> Iterator[Home]:
    """A copy of the run's home, and its engine root to write into: nobody else reads, and it is put back."""
    root, kept = run.engine_root, scratch / "kept"
    assert root is not None
    with locked(run.corpus.root, exclusive=True):
        if root.exists():
            shutil.copytree(root, kept, symlinks=True)
        try:
            yield Home.copied(run, scratch / "home")
        finally:
            shutil.rmtree(root, ignore_errors=True)
            if kept.exists():
                shutil.copytree(kept, root, symlinks=True)
