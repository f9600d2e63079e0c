"""The folders of a tree, each opened by its own name in the one above it: no link below the root is ever followed."""

from __future__ import annotations

import errno
import os
import threading
from collections import OrderedDict
from typing import Final

import attrs

from sr_adapters.places import flags

KEPT: Final = 64
"""Folders that are kept open for the next file in them."""

_WAY: Final = os.O_RDONLY | flags("PATH", "DIRECTORY", "CLOEXEC")
"""A folder to go through, for which the right to enter it is enough where the system has such a flag."""

ABSENT = (FileNotFoundError, NotADirectoryError)


class LinkMet(Exception):
    """A symbolic link stands where a folder is to be. `path`: of the link, relative to the root."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


@attrs.define(eq=False)
class Held:
    """An open folder. `users`: who works in it now; it is closed when nobody does and it is not `kept`."""

    fd: int
    users: int = 1
    kept: bool = True


class Folders:
    """The open folders below a root, by path. Safe to use from several threads.

    `root`: a path, whose links are followed, once, now. A root that is not there has no folders; one that
    cannot be opened raises that `OSError` whenever it is asked for.
    """

    def __init__(self, root: str) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[str, Held] = OrderedDict()
        self._trouble: OSError | None = None
        self._root: Held | None = None
        self._closed = False
        try:
            self._root = Held(os.open(root, _WAY))
        except OSError as error:
            self._trouble = error.with_traceback(None)
        except ValueError:  # a NUL: no system has such a name
            self._trouble = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), root)

    def there(self) -> bool:
        """Whether there is a root. Raises `OSError` where that cannot be told."""
        if self._trouble is not None and not isinstance(self._trouble, ABSENT):
            raise self._trouble
        return self._root is not None

    @property
    def no_folder(self) -> bool:
        """Whether a file, or whatever else is no folder, stands in the root's place or on the way to it."""
        return isinstance(self._trouble, NotADirectoryError)

    def mark(self) -> tuple[int, int] | None:
        """What tells the root from every other folder; None for one that is not there."""
        if not self.there() or self._root is None:
            return None
        found = os.fstat(self._root.fd)
        return found.st_dev, found.st_ino

    def enter(self, path: str) -> Held:
        """The folder at a path, open until `leave`. Raises `LinkMet`, and `OSError` where there is none."""
        with self._lock:
            known = self._held.get(path) if path else self._root
            if known is not None:
                return self._used(path, known)
        if self._trouble is not None:
            raise self._trouble
        parts = path.split("/")
        at, here = self._nearest(parts)
        while at < len(parts):
            try:
                fd = _open_below(here.fd, parts[at])
            except OSError as error:
                if _is_link(parts[at], here.fd, error):
                    raise LinkMet("/".join(parts[: at + 1])) from None
                raise
            finally:
                self.leave(here)
            at += 1
            here = self._keep("/".join(parts[:at]), fd)
        return here

    def leave(self, held: Held) -> None:
        """Whoever entered is done."""
        with self._lock:
            held.users -= 1
            if not held.users and not held.kept:
                os.close(held.fd)

    def forget(self) -> None:
        """Open every folder anew from now on, but the root."""
        with self._lock:
            while self._held:
                self._drop(self._held.popitem()[1])

    def close(self) -> None:
        """Give all back. May be called again."""
        self.forget()
        with self._lock:
            if self._root is not None:
                self._drop(self._root)
                self._root.users -= 1
                if not self._root.users:
                    os.close(self._root.fd)
                self._root = None
            self._trouble = self._trouble or FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    def _nearest(self, parts: list[str]) -> tuple[int, Held]:
        """How many parts of the way are open already, and the folder they lead to."""
        with self._lock:
            for count in range(len(parts) - 1, 0, -1):
                path = "/".join(parts[:count])
                known = self._held.get(path)
                if known is not None:
                    return count, self._used(path, known)
            if self._root is None:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            return 0, self._used("", self._root)

    def _used(self, path: str, held: Held) -> Held:
        held.users += 1
        if path:
            self._held.move_to_end(path)
        return held

    def _keep(self, path: str, fd: int) -> Held:
        with self._lock:
            known = self._held.get(path)
            if known is not None:  # another thread was as quick
                os.close(fd)
                return self._used(path, known)
            made = self._held[path] = Held(fd)
            if len(self._held) > KEPT:
                self._drop(self._held.popitem(last=False)[1])
            return made

    def _drop(self, held: Held) -> None:
        held.kept = False
        if not held.users:
            os.close(held.fd)


def _open_below(folder: int, name: str) -> int:
    return os.open(name, _WAY | flags("NOFOLLOW"), dir_fd=folder)


def _is_link(name: str, folder: int, error: OSError) -> bool:
    """Whether a folder could not be opened because a link stands in its place."""
    if error.errno not in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
        return False
    try:
        os.readlink(name, dir_fd=folder)
    except OSError:
        return error.errno == errno.ELOOP
    return True
