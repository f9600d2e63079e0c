"""What the file adapters need of the system and of the file system below a folder, and whether it is there.

Truth in files rests on hard links (a name is given once), on folders that can be synced (a name outlives a power
cut) and on file locks. What a file system lacks of that is a fact about the place: no retry changes it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sr_ports import BadInput, ReasonCode

OWN = ".sr-store"
"""Names that begin so are the adapters' own (temporary files, locks, order): never objects."""

_UNSUPPORTED = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
NO_SYNC = _UNSUPPORTED
"""What fsync of a folder gives where the file system cannot."""
NO_LINKS = _UNSUPPORTED - {errno.EINVAL} | {errno.EMLINK}
"""What a link to an own new file gives where the file system has none; the first may give EPERM, too."""
NO_LOCKS = _UNSUPPORTED | {errno.ENOLCK}
"""What a lock on an own new file gives where the file system has none."""


def flags(*names: str) -> int:
    """The flags of `os.open` of these names (``NOFOLLOW``); one that this system lacks counts for nothing."""
    found = 0
    for name in names:
        found |= getattr(os, f"O_{name}", 0)
    return found


def require_posix() -> None:
    """Return where the system has what files need. Raises `BadInput(PLATFORM_UNSUPPORTED)`."""
    try:
        import fcntl  # noqa: F401 - asked for, not used
    except ImportError as error:
        what = f"{sys.platform} has no POSIX file locks: truth in files and engines as processes need them"
        raise BadInput(ReasonCode.PLATFORM_UNSUPPORTED, what) from error


def unfit(place: str, lack: str) -> BadInput:
    """The refusal of a place. `lack`: what its file system cannot do."""
    return BadInput(ReasonCode.FILE_SYSTEM_UNFIT, f"the file system of {place} {lack}")


def sync_folder(folder: int, place: str) -> None:
    """Put the entries of the open folder on disk. Raises `BadInput` where that cannot be, else `OSError`."""
    with _lacking(NO_SYNC, place, "cannot sync folders, so that truth would not outlive a power cut"):
        os.fsync(folder)


def sync_path(folder: Path) -> None:
    """`sync_folder` of the folder at this path."""
    with _opened(folder) as fd:
        sync_folder(fd, str(folder))


def linking(place: str, *, first: bool = False) -> contextlib.AbstractContextManager[None]:
    """Around a link to an own new file: raises `BadInput` where the file system has no links.

    `first`: none was made here yet, and the file could be created; EPERM then means the same.
    """
    numbers = NO_LINKS | {errno.EPERM} if first else NO_LINKS
    return _lacking(numbers, place, "has no hard links, by which truth is written once")


def locking(place: str) -> contextlib.AbstractContextManager[None]:
    """Around a lock on an own file: raises `BadInput` where the file system has no locks."""
    return _lacking(NO_LOCKS, place, "has no file locks")


def prove(root: str) -> None:
    """Try all of it in the folder, or in the nearest one above it that is there. Leaves nothing behind.

    Raises `BadInput(FILE_SYSTEM_UNFIT)`. Any other trouble, such as missing rights, is for the write itself to tell.
    """
    require_posix()
    path = Path(root).absolute()
    there = next((one for one in (path, *path.parents) if one.is_dir()), None)
    if there is None:
        return
    with contextlib.suppress(OSError), _opened(there) as folder:
        sync_folder(folder, root)
        with _scratch(folder) as (fd, name, other):
            with locking(root):
                lock(fd, wait=False)
            with linking(root, first=True):
                os.link(name, other, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)


def lock(fd: int, *, wait: bool) -> None:
    """Lock an open file for its holder alone. Raises `BlockingIOError` when another has it and `wait` is False."""
    import fcntl

    fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


@contextmanager
def _lacking(numbers: frozenset[int], place: str, lack: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in numbers:
            raise
        raise unfit(place, lack) from error


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    fd = os.open(folder, os.O_RDONLY | flags("DIRECTORY", "CLOEXEC"))
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def _scratch(folder: int) -> Iterator[tuple[int, str, str]]:
    """A new file in the folder, and a second name it may be given; both are gone after the block."""
    name = f"{OWN}-{secrets.token_hex(8)}.tmp"
    fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | flags("CLOEXEC"), 0o600, dir_fd=folder)
    try:
        yield fd, name, f"{name}.2"
    finally:
        os.close(fd)
        for one in (name, f"{name}.2"):
            with contextlib.suppress(OSError):
                os.unlink(one, dir_fd=folder)
