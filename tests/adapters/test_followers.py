"""Where followers keep how far they have come: the port's laws in memory and in files, and what a crash leaves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sr_adapters.file.followers import FileFollowerStore
from sr_adapters.memory.followers import MemoryFollowerStore
from sr_ports import Fault, FollowerStore, LeaseLost, Progress, ReasonCode, Unreachable
from sr_ports.conformance.followers import AT, FollowerStoreLaws, Reopen, claimed


class TestMemoryFollowerStore(FollowerStoreLaws):
    @pytest.fixture
    def clock(self) -> list[float]:
        return [0.0]

    @pytest.fixture
    def store(self, clock: list[float]) -> MemoryFollowerStore:
        return MemoryFollowerStore(now=lambda: clock[0])

    @pytest.fixture
    def reopen(self, store: MemoryFollowerStore) -> Reopen:
        return lambda: MemoryFollowerStore(store)

    @pytest.fixture
    def lapse(self, clock: list[float]) -> Callable[[float], None]:
        def pass_(seconds: float) -> None:
            clock[0] += seconds

        return pass_


class TestFileFollowerStore(FollowerStoreLaws):
    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Iterator[Reopen]:
        made: list[FileFollowerStore] = []

        def handle() -> FileFollowerStore:
            made.append(FileFollowerStore(str(tmp_path / "followers")))
            return made[-1]

        yield handle
        for one in made:
            one.close()

    @pytest.fixture
    def store(self, reopen: Reopen) -> FollowerStore:
        return reopen()

    @pytest.fixture
    def died(self) -> Callable[[FollowerStore], None]:
        return lambda handle: handle.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "followers"


def test_a_process_that_was_killed_holds_no_claim(folder: Path) -> None:
    code = (
        "import sys, time\n"
        "from sr_adapters.file.followers import FileFollowerStore\n"
        f"store = FileFollowerStore({str(folder)!r})\n"
        "assert store.claim('group', 'me', ttl_s=60) is not None\n"
        "print('held', flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        store = FileFollowerStore(str(folder))
        assert store.claim("group", "other", ttl_s=60) is None
        os.kill(child.pid, signal.SIGKILL)
    store.release(claimed(store))


def test_a_store_that_is_lost_under_a_follower_takes_nothing_more_and_begins_anew(folder: Path) -> None:
    store = FileFollowerStore(str(folder))
    claim = claimed(store)
    store.save(claim, Progress({"s": "1"}, AT), done=["one"])
    assert store.dealt_with("group", ["one"]) == {"one"}
    shutil.rmtree(folder / "group")
    for act in (lambda: store.save(claim, Progress({"s": "2"})), lambda: store.renew(claim, ttl_s=60)):
        with pytest.raises(LeaseLost):
            act()
    assert store.load("group") == Progress()
    assert store.dealt_with("group", ["one"]) == frozenset()
    claimed(FileFollowerStore(str(folder)))
    store.close()


@pytest.mark.parametrize("rest", [b"", b"ab", b"\x00"])
def test_what_a_crash_cut_off_is_nobodys_key(folder: Path, rest: bytes) -> None:
    store = FileFollowerStore(str(folder))
    claim = claimed(store)
    store.save(claim, Progress(), done=["one"])
    with (folder / "group" / "done").open("ab") as file:
        file.write(rest)
    store.save(claim, Progress(), done=["two"])
    for handle in (store, FileFollowerStore(str(folder))):
        assert handle.dealt_with("group", ["one", "two", "three"]) == {"one", "two"}
    store.close()


def test_keys_that_another_process_adds_are_met(folder: Path) -> None:
    reader, writer = (FileFollowerStore(str(folder)) for _ in range(2))
    claim = claimed(writer)
    for number in range(3):
        writer.save(claim, Progress(), done=[str(number)])
        assert reader.dealt_with("group", ["0", "1", "2"]) == {str(one) for one in range(number + 1)}
    writer.close()


def test_a_position_that_is_no_position_is_a_fault_that_says_what_to_do(folder: Path) -> None:
    store = FileFollowerStore(str(folder))
    store.release(claimed(store))
    (folder / "group" / "position.json").write_text(json.dumps({"positions": []}))
    with pytest.raises(Fault, match="take the group's folder away"):
        store.load("group")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unreachable) as caught:
        FileFollowerStore(str(tmp_path / "file")).claim("group", "me", ttl_s=60)
    assert caught.value.code is ReasonCode.FOLLOWERS_UNREACHABLE
