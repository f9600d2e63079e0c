"""Small files: created once or replaced whole, with nothing left beside them."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sr_plugins.documents.files import create_file, replace_file

WRITES = pytest.mark.parametrize("write", [create_file, replace_file], ids=lambda write: write.__name__)
Write = Callable[[Path, bytes], object]


@WRITES
def test_a_new_file_has_its_bytes_and_its_folders(tmp_path: Path, write: Write) -> None:
    path = tmp_path / "some" / "folders" / "file"
    write(path, b"data")
    assert [one.name for one in path.parent.iterdir()] == ["file"]
    assert path.read_bytes() == b"data"
    (tmp_path / "plain").touch()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_file_that_is_there_is_kept_or_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert create_file(path, b"first")
    assert not create_file(path, b"second")
    assert path.read_bytes() == b"first"
    path.chmod(0o640)
    replace_file(path, b"third")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"third", 0o640)
    assert list(tmp_path.iterdir()) == [path]


def test_of_many_at_once_one_creates_the_file(tmp_path: Path) -> None:
    path, gate, made = tmp_path / "new" / "file", threading.Barrier(6, timeout=20), list[bytes]()

    def create(data: bytes) -> None:
        gate.wait()
        if create_file(path, data):
            made.append(data)

    threads = [threading.Thread(target=create, args=(f"{number}".encode() * 100,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [path.read_bytes()]
    assert list(path.parent.iterdir()) == [path]


@WRITES
def test_a_write_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    (tmp_path / "old").write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for name in ("old", "new"):
        with pytest.raises(OSError, match="No space left"):
            write(tmp_path / name, b"data")
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == {"old": b"old"}


@WRITES
def test_every_folder_that_got_an_entry_is_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    synced: list[str] = []
    sync = os.fsync

    def noted(fd: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{fd}").readlink()))
        sync(fd)

    monkeypatch.setattr(os, "fsync", noted)
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("this system does not say what a descriptor is of")
    write(tmp_path / "a" / "b" / "file", b"data")
    assert {str(tmp_path), str(tmp_path / "a"), str(tmp_path / "a" / "b")} <= set(synced)


@WRITES
def test_a_folder_that_cannot_be_synced_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    sync = os.fsync

    def files_alone(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        sync(fd)

    monkeypatch.setattr(os, "fsync", files_alone)
    write(tmp_path / "file", b"data")
    assert (tmp_path / "file").read_bytes() == b"data"
