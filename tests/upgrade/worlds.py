"""A run of a corpus, and scratch copies of its home to work on."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_domain.runner import ScenarioRunner
from sr_plugins import build_runner
from sr_plugins.documents.pack import pack_folder
from sr_ports import Envelope
from tests.upgrade.corpus import Corpus

CORPORA = tuple(Corpus(one.parent) for one in sorted(Path(__file__).parent.glob("*/corpus.tar.gz")))
KEY = "keys/THROW-AWAY-TEST-KEY.public.pem"
GROWING = ("run_record", "run_status")
"""Kinds of artifacts that change while a run goes on; every other one is written once."""


@attrs.frozen
class Run:
    """One run, and what its own release said of it (`told`: its entry in the manifest)."""

    corpus: Corpus
    told: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.corpus.folder.name}-{self.told['name']}"

    @property
    def run_id(self) -> str:
        return str(self.told["run_id"])

    @property
    def state(self) -> str | None:
        """The state its record had; None for one that was never admitted."""
        state: str | None = self.told["state"]
        return state

    @property
    def base(self) -> str:
        """The prefix of its artifacts' keys."""
        return f"fraud-platform/{self.told['platform_run_id']}/sr"

    @property
    def engine_root(self) -> Path | None:
        """The engine root its request names, where that is in the corpus."""
        named = str(self.told["request"].get("engine_run_root", ""))
        return Path(named) if named.startswith(f"{self.corpus.root}/") else None

    @property
    def superseded(self) -> bool:
        return "superseded_by" in self.told

    def has(self, event: str) -> bool:
        """Whether its record had such an event."""
        return event in self.told["events"]

    @property
    def written(self) -> Mapping[str, str]:
        """Its write-once artifacts by key: sha256."""
        kept: Mapping[str, str] = self.told["artifacts"]
        return {key: digest for key, digest in kept.items() if key.split("/")[3] not in GROWING}


RUNS = tuple(Run(corpus, told) for corpus in CORPORA for told in corpus.manifest["runs"])


_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")


def _concerns(run: Run, path: str) -> bool:
    """Whether a file is the run's, one of a run that it speaks of, or nobody's own. Lock files come anew."""
    if "/.sr-store-locks/" in path:
        return False
    named, spoken = _ID.findall(path), f"{run.run_id} {run.told['request'].get('supersedes')}"
    successors = run.told.get("superseded_by", ())
    return all(one in spoken or one in successors for one in named)


def filled(node: Any, words: Mapping[str, str]) -> Any:
    """The node with every placeholder of its strings filled; ``{{`` is a brace."""
    if isinstance(node, dict):
        return {key: filled(value, words) for key, value in node.items()}
    if isinstance(node, list):
        return [filled(one, words) for one in node]
    return node.format(**words) if isinstance(node, str) else node


@attrs.frozen
class Home:
    """A scratch copy of the home of `run`; its engine roots stay where its records say they are."""

    run: Run
    folder: Path

    @classmethod
    def copied(cls, run: Run, folder: Path, *, whole: bool = False) -> Home:
        """Copy the home, times and all. Not `whole`: without the artifacts of runs that have nothing to do with it."""
        prefix = f"homes/{run.told['home']}/"
        for path in run.corpus.members:
            if path.startswith(prefix) and (whole or _concerns(run, path)):
                target = folder / path.removeprefix(prefix)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(run.corpus.root / path, target)
        return cls(run, folder)

    @property
    def store(self) -> Path:
        """The folder of its object store."""
        return self.folder / str(self.run.told.get("store", ""))

    @property
    def view(self) -> Path:
        """Where its facts view is, or would be."""
        return self.store / self.run.base / "run_facts_view" / f"{self.run.run_id}.json"

    @property
    def profile(self) -> dict[str, Any]:
        """The profile it was made with, on the copy."""
        return self.wired()

    def wired(self, name: str | None = None) -> dict[str, Any]:
        """A profile of the corpus, on the copy; its own where none is named."""
        words = {
            "root": str(self.run.corpus.root),
            "runtime": str(self.folder),
            "builtin": str(pack_folder("builtin")),
        }
        named = self.run.corpus.manifest["profiles"][name or self.run.told["profile"]]
        if "attest" in named:
            for library in ("securesystemslib", "cryptography"):
                pytest.importorskip(library, reason="needs scenario-runner[attest]")
        made: dict[str, Any] = filled(named, words)
        return made

    @contextmanager
    def runner(self, *, profile: str | None = None, rebuilt: bool = True) -> Iterator[ScenarioRunner]:
        """This release on the copy, in the session of the run's own platform run, its lost index rebuilt."""
        policy = self.run.corpus.manifest["policy"]
        with self.session(), build_runner(self.wired(profile), policy=policy) as runner:
            if rebuilt and self.run.told.get("lost_index"):
                runner.rebuild_index()
            yield runner

    @contextmanager
    def session(self) -> Iterator[None]:
        """The session of the run's own platform run."""
        # A release that refuses ids of a free form finds such runs without a session: leave it unset for them then.
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PLATFORM_RUN_ID", self.run.told["platform_run_id"])
            yield

    def digest(self, kind: str) -> str | None:
        """sha256 of one of the run's artifacts; None where there is none."""
        path = self.store / self.run.base / kind / f"{self.run.run_id}.json"
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None

    def ready_facts(self, bus: Any) -> list[Envelope]:
        """Every READY of the run on its bus, first to last. Another platform run's run may have the same id."""
        named = {"kind": "READY", "run_id": self.run.run_id, "platform_run_id": self.run.told["platform_run_id"]}
        return [one for one in bus.tail("fp.bus.control.v1") if named.items() <= one.attributes.items()]

    def truth(self) -> dict[str, bytes]:
        """Every artifact of the home, by key."""
        return {path: Path(path).read_bytes() for path in self._files() if "/sr/" in path and ".json" in path}

    def marks(self) -> dict[str, tuple[int, int, int]]:
        """Which file is where, and when it was written: for whoever only reads."""
        found = {path: Path(path).stat() for path in self._files() if "/sr/index/" not in path and ".db" not in path}
        return {path: (one.st_ino, one.st_mtime_ns, one.st_size) for path, one in found.items()}

    def _files(self) -> Iterator[str]:
        for folder, _, names in os.walk(self.folder):
            yield from (f"{folder}/{name}" for name in names if "/.sr-store-locks" not in folder)

    def unchanged(self, before: Mapping[str, bytes]) -> None:
        """Raise where anything that is written once was touched, or a record did more than grow."""
        now = self.truth()
        for key, data in before.items():
            kind = key.rpartition("/fraud-platform/")[2].split("/")[2]
            if kind == "run_record":
                assert now[key].startswith(data), key
            elif kind != "run_status":
                assert now.get(key) == data, key


def named(run: Run) -> str:
    """For the ids of parametrised tests."""
    return run.name


def write(run: Run, files: Mapping[str, str]) -> None:
    """Put files below the run's engine root."""
    assert run.engine_root is not None
    for name, text in files.items():
        path = run.engine_root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
