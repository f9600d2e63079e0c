"""One service process at a time at a SQLite file: a lock of the kernel's on a file beside it.

SQLite's own locks last as long as a transaction. This one lasts as long as the process that holds it, however that
ends, and is in nobody else's way: whoever only uses the authority never asks for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sr_ports import ReasonCode, Unreachable

SUFFIX = ".service"


@contextmanager
def sole(authority: Callable[[], Path]) -> Iterator[None]:
    """Hold the lock beside the authority's file for the context. `authority`: the file, asked when it is needed.

    Raises `Unreachable`: `SERVICE_BUSY` where another process holds it, `AUTHORITY_UNREACHABLE` where none can be had.
    """
    import fcntl  # not on every system: this module can be read where it is missing

    path = Path(os.path.realpath(authority()))
    path = path.with_name(path.name + SUFFIX)
    held = _opened(path)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            what = f"another process{_named(held)} serves the authority beside {path}"
            raise Unreachable(ReasonCode.SERVICE_BUSY, what) from error
        except OSError as error:
            raise _no_lock(path, error) from error
        os.ftruncate(held, 0)
        os.write(held, f"{os.getpid()}\n".encode())
        try:
            yield
        finally:
            fcntl.flock(held, fcntl.LOCK_UN)  # also for a child that has not begun its program yet
    finally:
        os.close(held)  # the file stays: another process may have it open already, and one name is one lock


def _opened(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise _no_lock(path, error) from error


def _no_lock(path: Path, error: OSError) -> Unreachable:
    what = f"the service's lock {path} cannot be taken: {error.strerror}"
    return Unreachable(ReasonCode.AUTHORITY_UNREACHABLE, what, "check the rights of the folder, and its file system")


def _named(held: int) -> str:
    """Who holds it, as that process wrote; nothing where it has not written yet."""
    with suppress(OSError, ValueError):
        return f" (pid {int(os.pread(held, 32, 0))})"
    return ""
