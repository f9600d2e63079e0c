"""Whoever writes to a root while it is read never makes two observations look like one; each attack has its twin."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from sr_adapters.file import first_byte
from sr_adapters.file.first_byte import TICK_NS, WHOLE_SECONDS_TICK_NS, FirstByte, is_network
from sr_adapters.file.folders import KEPT
from sr_adapters.file.root import FileEngineRoot
from sr_ports import Changes, EvidenceFault, ReasonCode, Unreachable
from sr_ports.conformance.roots import read
from sr_ports.wanted import Wanted

OLD_NS = 1_700_000_000_123_456_789


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A root with in/a, in/b and in/deep/c, beside a folder whose files have the same names."""
    for folder, data in {"root": b"inside", "away": b"outsid"}.items():
        (tmp_path / folder / "in" / "deep").mkdir(parents=True)
        for name in ("in/a", "in/b", "in/deep/c"):
            file = tmp_path / folder / name
            file.write_bytes(data)
            os.utime(file, ns=(OLD_NS, OLD_NS))
    return tmp_path / "root"


@pytest.fixture
def root(tree: Path) -> Iterator[FileEngineRoot]:
    with FileEngineRoot(str(tree)) as opened:
        assert [fact.path for fact in opened.list("in")] == ["in/a", "in/b", "in/deep/c"]
        yield opened


def unstable(root: FileEngineRoot, path: str) -> None:
    got: list[bytes] = []
    with pytest.raises(EvidenceFault) as caught:
        root.stream(path, lambda view: got.append(bytes(view)))
    assert (caught.value.code, caught.value.path) == (ReasonCode.EVIDENCE_UNSTABLE, path)
    assert got == []


def replaced(tree: Path) -> None:
    """Another file of the same size under the same name, with the times that can be set."""
    other = tree / "other"
    other.write_bytes(b"OTHER!")
    os.utime(other, ns=(OLD_NS, OLD_NS))
    other.rename(tree / "in" / "a")


def rewritten(tree: Path) -> None:
    """The same file with other bytes, and its mtime set back."""
    (tree / "in" / "a").write_bytes(b"OTHER!")
    os.utime(tree / "in" / "a", ns=(OLD_NS, OLD_NS))


def fifo(tree: Path) -> None:
    (tree / "in" / "a").unlink()
    os.mkfifo(tree / "in" / "a")


def linked(tree: Path) -> None:
    (tree / "in" / "a").unlink()
    (tree / "in" / "a").symlink_to("b")


def folder(tree: Path) -> None:
    (tree / "in" / "a").unlink()
    (tree / "in" / "a").mkdir()


@pytest.mark.parametrize("attack", [replaced, rewritten, fifo, linked, folder])
def test_what_takes_a_files_place_after_the_listing_is_never_read(
    tree: Path, root: FileEngineRoot, attack: Callable[[Path], None]
) -> None:
    attack(tree)
    unstable(root, "in/a")
    assert read(root, "in/b") == b"inside"
    assert root.changes().paths == ("in/a",)


@pytest.mark.parametrize("attack", [replaced, rewritten, fifo, linked, folder])
def test_the_second_look_meets_it_though_the_file_was_read_before(
    tree: Path, root: FileEngineRoot, attack: Callable[[Path], None]
) -> None:
    assert read(root, "in/a") == b"inside"
    attack(tree)
    assert root.changes() == Changes(("in/a",), 1)


def test_a_folder_swapped_for_a_link_after_the_listing_is_never_followed(tree: Path, root: FileEngineRoot) -> None:
    (tree / "in").rename(tree.parent / "kept")
    (tree / "in").symlink_to(tree.parent / "away" / "in")
    with FileEngineRoot(str(tree)) as later:
        for act in (lambda: later.list("in"), lambda: later.stat("in/a")):
            with pytest.raises(EvidenceFault) as caught:
                act()
            assert (caught.value.code, caught.value.path) == (ReasonCode.PATH_ESCAPES, "in")
    for path in ("in/a", "in/deep/c"):
        got = bytearray()
        try:
            root.stream(path, got.extend)  # of the folder that was listed, wherever it is now
        except EvidenceFault as fault:
            assert fault.code is ReasonCode.EVIDENCE_UNSTABLE
        assert bytes(got) in (b"", b"inside")
    assert root.changes().count > 0


