"""The suite of engine roots, as opened by URI, holds for the built-in ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from sr_adapters.file.root import FileEngineRoots
from sr_adapters.memory.root import MemoryEngineRoots
from sr_ports.conformance.openers import EngineRootsLaws
from tests.conformance.broken.roots import OpenerSuite


@pytest.mark.parametrize("scheme", ["", "file://"], ids=["path", "file URI"])
class TestFolders(EngineRootsLaws):
    @pytest.fixture
    def roots(self) -> FileEngineRoots:
        return FileEngineRoots()

    @pytest.fixture
    def uri(self, tmp_path: Path, scheme: str) -> str:
        (tmp_path / "root" / "in").mkdir(parents=True)
        (tmp_path / "root" / "in" / "a").write_bytes(b"a")
        return f"{scheme}{tmp_path / 'root'}"

    @pytest.fixture
    def absent(self, tmp_path: Path, scheme: str) -> str:
        return f"{scheme}{tmp_path / 'absent'}"

    @pytest.fixture
    def foreign(self) -> str:
        return "file://another-machine/srv/root"

    @pytest.fixture(autouse=True)
    def _spelt(self, scheme: str) -> None:
        """How the root's place is spelt."""


class TestMemory(OpenerSuite):
    __test__ = True
    kind = MemoryEngineRoots

    @pytest.fixture
    def foreign(self) -> None:
        return None
