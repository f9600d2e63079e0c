"""Fixtures shared by the adapters' tests."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.adapters.s3_fixtures import moto_as_minio, moto_server, rgw_as_minio, rgw_server

__all__ = ["moto_as_minio", "moto_server", "rgw_as_minio", "rgw_server"]


@pytest.fixture
def shut(tmp_path: Path) -> Path:
    """A folder that this user may not write; left out for a user who may write anywhere."""
    folder = tmp_path / "shut"
    folder.mkdir(mode=stat.S_IRUSR | stat.S_IXUSR)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write anywhere")
    return folder