def test_a_folder_swapped_while_a_walk_is_on_its_way_is_never_entered(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    def scandir(fd: int) -> object:
        entries = list(real(fd))
        if any(entry.name == "deep" for entry in entries) and not (tree / "in" / "deep").is_symlink():
            shutil.rmtree(tree / "in" / "deep")
            (tree / "in" / "deep").symlink_to(tree.parent / "away" / "in" / "deep")
        return Entries(entries)

    monkeypatch.setattr(os, "scandir", scandir)
    with FileEngineRoot(str(tree)) as opened, pytest.raises(EvidenceFault) as caught:
        opened.list("in")
    assert (caught.value.code, caught.value.path) == (ReasonCode.PATH_ESCAPES, "in/deep")


class Entries(list[os.DirEntry[str]]):
    """What scandir gives, made before."""

    def __enter__(self) -> Entries:
        return self

    def __exit__(self, *error: object) -> None:
        pass


def test_a_folder_moved_away_and_replaced_by_another_is_a_change(tree: Path, root: FileEngineRoot) -> None:
    assert read(root, "in/a") == b"inside"
    (tree / "in").rename(tree.parent / "kept")
    shutil.copytree(tree.parent / "kept", tree / "in")
    assert root.changes() == Changes(("in/a", "in/b", "in/deep/c"), 3)


def test_another_root_in_this_ones_place_is_a_change(tree: Path, root: FileEngineRoot) -> None:
    tree.rename(tree.parent / "kept")
    shutil.copytree(tree.parent / "kept", tree)
    assert read(root, "in/a") == b"inside"  # the root was opened once
    assert root.changes() == Changes((".",), 1)


def test_a_link_on_the_way_to_the_root_may_stand_but_not_turn(tree: Path) -> None:
    way = tree.parent / "way"
    way.symlink_to(tree)
    for turned in (False, True):
        with FileEngineRoot(str(way)) as opened:
            assert read(opened, "in/a") == b"inside"
            if turned:
                way.unlink()
                way.symlink_to(tree.parent / "away")
            assert read(opened, "in/b") == b"inside"
            assert opened.changes() == (Changes((".",), 1) if turned else Changes())


def test_a_root_that_comes_only_later_is_a_change(tree: Path) -> None:
    for comes in (False, True):
        with FileEngineRoot(str(tree.parent / "new")) as opened:
            assert not opened.exists()
            assert opened.stat("in/a") is None
            if comes:
                shutil.copytree(tree, tree.parent / "new")
            assert opened.changes().paths == ((".",) if comes else ())


def test_a_file_rewritten_while_another_is_read_is_a_change(tree: Path, root: FileEngineRoot) -> None:
    assert read(root, "in/a") == b"inside"
    root.stream("in/b", lambda _: rewritten(tree))
    assert root.changes() == Changes(("in/a",), 1)


def test_links_beside_are_no_change_and_one_that_the_pattern_takes_is(tree: Path) -> None:
    for name, told in {"beside.txt": (), "in/beside": (), "link.bin": ("link.bin",)}.items():
        with FileEngineRoot(str(tree)) as opened:
            assert opened.list("", Wanted("*.bin")) == ()
            (tree / name).symlink_to(tree.parent / "away" / "in" / "a")
            assert opened.changes().paths == told
            (tree / name).unlink()


def test_a_fault_that_stays_is_no_change_and_one_that_goes_is(tree: Path) -> None:
    for goes in (False, True):
        os.mkfifo(tree / "pipe")
        with FileEngineRoot(str(tree)) as opened:
            for _ in range(2):
                with pytest.raises(EvidenceFault) as caught:
                    opened.stat("pipe")
                assert caught.value.code is ReasonCode.NOT_A_FILE
                with pytest.raises(EvidenceFault):
                    opened.list("")
            (tree / "pipe").unlink()
            if not goes:
                os.mkfifo(tree / "pipe")
            assert opened.changes() == (Changes(("pipe",), 1) if goes else Changes())
            (tree / "pipe").unlink(missing_ok=True)


def test_many_readers_while_files_are_swapped_see_the_listed_bytes_or_nothing(tree: Path) -> None:
    over = threading.Event()

    def swap() -> None:
        while not over.is_set():
            (tree / "in").rename(tree / "out")
            (tree / "in").symlink_to(tree.parent / "away" / "in")
            (tree / "in").unlink()
            (tree / "out").rename(tree / "in")

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        for _ in range(60):
            with FileEngineRoot(str(tree)) as opened:
                got = bytearray()
                try:
                    opened.stream("in/a", got.extend)
                except EvidenceFault as fault:
                    assert fault.code is not ReasonCode.NOT_A_FILE
                assert bytes(got) in (b"", b"inside")
    finally:
        over.set()
        swapper.join()


# The first byte


def test_a_file_that_is_old_is_read_at_once_and_a_fresh_one_a_tick_later_once_for_all(tree: Path) -> None:
    time.sleep(2 * TICK_NS / 1e9)
    with FileEngineRoot(str(tree)) as opened:
        opened.list("in")
        assert opened._first_byte._not_before_ns == 0
    for number in range(20):
        (tree / "in" / f"n{number}").write_bytes(b"x")
    with FileEngineRoot(str(tree)) as opened:
        facts = opened.list("in")
        began_ns = time.monotonic_ns()
        for fact in facts:
            opened.stream(fact.path, lambda _: None)
        assert time.monotonic_ns() - began_ns < 10 * TICK_NS
        assert time.time_ns() > (tree / "in" / "n19").stat().st_ctime_ns + TICK_NS


@attrs.frozen
class Seen:
    """As much of a status as the first byte asks for."""

    st_ctime_ns: int
    st_dev: int = 1


@pytest.mark.parametrize(
    ("age_ns", "network", "wait_ns"),
    [
        (10 * TICK_NS, False, 0),
        (10 * TICK_NS, True, TICK_NS),
        (-50 * TICK_NS, False, TICK_NS),
        (TICK_NS // 2, False, TICK_NS // 2),
    ],
    ids=["old", "old on a network's", "ahead of the clock", "fresh"],
)
def test_how_long_is_waited(monkeypatch: pytest.MonkeyPatch, age_ns: int, network: bool, wait_ns: int) -> None:
    now_ns = OLD_NS
    monkeypatch.setattr(first_byte, "is_network", lambda _: network)
    monkeypatch.setattr(time, "time_ns", lambda: now_ns)
    monkeypatch.setattr(time, "monotonic_ns", lambda: 1)
    moment = FirstByte()
    moment.saw(Seen(now_ns - age_ns), 0)
    assert moment._not_before_ns == (1 + wait_ns if wait_ns else 0)


def test_where_times_are_whole_seconds_two_are_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    second_ns = 1_000_000_000
    monkeypatch.setattr(first_byte, "is_network", lambda _: False)
    monkeypatch.setattr(time, "time_ns", lambda: 10 * second_ns + second_ns // 2)
    monkeypatch.setattr(time, "monotonic_ns", lambda: 0)
    moment = FirstByte()
    moment.saw(Seen(10 * second_ns), 0)
    assert moment._not_before_ns == WHOLE_SECONDS_TICK_NS - second_ns // 2


MOUNTS = {"ext4": False, "nfs4": True, "fuse.sshfs": True, "9p": True, "cifs": True, "tmpfs": False, "unheard": True}


@pytest.mark.parametrize("kind", MOUNTS)
def test_only_file_systems_known_to_be_local_are_not_a_networks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    told = {
        "/proc/self/fdinfo/7": "pos:\t0\nflags:\t012\nmnt_id:\t36\nino:\t2\n",
        "/proc/self/mountinfo": f"35 1 8:1 / / rw - xfs /dev/a rw\n36 35 8:2 / /mnt rw shared:1 - {kind} x rw\n",
    }
    monkeypatch.setattr(Path, "read_text", lambda path, **_: told[str(path)])
    assert is_network(7) is MOUNTS[kind]
    monkeypatch.undo()
    assert is_network(-1)  # it cannot be told


# What is held open


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_descriptors_are_few_and_given_back(tmp_path: Path) -> None:
    for number in range(2 * KEPT):
        (tmp_path / f"{number}" / "deep").mkdir(parents=True)
        (tmp_path / f"{number}" / "deep" / "f").write_bytes(b"x")
    before = open_files()
    with FileEngineRoot(str(tmp_path)) as opened:
        for fact in opened.list(""):
            opened.stream(fact.path, lambda _: None)
        assert open_files() <= before + KEPT + 1
        assert opened.changes() == Changes()
    assert open_files() == before
    opened.close()
    FileEngineRoot(str(tmp_path)).list("")  # and by whoever forgets to
    assert open_files() == before


def test_a_tree_whose_paths_are_longer_than_any_system_call_takes_is_listed_and_read(tmp_path: Path) -> None:
    name, depth, at = "d" * 250, 20, os.open(tmp_path, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=at)
        below = os.open(name, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=at))
    os.close(at)
    with FileEngineRoot(str(tmp_path)) as opened:
        (fact,) = opened.list("")
        assert fact.path.count("/") == depth
        assert read(opened, fact.path) == b""
        assert opened.changes() == Changes()


def test_a_second_look_that_cannot_tell_says_so_and_may_be_asked_again(
    tree: Path, root: FileEngineRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    for name in ("stat", "scandir"):
        with monkeypatch.context() as broken, pytest.raises(Unreachable):
            broken.setattr(os, name, failing)
            root.changes()
        with pytest.raises(RuntimeError):
            root.stat("in/a")
    assert root.changes() == Changes()
