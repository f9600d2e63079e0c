"""A small file that is read again when it changes, so that what it says holds from the next call on."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import attrs

from sr_ports import ReasonCode, Unreachable

T = TypeVar("T")

_SETTLED_NS = 2 * 10**9
"""A change this soon after another may leave every time of the file as it was: until then it is read each time."""
_TRIES = 5

Stamp = tuple[int, int, int, int, int, int]


@attrs.define(eq=False)
class WatchedFile(Generic[T]):
    """The file at `path`, as `parse` reads it. `what`: what messages call it. `longest`: bytes that it may have.

    Every `read` looks at the file: device, inode, size, times and mode, links followed. What it said is used again only
    while all are as they were. A file that is gone, is no regular file, may be written by everybody, is too long, or
    that `parse` refuses (`ValueError`, quoting nothing of the file) raises `Unreachable(AUTH_UNREACHABLE)`, each
    time until it is mended: what it said before is not used on, as a token or key that was taken back would live on.
    """

    path: str
    what: str
    parse: Callable[[bytes], T]
    longest: int
    _known: tuple[Stamp, T] | None = attrs.field(default=None, init=False)

    def read(self) -> T:
        """What the file says now. Raises `Unreachable(AUTH_UNREACHABLE)`."""
        try:
            known, now = self._known, _stamp(os.stat(self.path))  # noqa: PTH116 - asked at each call
            if known is not None and known[0] == now:
                return known[1]
            return self._anew()
        except OSError as error:
            raise self._broken(error.strerror or type(error).__name__) from error
        except ValueError as error:
            raise self._broken(str(error)) from error

    def mode(self) -> int:
        """The file's permission bits. Raises `Unreachable(AUTH_UNREACHABLE)`."""
        try:
            return stat.S_IMODE(os.stat(self.path).st_mode)  # noqa: PTH116 - beside the other
        except (OSError, ValueError) as error:
            raise self._broken(getattr(error, "strerror", None) or "it has no such name") from error

    def _anew(self) -> T:
        for _ in range(_TRIES):
            stamp, data = self._bytes()
            if stamp != _stamp(os.stat(self.path)):  # noqa: PTH116 - of the name, not of what was opened
                continue  # another file has its name by now
            self._known = None
            said = self.parse(data)
            if time.time_ns() - max(stamp[3], stamp[4]) >= _SETTLED_NS:
                self._known = (stamp, said)
            return said
        raise ValueError("it changes while it is read")

    def _bytes(self) -> tuple[Stamp, bytes]:
        """The whole file, and what it was like before and after. Raises `ValueError`, `OSError`."""
        handle = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as file:  # noqa: PTH123 - a descriptor
            before = os.fstat(handle)
            if not stat.S_ISREG(before.st_mode):
                raise ValueError("it is no regular file")
            if before.st_mode & stat.S_IWOTH:
                raise ValueError("everybody may write to it: chmod o-w")
            data = file.read(self.longest + 1)
            if len(data) > self.longest:
                raise ValueError(f"it has more than {self.longest} bytes")
            if _stamp(os.fstat(handle)) != _stamp(before):
                return (0, 0, 0, 0, 0, 0), b""  # of nothing: it is read again
            return _stamp(before), data

    def _broken(self, why: str) -> Unreachable:
        return Unreachable(
            ReasonCode.AUTH_UNREACHABLE, f"{self.what} {self.path!r} cannot be used: {why}; nobody is let in"
        )


def _stamp(found: os.stat_result) -> Stamp:
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_mode)
