"""Engine roots in the file system: read, confined, never written."""

from __future__ import annotations

import errno
import os
import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from sr_adapters.file.first_byte import FirstByte
from sr_adapters.file.folders import Folders, LinkMet
from sr_adapters.file.links import Links
from sr_adapters.file.looks import Looks, absent, shown, stamp
from sr_adapters.places import flags, require_posix
from sr_adapters.snapshot import Answer, Snapshot, unstable
from sr_ports import BadInput, EvidenceFault, FileFact, ReasonCode, Unreachable
from sr_ports.wanted import TODAY, ListingRules, Wanted

if TYPE_CHECKING:
    from sr_adapters.file.tree import Tree
    from sr_ports import Sink, Wiring
    from sr_ports.roots import RangeReader

CHUNK: Final = 1 << 20
BATCH_BELOW: Final = 256 << 10
_OPEN: Final = os.O_RDONLY | flags("CLOEXEC", "NOCTTY", "NONBLOCK", "NOFOLLOW")
"""Never follow a link and never hang on a FIFO that somebody put in a file's place."""
_OTHER: Final = frozenset({errno.ELOOP, errno.EMLINK, errno.ENXIO})
"""What opening gives where a link or a socket stands in a file's place."""


class FileEngineRoot(Snapshot):
    """`sr_ports.EngineRoot` over a folder.

    `uri`: a path, relative to the working directory or absolute, or a ``file://`` URI. The folder is opened
    here, links on the way to it followed; everything below it is opened from there, name by name.
    """

    batch_below = BATCH_BELOW
    folders = True

    def __init__(self, uri: str) -> None:
        super().__init__()
        path = _path_of(uri) if uri.startswith("file://") else uri
        self.uri = os.path.abspath(path)  # noqa: PTH100 - the string form, links unresolved
        self._folders = Folders(self.uri)
        self._first_byte = FirstByte()
        self._looks = Looks(self._folders, self._first_byte, partial(_unreachable, self.uri))
        self._buffers: deque[memoryview] = deque()  # one for each file that is being read
        self._give_back = weakref.finalize(self, self._folders.close)

    def exists(self) -> bool:
        self._in_time()
        return self._there()

    def located(self) -> str:
        """Where the folder really is, links followed. Raises `EvidenceFault(ENGINE_ROOT_UNFIT)`."""
        with suppress(Unreachable):  # whether it can be read is for whoever reads it
            self._there()
        return os.path.realpath(self.uri)

    def _there(self, rules: ListingRules = TODAY) -> bool:
        try:
            there = self._folders.there()
        except OSError as error:
            raise _unreachable(self.uri, "", error) from error
        if self._folders.no_folder and not rules.folder_is_absent:
            what = f"the engine root {shown(self.uri)} is no folder, or a file stands on the way to it"
            raise EvidenceFault(ReasonCode.ENGINE_ROOT_UNFIT, what)
        return there

    def close(self) -> None:
        super().close()
        self._give_back()

    def _by(self, rules: ListingRules) -> Looks | Links:
        return Links(self._looks, os.path.realpath(self.uri)) if rules.inner_links else self._looks

    def _look(self, path: str, rules: ListingRules) -> Answer:
        if not self._there(rules):
            return None
        try:
            return self._by(rules).at(path)
        except OSError as error:
            if absent(path, error):
                return None
            raise _unreachable(self.uri, path, error) from error

    def _listed(self, folder: str, wanted: Wanted, known: Mapping[str, Answer]) -> Iterable[FileFact]:
        return self._by(wanted.rules).below(folder, wanted, known) if self._there(wanted.rules) else ()

    def _chunks(self, path: str, fact: FileFact) -> Generator[memoryview, None, FileFact]:
        self._first_byte.wait()
        fd = self._opened(path, fact.target or path)
        view = self._buffer()
        total = 0
        try:
            if _other(fd, fact):
                raise unstable(path)
            while count := os.readv(fd, (view,)):
                total += count
                if total > fact.size:  # it outgrew the file that was found: its writer might never end
                    break
                yield view[:count]
            if total != fact.size or _other(fd, fact):
                raise unstable(path)
        except OSError as error:
            raise _unreachable(self.uri, path, error) from error
        finally:
            os.close(fd)
            self._buffers.append(view)
        return fact

    def _ranges(self, path: str, fact: FileFact) -> RangeReader:
        from sr_adapters.file.ranges import FileRanges

        self._first_byte.wait()
        made = FileRanges(self._opened(path, fact.target or path), fact, _other, partial(_unreachable, self.uri, path))
        made.read(0, 0)
        return made

    def _buffer(self) -> memoryview:
        try:
            return self._buffers.pop()
        except IndexError:
            return memoryview(bytearray(CHUNK))

    def _opened(self, path: str, real: str) -> int:
        """The file of the snapshot, open. Raises `EvidenceFault` where it is gone or a link took its place."""
        folder, _, name = real.rpartition("/")
        try:
            held = self._folders.enter(folder)
            try:
                return os.open(name, _OPEN, dir_fd=held.fd)
            finally:
                self._folders.leave(held)
        except LinkMet:
            raise unstable(path) from None
        except OSError as error:
            if absent(path, error) or error.errno in _OTHER:
                raise unstable(path) from error
            raise _unreachable(self.uri, path, error) from error

    def _moved(self) -> bool:
        self._folders.forget()
        now = Folders(self.uri)
        try:
            return self._folders.mark() != now.mark()
        except OSError as error:
            raise _unreachable(self.uri, "", error) from error
        finally:
            now.close()


