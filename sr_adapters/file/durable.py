"""The durable moves: read, create once, swap, remove, lock; each on an open folder's descriptor.

A file's bytes are on disk before its name is, and the name is on disk before the move
returns. A name appears by link() or rename() alone, so no reader and no crash ever finds
half a file. What a crash leaves is a temporary file that nobody reads.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sr_adapters.places import OWN, flags, linking, lock, locking, sync_folder
from sr_ports.errors import OutcomeUnknown

LOCK_WAIT_S = 30.0
"""How long a writer waits for another's lock before it gives up, retryable."""

_READ = os.O_RDONLY | flags("NOFOLLOW", "NONBLOCK", "CLOEXEC")
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | flags("CLOEXEC")
_LOCK = os.O_RDWR | os.O_CREAT | flags("NOFOLLOW", "NONBLOCK", "CLOEXEC")


def open_file(folder: int, name: str) -> tuple[int, int] | None:
    """Descriptor and size of the regular file; None when no file has that name (a folder may)."""
    try:
        fd = os.open(name, _READ, dir_fd=folder)
    except FileNotFoundError:
        return None
    found = os.fstat(fd)
    if stat.S_ISREG(found.st_mode):
        return fd, found.st_size
    os.close(fd)
    if stat.S_ISDIR(found.st_mode):
        return None
    raise OSError(errno.EINVAL, "neither a file nor a folder", name)


def read_file(folder: int, name: str, fits: Callable[[int], None] = lambda size: None) -> bytes | None:
    """The whole file; None when no file has that name. `fits`: raises for a size, in bytes, that is not read."""
    opened = open_file(folder, name)
    if opened is None:
        return None
    fd, size = opened
    try:
        fits(size)
        data = os.read(fd, size + 1)
        while len(data) != size and (more := os.read(fd, 1 << 20)):
            data += more
            fits(len(data))
        return data
    finally:
        os.close(fd)


def is_taken(folder: int, name: str) -> bool:
    """Whether a file has that name. Anything else under it is in the way: `OSError`."""
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISREG(mode):
        return True
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, "a symbolic link is in the way", name)
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, "a folder is where a file must be", name)
    raise OSError(errno.EINVAL, "neither a file nor a folder", name)


@contextmanager
def drafted(folder: int, fill: bytes | Callable[[int], object]) -> Iterator[str]:
    """The name of a temporary file, on disk, that holds `fill` or what that wrote to it; removed after the block."""
    draft = _draft(folder, fill)
    try:
        yield draft
    finally:
        _discard(folder, draft)


def _draft(folder: int, fill: bytes | Callable[[int], object]) -> str:
    name = f"{OWN}-{secrets.token_hex(8)}.tmp"
    fd = os.open(name, _NEW, 0o666, dir_fd=folder)
    try:
        write_all(fd, fill) if isinstance(fill, bytes) else fill(fd)
        os.fsync(fd)
    except BaseException:
        _discard(folder, name)
        raise
    finally:
        os.close(fd)
    return name


def _discard(folder: int, draft: str) -> None:
    with suppress(OSError):  # litter is harmless; the write's own answer is what counts
        os.unlink(draft, dir_fd=folder)


def create_once(folder: int, name: str, data: bytes) -> bool:
    """True when this call gave the name its bytes; False when it had some. Either way they are durable."""
    made = False
    if not is_taken(folder, name):
        with drafted(folder, data) as draft:
            made = link_once(folder, draft, name)
    sync_names(folder, name, changed=made)
    return made


def link_once(folder: int, draft: str, name: str) -> bool:
    """Give the draft its name; False when the name is taken. The folder is yet to be synced."""
    try:
        os.link(draft, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except OSError as exc:
        # over a network a repeated request may meet its own first effect
        if _links(folder, draft, name) > 1:
            return True
        if isinstance(exc, FileExistsError) and is_taken(folder, name):
            return False
        with linking(name):
            raise
    return True


def swap(folder: int, name: str, data: bytes) -> None:
    """Put `data` in the place of the file's bytes, all at once."""
    draft = _draft(folder, data)
    try:
        os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        if _links(folder, draft, name) > 0:  # the draft is still there: nothing happened
            _discard(folder, draft)
            raise
    sync_names(folder, name, changed=True)


def remove(folder: int, name: str) -> None:
    """Take the file away; that there is none is fine."""
    with suppress(FileNotFoundError, IsADirectoryError):
        os.unlink(name, dir_fd=folder)
        sync_names(folder, name, changed=True)


def sync_names(folder: int, name: str, *, changed: bool) -> None:
    """Put the folder's entries on disk. After a change a failure leaves the outcome unknown."""
    try:
        sync_folder(folder, name)
    except OSError as exc:
        if not changed:
            raise
        raise OutcomeUnknown(f"{name} was written, but may not outlive a power cut: {exc.strerror}") from exc


@contextmanager
def locked(folder: int, name: str) -> Iterator[int]:
    """Hold the lock file `name` alone, among all threads and processes, and yield its descriptor.

    The kernel gives it up with the descriptor, so a killed holder blocks nobody.
    """
    fd = os.open(name, _LOCK, 0o666, dir_fd=folder)
    try:
        _wait_for_lock(fd, name)
        yield fd
    finally:
        os.close(fd)


def _wait_for_lock(fd: int, name: str) -> None:
    give_up = time.monotonic() + LOCK_WAIT_S
    pause_s = 0.0005
    while True:
        try:
            with locking(name):
                return lock(fd, wait=False)
        except BlockingIOError:
            if time.monotonic() > give_up:
                raise TimeoutError(errno.ETIMEDOUT, "another process keeps the lock", name) from None
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.01)


def _links(folder: int, draft: str, name: str) -> int:
    """How many names the draft has: what a failed link or rename really did."""
    try:
        return os.stat(draft, dir_fd=folder, follow_symlinks=False).st_nlink
    except FileNotFoundError:
        return 0
    except OSError as exc:
        raise OutcomeUnknown(f"the write of {name} may or may not have been done: {exc.strerror}") from exc


def write_all(fd: int, data: bytes | memoryview) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]
