"""A `ControlBus` in a folder: one envelope a file (spec: wire, "File bus").

The first envelope of a message is `<topic>/<message_id>.json`; each later one that is not
the same fact again gets `<message_id>~<n>.json` beside it. The order of publication is the
files' modification times, which publishers set under the topic's lock, each later than the
one before: it does not hang on the clock's resolution or on what the envelopes claim.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import cached_property

import attrs

from sr_adapters.envelopes import decode, encode, same_fact
from sr_adapters.file import durable
from sr_adapters.file.errors import FULL, port_errors
from sr_adapters.file.tree import Tree
from sr_adapters.places import OWN
from sr_ports.bus import Envelope
from sr_ports.errors import BadInput
from sr_ports.hooks import Wiring
from sr_ports.reasons import ReasonCode

_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}\Z")
_FILE = re.compile(r"([A-Za-z0-9_][A-Za-z0-9._-]{0,199})(?:~([1-9][0-9]{0,8}))?\.json\Z")
_LOCK = f"{OWN}-lock"


@attrs.frozen(order=True)
class _Entry:
    """A published file, in the order of publication."""

    published_ns: int
    message_id: str
    number: int
    name: str


class FileControlBus:
    """Envelopes under the folder `root` (or how to learn it, asked on first use), which the first publication makes.

    Topics and message ids must be plain file names of at most 200 letters, digits, dots,
    dashes and underscores: else `BadInput`. `poll_s`: seconds between a follower's looks.
    """

    def __init__(self, root: str | Callable[[], str], *, poll_s: float = 0.2) -> None:
        self._root = root
        self._poll_s = poll_s
        self._closed = threading.Event()

    @cached_property
    def _tree(self) -> Tree:
        return Tree(self._root if isinstance(self._root, str) else self._root())

    def publish(self, envelope: Envelope) -> None:
        topic, message_id = _safe(envelope.topic, "topic"), _safe(envelope.message_id, "message id")
        data = encode(envelope)
        doing = f"publish {message_id} to {topic}"
        with self._edge(doing), self._tree.made((topic,)) as folder, durable.drafted(folder, data) as draft:
            with durable.locked(folder, _LOCK) as turn:
                added = _add(folder, draft, envelope, turn)
            durable.sync_names(folder, message_id, changed=added)

    def tail(self, topic: str, *, from_start: bool = True, follow: bool = False) -> Iterator[Envelope]:
        seen: set[str] = set()
        if not from_start:
            with self._edge(f"list {topic}"), self._tree.entered((_safe(topic, "topic"),)) as folder:
                seen.update(e.name for e in _unseen(folder, seen))
        return self._tail(_safe(topic, "topic"), seen, follow=follow)

    def describe(self) -> str:
        return f"folder {self._root}" if isinstance(self._root, str) else "a folder of the platform run"

    def close(self) -> None:
        """End every `tail` that follows; nothing else is held open."""
        self._closed.set()

    def _tail(self, topic: str, seen: set[str], *, follow: bool) -> Iterator[Envelope]:
        while True:
            with self._edge(f"read {topic}"), self._tree.entered((topic,)) as folder:
                for entry in _unseen(folder, seen):
                    seen.add(entry.name)
                    data = None if folder is None else durable.read_file(folder, entry.name)
                    if data is not None:
                        yield decode(data, f"{self._tree.root}/{topic}/{entry.name}")
            if not follow or self._closed.wait(self._poll_s):
                return

    def _edge(self, doing: str) -> AbstractContextManager[None]:
        return port_errors(f"{doing} in {self._tree.root}", FULL, ReasonCode.BUS_UNREACHABLE)


def build(wiring: Wiring) -> FileControlBus:
    """The bus of a profile: in `root` where the section gives it, else ``control_bus`` of the platform run."""
    root = wiring.settings.get("root")
    if root is not None:
        return FileControlBus(str(root))
    return FileControlBus(lambda: f"{wiring.runtime_root}/fraud-platform/{wiring.platform_run_id()}/control_bus")


def _safe(name: str, what: str) -> str:
    if _SAFE.match(name) is None:
        raise BadInput(ReasonCode.USAGE, f"{what} {name!r} is no plain file name", "use letters, digits and ._-")
    return name


def _add(folder: int, draft: str, envelope: Envelope, turn: int) -> bool:
    """Give the draft the message's next free name; False when it repeats a fact that is there."""
    while (name := _free_name(folder, envelope)) is not None:
        _stamp(folder, draft, turn)
        if durable.link_once(folder, draft, name):
            return True
    return False


def _free_name(folder: int, envelope: Envelope) -> str | None:
    """The file the envelope goes to; None when a fact is there already and this is it again."""
    number, name = 0, f"{envelope.message_id}.json"
    while (data := durable.read_file(folder, name)) is not None:
        if same_fact(data, envelope):
            return None
        number += 1
        name = f"{envelope.message_id}~{number}.json"
    return name


def _stamp(folder: int, draft: str, turn: int) -> None:
    """Date the draft later than anything published in the topic; the lock file keeps the last date."""
    now = max(time.time_ns(), os.fstat(turn).st_mtime_ns + 1)
    os.utime(draft, ns=(now, now), dir_fd=folder, follow_symlinks=False)
    os.utime(turn, ns=(now, now))


def _unseen(folder: int | None, seen: set[str]) -> list[_Entry]:
    """What is new, in order, and complete up to its last: else a follower could swap two.

    A folder's listing is no snapshot: it may show a later file and not an earlier one. A
    second listing shows all that was there when the first ended.
    """
    if folder is None or not (first := _listed(folder, seen)):
        return []
    last = max(first)
    return sorted(entry for entry in _listed(folder, seen) if entry <= last)


def _listed(folder: int, seen: set[str]) -> list[_Entry]:
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in seen or (match := _FILE.match(entry.name)) is None:
                continue
            stamp = entry.stat(follow_symlinks=False).st_mtime_ns
            found.append(_Entry(stamp, match[1], int(match[2] or 0), entry.name))
    return found
