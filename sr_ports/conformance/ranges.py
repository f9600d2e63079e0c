"""The law R10 of `sr_ports.roots.Ranged`, as tests: reading a file of an engine root from any place.

Subclass `RangedLaws` and give it the fixtures `reopen`, `put` and `remove` of `EngineRootLaws`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from sr_ports.conformance.second_look import Put, Remove, Reopen
from sr_ports.conformance.together import together
from sr_ports.errors import EvidenceFault
from sr_ports.reasons import ReasonCode
from sr_ports.roots import RangeReader

DATA = bytes(range(256)) * 20
PARTS = ((0, 0), (0, 1), (0, len(DATA)), (17, 300), (len(DATA) - 3, 3), (len(DATA) - 3, 99), (len(DATA), 5), (9999, 1))


class RangedLaws:
    """Law R10. Needs `reopen`, `put` and `remove`."""

    def test_r10_any_part_is_of_the_whole(self, reopen: Reopen, put: Put) -> None:
        put("in/a", DATA)
        put("empty", b"")
        with reopen() as root:
            made = opened(root, "in/a")
            assert made.size == len(DATA)
            for start, length in (*PARTS, *reversed(PARTS)):
                assert made.read(start, length) == DATA[start : start + length], (start, length)
            assert opened(root, "empty").read(0, 10) == b""
            made.close()
            made.close()

    def test_r10_threads_read_side_by_side(self, reopen: Reopen, put: Put) -> None:
        put("a", DATA)
        with reopen() as root:
            made = opened(root, "a")

            def read(first: int) -> None:
                for start in range(first, len(DATA), 700):
                    assert made.read(start, 50) == DATA[start : start + 50]

            together([partial(read, first) for first in range(4)])
            made.close()

    @pytest.mark.parametrize("event", ["rewritten", "shortened", "grown", "gone"])
    def test_r10_a_file_that_changed_since_it_was_opened_gives_no_more(
        self, reopen: Reopen, put: Put, remove: Remove, event: str
    ) -> None:
        put("a", DATA)
        put("twin", DATA)
        with reopen() as root:
            made, twin = opened(root, "a"), opened(root, "twin")
            assert made.read(5, 5) == DATA[5:10]
            events: dict[str, Callable[[], object]] = {
                "rewritten": lambda: put("a", DATA[::-1]),
                "shortened": lambda: put("a", DATA[:100]),
                "grown": lambda: put("a", DATA * 2),
                "gone": lambda: remove("a"),
            }
            events[event]()
            with pytest.raises(EvidenceFault) as caught:
                made.read(5, 5)
            assert caught.value.code is ReasonCode.EVIDENCE_UNSTABLE
            assert twin.read(5, 5) == DATA[5:10]
            made.close()
            twin.close()

    def test_r10_what_changed_before_it_was_opened_is_not_read(self, reopen: Reopen, put: Put) -> None:
        put("a", DATA)
        with reopen() as root:
            assert root.stat("a") is not None
            put("a", DATA[::-1])
            with pytest.raises(EvidenceFault) as caught:
                opened(root, "a").read(0, 1)
            assert caught.value.code is ReasonCode.EVIDENCE_UNSTABLE

    @pytest.mark.parametrize(
        ("path", "code"), [("none", ReasonCode.INDEXED_FILE_ABSENT), ("../a", ReasonCode.PATH_ESCAPES)]
    )
    def test_r10_what_cannot_be_streamed_cannot_be_opened(
        self, reopen: Reopen, put: Put, path: str, code: ReasonCode
    ) -> None:
        put("a", DATA)
        with reopen() as root, pytest.raises(EvidenceFault) as caught:
            opened(root, path)
        assert caught.value.code is code

    def test_r10_after_its_snapshot_a_reader_gives_nothing(self, reopen: Reopen, put: Put) -> None:
        put("a", DATA)
        root = reopen()
        made = opened(root, "a")
        root.close()
        with pytest.raises(RuntimeError):
            made.read(0, 1)
        made.close()


def opened(root: Any, path: str) -> RangeReader:
    """A reader of the file at `path`."""
    made: RangeReader = root.reader(path)
    return made
