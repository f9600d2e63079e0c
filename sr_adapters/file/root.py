"""Engine roots in the file system: read, confined, never written."""

from __future__ import annotations

import errno
import os
import re
import stat as modes
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from sr_adapters.places import flags, require_posix
from sr_ports import EvidenceFault, FileFact, ReasonCode, Sink, Unreachable
from sr_ports.roots import path_refused
from sr_ports.wanted import EVERYTHING, Step, Wanted

if TYPE_CHECKING:
    from sr_ports import Wiring

CHUNK = 1 << 20
BATCH_BELOW = 256 << 10
_TICK_NS = 12_000_000
"""Longer than any kernel's tick (10 ms at 100 Hz), by which file systems stamp."""
_OPEN = os.O_RDONLY | flags("CLOEXEC", "NOCTTY", "NONBLOCK")  # never hang on a FIFO somebody planted
_ABSENT = (FileNotFoundError, NotADirectoryError)
_LONGEST_NAME = 255  # bytes
_BAD_NAME = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")  # lone surrogates stand for bytes that are not UTF-8


class FileEngineRoot:
    """`sr_ports.EngineRoot` over a folder.

    `uri`: a path, relative to the working directory or absolute, or a ``file://`` URI. A link
    is followed only while it stays inside: every folder on a path is resolved once.
    """

    batch_below = BATCH_BELOW
    folders = True

    def __init__(self, uri: str) -> None:
        path = unquote(urlsplit(uri).path) if uri.startswith("file://") else uri
        self.uri = os.path.abspath(path)  # noqa: PTH100 - the string form, links unresolved
        self._real = os.path.realpath(self.uri)
        self._real_folders = {"": self._real}
        self._buffers = threading.local()

    def exists(self) -> bool:
        try:
            return os.path.isdir(self.uri)  # noqa: PTH112
        except ValueError:
            return False

    def stat(self, path: str) -> FileFact | None:
        full = self._full(path)
        if full is None:
            return None
        try:
            found = os.stat(full)  # noqa: PTH116
        except OSError as error:
            if _absent(path, error):
                return None
            raise self._unreachable(path, error) from error
        if modes.S_ISDIR(found.st_mode):
            return None
        return _fact(path, found, self._target(path, full))

    def list(self, prefix: str, wanted: Wanted = EVERYTHING) -> Sequence[FileFact]:
        folder = prefix.rstrip("/")
        if prefix and not folder:
            raise path_refused(prefix, "it is absolute")
        full = self._full(folder) if folder else self._real
        if full is None:
            return []
        facts = list(self._walk(full, folder + "/" if folder else "", wanted, wanted.start, ()))
        facts.sort(key=lambda fact: fact.path)
        return facts

    def _walk(
        self, full: str, prefix: str, wanted: Wanted, state: frozenset[int], above: tuple[tuple[int, int], ...]
    ) -> Iterator[FileFact]:
        try:
            entries = list(os.scandir(full))
        except _ABSENT:
            return
        except OSError as error:
            raise self._unreachable(prefix, error) from error
        for entry in entries:
            step, path = wanted.step(state, entry.name), prefix + entry.name
            try:
                seen = self._seen(path, entry, wanted, step)
            except _ABSENT:
                continue  # gone since it was listed
            except OSError as error:
                raise self._unreachable(path, error) from error
            if seen is None:
                continue
            target, found = seen
            if modes.S_ISDIR(found.st_mode):
                mark = (found.st_dev, found.st_ino)
                if mark in above:
                    raise _escape(path, "a link that leads back to a folder above it")
                below = _entered(wanted, step, is_link=entry.is_symlink())
                yield from self._walk(target, path + "/", wanted, below, (*above, mark))
            else:
                _check_name(path)
                yield _fact(path, found, self._target(path, target))

    def _seen(
        self, path: str, entry: os.DirEntry[str], wanted: Wanted, step: Step
    ) -> tuple[str, os.stat_result] | None:
        """Where an entry really is, and its status; None for one that only stands beside what is wanted."""
        taken, is_link = wanted.taken(step), entry.is_symlink()
        if not _entered(wanted, step, is_link=is_link):
            return None
        if not entry.is_dir(follow_symlinks=False) and entry.name in wanted.leave_out:
            return None
        if is_link:
            return self._followed(path, entry.path, taken=taken)
        if not taken and not entry.is_dir(follow_symlinks=False):
            return None
        return entry.path, entry.stat(follow_symlinks=False)

    def _followed(self, path: str, full: str, *, taken: bool) -> tuple[str, os.stat_result] | None:
        """Where a link leads; None for one that is not taken itself and leads to no folder."""
        if not taken and not os.path.isdir(full):  # noqa: PTH112
            return None
        target = self._inside(path, full)
        try:
            return target, os.stat(target)  # noqa: PTH116
        except _ABSENT as error:
            raise _escape(path, "a link that leads nowhere") from error

    def stream(self, path: str, sink: Sink, *, expect: FileFact | None = None) -> FileFact:
        full = self._full(path)
        if full is None:
            raise _gone(path)
        try:
            fd = os.open(full, _OPEN | flags("NOFOLLOW"))
        except OSError as error:
            raise (_gone(path) if _absent(path, error) else self._unreachable(path, error)) from error
        target = self._target(path, full)
        try:
            before = _fact(path, _steady(fd), target)
            if expect is not None and (expect.size, expect.stamp) != (before.size, before.stamp):
                raise _unstable(path)
            read = self._pump(fd, sink, before.size)
            if read != before.size or _fact(path, os.fstat(fd), target) != before:
                raise _unstable(path)
        except OSError as error:
            raise self._unreachable(path, error) from error
        finally:
            os.close(fd)
        return before

    def _pump(self, fd: int, sink: Sink, size: int) -> int:
        """Bytes read; a file that outgrows `size` is left there, for its writer might never end."""
        view: memoryview | None = getattr(self._buffers, "view", None)
        if view is None:
            view = self._buffers.view = memoryview(bytearray(CHUNK))
        total = 0
        while count := os.readv(fd, (view,)):
            total += count
            if total > size:
                break
            sink(view[:count])
        return total

    def _full(self, path: str) -> str | None:
        """The resolved path of a file; None when a folder on the way is not there."""
        folder, _, name = path.rpartition("/")
        if folder not in self._real_folders:
            self._resolve_folder(folder, path)
        if name in ("", ".", "..") or path.startswith("/"):
            raise path_refused(path, "it is absolute or has an empty, . or .. part")
        _check_name(path)
        full = f"{self._real_folders[folder].rstrip('/')}/{name}"
        try:
            is_link = modes.S_ISLNK(os.lstat(full).st_mode)
        except OSError as error:
            if _absent(path, error):
                return None
            raise self._unreachable(path, error) from error
        return self._inside(path, full) if is_link else full

    def _resolve_folder(self, folder: str, path: str) -> None:
        if folder.startswith("/") or any(part in ("", ".", "..") for part in folder.split("/")):
            raise path_refused(path, "it is absolute or has an empty, . or .. part")
        _check_name(folder)
        self._real_folders[folder] = self._inside(path, f"{self._real}/{folder}")

    def _target(self, path: str, full: str) -> str | None:
        """Where a resolved file is, below the root, when links led there."""
        real = full[len(self._real.rstrip("/")) + 1 :]
        return None if real == path else real

    def _inside(self, path: str, full: str) -> str:
        real = os.path.realpath(full)
        if real != self._real and not real.startswith(self._real.rstrip("/") + "/"):
            raise _escape(path, "a link leads out of the engine root")
        return real

    def _unreachable(self, path: str, error: OSError) -> Unreachable | EvidenceFault:
        if error.errno == errno.ELOOP:
            return _escape(path, "a link that leads nowhere")
        where = f"{_shown(path)} in engine root" if path else "engine root"
        what = f"{where} {_shown(self.uri)} cannot be read: {error.strerror or error}"
        return Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, what)


