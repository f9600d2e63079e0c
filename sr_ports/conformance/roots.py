"""The laws of `sr_ports.roots.EngineRoot`, as tests.

Subclass `EngineRootLaws` and give it four fixtures: `reopen` (opens a further snapshot of the
same tree), `put` (writes a file there behind the root's back), `remove` (takes one away) and `snapshot`
(all that is observable of the tree, to compare). `broken` has a default that skips its test.
"""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Mapping, Sequence
from functools import partial

import pytest

from sr_ports.conformance.second_look import Put, Remove, Reopen, SecondLook, Snapshot, read
from sr_ports.conformance.together import together
from sr_ports.errors import EvidenceFault, Unreachable
from sr_ports.reasons import ReasonCode
from sr_ports.roots import EngineRoot, FileFact
from sr_ports.wanted import FIRST_RELEASE, Wanted

__all__ = ["EngineRootLaws", "Put", "Remove", "Reopen", "Snapshot", "read"]

LARGEST_CHUNK = 8 << 20
BIG = 40 << 20
LEADING_OUT = ("/", "/a", "/etc/passwd", "..", "../a", "a/..", "a/../b", "in/../../x", "a\\b", "..\\a")
MISSPELT = ("a//b", ".", "./a", "a/.", "a/./b", "a\x00b", "a\nb", "\ta", "a\x7f", "a/b\x01", "a\ud800")
ODD_NAMES = ("a b", "a+b", "a%2Fb", "a=b", "a#b?c=d&e", "ä-ö-€-😀", "a~b", "'a'", '"a"', "a:b;c", "...", ".a", "a.")


PATTERN_FILES = ("a.bin", "b.bin", "c.txt", "d=1/a.bin", "d=1/e/a.bin", "d=2/a.bin", "x.bin/deep/y", "[a].txt", "^.txt")
PATTERNS: Mapping[str, Sequence[str]] = {
    "*.bin": ("a.bin", "b.bin", "x.bin/deep/y"),
    "a*": ("a.bin",),
    "d=*/a.bin": ("d=1/a.bin", "d=2/a.bin"),
    "d=?/*": ("d=1/a.bin", "d=1/e/a.bin", "d=2/a.bin"),
    "d=*": ("d=1/a.bin", "d=1/e/a.bin", "d=2/a.bin"),
    "**/a.bin": ("a.bin", "d=1/a.bin", "d=1/e/a.bin", "d=2/a.bin"),
    "d=1/**": ("d=1/a.bin", "d=1/e/a.bin"),
    "**/e/*.bin": ("d=1/e/a.bin",),
    "*/e/a.bin": ("d=1/e/a.bin",),
    "**": PATTERN_FILES,
    "[ab].bin": ("a.bin", "b.bin"),
    "[!a].bin": ("b.bin", "x.bin/deep/y"),
    "[^a].bin": ("b.bin", "x.bin/deep/y"),
    "[[]a].txt": ("[a].txt",),
    "[z-a].bin": (),
    "*.none": (),
    "*/*/*/*": (),
}


