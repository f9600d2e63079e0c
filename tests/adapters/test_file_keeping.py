"""Files keep the laws of a root that is written, also where somebody planted something at it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from sr_adapters.file.root import FileEngineRoots
from sr_ports import Keeping, ReasonCode, Unreachable
from sr_ports.conformance.keeping import KeepingLaws, of


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "roots" / "run"


class TestFileKeeping(KeepingLaws):
    @pytest.fixture
    def roots(self) -> FileEngineRoots:
        return FileEngineRoots()

    @pytest.fixture
    def uri(self, home: Path) -> str:
        return str(home)

    @pytest.fixture
    def reopen(self) -> Callable[[], Keeping]:
        return FileEngineRoots

    @pytest.fixture
    def broken(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> FileEngineRoots:
        def full(fd: int, data: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "write", full)
        return FileEngineRoots()

    @pytest.fixture
    def drafts(self, home: Path) -> Callable[[], Sequence[str]]:
        return lambda: [one.relative_to(home).as_posix() for one in home.rglob("*") if not one.is_dir()]


def refused(home: Path, path: str) -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        FileEngineRoots().keep(str(home), path, of(b"ours"))
    return caught.value


def test_k4_a_link_planted_where_a_folder_is_to_be_leads_nowhere(home: Path) -> None:
    away = home.parent / "away"
    away.mkdir(parents=True)
    home.mkdir()
    (home / "in").symlink_to(away)
    assert refused(home, "in/a").code is ReasonCode.ENGINE_ROOT_UNREACHABLE
    assert list(away.iterdir()) == []
    FileEngineRoots().keep(str(home), "in2/a", of(b"ours"))
    assert (home / "in2" / "a").read_bytes() == b"ours"


@pytest.mark.parametrize("kind", ["link", "dangling link", "fifo", "folder"])
def test_k2_what_was_planted_in_a_files_place_stays(home: Path, kind: str) -> None:
    victim = home.parent / "victim"
    home.mkdir(parents=True)
    victim.write_bytes(b"theirs")
    plant: dict[str, Callable[[Path], object]] = {
        "link": lambda path: path.symlink_to(victim),
        "dangling link": lambda path: path.symlink_to(home / "nothing"),
        "fifo": os.mkfifo,
        "folder": Path.mkdir,
    }
    plant[kind](home / "a")
    refused(home, "a")
    assert victim.read_bytes() == b"theirs"
    assert [one.name for one in home.iterdir()] == ["a"], "no draft is left, and nothing at the link's end"


def test_a_file_uri_is_the_same_place(home: Path) -> None:
    roots = FileEngineRoots()
    roots.keep(home.as_uri(), "a", of(b"a"))
    assert (home / "a").read_bytes() == b"a"
    with pytest.raises(Unreachable):
        roots.keep(str(home), "a", of(b"b"))


def test_k6_bytes_and_names_are_put_on_disk_before_the_call_returns(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def note(fd: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{fd}").readlink()))
        real(fd)

    if not Path("/proc/self/fd").exists():
        pytest.skip("what a descriptor stands for is told by /proc alone")
    monkeypatch.setattr(os, "fsync", note)
    FileEngineRoots().keep(str(home), "in/a", of(b"a"))
    places = {path for path in synced if not path.endswith(".tmp")}
    assert any(path.endswith(".tmp") for path in synced), "the bytes"
    assert {str(home / "in"), str(home), str(home.parent)} <= places, "its name, and the names of the folders above"


def test_a_disk_that_is_full_or_that_may_not_be_written_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, code in ((errno.ENOSPC, ReasonCode.STORE_FULL), (errno.EACCES, ReasonCode.ENGINE_ROOT_DENIED)):

        def fails(fd: int, data: object, number: int = number) -> int:
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", fails)
            assert refused(home, "a").code is code
    FileEngineRoots().keep(str(home), "a", of(b"a"))


def test_a_file_system_without_links_lets_the_run_rest(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(os, "link", none)
    told = refused(home, "a")
    assert told.code is ReasonCode.ENGINE_ROOT_UNREACHABLE
    assert "hard links" in told.what
