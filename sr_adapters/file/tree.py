"""A folder tree entered one step at a time, never through a symbolic link.

Whoever may write into the tree could plant a link that leads out of it. Each step is
therefore an open relative to the folder before it, with O_NOFOLLOW: there is no moment
between a check and a use. The root's own path is the operator's and may hold links.

Folders stay open for the next call. Before each use the kernel is asked whether the path
still leads to the very folder that is open (device and inode): one call instead of one a
step, and a folder that was moved, removed or replaced is entered anew, step by step.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path

from sr_adapters import places
from sr_adapters.file.errors import ROOT_GONE
from sr_ports.errors import OutcomeUnknown

_FOLDER = os.O_RDONLY | places.flags("DIRECTORY", "NOFOLLOW", "CLOEXEC")
_ROOT = os.O_RDONLY | places.flags("DIRECTORY", "CLOEXEC")
_REMEMBERED = 4096
_KEPT_OPEN = 32


class Folder:
    """An open folder; its descriptor is closed when nobody uses or remembers it any more.

    As a context manager it gives its descriptor: held by the block, it stays open whatever the tree forgets.
    """

    __slots__ = ("_device", "fd", "inode")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        found = os.fstat(fd)
        self._device, self.inode = found.st_dev, found.st_ino

    def is_at(self, path: str) -> bool:
        """Whether the path leads to this very folder now."""
        try:
            found = os.stat(path)  # noqa: PTH116 - a hot path, strings all the way
        except (OSError, ValueError):
            return False
        return found.st_ino == self.inode and found.st_dev == self._device

    def __enter__(self) -> int:
        return self.fd

    def __exit__(self, *error: object) -> None:
        return None

    def __del__(self) -> None:
        os.close(self.fd)


class Tree:
    """The folders under `root`. Safe to use from several threads.

    Raises `BadInput` on a system without what files need, and from the first write where the
    file system lacks it.
    """

    def __init__(self, root: str) -> None:
        places.require_posix()
        self.root = str(Path(root).absolute())
        self._seen = False
        self._proven = False
        self._settled: dict[tuple[str, ...], int] = {}
        self._kept: dict[tuple[str, ...], Folder] = {}

    def entered(self, folders: tuple[str, ...]) -> AbstractContextManager[int | None]:
        """A descriptor on the folder for the block's time; None when the folder is certainly absent."""
        return self._enter(folders) or nullcontext()

    def made(self, folders: tuple[str, ...]) -> AbstractContextManager[int]:
        """A descriptor on the folder, made where missing; after the block it is durably there.

        Its ancestors' entries are synced after the block's own writes: a journal that has put
        those on disk has mostly put these there too. A failure then leaves the outcome unknown.
        """
        folder = self._enter(folders)
        if folder is None or self._settled.get(folders) != folder.inode:
            return self._settling(folders)
        return folder

    def forget(self) -> None:
        """Close the folders that are kept open for the next call."""
        self._kept.clear()

    def prove(self) -> None:
        """Once: that the file system has what truth needs. Raises `BadInput(FILE_SYSTEM_UNFIT)`."""
        if not self._proven:
            places.prove(self.root)
            self._proven = True

    def _enter(self, folders: tuple[str, ...]) -> Folder | None:
        kept = self._kept.get(folders)
        if kept is not None and kept.is_at("/".join((self.root, *folders))):
            return kept
        fd = self._open_root()
        for name in folders:
            if fd is None:
                break
            try:
                below = _open_folder(fd, name)
            finally:
                os.close(fd)
            fd = below
        return None if fd is None else self._keep(folders, Folder(fd))

    def _keep(self, folders: tuple[str, ...], folder: Folder) -> Folder:
        while len(self._kept) >= _KEPT_OPEN:
            with suppress(StopIteration, RuntimeError):  # another thread forgot it first
                self._kept.pop(next(iter(self._kept)), None)
        self._kept[folders] = folder
        return folder

    @contextmanager
    def _settling(self, folders: tuple[str, ...]) -> Iterator[int]:
        """Make what is missing, and sync each folder whose entry for the next may not be on disk.

        An entry that is already there may be another process's, made a moment ago and not
        yet durable, so its parent is synced once as well. Inodes tell a folder that was
        removed and made again from the one that was settled.
        """
        self.prove()
        with ExitStack() as opened:
            fds = [self._make_root()]
            opened.callback(os.close, fds[0])
            for name in folders:
                fds.append(_make_folder(fds[-1], name))
                opened.callback(os.close, fds[-1])
            yield fds[-1]
            inodes = {folders[:depth]: os.fstat(fd).st_ino for depth, fd in enumerate(fds)}
            for parent, (path, inode) in zip(fds, list(inodes.items())[1:], strict=False):
                if self._settled.get(path) != inode:
                    _sync_parent(parent, path)
            if len(self._settled) > _REMEMBERED:
                self._settled.clear()
            self._settled.update(inodes)

    def _open_root(self) -> int | None:
        seen = self._seen  # before the look: another thread may make the root right after it
        try:
            fd = os.open(self.root, _ROOT)
        except FileNotFoundError as exc:
            # an unmounted volume or a dangling link is not an empty store
            if seen or Path(self.root).is_symlink():
                raise OSError(ROOT_GONE, "the root folder is gone", self.root) from exc
            return None
        self._seen = True
        return fd

    def _make_root(self) -> int:
        fd = self._open_root()
        if fd is not None:
            return fd
        root = Path(self.root)
        missing = [folder for folder in (root, *root.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            places.sync_path(folder.parent)
        fd = os.open(self.root, _ROOT)
        self._seen = True
        return fd


def _sync_parent(fd: int, path: tuple[str, ...]) -> None:
    try:
        places.sync_folder(fd, f"folder {'/'.join(path)}")
    except OSError as exc:
        what = f"folder {'/'.join(path)} was made, but may not outlive a power cut: {exc.strerror}"
        raise OutcomeUnknown(what) from exc


def _open_folder(fd: int, name: str) -> int | None:
    try:
        return os.open(name, _FOLDER, dir_fd=fd)
    except FileNotFoundError:
        return None
    except NotADirectoryError as exc:
        raise _misfit(fd, name) from exc


def _make_folder(fd: int, name: str) -> int:
    while (below := _open_folder(fd, name)) is None:
        try:
            os.mkdir(name, dir_fd=fd)
        except FileExistsError:
            continue  # another process made it first
    return below


def _misfit(fd: int, name: str) -> OSError:
    """Say what is there instead of a folder: O_NOFOLLOW reports a link as "not a directory"."""
    mode = os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode
    if stat.S_ISLNK(mode):
        return OSError(errno.ELOOP, "a symbolic link is in the way", name)
    return OSError(errno.ENOTDIR, "a file is where a folder must be", name)