class EngineRootLaws(SecondLook):
    """Laws R1 to R9. Needs `reopen`, `put`, `remove` and `snapshot`."""

    @pytest.fixture
    def broken(self) -> EngineRoot:
        """A root of this kind that cannot answer."""
        pytest.skip("no way is given to make this root fail")

    @pytest.fixture
    def many(self) -> int:
        """Files of a list that must come whole; more than any server puts on one page."""
        return 1_100

    # R1

    @pytest.mark.parametrize("bad", [*LEADING_OUT, *MISSPELT], ids=ascii)
    def test_r1_a_path_that_leads_out_or_that_no_file_has_is_refused(self, reopen: Reopen, put: Put, bad: str) -> None:
        put("a/b", b"x")
        got: list[bytes] = []
        for act in (reopen().stat, reopen().list, lambda path: reopen().stream(path, lambda v: got.append(bytes(v)))):
            with pytest.raises(EvidenceFault) as caught:
                act(bad)
            assert caught.value.code is (ReasonCode.PATH_ESCAPES if bad in LEADING_OUT else ReasonCode.NOT_A_FILE)
        assert got == []

    def test_r1_a_folder_in_a_files_place_is_no_file(self, reopen: Reopen, put: Put) -> None:
        put("in/a", b"x")
        root = reopen()
        assert root.stat("in", or_folder=True) is None
        if not root.folders:
            assert root.stat("in") is None
            return
        for act in (root.stat, partial(root.stream, sink=lambda _: None)):
            with pytest.raises(EvidenceFault) as caught:
                act("in")
            assert (caught.value.code, caught.value.path) == (ReasonCode.NOT_A_FILE, "in")
        assert root.stat("in", FIRST_RELEASE) is None

    # R2

    def test_r2_what_was_found_is_found_again_whatever_became_of_it(
        self, reopen: Reopen, put: Put, remove: Remove
    ) -> None:
        for name in ("in/a", "in/b", "c"):
            put(name, b"before")
        root = reopen()
        found, single = list(root.list("in")), root.stat("c")
        assert root.stat("later") is None
        put("in/a", b"afterwards")
        put("in/more", b"more")
        put("later", b"more")
        remove("in/b")
        remove("c")
        assert list(root.list("in")) == found
        assert [root.stat(fact.path) for fact in found] == found
        assert root.stat("c") == single
        assert root.stat("later") is None
        assert [fact.path for fact in reopen().list("")] == ["in/a", "in/more", "later"]

    @pytest.mark.parametrize("later", [b"after!", b"longer than before", b""], ids=["same size", "longer", "empty"])
    @pytest.mark.parametrize("how", ["stat", "list", "read"])
    def test_r2_a_file_that_changed_since_it_was_seen_is_unstable(
        self, reopen: Reopen, put: Put, how: str, later: bytes
    ) -> None:
        put("a", b"before")
        put("b", b"before")
        root, twin = reopen(), reopen()
        for one in (root, twin):
            seen = one.list("")[0] if how == "list" else one.stat("a")
            if how == "read":
                assert read(one, "a") == b"before"
        put("a", later)
        for expect in (None, seen):
            with pytest.raises(EvidenceFault) as caught:
                root.stream("a", lambda _: None, expect=expect)
            assert (caught.value.code, caught.value.path) == (ReasonCode.EVIDENCE_UNSTABLE, "a")
        assert read(twin, "b") == b"before"

    def test_r2_a_file_that_is_gone_is_unstable(self, reopen: Reopen, put: Put, remove: Remove) -> None:
        put("in/a", b"before")
        put("in/b", b"before")
        root = reopen()
        root.list("in")
        remove("in/a")
        with pytest.raises(EvidenceFault) as caught:
            root.stream("in/a", lambda _: None)
        assert (caught.value.code, caught.value.path) == (ReasonCode.EVIDENCE_UNSTABLE, "in/a")
        assert read(root, "in/b") == b"before"

    def test_r2_a_fact_of_an_earlier_snapshot_is_held_against_the_file(self, reopen: Reopen, put: Put) -> None:
        put("a", b"before")
        seen = reopen().stat("a")
        assert seen is not None
        assert reopen().stream("a", lambda _: None, expect=seen).size == 6
        put("a", b"after!")
        with pytest.raises(EvidenceFault) as caught:
            reopen().stream("a", lambda _: None, expect=seen)
        assert caught.value.code is ReasonCode.EVIDENCE_UNSTABLE

    def test_r2_an_expectation_of_other_facts_is_unstable(self, reopen: Reopen, put: Put) -> None:
        put("a", b"before")
        seen = reopen().stat("a")
        assert seen is not None
        for wrong in (FileFact("a", seen.size + 1, seen.stamp), FileFact("none", seen.size, seen.stamp)):
            with pytest.raises(EvidenceFault) as caught:
                reopen().stream(wrong.path, lambda _: None, expect=wrong)
            assert caught.value.code is ReasonCode.EVIDENCE_UNSTABLE

    # R3

    def test_r3_what_is_absent_is_none_empty_or_a_fault(self, reopen: Reopen, put: Put) -> None:
        assert not reopen().exists()
        assert list(reopen().list("")) == []
        put("in/a", b"x")
        assert reopen().exists()
        root = reopen()
        for absent in ("a", "in/b", "in/a/x", "in/aa", "i"):
            assert root.stat(absent) is None
        assert list(root.list("i")) == []
        assert list(root.list("out")) == []
        with pytest.raises(EvidenceFault) as caught:
            root.stream("in/b", lambda _: None)
        assert (caught.value.code, caught.value.path) == (ReasonCode.INDEXED_FILE_ABSENT, "in/b")

    def test_r3_a_root_that_cannot_answer_says_so(self, broken: EngineRoot) -> None:
        for act in (lambda: broken.stat("a"), lambda: broken.list("x"), lambda: broken.stream("a", lambda _: None)):
            with pytest.raises(Unreachable):
                act()

    # R4

    def test_r4_list_is_deep_ordered_and_confined_to_its_folder(self, reopen: Reopen, put: Put) -> None:
        names = ["a-b", "a.b", "a/b-c", "a/b/c", "a/b.d", "a0", "ab/c", "b", "Z", "é", "z/y/x/w"]
        for name in reversed(names):
            put(name, name.encode())
        for folder in ("", "a", "a/", "a/b", "ab", "z", "z/y"):
            start = f"{folder.rstrip('/')}/" if folder else ""
            found = reopen().list(folder)
            assert [fact.path for fact in found] == [name for name in sorted(names) if name.startswith(start)]
            assert list(found) == [reopen().stat(fact.path) for fact in found]
            assert all(fact.size == len(fact.path.encode()) for fact in found)

    def test_r4_a_long_list_comes_whole(self, reopen: Reopen, put: Put, many: int) -> None:
        names = [f"long/{n % 7}/{n:05}" for n in range(many)]
        together([partial(list, map(put, names[n::16], [b"x"] * many)) for n in range(16)], switch_s=None)
        assert [fact.path for fact in reopen().list("long")] == sorted(names)
        assert [fact.path for fact in reopen().list("long/3")] == sorted(names[3::7])

    def test_r4_answers_do_not_depend_on_what_was_asked_before(self, reopen: Reopen, put: Put) -> None:
        for name in ("a/b/c", "a/d", "e"):
            put(name, name.encode())
        whole, part = reopen(), reopen()
        listed = whole.list("")
        assert [fact.path for fact in whole.list("a/b")] == ["a/b/c"]
        assert list(part.list("a")) == [fact for fact in listed if fact.path.startswith("a/")]
        for root in (whole, part):
            assert root.stat("e") == listed[2]
            assert root.stat("a/x") is None
            assert list(root.list("")) == list(listed)

    def test_r4_names_of_any_characters_are_kept_apart(self, reopen: Reopen, put: Put) -> None:
        names = [f"in/{name}/x" for name in ODD_NAMES] + list(ODD_NAMES)
        for name in names:
            put(name, name.encode())
        root = reopen()
        assert [fact.path for fact in root.list("")] == sorted(names)
        for name in names:
            assert read(root, name) == name.encode()

    @pytest.mark.parametrize(("pattern", "taken"), PATTERNS.items(), ids=PATTERNS)
    def test_r4_only_what_is_wanted_is_listed(
        self, reopen: Reopen, put: Put, pattern: str, taken: Sequence[str]
    ) -> None:
        for name in PATTERN_FILES:
            put(f"in/{name}", name.encode())
            put(f"out/{name}", name.encode())
        root = reopen()
        found = root.list("in", Wanted(pattern))
        assert [fact.path for fact in found] == [f"in/{name}" for name in sorted(taken)]
        assert list(found) == [reopen().stat(fact.path) for fact in found]
        assert len(root.list("in")) == len(PATTERN_FILES)
        assert list(root.list("in", Wanted(pattern))) == list(found)

    def test_r4_names_that_are_left_out_are_not_listed_at_any_depth(self, reopen: Reopen, put: Put) -> None:
        for name in ("in/flag", "in/a", "in/b/flag", "in/b/flag.x", "in/flag.d/a"):
            put(name, b"x")
        root = reopen()
        found = root.list("in", Wanted(leave_out=frozenset(["flag"])))
        assert [fact.path for fact in found] == ["in/a", "in/b/flag.x", "in/flag.d/a"]
        assert root.stat("in/flag") is not None

    # R5

    def test_r5_a_big_file_comes_in_order_in_bounded_memory(self, reopen: Reopen, put: Put) -> None:
        data = b"".join(hashlib.sha256(b"%d" % n).digest() * 32 for n in range(BIG >> 10))
        put("big", data)
        wanted = hashlib.sha256(data).hexdigest()
        del data
        hasher, sizes, root = hashlib.sha256(), [0, 0], reopen()

        def sink(view: memoryview) -> None:
            hasher.update(view)
            sizes[:] = [sizes[0] + len(view), max(sizes[1], len(view))]

        tracemalloc.start()
        try:
            fact = root.stream("big", sink)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert (hasher.hexdigest(), sizes[0]) == (wanted, fact.size)
        assert sizes[1] <= LARGEST_CHUNK
        assert peak < BIG / 2

    def test_r5_chunks_are_the_same_bytes_of_several_files_at_once(self, reopen: Reopen, put: Put) -> None:
        data = b"".join(hashlib.sha256(b"%d" % n).digest() * 32 for n in range(BIG >> 10))
        put("big", data)
        put("small", b"small")
        wanted = hashlib.sha256(data).hexdigest()
        del data
        hashers, root = (hashlib.sha256(), hashlib.sha256()), reopen()
        tracemalloc.start()
        try:
            for pair in zip(root.chunks("big"), root.chunks("big"), strict=True):
                assert max(map(len, pair)) <= LARGEST_CHUNK
                assert b"".join(map(bytes, root.chunks("small"))) == b"small"
                for hasher, view in zip(hashers, pair, strict=True):
                    hasher.update(view)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert {hasher.hexdigest() for hasher in hashers} == {wanted}
        assert peak < BIG / 2

    def test_r5_chunks_keep_to_what_was_found(self, reopen: Reopen, put: Put) -> None:
        put("a", b"before")
        root = reopen()
        root.stat("a")
        put("a", b"after!!")
        for path, code in (("a", ReasonCode.EVIDENCE_UNSTABLE), ("absent", ReasonCode.INDEXED_FILE_ABSENT)):
            with pytest.raises(EvidenceFault) as caught:
                list(root.chunks(path))
            assert caught.value.code is code
        assert root.changes().paths == ("a",)

    def test_r5_an_empty_file_is_a_file(self, reopen: Reopen, put: Put) -> None:
        put("empty", b"")
        root = reopen()
        assert read(root, "empty") == b""
        fact = root.stat("empty")
        assert fact is not None
        assert root.stream("empty", lambda _: None, expect=fact).size == 0

    def test_r5_a_sink_that_refuses_ends_the_read(self, reopen: Reopen, put: Put) -> None:
        put("a", b"x" * 100_000)

        def sink(_: memoryview) -> None:
            raise KeyError("stop")

        root = reopen()
        with pytest.raises(KeyError, match="stop"):
            root.stream("a", sink)
        assert read(root, "a") == b"x" * 100_000

    # R6

    def test_r6_reading_leaves_no_trace(self, reopen: Reopen, put: Put, snapshot: Snapshot) -> None:
        for name in ("a/b", "a/c", "d"):
            put(name, name.encode())
        before, root = snapshot(), reopen()
        for fact in root.list(""):
            root.stat(fact.path)
            root.stream(fact.path, lambda _: None, expect=fact)
        root.stat("absent")
        root.exists()
        assert snapshot() == before

    # R7

    def test_r7_threads_read_side_by_side(self, reopen: Reopen, put: Put) -> None:
        names = [f"in/{n % 3}/{n}" for n in range(12)]
        for name in names:
            put(name, name.encode() * 20_000)
        root = reopen()

        def all_of_it() -> dict[str, bytes]:
            return {fact.path: read(root, fact.path) for fact in root.list("in")}

        for found in together([partial(all_of_it) for _ in range(6)]):
            assert found == {name: name.encode() * 20_000 for name in names}
