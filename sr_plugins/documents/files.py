"""Small files: configuration read with errors that name the file, and writes that are all or nothing."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sr_ports import BadInput, ReasonCode

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

LIMIT = 16 << 20
_NO_SYNC = frozenset({errno.EACCES, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
"""What comes of syncing a folder that may be written and not read, or on a file system that cannot."""


def read_config(path: Traversable, code: ReasonCode, what: str) -> bytes:
    """The file's bytes. Raises `BadInput(code)` when it cannot be read, `DOCUMENT_TOO_LARGE`."""
    try:
        with path.open("rb") as file:
            data = file.read(LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(
            code, f"{what} {str(path)!r} cannot be read: {reason}", "check the path and its rights"
        ) from error
    if len(data) > LIMIT:
        what = f"{what} {str(path)!r} is larger than {LIMIT} bytes"
        raise BadInput(ReasonCode.DOCUMENT_TOO_LARGE, what, "check the path: no such file is so large")
    return data


def create_file(path: Path, data: bytes) -> bool:
    """Give `path` these bytes unless a file is there; whether it was this call that made it.

    Of any number of processes one makes it, whole. Durable on return, whoever made it, where folders can be
    synced. Makes the folders above it. Raises `OSError`, and leaves nothing behind.
    """
    made = _make_folders(path.parent)
    with _draft(path, data) as draft:
        try:
            path.hardlink_to(draft)
            created = True
        except FileExistsError:
            created = False
    _sync([path.parent, *made])
    return created


def replace_file(path: Path, data: bytes) -> None:
    """Give `path` these bytes, all or none of them, under the mode that it had.

    Durable on return, where folders can be synced. Makes the folders above it. Raises
    `OSError`, and leaves the old file as it was and nothing beside it.
    """
    replace_files({path: data})


def replace_files(files: Mapping[Path, bytes]) -> None:
    """`replace_file` for several: every one is prepared before the first takes its place."""
    made = {folder for path in files for folder in (path.parent, *_make_folders(path.parent))}
    with ExitStack() as drafts:
        ready = [(drafts.enter_context(_draft(path, data, mode=_mode(path))), path) for path, data in files.items()]
        for draft, path in ready:
            draft.replace(path)
    _sync(made)


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        return None


def _make_folders(folder: Path) -> list[Path]:
    """Make `folder` and those above it; the folders whose entries may be new."""
    grown = [folder.parent]  # another process may have made the folder a moment ago
    while not grown[-1].exists():
        grown.append(grown[-1].parent)
    folder.mkdir(parents=True, exist_ok=True)
    return grown


@contextmanager
def _draft(path: Path, data: bytes, *, mode: int | None = None) -> Iterator[Path]:
    """A synced file beside `path` with these bytes, gone when the context ends. `mode`: None for a new file's."""
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    opener = partial(os.open, mode=0o666 if mode is None else mode)  # never wider than `mode`, not even for a moment
    try:
        with open(draft, "xb", opener=opener) as file:
            if mode is not None:
                draft.chmod(mode)  # what the umask took away
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield draft
    finally:
        with suppress(OSError):  # litter is harmless; the write's own answer is what counts
            draft.unlink(missing_ok=True)


def _sync(folders: Iterable[Path]) -> None:
    """Put the folders' entries on disk, as far as rights and file system allow."""
    for folder in folders:
        try:
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            if error.errno not in _NO_SYNC:
                raise
