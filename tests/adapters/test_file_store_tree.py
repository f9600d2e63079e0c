"""The file object store against a tree that others change: links, odd files, folders that go away."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from sr_adapters.file import durable
from sr_adapters.file.store import FileObjectStore
from sr_ports.errors import Unreachable
from sr_ports.reasons import ReasonCode

Act = Callable[[], object]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def store(root: Path) -> FileObjectStore:
    return FileObjectStore(str(root))


def data_of(store: FileObjectStore, key: str) -> bytes | None:
    blob = store.read(key)
    return None if blob is None else blob.data


def every_way_in(store: FileObjectStore, key: str) -> list[Act]:
    return [
        partial(store.read, key),
        partial(store.stat, key),
        partial(store.create, key, b"planted"),
        partial(store.replace, key, b"planted", etag="e"),
    ]


def planted(root: Path, tmp_path: Path, where: str) -> Path:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "c").write_bytes(b"secret")
    link = root / where
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside)
    return outside


@pytest.mark.parametrize("where", ["a", "a/b"])
def test_a_folder_that_is_a_symbolic_link_is_never_entered(
    store: FileObjectStore, root: Path, tmp_path: Path, where: str
) -> None:
    outside = planted(root, tmp_path, where)
    for act in (
        *every_way_in(store, f"{where}/c"),
        *every_way_in(store, f"{where}/new/d"),
        list_of(store, f"{where}/"),
    ):
        with pytest.raises(Unreachable, match=r"symbolic link") as raised:
            act()
        assert "remove the symbolic link" in raised.value.remedy
    with pytest.raises(Unreachable):
        store.delete(f"{where}/c")
    assert [(path.name, path.read_bytes()) for path in outside.iterdir()] == [("c", b"secret")]


def list_of(store: FileObjectStore, prefix: str) -> Act:
    return lambda: list(store.list(prefix))


@pytest.mark.parametrize("target", ["outside/c", "outside", "nothing"])
def test_an_object_that_is_a_symbolic_link_is_neither_read_nor_written_nor_listed(
    store: FileObjectStore, root: Path, tmp_path: Path, target: str
) -> None:
    outside = planted(root, tmp_path, "unused")
    (root / "unused").unlink()
    store.create("a/first", b"1")
    (root / "a" / "x").symlink_to(tmp_path / target)
    for act in (*every_way_in(store, "a/x"), list_of(store, "a/")):
        with pytest.raises(Unreachable, match=r"symbolic link"):
            act()
    assert (outside / "c").read_bytes() == b"secret"
    assert not (tmp_path / "nothing").exists()


def test_the_lock_folder_may_be_no_link_either(store: FileObjectStore, root: Path, tmp_path: Path) -> None:
    made = store.create("a", b"1")
    assert made is not None
    outside = planted(root, tmp_path, ".sr-store-locks")
    with pytest.raises(Unreachable, match="symbolic link"):
        store.replace("a", b"2", etag=made.etag)
    assert [path.name for path in outside.iterdir()] == ["c"]


def test_the_root_itself_may_be_a_link_that_leads_somewhere(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    (tmp_path / "root").symlink_to(tmp_path / "volume")
    store = FileObjectStore(str(tmp_path / "root"))
    assert store.create("a/b", b"1") is not None
    assert (tmp_path / "volume" / "a" / "b").read_bytes() == b"1"


def test_a_root_that_is_a_link_to_nothing_is_not_an_empty_store(tmp_path: Path) -> None:
    (tmp_path / "root").symlink_to(tmp_path / "unmounted")
    store = FileObjectStore(str(tmp_path / "root"))
    for act in (*every_way_in(store, "a"), list_of(store, "")):
        with pytest.raises(Unreachable) as raised:
            act()
        assert raised.value.code is ReasonCode.STORE_BUCKET_MISSING
    assert not (tmp_path / "unmounted").exists()


def test_a_file_where_a_folder_must_be_is_named(store: FileObjectStore, root: Path) -> None:
    store.create("a/b", b"file")
    for act in every_way_in(store, "a/b/c"):
        with pytest.raises(Unreachable, match=rf"{root}: a file is where a folder must be \(b\)") as raised:
            act()
        assert raised.value.code is ReasonCode.STORE_UNREACHABLE


def test_a_folder_where_an_object_must_be_is_no_object_and_takes_no_write(store: FileObjectStore) -> None:
    store.create("a/b", b"x")
    assert store.read("a") is None
    assert store.replace("a", b"x", etag="e") is None
    with pytest.raises(Unreachable, match="a folder is where a file must be"):
        store.create("a", b"x")
    store.delete("a")
    assert data_of(store, "a/b") == b"x"


def test_a_pipe_or_socket_in_the_tree_is_refused_and_blocks_nobody(store: FileObjectStore, root: Path) -> None:
    store.create("a/b", b"x")
    os.mkfifo(root / "a" / "pipe")
    with socket.socket(socket.AF_UNIX) as sock:
        here = Path.cwd()
        os.chdir(root / "a")  # a socket's address is short
        try:
            sock.bind("socket")
        finally:
            os.chdir(here)
    for name in ("pipe", "socket"):
        for act in every_way_in(store, f"a/{name}"):
            with pytest.raises(Unreachable):
                act()
    with pytest.raises(Unreachable):
        list(store.list("a/"))


# a root that is not there, or not any more


def test_reading_makes_no_root(store: FileObjectStore, root: Path) -> None:
    assert store.read("a/b") is None
    assert store.stat("a/b") is None
    assert list(store.list("")) == []
    assert store.replace("a/b", b"x", etag="e") is None
    store.delete("a/b")
    assert not root.exists()


def test_the_first_write_makes_the_root_and_what_is_above_it(tmp_path: Path) -> None:
    store = FileObjectStore(str(tmp_path / "x" / "y" / "root"))
    assert store.create("a", b"1") is not None
    assert (tmp_path / "x" / "y" / "root" / "a").read_bytes() == b"1"


def test_a_root_that_vanished_is_not_an_empty_store(store: FileObjectStore, root: Path) -> None:
    store.create("a", b"1")
    root.rename(root.with_name("moved"))
    for act in (*every_way_in(store, "a"), list_of(store, "")):
        with pytest.raises(Unreachable) as raised:
            act()
        assert raised.value.code is ReasonCode.STORE_BUCKET_MISSING
    assert not root.exists()
    root.with_name("moved").rename(root)
    assert data_of(store, "a") == b"1"


def test_a_folder_that_was_removed_is_absent_and_made_again(
    store: FileObjectStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create("a/b/c", b"1")
    (root / "a" / "b" / "c").unlink()
    (root / "a" / "b").rmdir()
    assert store.read("a/b/c") is None
    assert list(store.list("a/")) == []
    assert store.create("a/b/c", b"2") is not None
    assert data_of(store, "a/b/c") == b"2"


def test_a_folder_removed_in_the_middle_of_a_write_is_retryable(
    store: FileObjectStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create("a/b/c", b"1")
    real = durable.create_once

    def after_removal(folder: int, name: str, data: bytes) -> bool:
        (root / "a" / "b" / "c").unlink()
        (root / "a" / "b").rmdir()
        return real(folder, name, data)

    with monkeypatch.context() as patched:
        patched.setattr(durable, "create_once", after_removal)
        with pytest.raises(Unreachable):
            store.create("a/b/d", b"2")
    assert store.create("a/b/d", b"2") is not None


def test_a_list_beside_a_delete_goes_on(store: FileObjectStore) -> None:
    for name in ("a/1", "a/2", "a/3", "b/1"):
        store.create(name, b"x")
    found = store.list("")
    assert next(found).key == "a/1"
    store.delete("a/2")
    assert [item.key for item in found] == ["a/3", "b/1"]


def test_no_call_leaves_a_file_open_and_folders_stay_few(store: FileObjectStore, root: Path, tmp_path: Path) -> None:
    def opened() -> tuple[int, int]:
        """Files and folders of the store that this process has open."""
        links = (fd.readlink() for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink())
        below = [path for path in links if path.is_relative_to(root.resolve())]
        folders = [path for path in below if path.is_dir()]
        return len(below) - len(folders), len(folders)

    for number in range(100):
        store.create(f"many/{number}/x", b"1")
    made = store.create("a/b", b"1")
    assert made is not None
    planted(root, tmp_path, "a/link")
    for key in ("a/b", "a/b/c", "a/link/c", "a/link", "no/where", "a"):
        replace: Act = partial(store.replace, key, b"2", etag=made.etag)
        for act in (*every_way_in(store, key), replace, list_of(store, "a/")):
            with suppress_refusals():
                act()
    files, folders = opened()
    assert files == 0
    assert 0 < folders <= 40


def test_a_folder_that_was_replaced_is_entered_anew(store: FileObjectStore, root: Path) -> None:
    store.create("a/b/one", b"1")
    (root / "a").rename(root / "moved")
    assert store.read("a/b/one") is None
    assert store.create("a/b/two", b"2") is not None
    assert (root / "a/b/two").read_bytes() == b"2"
    assert not (root / "moved/b/two").exists()
    (root / "a").rename(root / "away")
    (root / "a").symlink_to(root / "moved")
    with pytest.raises(Unreachable):
        store.read("a/b/one")


@contextmanager
def suppress_refusals() -> Iterator[None]:
    try:
        yield
    except Unreachable:
        return
