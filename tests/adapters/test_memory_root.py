"""The in-memory engine root keeps the port's laws."""

from __future__ import annotations

import pytest

from sr_adapters.memory.root import MemoryEngineRoot, MemoryEngineRoots
from sr_ports import EvidenceFault, ReasonCode
from sr_ports.conformance.keeping import KeepingLaws
from sr_ports.conformance.ranges import RangedLaws
from sr_ports.conformance.roots import EngineRootLaws, Put, Remove, Reopen, Snapshot


class TestMemoryEngineRoot(EngineRootLaws, RangedLaws):
    @pytest.fixture
    def files(self) -> dict[str, bytes]:
        return {}

    @pytest.fixture
    def reopen(self, files: dict[str, bytes]) -> Reopen:
        return lambda: MemoryEngineRoot(files)

    @pytest.fixture
    def put(self, files: dict[str, bytes]) -> Put:
        return files.__setitem__

    @pytest.fixture
    def remove(self, files: dict[str, bytes]) -> Remove:
        return files.__delitem__

    @pytest.fixture
    def snapshot(self, files: dict[str, bytes]) -> Snapshot:
        return lambda: dict(files)


class TestMemoryKeeping(KeepingLaws):
    @pytest.fixture
    def bounded(self) -> bool:
        return False

    @pytest.fixture
    def roots(self) -> MemoryEngineRoots:
        return MemoryEngineRoots({})

    @pytest.fixture
    def uri(self) -> str:
        return "memory:kept"


def test_a_file_that_changes_while_it_is_read_is_unstable() -> None:
    files = {"a": b"x" * 10}
    with pytest.raises(EvidenceFault) as caught:
        MemoryEngineRoot(files).stream("a", lambda _: files.update(a=b"y" * 10))
    assert caught.value.code is ReasonCode.EVIDENCE_UNSTABLE


def test_roots_open_by_uri() -> None:
    root = MemoryEngineRoot({"a": b"x"}, "memory:one/")
    roots = MemoryEngineRoots({"memory:one": root})
    with roots.open("memory:one/") as one:
        assert one.uri == "memory:one"
    assert roots.open("memory:one").exists()
    assert not roots.open("memory:other").exists()