def _path_of(uri: str) -> str:
    """The path of a ``file://`` URI. Raises `BadInput` for one that names another machine."""
    try:
        host, path = urlsplit(uri).netloc, urlsplit(uri).path
    except ValueError as error:
        raise BadInput(ReasonCode.ENGINE_ROOT_UNFIT, f"engine root {shown(uri)} is no URI: {error}") from error
    if host not in ("", "localhost"):
        what = f"engine root {shown(uri)} names a host, and files of another machine are not read"
        raise BadInput(ReasonCode.ENGINE_ROOT_UNFIT, what, "write file:/// and the path in full, or mount the folder")
    return unquote(path)


def _unreachable(uri: str, path: str, error: OSError) -> Unreachable:
    where = f"{shown(path)} in engine root" if path else "engine root"
    what = f"{where} {shown(uri)} cannot be read: {error.strerror or error}"
    return Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, what)


def _other(fd: int, fact: FileFact) -> bool:
    """Whether the open file is not the one of the fact, or not as it was."""
    found = os.fstat(fd)
    return found.st_size != fact.size or stamp(found) != fact.stamp


class FileEngineRoots:
    """`sr_ports.EngineRoots` and `sr_ports.Keeping` of paths and ``file://`` URIs."""

    def __init__(self) -> None:
        self._written: dict[str, Tree] = {}

    def open(self, uri: str) -> FileEngineRoot:
        """A snapshot of the root at `uri`. Raises `BadInput(PLATFORM_UNSUPPORTED)`."""
        require_posix()
        return FileEngineRoot(uri)

    def keep(self, uri: str, path: str, source: Callable[[Sink], object]) -> None:
        """`sr_ports.Keeping`: one file of a copy, in a folder of this machine."""
        from sr_adapters.file.keep import keep_file
        from sr_adapters.file.tree import Tree

        require_posix()
        home = os.path.abspath(_path_of(uri) if uri.startswith("file://") else uri)  # noqa: PTH100 - as in a root
        keep_file(self._written.setdefault(home, Tree(home)), path, source)


def build(wiring: Wiring[None]) -> FileEngineRoots:
    """Engine roots of this machine; they have no settings."""
    del wiring
    return FileEngineRoots()
