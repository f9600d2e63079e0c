"""An object store beside a plain dict: whatever is done to both, they say the same."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sr_ports.stores import Blob, ObjectStore, Stored

NAMES = st.sampled_from(["a", "b/c", "b/d", "b-e", "b/f/g"])
HOT = st.sampled_from(["a", "b/c"])  # few keys, so that histories grow
DATA = st.sampled_from([b"", b"x", b"y", b"xx", b"x" * 3000]) | st.binary(max_size=40)
PREFIXES = st.sampled_from(["", "a", "b", "b/", "b/f", "b/f/", "c"])
FOLDERS = st.sampled_from(["", "b/", "b/f/", "c/"])
WHO = st.integers(0, 1)


class StoreMachine(RuleBasedStateMachine):
    """Rules over a few keys through two handles; `etags` keeps every ETag ever seen for a key."""

    handles: ClassVar[Sequence[ObjectStore]]
    base: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.prefix = f"{self.base}{uuid.uuid4().hex}/"
        self.model: dict[str, bytes] = {}
        self.etags: dict[str, dict[str, bytes]] = {}

    @rule(who=WHO, name=NAMES | HOT, data=DATA)
    def create(self, who: int, name: str, data: bytes) -> None:
        made = self.handles[who].create(self.prefix + name, data)
        assert (made is not None) == (name not in self.model)
        if made is not None:
            self.note(name, data, made)

    @rule(who=WHO, name=HOT, data=DATA)
    def replace_fresh(self, who: int, name: str, data: bytes) -> None:
        blob = self.handles[1 - who].read(self.prefix + name)
        assert (None if blob is None else blob.data) == self.model.get(name)
        if blob is not None:
            made = self.handles[who].replace(self.prefix + name, data, etag=blob.etag)
            assert made is not None
            self.note(name, data, made)

    @rule(who=WHO, name=HOT, pick=st.integers(0, 7))
    def replace_stale(self, who: int, name: str, pick: int) -> None:
        """An ETag that meant other bytes than the present ones never opens the way."""
        stale = [etag for etag, data in self.etags.get(name, {}).items() if data != self.model.get(name)]
        if stale:
            assert self.handles[who].replace(self.prefix + name, b"never", etag=stale[pick % len(stale)]) is None

    @rule(who=WHO, name=NAMES)
    def delete(self, who: int, name: str) -> None:
        self.handles[who].delete(self.prefix + name)
        self.model.pop(name, None)

    @rule(who=WHO, start=PREFIXES)
    def list(self, who: int, start: str) -> None:
        found = [(item.key, item.size) for item in self.handles[who].list(self.prefix + start)]
        wanted = sorted(name for name in self.model if name.startswith(start))
        assert found == [(self.prefix + name, len(self.model[name])) for name in wanted]

    @rule(who=WHO, start=FOLDERS)
    def folders(self, who: int, start: str) -> None:
        found = list(self.handles[who].folders(self.prefix + start))
        held, ever = (_folders(names, start) for names in (self.model, self.etags))
        assert found == sorted(found)
        assert held <= set(found) <= ever, "an empty folder may stay"

    @rule(who=WHO, name=NAMES)
    def stat(self, who: int, name: str) -> None:
        found = self.handles[who].stat(self.prefix + name)
        blob = self.handles[1 - who].read(self.prefix + name)
        wanted = None if blob is None else Stored(self.prefix + name, len(blob.data), blob.etag)
        assert found == wanted

    @invariant()
    def last_write_is_read(self) -> None:
        for name in list(self.model)[-1:]:
            blob = self.handles[0].read(self.prefix + name)
            assert blob is not None
            assert blob.data == self.model[name]

    def note(self, name: str, data: bytes, made: Stored) -> None:
        assert (made.key, made.size) == (self.prefix + name, len(data))
        assert self.handles[0].read(made.key) == Blob(data, made.etag)
        self.model.pop(name, None)
        self.model[name] = data
        assert self.etags.setdefault(name, {}).setdefault(made.etag, data) == data


def _folders(names: Iterable[str], start: str) -> set[str]:
    """The folders right below `start` that hold one of the names."""
    below = [name.removeprefix(start) for name in names if name.startswith(start)]
    return {name.partition("/")[0] for name in below if "/" in name}


def store_machine(handles: Sequence[ObjectStore], prefix: str) -> type[StoreMachine]:
    """The machine on these two handles; every example has a prefix of its own below `prefix`."""
    return type("BoundStoreMachine", (StoreMachine,), {"handles": handles, "base": prefix})
