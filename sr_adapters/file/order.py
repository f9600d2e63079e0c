"""The order in which a topic's files were published: one name a line, in a file of its own beside them.

A publisher, alone under the topic's lock, puts the name on disk before the file gets it. So whatever a listing shows
is in the order that is read after it, and of the names that were read the last alone may still be to come: those
before it are there, or were given up by a crash. Order thus survives every copy, whatever becomes of the files' times.

Files that no line names are an earlier release's, or of a copy that left this file out. Their order is what their
envelopes say: when they were published, and nothing before the READY of a run that it speaks of.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress

import attrs

from sr_adapters.envelopes import decode
from sr_adapters.file import durable
from sr_adapters.places import OWN, flags
from sr_ports.bus import Envelope
from sr_ports.errors import BadInput

NAME = f"{OWN}-order"
"""The file's name in the topic's folder."""

_FILE = re.compile(r"([A-Za-z0-9_][A-Za-z0-9._-]{0,199})(?:~([1-9][0-9]{0,8}))?\.json\Z")
_APPEND = os.O_RDWR | os.O_APPEND | flags("NOFOLLOW", "NONBLOCK", "CLOEXEC")
Mark = tuple[int, int, int]
_STILL_NS = 2 * 10**9  # the coarsest time that a file system keeps
_RANKS = {"READY": 0, "RUN_SUPERSEDED": 2}
_OTHER_RANK = 1
LAST = "\uffff"
"""Later than any time."""


@attrs.frozen(order=True)
class _Told:
    """What an envelope says of its place. `runs`: which it speaks of."""

    published_at_utc: str
    rank: int
    message_id: str
    number: int
    name: str
    runs: tuple[str, ...] = attrs.field(default=(), order=False)


def note(folder: int, name: str) -> None:
    """Put on disk that `name` comes next, and before the first ever all that is there. Under the topic's lock."""
    try:
        fd = os.open(NAME, _APPEND, dir_fd=folder)
    except FileNotFoundError:
        durable.swap(folder, NAME, _lines([*_unnoted(folder, there(folder)), name]))
        return
    try:
        size = os.fstat(fd).st_size
        whole = size == 0 or os.pread(fd, 1, size - 1) == b"\n"
        durable.write_all(fd, _lines([name] if whole else ["", name]))  # what a crash cut off is nobody's name
        os.fsync(fd)
    finally:
        os.close(fd)


def _lines(names: Iterable[str]) -> bytes:
    return "".join(f"{name}\n" for name in names).encode()


def mark(folder: int) -> Mark | None:
    """What every publication changes in the folder; None while one of this moment might not show in it."""
    found = os.fstat(folder)
    if time.time_ns() - found.st_mtime_ns < _STILL_NS:
        return None
    with suppress(FileNotFoundError):
        return found.st_ino, found.st_mtime_ns, os.stat(NAME, dir_fd=folder, follow_symlinks=False).st_size
    return found.st_ino, found.st_mtime_ns, 0


def unseen(folder: int, seen: set[str]) -> list[str]:
    """The names that are not in `seen`, in the order of publication; some of the noted may not be there yet."""
    found = there(folder)  # first: what is there now was noted before
    noted = _noted(folder)
    rest = _unnoted(folder, found - noted.keys() - seen)
    return [*(name for name in noted if name not in seen), *rest]


_BEFORE_NOTES = "|"
"""In a position: before it the last name that is noted, behind it the last of those that no line names."""


def behind(folder: int | None, position: str) -> list[tuple[str, str]] | None:
    """The names behind a position, each with its own position; None where the position is of no name that is there.

    `position`: empty for the start. `folder`: None for one that is not there, which has nothing.
    """
    found = set() if folder is None else there(folder)  # first: what is there now was noted before
    noted = [] if folder is None else list(_noted(folder))
    rest = [] if folder is None else _unnoted(folder, found - set(noted))
    last, _, loose = position.partition(_BEFORE_NOTES)
    marks = [name for name in (last, loose) if name]
    if marks and not any(name in noted or name in rest for name in marks):
        return None
    at = max((noted.index(name) for name in marks if name in noted), default=-1)
    beside = rest.index(loose) if loose in rest else -1
    before = noted[at] if at >= 0 else ""
    listed = [(name, f"{name}{_BEFORE_NOTES}{loose}" if loose in rest else name) for name in noted[at + 1 :]]
    newest = noted[-1] if noted else before
    return listed + [(name, f"{newest}{_BEFORE_NOTES}{name}") for name in rest[beside + 1 :]]


def is_file(folder: int, name: str) -> bool:
    """Whether a regular file has the name, no link followed; True where that cannot be told."""
    try:
        return stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return True


def _noted(folder: int) -> dict[str, None]:
    """The names in their order. One that was noted twice was not there after the first time."""
    names: dict[str, None] = {}
    for line in (durable.read_file(folder, NAME) or b"").decode("ascii", "replace").split("\n")[:-1]:
        if _FILE.match(line) is not None:
            names.pop(line, None)
            names[line] = None
    return names


def there(folder: int) -> set[str]:
    """The names of the files that are there."""
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries if _FILE.match(entry.name) is not None}


def _unnoted(folder: int, names: set[str]) -> list[str]:
    """Names in the order that their envelopes tell; what is no envelope comes last."""
    told = [_told(folder, name) for name in names]
    ready = {one.runs[0]: one.published_at_utc for one in told if one.rank == _RANKS["READY"] and one.runs}
    return [one.name for one in sorted(_after(one, ready) for one in told)]


def _after(one: _Told, ready: Mapping[str, str]) -> _Told:
    """No earlier than the READY of any run it speaks of, whatever a clock said."""
    times = [one.published_at_utc, *(ready[run_id] for run_id in one.runs if run_id in ready)]
    return attrs.evolve(one, published_at_utc=max(times))


def turn(envelope: Envelope) -> tuple[str, int]:
    """When an envelope says that it was published, and what goes first of one moment."""
    return envelope.published_at_utc, _RANKS.get(envelope.attributes.get("kind", ""), _OTHER_RANK)


def _told(folder: int, name: str) -> _Told:
    match = _FILE.match(name)
    message_id, number = (match[1], int(match[2] or 0)) if match is not None else (name, 0)
    try:
        envelope = decode(durable.read_file(folder, name) or b"", name)
    except (BadInput, OSError):  # whoever reads it tells what is wrong with it
        return _Told(LAST, _OTHER_RANK, message_id, number, name)
    published_at, rank = turn(envelope)
    runs = tuple(envelope.attributes[one] for one in ("run_id", "superseded_by") if one in envelope.attributes)
    return _Told(published_at, rank, message_id, number, name, runs)
