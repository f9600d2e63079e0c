"""Where topics lie in folders, and how the files of several are read as one story."""

from __future__ import annotations

import heapq
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import attrs

from sr_adapters.file import order
from sr_adapters.file.tree import Tree
from sr_ports.bus import Envelope
from sr_ports.compared import Compared
from sr_ports.errors import BadInput, SrError
from sr_ports.reasons import ReasonCode

Place = tuple[str, ...]
"""A topic's folder: the names on the way to it from the root."""

_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}\Z")
_HOMES, _BUS = "fraud-platform", "control_bus"


class TopicFolders(Protocol):
    """Where topics lie below `root`. `described`: the same, for people."""

    @property
    def root(self) -> str: ...

    @property
    def described(self) -> str: ...

    def place(self, envelope: Envelope, topic: str) -> Place:
        """Where an envelope of the topic is filed; the envelope alone decides (law B5). Raises `BadInput`."""

    def places(self, tree: Tree, topic: str) -> Iterator[Place]:
        """Every folder that may hold the topic now. Raises `OSError`."""


@attrs.frozen(eq=False, repr=False)
class OneFolder(Compared):
    """Topics right below one folder."""

    root: str

    @property
    def described(self) -> str:
        return f"folder {self.root}"

    def place(self, envelope: Envelope, topic: str) -> Place:
        del envelope
        return (topic,)

    def places(self, tree: Tree, topic: str) -> Iterator[Place]:
        del tree
        yield (topic,)


@attrs.frozen(eq=False, repr=False)
class HomeFolders(Compared):
    """Topics in the folder ``control_bus`` of each platform run below the runtime root `root`."""

    root: str

    @property
    def described(self) -> str:
        return f"folder {_BUS} of each platform run in {Path(self.root, _HOMES)}"

    def place(self, envelope: Envelope, topic: str) -> Place:
        home = envelope.attributes.get("platform_run_id")
        if home is None:
            what = f"message {envelope.message_id} names no platform run, by which the bus files it"
            raise BadInput(ReasonCode.CONTRACT_VIOLATION, what)
        return (_HOMES, plain_name(home, "platform run"), _BUS, topic)

    def places(self, tree: Tree, topic: str) -> Iterator[Place]:
        return ((_HOMES, home, _BUS, topic) for home in self._homes(tree))

    def _homes(self, tree: Tree) -> Sequence[str]:
        """The platform runs there are. Nothing is filed through a link, so none is one."""
        with tree.entered((_HOMES,)) as folder:
            if folder is None:
                return ()
            with os.scandir(folder) as entries:
                return sorted(e.name for e in entries if _SAFE.match(e.name) and e.is_dir(follow_symlinks=False))


@attrs.frozen(eq=False, repr=False)
class Found(Compared):
    """A file of a topic: its envelope, or why it cannot be read. `turn`: its place among those of other folders."""

    turn: tuple[str, int]
    what: Envelope | SrError

    @classmethod
    def of(cls, what: Envelope | SrError) -> Found:
        return cls((order.LAST, 0) if isinstance(what, SrError) else order.turn(what), what)

    def taken(self) -> Envelope:
        """The envelope. Raises what is wrong with the file."""
        if isinstance(self.what, SrError):
            raise self.what
        return self.what


class InTurn(Protocol):
    """What has a place among the files of other folders."""

    @property
    def turn(self) -> tuple[str, int]: ...


T = TypeVar("T", bound=InTurn)


def in_turn(folders: Sequence[Iterator[T]]) -> Iterator[T]:
    """The files of several folders as one story: each folder's in its own order, all by when they were published.

    One file of each folder is held at a time.
    """
    return heapq.merge(*folders, key=lambda found: found.turn)


def plain_name(name: str, what: str) -> str:
    """The name, if a file may have it here. Raises `BadInput(USAGE)`."""
    if _SAFE.match(name) is None:
        raise BadInput(ReasonCode.USAGE, f"{what} {name!r} is no plain file name", "use letters, digits and ._-")
    return name
