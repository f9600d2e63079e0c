"""File systems that lack what truth in files rests on: told once, in one line, before anything is written."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sr_domain.encoding.ids import run_id_for
from tests.cli.conftest import Shell

RUN = run_id_for("key")
PLATFORM = "platform_20260131T134200Z"
Lacks = Callable[[pytest.MonkeyPatch], None]


def syncs(number: int) -> Lacks:
    """Folders cannot be synced, files can."""

    def lack(patch: pytest.MonkeyPatch) -> None:
        real = os.fsync

        def fsync(fd: int) -> None:
            if stat.S_ISDIR(os.fstat(fd).st_mode):
                raise OSError(number, os.strerror(number))
            real(fd)

        patch.setattr(os, "fsync", fsync)

    return lack


def fails(owner: Any, name: str, number: int) -> Lacks:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return lambda patch: patch.setattr(owner, name, fail)


LACKING: dict[str, tuple[Lacks, str]] = {
    "folders: EINVAL": (syncs(errno.EINVAL), "cannot sync folders, so that truth would not outlive a power cut"),
    "folders: ENOTSUP": (syncs(errno.ENOTSUP), "cannot sync folders"),
    "links: EPERM": (fails(os, "link", errno.EPERM), "has no hard links, by which truth is written once"),
    "links: EOPNOTSUPP": (fails(os, "link", errno.EOPNOTSUPP), "has no hard links"),
    "links: EMLINK": (fails(os, "link", errno.EMLINK), "has no hard links"),
    "locks: ENOLCK": (fails(fcntl, "flock", errno.ENOLCK), "has no file locks"),
}


def files(folder: Path) -> list[Path]:
    """All there is but what was told."""
    return sorted(
        one for one in folder.rglob("*") if one.is_file() and one.name not in ("platform.log", "session.jsonl")
    )


@pytest.fixture(params=LACKING)
def lacking(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, sr: Shell) -> Iterator[str]:
    """A place that lacks something; how that is told."""
    lack, told = LACKING[request.param]
    with monkeypatch.context() as patch:
        lack(patch)
        yield told


@pytest.mark.parametrize("named", [True, False], ids=["platform run given", "platform run minted"])
def test_a_submit_is_refused_before_anything_is_written(
    sr: Shell, lacking: str, named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if named:
        monkeypatch.setenv("PLATFORM_RUN_ID", PLATFORM)
    request = sr.request()
    before = files(sr.folder)
    for _ in range(3):
        answer = sr("submit", request)
        assert (answer.code, answer.error) == (2, "FILE_SYSTEM_UNFIT")
        assert f"the file system of {sr.folder / 'runs'} {lacking}" in answer.err
        assert answer.err.endswith("; choose another runtime_root, on a file system that has them\n")
        assert files(sr.folder) == before


def test_doctor_tells_it_in_one_line(sr: Shell, lacking: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_RUN_ID", PLATFORM)
    answer = sr("doctor")
    lines = [line for line in answer.err.splitlines() if "object_store" in line]
    assert len(lines) == 1
    assert lines[0].startswith("error[FILE_SYSTEM_UNFIT]: object_store, place: the file system of ")


@pytest.mark.parametrize("name", LACKING)
def test_retries_where_truth_was_once_kept_add_nothing(
    sr: Shell, policy: Callable[..., None], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    policy(evidence_wait_seconds=600)
    flag = sr.folder / "root/end/_passed.flag"
    data = flag.read_bytes()
    flag.unlink()
    assert sr("submit", sr.request()).code == 3
    flag.write_bytes(data)
    (record,) = sr.folder.rglob(f"run_record/{RUN}.jsonl")
    before = record.read_bytes()
    with monkeypatch.context() as patch:
        LACKING[name][0](patch)
        for _ in range(4):
            assert sr("resume", RUN).error == "FILE_SYSTEM_UNFIT"
    assert record.read_bytes() == before
    assert sr("resume", RUN).code == 0


@pytest.mark.parametrize(
    ("lack", "codes"),
    [
        # Unreachable where the store itself makes the root, before any object: the log may have made it already.
        (syncs(errno.EIO), {"OUTCOME_UNKNOWN", "STORE_UNREACHABLE"}),
        (fails(os, "link", errno.EACCES), {"STORE_DENIED"}),
        (fails(os, "link", errno.EIO), {"STORE_UNREACHABLE"}),
    ],
    ids=["folders: EIO", "links: EACCES", "links: EIO"],
)
def test_what_may_pass_is_no_lack_of_the_place(
    sr: Shell, monkeypatch: pytest.MonkeyPatch, lack: Lacks, codes: set[str]
) -> None:
    monkeypatch.setenv("PLATFORM_RUN_ID", PLATFORM)
    with monkeypatch.context() as patch:
        lack(patch)
        answer = sr("submit", sr.request())
        assert answer.code == 9
        assert answer.error in codes
    assert sr("submit", sr.request()).code == 0


def test_proving_a_place_leaves_nothing_there(sr: Shell, tmp_path: Path) -> None:
    assert sr("submit", sr.request()).code == 0
    assert [one for one in tmp_path.rglob("*") if one.name.endswith((".tmp", ".tmp.2"))] == []
