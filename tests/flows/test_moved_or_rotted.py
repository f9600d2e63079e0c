"""Where the store names its versions, verify tells a replaced object from a rotten one."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sr_adapters.memory.root import MemoryEngineRoot, MemoryEngineRoots
from sr_ports import FileFact, Sink
from tests.kit import BASE, Lab, request
from tests.worlds import small_world


class VersionedRoot(MemoryEngineRoot):
    """A root whose store names versions: `versions` of paths that were written again, else ``v1``."""

    def __init__(self, files: dict[str, bytes], uri: str) -> None:
        super().__init__(files, uri)
        self.versions: dict[str, str] = {}

    def stream(self, path: str, sink: Sink, **how: Any) -> FileFact:
        return attrs.evolve(super().stream(path, sink, **how), version_id=self.versions.get(path, "v1"))


@pytest.fixture
def files() -> dict[str, bytes]:
    return dict(small_world())


@pytest.fixture
def root(files: dict[str, bytes]) -> VersionedRoot:
    return VersionedRoot(files, "memory:world")


@pytest.fixture
def runner(lab: Lab, root: VersionedRoot) -> Any:
    runner = lab.runner(roots=MemoryEngineRoots({root.uri: root}))
    outcome = runner.submit(request(engine_run_root=root.uri))
    assert outcome.state == "READY", outcome
    assert runner.verify(outcome.run_id).ok
    return attrs.make_class("Ready", ["runner", "run_id"])(runner, outcome.run_id)


def found(ready: Any) -> str:
    """What is wrong with the one output at fault; a gate over the same bytes may have its own say."""
    (finding,) = [one for one in ready.runner.verify(ready.run_id).findings if not one.where.startswith("gate.")]
    assert finding.code == "TRUTH_ALTERED"
    return str(finding.what)


def data_files(files: dict[str, bytes]) -> dict[str, str]:
    """One path of a single-file output and one of an output of several files."""
    folders = [path.rpartition("/")[0] for path in files]
    data = [path for path in sorted(files) if path.startswith("data/")]
    return {
        "single": next(path for path in data if folders.count(path.rpartition("/")[0]) == 1),
        "several": next(path for path in data if folders.count(path.rpartition("/")[0]) > 1),
    }


@pytest.mark.parametrize("which", ["single", "several"])
def test_other_bytes_under_the_same_version_are_rot(runner: Any, files: dict[str, bytes], which: str) -> None:
    path = data_files(files)[which]
    files[path] = files[path][:-1] + b"?"
    assert found(runner).startswith("ROTTED: ")


@pytest.mark.parametrize("which", ["single", "several"])
def test_another_object_in_its_place_is_moved_and_both_are_named(
    runner: Any, files: dict[str, bytes], root: VersionedRoot, which: str
) -> None:
    path = data_files(files)[which]
    files[path], root.versions[path] = b"something else", "v2"
    told = found(runner)
    assert told.startswith("MOVED: ")
    assert "object v1 was proven, v2 is there now" in told


def test_the_same_bytes_under_another_version_are_no_fault(
    runner: Any, files: dict[str, bytes], root: VersionedRoot
) -> None:
    root.versions = dict.fromkeys(files, "v9")
    assert runner.runner.verify(runner.run_id).ok


def test_a_part_that_is_gone_is_moved(runner: Any, files: dict[str, bytes]) -> None:
    path = data_files(files)["several"]
    del files[path]
    told = found(runner)
    assert told.startswith("MOVED: ")
    assert path.rpartition("/")[2] in told


def test_a_file_that_was_not_proven_is_added(runner: Any, files: dict[str, bytes]) -> None:
    path = data_files(files)["several"]
    files[path + ".new.bin"] = b"more"
    assert found(runner) == f"ADDED: {path}.new.bin was not proven"


@pytest.mark.parametrize("how", ["altered", "gone"])
def test_versions_that_are_not_those_on_record_are_a_fault_and_stop_nothing(
    runner: Any, files: dict[str, bytes], lab: Lab, how: str
) -> None:
    key = f"{BASE}/object_versions/{runner.run_id}.json"
    lab.store.delete(key)
    if how == "altered":
        lab.store.create(key, b'{"events":{}}')
    path = data_files(files)["single"]
    files[path] = b"rot"
    versions, output = [
        one for one in runner.runner.verify(runner.run_id).findings if not one.where.startswith("gate.")
    ]
    assert (versions.where, versions.code) == (key, "TRUTH_ALTERED" if how == "altered" else "TRUTH_MISSING")
    assert output.what.startswith(f"ROTTED: {path}: "), "of which version it was nothing is known any more"
