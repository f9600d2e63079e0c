"""Looks at a tree that follow no link: one file by its path, all files that a pattern takes."""

from __future__ import annotations

import errno
import os
import re
import stat as modes
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import attrs

from sr_adapters.file.first_byte import FirstByte
from sr_adapters.file.folders import ABSENT, Folders, LinkMet
from sr_adapters.places import flags
from sr_adapters.snapshot import Answer, Standing
from sr_ports import EvidenceFault, FileFact, ReasonCode
from sr_ports.compared import Compared
from sr_ports.roots import check_length, path_refused
from sr_ports.wanted import Step, Wanted

_READ: Final = os.O_RDONLY | flags("DIRECTORY", "CLOEXEC")
_BAD_NAME = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")  # lone surrogates stand for bytes that are not UTF-8
_BITS_64: Final = (1 << 64) - 1
_LONGEST_NAME: Final = 255  # bytes


@attrs.frozen(eq=False, repr=False)
class Below(Compared):
    """A folder that a walk goes on into. `state`: of the pattern, below it."""

    path: str
    state: frozenset[int]


Names = Mapping[str, frozenset[int] | None]
"""Entries of a folder; a folder's name ends in ``/``, by which it is sorted, and has a state."""


@attrs.frozen(eq=False, repr=False)
class Looks(Compared):
    """Looks by today's rules; they remember nothing. Both raise `EvidenceFault`.

    `trouble`: makes the error of a path that cannot be looked at.
    """

    folders: Folders
    first_byte: FirstByte
    trouble: Callable[[str, OSError], Exception]

    def at(self, path: str) -> Answer:
        """What stands at a path. Raises `OSError`, also where nothing does."""
        folder, _, name = path.rpartition("/")
        try:
            held = self.folders.enter(folder)
        except LinkMet as link:
            raise link_refused(link.path, path) from None
        try:
            found = os.stat(name, dir_fd=held.fd, follow_symlinks=False)
            return self.judged(path, found, held.fd)
        finally:
            self.folders.leave(held)

    def judged(self, path: str, found: os.stat_result, folder: int) -> FileFact | Standing:
        """What was found at a path, in the open folder."""
        if modes.S_ISREG(found.st_mode):
            self.first_byte.saw(found, folder)
            return FileFact(path, found.st_size, stamp(found))
        if modes.S_ISDIR(found.st_mode):
            return Standing.FOLDER
        if modes.S_ISLNK(found.st_mode):
            raise link_refused(path)
        raise EvidenceFault(ReasonCode.NOT_A_FILE, f"{shown(path)!r} is neither a file nor a folder", shown(path))

    def below(self, folder: str, wanted: Wanted, known: Mapping[str, Answer]) -> Iterator[FileFact]:
        """The files that `wanted` takes, in order of path. Raises what `trouble` makes."""
        todo = [self._inside(Below(folder, wanted.start), wanted, known)]
        while todo:
            one = next(todo[-1], None)
            if one is None:
                todo.pop()
            elif isinstance(one, Below):
                check_length(one.path)
                todo.append(self._inside(one, wanted, known))
            else:
                yield one

    def _inside(self, here: Below, wanted: Wanted, known: Mapping[str, Answer]) -> Iterator[FileFact | Below]:
        prefix = f"{here.path}/" if here.path else ""
        files: list[str] = []
        names = self._names(here, wanted)
        for name in sorted(names):
            state = names[name]
            if state is None:
                files.append(name)
                continue
            yield from self._files(here.path, prefix, files, known)
            files.clear()
            yield Below(prefix + name[:-1], state)
        yield from self._files(here.path, prefix, files, known)

    def _names(self, here: Below, wanted: Wanted) -> Names:
        names: dict[str, frozenset[int] | None] = {}
        for entry in self.scanned(here.path):
            step = wanted.step(here.state, entry.name)
            if entry.is_dir(follow_symlinks=False):
                if step.any:
                    names[f"{entry.name}/"] = step.any
            elif entry.name not in wanted.leave_out and _asked_for(entry, step, wanted):
                names[entry.name] = None
        return names

    def _files(self, folder: str, prefix: str, names: list[str], known: Mapping[str, Answer]) -> Iterator[FileFact]:
        if not names:
            return
        try:
            held = self.folders.enter(folder)
        except LinkMet as link:
            raise link_refused(link.path, folder) from None
        except ABSENT:
            return  # gone since it was listed
        except OSError as error:
            raise self.trouble(folder, error) from error
        try:
            for name in names:
                path = prefix + name
                fact = known.get(path) or self._file(path, name, held.fd)
                if isinstance(fact, FileFact):
                    yield fact
        finally:
            self.folders.leave(held)

    def _file(self, path: str, name: str, folder: int) -> Answer:
        if _BAD_NAME.search(path):
            raise path_refused(path, "it has a backslash, a control character or is not UTF-8")
        try:
            return self.judged(path, os.stat(name, dir_fd=folder, follow_symlinks=False), folder)
        except ABSENT:
            return None  # gone since it was listed
        except OSError as error:
            raise self.trouble(path, error) from error

    def scanned(self, folder: str) -> Iterator[os.DirEntry[str]]:
        """The entries of a folder; none where there is no folder. Raises what `trouble` makes."""
        try:
            held = self.folders.enter(folder)
            try:
                fd = os.open(".", _READ, dir_fd=held.fd)
            finally:
                self.folders.leave(held)
        except LinkMet as link:
            raise link_refused(link.path, folder) from None
        except OSError as error:
            if absent(folder, error):
                return
            raise self.trouble(folder, error) from error
        try:
            with os.scandir(fd) as entries:
                yield from entries
        except OSError as error:
            raise self.trouble(folder, error) from error
        finally:
            os.close(fd)


def _asked_for(entry: os.DirEntry[str], step: Step, wanted: Wanted) -> bool:
    """Whether an entry that is no folder is to be looked at: a file that is wanted, or what is refused in its place."""
    if wanted.files_alone and not entry.is_file(follow_symlinks=False):
        return False
    return wanted.taken(step) or bool(step.named and entry.is_symlink() and leads_to_folder(entry))


def stamp(found: os.stat_result) -> int:
    """The identity of a file but its size: device, inode, mtime and ctime, side by side in one number."""
    times = (found.st_mtime_ns & _BITS_64) << 64 | (found.st_ctime_ns & _BITS_64)
    return (found.st_dev << 64 | found.st_ino) << 128 | times


def leads_to_folder(entry: os.DirEntry[str]) -> bool:
    """Whether a link leads to a folder, wherever that is. Nothing of it is read."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def absent(path: str, error: OSError) -> bool:
    """Whether surely nothing is there: a name that no file system takes names nothing either."""
    return isinstance(error, ABSENT) or (error.errno == errno.ENAMETOOLONG and len(os.fsencode(path)) > _LONGEST_NAME)


def link_refused(link: str, path: str | None = None) -> EvidenceFault:
    """The fault of a link where a file or a folder is to stand. `path`: what was asked for."""
    what = f"{shown(link)!r} is a symbolic link"
    if path is not None and path != link:
        what += f" on the way to {shown(path)!r}"
    return EvidenceFault(ReasonCode.PATH_ESCAPES, what, shown(link))


def shown(path: str) -> str:
    """A path for a message: bounded, and whatever is not ASCII escaped."""
    return path[:200].encode("ascii", "backslashreplace").decode()[:200]
