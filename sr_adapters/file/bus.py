"""A `ControlBus` in folders: one envelope a file (spec: wire, "File bus").

Topics lie in one folder, or in the home that an envelope names: the folder of its run's own platform
run, whoever publishes it from whatever session (`homes`). Who reads a topic reads it in all homes.

The first envelope of a message is `<topic>/<message_id>.json`; each later one that is not
the same fact again gets `<message_id>~<n>.json` beside it. The order of publication is written
down in the topic (`order`), so that a copy of the folder has it as well.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cached_property, partial
from typing import TYPE_CHECKING

from sr_adapters.envelopes import check_fits, decode, encode, same_fact
from sr_adapters.file import durable, order
from sr_adapters.file.errors import FULL, port_errors
from sr_adapters.file.homes import Found, HomeFolders, OneFolder, Place, TopicFolders, in_turn, plain_name
from sr_adapters.file.settings import FolderSettings
from sr_adapters.file.tree import Tree
from sr_adapters.places import OWN
from sr_ports.bus import Envelope
from sr_ports.errors import BadInput, SrError
from sr_ports.hooks import Wiring
from sr_ports.reasons import ReasonCode

if TYPE_CHECKING:
    from sr_ports.positions import Kept

_LOCK = f"{OWN}-lock"
NOWHERE: Mapping[str, str] = {}


class FileControlBus:
    """Envelopes in topics below `folders`; the first publication makes what is missing.

    Topics and message ids must be plain file names of at most 200 letters, digits, dots,
    dashes and underscores, and so must the platform run of an envelope that is filed by it: else
    `BadInput`. `folders`: where topics lie; a path for topics right below one folder. `poll_s`: seconds
    between a follower's looks.
    """

    def __init__(self, folders: str | TopicFolders, *, poll_s: float = 0.2) -> None:
        self._folders = OneFolder(folders) if isinstance(folders, str) else folders
        self._poll_s = poll_s
        self._closed = threading.Event()
        self.still: dict[Place, tuple[str, order.Mark]] = {}
        """The position behind which a folder had nothing, and its mark then."""

    @cached_property
    def _tree(self) -> Tree:  # where files are not to be had, a bus that nobody uses is no fault
        return Tree(self._folders.root)

    def publish(self, envelope: Envelope) -> None:
        topic, message_id = plain_name(envelope.topic, "topic"), plain_name(envelope.message_id, "message id")
        place = self._folders.place(envelope, topic)
        data = encode(envelope)
        doing = f"publish {message_id} to {topic}"
        with self.edge(doing), self._tree.made(place) as folder, durable.drafted(folder, data) as draft:
            with durable.locked(folder, _LOCK):
                added = _add(folder, draft, envelope)
            durable.sync_names(folder, message_id, changed=added)

    def tail(self, topic: str, *, from_start: bool = True, follow: bool = False) -> Iterator[Envelope]:
        seen: dict[Place, set[str]] = {}
        if not from_start:
            with self.edge(f"list {topic}"):
                for place in self._folders.places(self._tree, plain_name(topic, "topic")):
                    with self._tree.entered(place) as folder:
                        seen[place] = set() if folder is None else order.there(folder)
        return self._tail(plain_name(topic, "topic"), seen, follow=follow)

    def read(self, topic: str, *, after: Mapping[str, str] = NOWHERE) -> Iterator[Kept]:
        from sr_adapters.file.behind import behind  # who publishes reads nothing

        topic = plain_name(topic, "topic")
        with self.edge(f"list {topic}"):
            places = list(self._folders.places(self._tree, topic))
        found = [behind(self, place, after.get("/".join(place), "")) for place in places]
        for one in in_turn(found):
            yield one.kept

    def describe(self) -> str:
        return self._folders.described

    def close(self) -> None:
        """End every `tail` that follows; nothing else is held open."""
        self._closed.set()

    def _tail(self, topic: str, seen: dict[Place, set[str]], *, follow: bool) -> Iterator[Envelope]:
        marks: dict[Place, order.Mark | None] = {}
        while True:
            with self.edge(f"list {topic}"):
                changed = dict(self._changed(topic, marks))
            for one in in_turn([self._unseen(place, seen.setdefault(place, set())) for place in changed]):
                yield one.taken()
            marks.update(changed)
            if not follow or self._closed.wait(self._poll_s):
                return

    def _changed(
        self, topic: str, marks: Mapping[Place, order.Mark | None]
    ) -> Iterator[tuple[Place, order.Mark | None]]:
        """The topic's folders, less those that have been still since they were marked; each with its mark of now."""
        for place in self._folders.places(self._tree, topic):
            with self._tree.entered(place) as folder:
                now = None if folder is None else order.mark(folder)
                if folder is not None and (now is None or now != marks.get(place)):
                    yield place, now

    def _unseen(self, place: Place, seen: set[str]) -> Iterator[Found]:
        """What a topic's folder has that is not in `seen`, in its order; a file is read when it is asked for."""
        with self.edge(f"read {place[-1]}"), self._tree.entered(place) as folder:
            names = [] if folder is None else order.unseen(folder, seen)
        for name in names:
            found = self.found(place, name)
            if found is not None:
                seen.add(name)
                yield found

    def entered(self, place: Place) -> AbstractContextManager[int | None]:
        """A topic's folder, open for the block's time; None where it is not there. Raises `OSError`."""
        return self._tree.entered(place)

    def found(self, place: Place, name: str) -> Found | None:
        """A file of a topic, or why it cannot be read; None where it is not there."""
        where = "/".join((self._tree.root, *place, name))
        try:
            with self.edge(f"read {place[-1]}"), self._tree.entered(place) as folder:
                data = None if folder is None else durable.read_file(folder, name, partial(check_fits, where))
            return None if data is None else Found.of(decode(data, where))
        except SrError as error:  # told when its turn comes: what was published before it is read first
            return Found.of(error)

    def edge(self, doing: str) -> AbstractContextManager[None]:
        """Around what is done in the folders: raises `Unreachable` for any `OSError`."""
        return port_errors(f"{doing} in {self._tree.root}", FULL, ReasonCode.BUS_UNREACHABLE)


def build(wiring: Wiring[FolderSettings]) -> FileControlBus:
    """The bus of a profile: in `root` where the section gives it, else in the home of each envelope's run."""
    root = wiring.settings.root
    return FileControlBus(HomeFolders(wiring.runtime_root) if root is None else root)


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
    while (data := _standing(folder, name)) is not None:
        if same_fact(data, envelope):
            return None
        number += 1
        name = f"{envelope.message_id}~{number}.json"
    return name


def _standing(folder: int, name: str) -> bytes | None:
    """What stands under the name; nothing in it for what is no envelope by its size. None where nothing stands."""
    try:
        return durable.read_file(folder, name, partial(check_fits, name))
    except BadInput:
        return b""
