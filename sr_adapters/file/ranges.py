"""A file of an engine root, open to be read from any place, and held against its identity after every read."""

from __future__ import annotations

import os
from collections.abc import Callable

from sr_adapters.snapshot import unstable
from sr_ports import FileFact


class FileRanges:
    """`sr_ports.roots.RangeReader` of an open file. `other`: whether it is not the one of the fact any more.

    `trouble`: makes the error of a file that cannot be read.
    """

    def __init__(
        self, fd: int, fact: FileFact, other: Callable[[int, FileFact], bool], trouble: Callable[[OSError], Exception]
    ) -> None:
        self._fd, self._fact, self._other, self._trouble = fd, fact, other, trouble
        self.size = fact.size

    def read(self, start: int, length: int) -> bytes:
        try:
            length = max(0, min(length, self.size - start))
            data = os.pread(self._fd, length, start)
            if len(data) < length:
                data = self._whole(data, start, length)
            if self._other(self._fd, self._fact):
                raise unstable(self._fact.path)
        except OSError as error:
            raise self._trouble(error) from error
        return data

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        self.close()

    def _whole(self, data: bytes, start: int, length: int) -> bytes:
        """All of it, though a system call may give less. `data`: what the first gave."""
        parts, got = [data], len(data)
        while got < length and (more := os.pread(self._fd, length - got, start + got)):
            parts.append(more)
            got += len(more)
        return b"".join(parts)
