"""The file object store keeps the port's laws."""

from __future__ import annotations

from pathlib import Path

import pytest

from sr_adapters.file.store import FileObjectStore
from sr_ports.conformance.stores import ObjectStoreLaws, Reopen


class TestFileObjectStore(ObjectStoreLaws):
    @pytest.fixture
    def store(self, tmp_path: Path) -> FileObjectStore:
        return FileObjectStore(str(tmp_path / "root"))

    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Reopen:
        return lambda: FileObjectStore(str(tmp_path / "root"))

    @pytest.fixture
    def broken(self, tmp_path: Path) -> FileObjectStore:
        (tmp_path / "file").write_bytes(b"in the way")
        return FileObjectStore(str(tmp_path / "file"))
