"""Reading files once, over all cores, in bounded memory, and the canonical list of what was read."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import attrs

from sr_adapters.sealing.errors import SealRefused, cannot, shown
from sr_adapters.sealing.tree import DataFile

Progress = Callable[[int, int], None]
"""Called now and then with how many bytes were read, and of how many. What it raises ends the sealing."""

_BUFFER = 1 << 20
_AT_ONCE = 4096
_OPEN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


@attrs.frozen
class FilePart:
    """A file's bytes. `path`: relative to the root. `size`: bytes. `sha256`: 64 lower-case hex characters."""

    path: str
    size: int
    sha256: str


def part_list(parts: Iterable[FilePart]) -> bytes:
    """The canonical JSON (RFC 8785) of the parts by ascending path."""
    rows = (
        f'{{"path":{json.dumps(one.path, ensure_ascii=False)},"sha256":"{one.sha256}","size":{one.size}}}'
        for one in sorted(parts, key=lambda one: one.path)
    )
    return f"[{','.join(rows)}]".encode()


def read_parts(
    root: str | os.PathLike[str],
    files: Sequence[DataFile],
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[FilePart]:
    """Every file's size and sha256, in the order of `files`. `workers`: threads, by default one a core.

    Raises `SealRefused` for the first file that cannot be read or changes while it is.
    """
    reader = _Reader(os.fspath(root), sum(one.size for one in files), progress)
    parts: list[FilePart] = []
    rest = iter(files)
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        try:
            while window := list(islice(rest, _AT_ONCE)):
                parts += pool.map(reader.read, window)
        except BaseException:
            reader.stopped = True
            pool.shutdown(cancel_futures=True)
            raise
    return parts


class _Reader:
    """Reads files below a root; several threads at once."""

    def __init__(self, root: str, total: int, progress: Progress | None) -> None:
        self.stopped = False
        self._root, self._total, self._progress = root, total, progress
        self._buffers = threading.local()
        self._lock, self._read = threading.Lock(), 0

    def read(self, file: DataFile) -> FilePart:
        try:
            handle = os.open(Path(self._root, file.path), _OPEN)
        except OSError as error:
            raise SealRefused(cannot(f"{shown(file.path)} cannot be read", error), _UNREAD) from error
        try:
            return self._whole(file, handle)
        except OSError as error:
            raise SealRefused(cannot(f"{shown(file.path)} cannot be read", error), _UNREAD) from error
        finally:
            os.close(handle)

    def _whole(self, file: DataFile, handle: int) -> FilePart:
        before, whole, size, buffer = os.fstat(handle), hashlib.sha256(), 0, self._buffer()
        if not stat.S_ISREG(before.st_mode):
            raise _changed(file)
        while count := os.readv(handle, [buffer]):
            whole.update(buffer[:count])
            size += count
            self._told(count)
        if _identity(before) != _identity(os.fstat(handle)) or size != before.st_size:
            raise _changed(file)
        return FilePart(file.path, size, whole.hexdigest())

    def _buffer(self) -> memoryview:
        if not hasattr(self._buffers, "view"):
            self._buffers.view = memoryview(bytearray(_BUFFER))
        view: memoryview = self._buffers.view
        return view

    def _told(self, count: int) -> None:
        if self.stopped:
            raise SealRefused("the sealing was stopped", "seal again")
        with self._lock:
            self._read += count
            if self._progress is not None:
                self._progress(self._read, self._total)


_UNREAD = "give the right to read it, or move it out of the folder"


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _changed(file: DataFile) -> SealRefused:
    return SealRefused(f"{shown(file.path)} changed while it was read", "seal once nothing writes there any more")
