"""The file object store keeps the port's laws, also between processes and against a hostile tree."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sr_adapters.file import durable, tree
from sr_adapters.file.settings import FolderSettings
from sr_adapters.file.store import FileObjectStore, build
from sr_ports.conformance.stores import Losing, ObjectStoreLaws, Reopen
from sr_ports.errors import BadInput, Fault, OutcomeUnknown, Unreachable
from sr_ports.reasons import ReasonCode
from sr_ports.stores import MAX_LIST, MAX_OBJECT, ObjectStore
from tests.adapters.processes import finish, start
from tests.wired import wired


@contextmanager
def answers_lost(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """The next link or rename is done and then reported as failed, as over a network."""
    with patch.context() as patched:
        for name, number in (("link", errno.EEXIST), ("rename", errno.EIO)):
            patched.setattr(os, name, partial(done_but_failed, getattr(os, name), number))
        yield


def done_but_failed(act: object, number: int, *args: object, **kwargs: object) -> None:
    assert callable(act)
    act(*args, **kwargs)
    raise OSError(number, os.strerror(number))


class TestFileObjectStore(ObjectStoreLaws):
    @pytest.fixture
    def content_etags(self) -> bool:
        return True

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

    @pytest.fixture
    def lost_answer(self, monkeypatch: pytest.MonkeyPatch) -> Losing:
        return lambda: answers_lost(monkeypatch)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def store(root: Path) -> FileObjectStore:
    return FileObjectStore(str(root))


def data_of(store: ObjectStore, key: str) -> bytes | None:
    blob = store.read(key)
    return None if blob is None else blob.data


def etag_of(store: ObjectStore, key: str) -> str:
    blob = store.read(key)
    assert blob is not None
    return blob.etag


def own_files(root: Path) -> list[Path]:
    return [path for path in root.rglob(".sr-store*") if path.suffix == ".tmp"]


# between processes


def test_o2_processes_counting_at_once_lose_no_update(store: FileObjectStore, root: Path) -> None:
    finish([start("count", root, "deep/count", 25) for _ in range(4)])
    assert data_of(store, "deep/count") == b"100"


def test_o1_of_processes_creating_at_once_one_wins_each_key(store: FileObjectStore, root: Path) -> None:
    won = [said.split() for said in finish([start("create", root, who, 40) for who in "abcd"])]
    assert sorted(int(key) for keys in won for key in keys) == list(range(40))
    for who, keys in zip("abcd", won, strict=True):
        for key in keys:
            assert data_of(store, f"made/here/{int(key)}") == who.encode() * 10_000
    assert own_files(root) == []


def test_o5_a_killed_writer_leaves_whole_objects_and_all_it_answered_for(store: FileObjectStore, root: Path) -> None:
    size = 50_000
    for _ in range(8):
        writer = start("write", root, size)
        assert writer.stdout is not None
        answered = [int(writer.stdout.readline()) for _ in range(3)]
        writer.kill()
        answered += [int(line) for line in writer.communicate()[0].splitlines(keepends=True) if line.endswith(b"\n")]
        for n in answered:
            assert data_of(store, f"new/{n}") == bytes([65 + n % 26]) * size
        for item in store.list(""):
            data = data_of(store, item.key)
            assert data is not None
            assert data == data[:1] * size
        # and the next writer is not held up by what the killed one held
        assert store.replace("one", b"Z" * size, etag=etag_of(store, "one")) is not None
        for item in list(store.list("new/")):
            store.delete(item.key)


# durability


def test_o5_bytes_are_synced_before_their_name_and_the_name_before_the_answer(
    store: FileObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create("a/first", b"x")
    done: list[str] = []

    def note(name: str, act: object, *args: object, **kwargs: object) -> object:
        assert callable(act)
        kind = "file" if name == "fsync" and not Path(f"/proc/self/fd/{args[0]}").is_dir() else ""
        done.append(name + kind)
        return act(*args, **kwargs)

    for name in ("write", "fsync", "link", "rename", "mkdir"):
        monkeypatch.setattr(os, name, partial(note, name, getattr(os, name)))
    made = store.create("a/b", b"x")
    assert made is not None
    assert done == ["write", "fsyncfile", "link", "fsync"]
    done.clear()
    store.create("new/deep/b", b"x")
    assert done == ["mkdir", "mkdir", "write", "fsyncfile", "link", "fsync", "fsync", "fsync"]
    done.clear()
    FileObjectStore(store.describe().removeprefix("folder ")).create("new/deep/c", b"x")
    proof, write = ["fsync", "link"], ["write", "fsyncfile", "link", "fsync", "fsync", "fsync"]
    assert done == [*proof, *write]  # another's folders may not be durable
    store.replace("a/b", b"y", etag=made.etag)
    done.clear()
    store.replace("a/b", b"z", etag=etag_of(store, "a/b"))
    assert done == ["write", "fsyncfile", "rename", "fsync"]


def failing(number: int, *_: object, **__: object) -> None:
    raise OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, ReasonCode.STORE_FULL),
        (errno.EDQUOT, ReasonCode.STORE_FULL),
        (errno.EACCES, ReasonCode.STORE_DENIED),
        (errno.EPERM, ReasonCode.STORE_DENIED),
        (errno.EROFS, ReasonCode.STORE_DENIED),
        (errno.EIO, ReasonCode.STORE_UNREACHABLE),
        (errno.EMFILE, ReasonCode.STORE_UNREACHABLE),
    ],
)
def test_o4_a_write_that_the_system_refuses_changes_nothing_and_says_why(
    root: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: ReasonCode
) -> None:
    store = FileObjectStore(str(root))
    made = store.create("a/b", b"before")
    assert made is not None
    assert store.replace("a/b", b"before", etag=made.etag) is not None
    create, replace = partial(store.create, "a/c", b"x"), partial(store.replace, "a/b", b"after", etag=made.etag)
    steps = [(step, act) for step in ("open", "write", "fsync") for act in (create, replace)]
    for step, act in (*steps, ("link", create), ("rename", replace)):
        with monkeypatch.context() as patched, pytest.raises(Unreachable) as raised:
            patched.setattr(os, step, partial(failing, number))
            act()
        assert not isinstance(raised.value, OutcomeUnknown)
        assert raised.value.code is code
        assert str(root) in raised.value.what
        assert data_of(store, "a/b") == b"before"
        assert [item.key for item in store.list("")] == ["a/b"]
        assert own_files(root) == []
    assert create() is not None
    assert replace() is not None


def test_o6_a_name_that_may_not_be_durable_is_an_unknown_outcome(
    store: FileObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = store.create("a/b", b"1")
    assert first is not None
    assert store.replace("a/b", b"1", etag=first.etag) is not None  # the lock folder is there now
    real = os.fsync

    def fail_on_folders(fd: int) -> None:
        if Path(f"/proc/self/fd/{fd}").is_dir():
            failing(errno.EIO)
        real(fd)

    monkeypatch.setattr(os, "fsync", fail_on_folders)
    for doing, act in (
        ("create 'a/c' in", partial(store.create, "a/c", b"2")),
        ("replace 'a/b' in", partial(store.replace, "a/b", b"3", etag=first.etag)),
        ("delete 'a/c' in", partial(store.delete, "a/c")),
    ):
        with pytest.raises(OutcomeUnknown, match=f"not known whether this was done: {doing} "):
            act()


def test_o6_a_new_folder_that_may_not_be_durable_is_an_unknown_outcome_until_it_is(
    store: FileObjectStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create("a/b", b"1")
    real, synced = os.fsync, list[str]()

    def fail_above(fd: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{fd}").readlink().relative_to(root)))
        if synced[-1] == "a":
            failing(errno.EIO)
        real(fd)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail_above)
        for key in ("a/new/1", "a/new/2"):
            with pytest.raises(OutcomeUnknown, match="a/new"):
                store.create(key, b"2")
    assert [name for name in synced if name != "." and not name.endswith(".tmp")] == ["a/new", "a"] * 2
    assert store.create("a/new/3", b"2") is not None


def test_o4_a_refusal_that_may_not_be_durable_is_no_answer(
    store: FileObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create("a/b", b"1")
    monkeypatch.setattr(os, "fsync", partial(failing, errno.EIO))
    with pytest.raises(Unreachable) as raised:
        store.create("a/b", b"2")
    assert not isinstance(raised.value, OutcomeUnknown)  # this call certainly wrote nothing


def test_a_folder_that_another_makes_at_the_same_moment_serves_both(
    store: FileObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create("a", b"1")
    monkeypatch.setattr(os, "mkdir", partial(done_but_failed, os.mkdir, errno.EEXIST))
    assert store.create("x/y/z", b"1") is not None


def test_only_so_many_folders_are_remembered(store: FileObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "_REMEMBERED", 2)
    for n in range(4):
        assert store.create(f"{n}/a", b"1") is not None
        assert store.create(f"{n}/b", b"1") is not None
    assert len(list(store.list(""))) == 8


def test_o6_a_failed_link_that_cannot_be_looked_into_is_unknown(
    store: FileObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create("a/b", b"1")
    real = os.stat

    def fail_on_drafts(name: str, **how: Any) -> os.stat_result:
        if str(name).startswith(".sr-store"):
            failing(errno.EIO)
        return real(name, **how)

    monkeypatch.setattr(os, "stat", fail_on_drafts)
    monkeypatch.setattr(os, "link", partial(failing, errno.EIO))
    with pytest.raises(OutcomeUnknown):
        store.create("a/c", b"2")


def test_o2_a_lock_that_another_keeps_is_waited_for_and_then_given_up(
    store: FileObjectStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = store.create("a", b"1")
    assert made is not None
    assert store.replace("a", b"2", etag=made.etag) is not None
    [lock] = (root / ".sr-store-locks").iterdir()
    monkeypatch.setattr(durable, "LOCK_WAIT_S", 0.02)
    folder = os.open(lock.parent, os.O_RDONLY)
    with durable.locked(folder, lock.name), pytest.raises(Unreachable, match="keeps the lock"):
        store.replace("a", b"3", etag=etag_of(store, "a"))
    os.close(folder)
    assert store.replace("a", b"3", etag=etag_of(store, "a")) is not None


# what is in the tree beside objects


def test_o7_leftovers_of_a_crash_are_not_listed_and_do_no_harm(store: FileObjectStore, root: Path) -> None:
    made = store.create("a/b", b"1")
    assert made is not None
    assert store.replace("a/b", b"2", etag=made.etag) is not None
    (root / "a" / ".sr-store-0123456789abcdef.tmp").write_bytes(b"half")
    assert [item.key for item in store.list("")] == ["a/b"]
    assert [item.key for item in store.list("a/.sr")] == []
    assert list(store.list(".sr-store-locks/")) == []


def test_o7_files_that_no_key_can_name_are_no_objects(store: FileObjectStore, root: Path) -> None:
    store.create("a/b", b"1")
    for name in (b"back\\slash", b"new\nline", b"\xff\xfe"):
        Path(os.fsdecode(bytes(root / "a") + b"/" + name)).write_bytes(b"x")
    assert [item.key for item in store.list("")] == ["a/b"]


@pytest.mark.parametrize("prefix", ["../", "/", "a//", "a/../", ".sr-store-locks/", "a\\", "\x00/", "x" * 300 + "/"])
def test_o7_a_prefix_no_key_can_have_lists_nothing(store: FileObjectStore, root: Path, prefix: str) -> None:
    store.create("a/b", b"1")
    (root.parent / "outside").write_bytes(b"x")
    assert list(store.list(prefix)) == []


@pytest.mark.parametrize(
    "key", [".sr-store-locks/00", "a/.sr-store", "a/.sr-store-1.tmp/b", "x" * 256, "a/" + "ä" * 128]
)
def test_keys_that_this_store_cannot_keep_are_refused(store: FileObjectStore, root: Path, key: str) -> None:
    for act in (partial(store.create, data=b""), store.read, store.stat, store.delete):
        with pytest.raises(BadInput):
            act(key)
    assert not root.exists()


def test_keys_as_long_as_a_file_system_takes_are_kept(store: FileObjectStore) -> None:
    key = "/".join(["x" * 255, "ä" * 127, "b.sr-store"])
    assert store.create(key, b"1") is not None
    assert [item.key for item in store.list("")] == [key]


def test_a_profile_gives_the_root_or_leaves_it_to_the_runtime_root(tmp_path: Path) -> None:
    build(wired(FolderSettings, "object_store", {}, tmp_path / "runs")).create("a", b"1")
    assert (tmp_path / "runs" / "a").read_bytes() == b"1"
    chosen = build(wired(FolderSettings, "object_store", {"root": str(tmp_path / "x")}, tmp_path))
    assert chosen.describe() == f"folder {tmp_path / 'x'}"


def test_an_object_that_somebody_padded_is_not_read(tmp_path: Path) -> None:
    store = FileObjectStore(str(tmp_path))
    for key, most in (("a/b.json", MAX_OBJECT), ("a/part_lists/b.json", MAX_LIST)):
        assert store.create(key, b"x" * 4096) is not None
        os.truncate(tmp_path / key, most + 1)  # a hole, which takes no room on disk
        with pytest.raises(Fault) as caught:
            store.read(key)
        assert caught.value.code is ReasonCode.OBJECT_TOO_LARGE
        assert str(most) in caught.value.what
        with pytest.raises(Fault):
            store.replace(key, b"y", etag="any")
    os.truncate(tmp_path / "a/b.json", MAX_OBJECT)
    blob = store.read("a/b.json")
    assert blob is not None
    assert len(blob.data) == MAX_OBJECT
