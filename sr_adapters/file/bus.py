"""A `ControlBus` in a folder: one envelope a file (spec: wire, "File bus").

The first envelope of a message is `<topic>/<message_id>.json`; each later one that is not
the same fact again gets `<message_id>~<n>.json` beside it. The order of publication is written
down in the topic (`order`), so that a copy of the folder has it as well.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import cached_property

from sr_adapters.envelopes import decode, encode, same_fact
from sr_adapters.file import durable, order
from sr_adapters.file.errors import FULL, port_errors
from sr_adapters.file.settings import FolderSettings
from sr_adapters.file.tree import Tree
from sr_adapters.places import OWN
from sr_ports.bus import Envelope
from sr_ports.errors import BadInput
from sr_ports.hooks import Wiring
from sr_ports.reasons import ReasonCode

_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}\Z")
_LOCK = f"{OWN}-lock"


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
            with durable.locked(folder, _LOCK):
                added = _add(folder, draft, envelope)
            durable.sync_names(folder, message_id, changed=added)

    def tail(self, topic: str, *, from_start: bool = True, follow: bool = False) -> Iterator[Envelope]:
        seen: set[str] = set()
        if not from_start:
            with self._edge(f"list {topic}"), self._tree.entered((_safe(topic, "topic"),)) as folder:
                seen.update(set() if folder is None else order.there(folder))
        return self._tail(_safe(topic, "topic"), seen, follow=follow)

    def describe(self) -> str:
        return f"folder {self._root}" if isinstance(self._root, str) else "a folder of the platform run"

    def close(self) -> None:
        """End every `tail` that follows; nothing else is held open."""
        self._closed.set()

    def _tail(self, topic: str, seen: set[str], *, follow: bool) -> Iterator[Envelope]:
        while True:
            with self._edge(f"read {topic}"), self._tree.entered((topic,)) as folder:
                for name in [] if folder is None else order.unseen(folder, seen):
                    data = None if folder is None else durable.read_file(folder, name)
                    if data is not None:
                        seen.add(name)
                        yield decode(data, f"{self._tree.root}/{topic}/{name}")
            if not follow or self._closed.wait(self._poll_s):
                return

    def _edge(self, doing: str) -> AbstractContextManager[None]:
        return port_errors(f"{doing} in {self._tree.root}", FULL, ReasonCode.BUS_UNREACHABLE)


def build(wiring: Wiring[FolderSettings]) -> FileControlBus:
    """The bus of a profile: in `root` where the section gives it, else ``control_bus`` of the platform run."""
    if wiring.settings.root is not None:
        return FileControlBus(wiring.settings.root)
    return FileControlBus(lambda: f"{wiring.runtime_root}/fraud-platform/{wiring.platform_run_id()}/control_bus")


def _safe(name: str, what: str) -> str:
    if _SAFE.match(name) is None:
        raise BadInput(ReasonCode.USAGE, f"{what} {name!r} is no plain file name", "use letters, digits and ._-")
    return name


def _add(folder: int, draft: str, envelope: Envelope) -> bool:
    """Give the draft the message's next free name; False when it repeats a fact that is there."""
    while (name := _free_name(folder, envelope)) is not None:
        order.note(folder, name)
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