def _steady(fd: int) -> os.stat_result:
    """The file's status, taken when a later change is certain to show in it.

    File systems stamp with the kernel's tick: two changes within one look like one. So the
    tick in which the file last changed is waited out before its bytes are read.
    """
    found = os.fstat(fd)
    age_ns = time.time_ns() - found.st_ctime_ns
    if 0 <= age_ns < _TICK_NS:
        time.sleep((_TICK_NS - age_ns) / 1e9)
        found = os.fstat(fd)
    return found


class FileEngineRoots:
    """`sr_ports.EngineRoots` of paths and ``file://`` URIs."""

    def open(self, uri: str) -> FileEngineRoot:
        """The root at `uri`. Raises `BadInput(PLATFORM_UNSUPPORTED)`."""
        require_posix()
        return FileEngineRoot(uri)


def build(wiring: Wiring[None]) -> FileEngineRoots:
    """Engine roots of this machine; they have no settings."""
    del wiring
    return FileEngineRoots()


def _entered(wanted: Wanted, step: Step, *, is_link: bool) -> frozenset[int]:
    """The state below an entry; empty for one that is not looked at. ``**`` alone enters no link."""
    return step.named if is_link and not wanted.rules.links_in_passing else step.any


def _absent(path: str, error: OSError) -> bool:
    """Whether surely nothing is there: a name that no file system takes names nothing either."""
    return isinstance(error, _ABSENT) or (error.errno == errno.ENAMETOOLONG and len(os.fsencode(path)) > _LONGEST_NAME)


def _check_name(path: str) -> None:
    if _BAD_NAME.search(path):
        raise path_refused(path, "it has a backslash, a control character or is not UTF-8")


def _fact(path: str, found: os.stat_result, target: str | None = None) -> FileFact:
    if not modes.S_ISREG(found.st_mode):
        raise EvidenceFault(ReasonCode.NOT_A_FILE, f"{_shown(path)!r} is neither a file nor a folder", _shown(path))
    return FileFact(path, found.st_size, f"{found.st_mtime_ns}.{found.st_ctime_ns}.{found.st_ino}", target=target)


def _shown(path: str) -> str:
    return path.encode("ascii", "backslashreplace").decode()[:200]


def _escape(path: str, why: str) -> EvidenceFault:
    return EvidenceFault(ReasonCode.PATH_ESCAPES, f"{_shown(path)!r} is refused: {why}", _shown(path))


def _gone(path: str) -> EvidenceFault:
    return EvidenceFault(ReasonCode.INDEXED_FILE_ABSENT, f"{_shown(path)} is not there", _shown(path))


def _unstable(path: str) -> EvidenceFault:
    return EvidenceFault(ReasonCode.EVIDENCE_UNSTABLE, f"{_shown(path)} changed while it was read", _shown(path))
