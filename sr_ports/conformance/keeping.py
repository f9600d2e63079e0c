"""The laws of `sr_ports.roots.Keeping`, as tests.

Subclass `KeepingLaws` and give it two fixtures: `roots` (the adapter) and `uri` (a root at which nothing is yet).
`reopen` (makes the adapter anew, as another process has it), `bounded` (False for what keeps all bytes in memory),
`broken` (an adapter that cannot write), `lost_answer` (one whose first write takes effect and whose answer to that is
lost) and `drafts` (names everything that lies at the root, drafts too) have defaults; the last three skip their tests.
"""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import pytest

from sr_ports.conformance.lawful import Laws
from sr_ports.conformance.roots import LEADING_OUT, MISSPELT, ODD_NAMES, read
from sr_ports.conformance.together import together
from sr_ports.errors import EvidenceFault, Unreachable
from sr_ports.reasons import ReasonCode
from sr_ports.roots import Keeping, Sink

__all__ = ["KeepingLaws"]

PIECE = 1 << 20
PIECES = 40
RACERS = 8


def of(data: bytes) -> Callable[[Sink], object]:
    """A source of these bytes."""
    return lambda sink: sink(memoryview(data))


def pieces() -> Iterator[bytes]:
    """The parts of a big file."""
    return (hashlib.sha256(b"%d" % number).digest() * (PIECE // 32) for number in range(PIECES))


class KeepingLaws(Laws):
    """Laws K1 to K7. Needs `roots` and `uri`."""

    states = (Keeping,)

    @pytest.fixture
    def reopen(self, roots: Keeping) -> Callable[[], Keeping]:
        """The adapter, made anew."""
        return lambda: roots

    @pytest.fixture
    def broken(self) -> Keeping:
        """An adapter of this kind that cannot write."""
        pytest.skip("no way is given to make this adapter fail")

    @pytest.fixture
    def lost_answer(self) -> Keeping:
        """An adapter of this kind that loses the answer to its first write."""
        pytest.skip("no way is given to lose this adapter's answers")

    @pytest.fixture
    def drafts(self) -> Callable[[], Sequence[str]]:
        """Names everything that lies at `uri`."""
        pytest.skip("no way is given to look beside what the root lists")

    @pytest.fixture
    def bounded(self) -> bool:
        """Whether what is kept is kept elsewhere than in this process's memory."""
        return True

    # K1

    def test_k1_what_was_kept_is_read_by_everybody(
        self, roots: Keeping, uri: str, reopen: Callable[[], Keeping]
    ) -> None:
        files = {"a": b"a", "in/b": b"b" * 100_000, "in/deep/er/c": b"c", "empty": b"", "Z": b"z"}
        for path, data in files.items():
            roots.keep(uri, path, of(data))
        for handle in (roots, reopen()):
            with handle.open(uri) as root:
                assert [fact.path for fact in root.list("")] == sorted(files)
                assert {path: read(root, path) for path in files} == files

    def test_k1_names_of_any_characters_are_kept_apart(self, roots: Keeping, uri: str) -> None:
        names = [f"in/{name}/x" for name in ODD_NAMES] + list(ODD_NAMES)
        for name in names:
            roots.keep(uri, name, of(name.encode()))
        with roots.open(uri) as root:
            assert [fact.path for fact in root.list("")] == sorted(names)
            assert {name: read(root, name) for name in names} == {name: name.encode() for name in names}

    def test_k1_below_one_root_another_may_lie(self, roots: Keeping, uri: str) -> None:
        roots.keep(uri, "run/attempt-1/a", of(b"a"))
        with roots.open(f"{uri}/run/attempt-1") as root:
            assert [fact.path for fact in root.list("")] == ["a"]
            assert read(root, "a") == b"a"
        with roots.open(f"{uri}/run/attempt-2") as other:
            assert not other.exists()

    # K2

    @pytest.mark.parametrize("later", [b"second", b"first", b""], ids=["other", "the same", "empty"])
    def test_k2_what_is_there_stays(
        self, roots: Keeping, uri: str, reopen: Callable[[], Keeping], later: bytes
    ) -> None:
        roots.keep(uri, "in/a", of(b"first"))
        for handle in (roots, reopen()):
            with pytest.raises(Unreachable):
                handle.keep(uri, "in/a", of(later))
        roots.keep(uri, "in/b", of(later))
        with roots.open(uri) as root:
            assert {path: read(root, path) for path in ("in/a", "in/b")} == {"in/a": b"first", "in/b": later}
            assert len(root.list("")) == 2

    def test_k2_one_of_several_gives_a_path_its_bytes(self, roots: Keeping, uri: str) -> None:
        def racer(number: int) -> int | None:
            try:
                roots.keep(uri, "in/a", of(b"%d" % number * 1000))
            except Unreachable:
                return None
            return number

        won = [one for one in together([partial(racer, number) for number in range(RACERS)]) if one is not None]
        assert len(won) == 1
        with roots.open(uri) as root:
            assert read(root, "in/a") == b"%d" % won[0] * 1000
            assert len(root.list("")) == 1

    def test_k2_its_own_write_is_recognised(self, lost_answer: Keeping, uri: str) -> None:
        lost_answer.keep(uri, "in/a", of(b"mine"))
        with lost_answer.open(uri) as root:
            assert read(root, "in/a") == b"mine"
        with pytest.raises(Unreachable):
            lost_answer.keep(uri, "in/a", of(b"mine"))

    # K3

    @pytest.mark.parametrize("after", [0, 1, 3], ids="after {} pieces".format)
    def test_k3_what_a_source_raises_passes_and_nothing_is_there(self, roots: Keeping, uri: str, after: int) -> None:
        def breaks(sink: Sink) -> None:
            for _ in range(after):
                sink(memoryview(b"x" * 300_000))
            raise EvidenceFault(ReasonCode.EVIDENCE_UNSTABLE, "it changed", "in/a")

        roots.keep(uri, "b", of(b"b"))
        with pytest.raises(EvidenceFault, match="it changed"):
            roots.keep(uri, "in/a", breaks)
        with roots.open(uri) as root:
            assert [fact.path for fact in root.list("")] == ["b"]
        roots.keep(uri, "in/a", of(b"whole"))
        with roots.open(uri) as root:
            assert read(root, "in/a") == b"whole"

    def test_k3_nothing_is_there_before_the_last_byte(self, roots: Keeping, uri: str) -> None:
        seen: list[bool] = []

        def source(sink: Sink) -> None:
            for _ in range(3):
                sink(memoryview(b"x" * 300_000))
                with roots.open(uri) as root:
                    seen.append(root.stat("in/a") is not None)

        roots.keep(uri, "in/a", source)
        assert seen == [False] * 3

    def test_k3_no_draft_is_left(self, roots: Keeping, uri: str, drafts: Callable[[], Sequence[str]]) -> None:
        def breaks(sink: Sink) -> None:
            sink(memoryview(b"x"))
            raise KeyError("stop")

        roots.keep(uri, "in/a", of(b"a"))
        with pytest.raises(KeyError, match="stop"):
            roots.keep(uri, "in/b", breaks)
        with pytest.raises(Unreachable):
            roots.keep(uri, "in/a", of(b"b"))
        assert list(drafts()) == ["in/a"]

    # K4

    @pytest.mark.parametrize("bad", [*LEADING_OUT, *MISSPELT, "", "in/"], ids=ascii)
    def test_k4_a_path_that_leads_out_or_that_no_file_has_is_refused(self, roots: Keeping, uri: str, bad: str) -> None:
        roots.keep(uri, "b", of(b"b"))
        asked: list[object] = []
        with pytest.raises(EvidenceFault) as caught:
            roots.keep(uri, bad, asked.append)
        assert caught.value.code is (ReasonCode.PATH_ESCAPES if bad in LEADING_OUT else ReasonCode.NOT_A_FILE)
        assert asked == [], "nothing is read for it"
        with roots.open(uri) as root:
            assert [fact.path for fact in root.list("")] == ["b"]

    # K5

    def test_k5_a_big_file_is_kept_in_bounded_memory(self, roots: Keeping, uri: str, bounded: bool) -> None:
        if not bounded:
            pytest.skip("what is kept here is kept in memory")
        wanted = hashlib.sha256()
        for piece in pieces():
            wanted.update(piece)

        def source(sink: Sink) -> None:
            for piece in pieces():
                sink(memoryview(piece))

        tracemalloc.start()
        try:
            roots.keep(uri, "big", source)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        found = hashlib.sha256()
        with roots.open(uri) as root:
            root.stream("big", found.update)
        assert found.digest() == wanted.digest()
        assert peak < PIECE * PIECES / 2

    def test_k5_a_view_is_read_during_the_call_alone(self, roots: Keeping, uri: str) -> None:
        buffer, wanted = bytearray(100_000), bytearray()

        def source(sink: Sink) -> None:
            for number in range(10):
                buffer[:] = bytes([number]) * len(buffer)
                wanted.extend(buffer)
                with memoryview(buffer) as view:
                    sink(view)
            buffer[:] = b"!" * len(buffer)

        roots.keep(uri, "a", source)
        with roots.open(uri) as root:
            assert read(root, "a") == wanted

    # K6: no test here can cut the power

    def test_what_cannot_be_written_says_so(self, broken: Keeping, uri: str) -> None:
        """`keep` raises `Unreachable` where nothing can be written."""
        with pytest.raises(Unreachable):
            broken.keep(uri, "a", of(b"a"))

    # K7

    def test_k7_threads_write_side_by_side(self, roots: Keeping, uri: str) -> None:
        def some(thread: int) -> None:
            for number in range(4):
                roots.keep(uri, f"{number}/{thread}", of(b"%d-%d" % (number, thread)))

        together([partial(some, thread) for thread in range(RACERS)])
        with roots.open(uri) as root:
            found = {fact.path: read(root, fact.path) for fact in root.list("")}
        assert found == {f"{n}/{t}": b"%d-%d" % (n, t) for n in range(4) for t in range(RACERS)}
