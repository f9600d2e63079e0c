"""The laws R8 and R9 of `sr_ports.roots.EngineRoot`, as tests: the second look, and the end of a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from sr_ports.conformance.lawful import Laws
from sr_ports.errors import EvidenceFault
from sr_ports.roots import NAMED_CHANGES, Changes, EngineRoot
from sr_ports.wanted import Wanted

Reopen = Callable[[], EngineRoot]
Put = Callable[[str, bytes], None]
Remove = Callable[[str], None]
Snapshot = Callable[[], object]


class SecondLook(Laws):
    """Laws R8 and R9. Needs `reopen`, `put` and `remove`."""

    states: ClassVar[tuple[type[Any], ...]] = (EngineRoot,)

    # R8

    def test_r8_a_tree_that_stood_still_has_no_changes(self, reopen: Reopen, put: Put) -> None:
        for name in ("in/a", "in/b", "in/c/d", "e"):
            put(name, name.encode())
        root = reopen()
        assert root.exists()
        root.list("in")
        root.list("in", Wanted("*/d"))
        root.list("none")
        for name in ("e", "none", "in/none"):
            root.stat(name)
        with pytest.raises(EvidenceFault):
            root.stat("../e")
        assert read(root, "in/a") == b"in/a"
        assert root.changes() == Changes()
        assert not root.changes()

    @pytest.mark.parametrize(
        ("event", "told"),
        {
            "written": ["in/a"], "emptied": ["in/a"], "gone": ["in/b"], "come into a folder": ["in/c/new"],
            "come where nothing was": ["none"], "single written": ["e"], "single gone": ["e"], "beside": [],
            "beside a pattern": [], "many": [f"in/n{number}" for number in range(NAMED_CHANGES)],
        }.items(),
    )  # fmt: skip
    def test_r8_what_changed_vanished_or_appeared_is_named(
        self, reopen: Reopen, put: Put, remove: Remove, event: str, told: Sequence[str]
    ) -> None:
        for name in ("in/a", "in/b", "in/c/d", "way/a.bin", "way/a.txt", "e", "other/a"):
            put(name, name.encode())
        root = reopen()
        for fact in (*root.list("in"), *root.list("way", Wanted("*.bin"))):
            root.stream(fact.path, lambda _: None, expect=fact)
        root.stat("e")
        root.stat("none")
        many = {f"in/n{number}": b"x" for number in range(NAMED_CHANGES + 3)}
        events: Mapping[str, Mapping[str, bytes | None]] = {
            "written": {"in/a": b"nI/A"},
            "emptied": {"in/a": b""},
            "gone": {"in/b": None},
            "come into a folder": {"in/c/new": b"x"},
            "come where nothing was": {"none": b"x"},
            "single written": {"e": b"E"},
            "single gone": {"e": None},
            "beside": {"other/a": b"other", "other/b": b"new", "f": b"new"},
            "beside a pattern": {"way/a.txt": b"other", "way/b.txt": b"new"},
            "many": many,
        }
        for path, data in events[event].items():
            if data is None:
                remove(path)
            else:
                put(path, data)
        assert root.changes() == Changes(tuple(told), len(many) if event == "many" else len(told))

    def test_r8_two_lists_that_saw_two_trees_are_told_apart(self, reopen: Reopen, put: Put, remove: Remove) -> None:
        put("in/x.bin", b"x")
        root = reopen()
        assert len(root.list("in", Wanted("*.bin"))) == 1
        put("in/y.bin", b"y")
        remove("in/x.bin")
        assert [fact.path for fact in root.list("in", Wanted("y*"))] == ["in/y.bin"]
        assert root.changes().paths == ("in/x.bin", "in/y.bin")

    def test_r8_nothing_is_read_after_the_second_look(self, reopen: Reopen, put: Put) -> None:
        put("a", b"x")
        root = reopen()
        assert read(root, "a") == b"x"
        root.changes()
        over(root)
        assert root.changes() == Changes()

    def test_r8_it_looks_anew_until_it_has_found_a_change(self, reopen: Reopen, put: Put) -> None:
        put("a", b"x")
        root = reopen()
        assert read(root, "a") == b"x"
        assert root.changes() == Changes()
        put("a", b"other")
        assert root.changes() == Changes(("a",), 1)
        put("b", b"of no question")
        assert root.changes() == Changes(("a",), 1)
        assert root.changes() == Changes(("a",), 1)

    # R9

    def test_r9_a_closed_snapshot_answers_nothing(self, reopen: Reopen, put: Put) -> None:
        put("a", b"x")
        with reopen() as root:
            assert read(root, "a") == b"x"
        root.close()
        over(root)
        with pytest.raises(RuntimeError):
            root.changes()
        assert read(reopen(), "a") == b"x"


def over(root: EngineRoot) -> None:
    """A snapshot that answers no question any more, not even one that it has answered."""
    got: list[bytes] = []
    acts: Sequence[Callable[[], object]] = (
        root.exists,
        lambda: root.stat("a"),
        lambda: root.list(""),
        lambda: root.stream("a", lambda view: got.append(bytes(view))),
    )
    for act in acts:
        with pytest.raises(RuntimeError):
            act()
    assert got == []


def read(root: EngineRoot, path: str) -> bytes:
    """A file's bytes, whole."""
    parts = bytearray()
    fact = root.stream(path, parts.extend)
    assert (fact.path, fact.size) == (path, len(parts))
    return bytes(parts)
