"""The laws of `sr_ports.laws.HashingLaw`, as tests.

Subclass `HashingLawLaws` and give it the fixture `law`, and `covers`: what the law's digest
hangs on. Everything else is tried by hypothesis.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sr_ports.conformance.between import Meetings, lines
from sr_ports.conformance.bundles import MemoryBundle
from sr_ports.conformance.law_covers import CONTENTS, NAMES, QUICK, CoverLaws, Covers, bundle_of, digest
from sr_ports.conformance.outside import heard, wall_clock_ahead
from sr_ports.conformance.together import together
from sr_ports.errors import EvidenceFault
from sr_ports.laws import HashingLaw, PathBase
from sr_ports.reasons import ReasonCode

__all__ = ["CONTENTS", "NAMES", "QUICK", "Covers", "HashingLawLaws", "bundle_of", "digest"]

_ONE = {"a.json": b"{}", "b.json": b"[1, 2, 3]", "sub/c.bin": bytes(range(40)), "z.csv": b"1,2\n3,4\n"}
_TWO = {"a.json": b"[]", "sub/a.json": b"other", "z.csv": b""}
_YEAR_S = 366 * 86400.0


class HashingLawLaws(CoverLaws):
    """Laws H1 to H3. Needs `law` and `covers`."""

    states = (HashingLaw,)
    starts_first: ClassVar[bool] = False
    """Whether the law's first call starts what it runs in, such as a worker process: that is not its own doing."""

    @pytest.fixture
    def law(self) -> HashingLaw:
        raise NotImplementedError("give the law under test")

    @pytest.fixture
    def covers(self) -> Covers:
        raise NotImplementedError("say what the law covers")

    # H1

    @QUICK
    @given(contents=CONTENTS)
    def test_h1_the_same_bundle_gives_the_same_digest(self, law: HashingLaw, contents: dict[str, bytes]) -> None:
        again = dict(reversed(list(contents.items())))
        first = digest(law, bundle_of(contents))
        assert first == digest(law, bundle_of(again))
        assert first is None or _fits(law, first)

    @QUICK
    @given(bundles=st.lists(CONTENTS, min_size=2, max_size=4), order=st.randoms(use_true_random=False))
    def test_h1_what_was_judged_before_does_not_count(
        self, law: HashingLaw, bundles: list[dict[str, bytes]], order: Random
    ) -> None:
        first = [digest(law, bundle_of(contents)) for contents in bundles]
        turns = list(range(len(bundles))) * 2
        order.shuffle(turns)
        for at in turns:
            assert digest(law, bundle_of(bundles[at])) == first[at]

    def test_h1_bundles_judged_at_once_do_not_mix(self, law: HashingLaw) -> None:
        bundles = [bundle_of(one) for one in (_ONE, _TWO)]
        wanted = [digest(law, one) for one in bundles]
        assert together([partial(digest, law, bundles[n % 2]) for n in range(8)]) == wanted * 4
        one, two = (partial(digest, law, bundle) for bundle in bundles)
        meetings = Meetings(law)
        for line in lines(law, one):
            assert list(meetings.at(line, one, two)) == wanted

    def test_h1_where_and_when_it_is_judged_does_not_count(
        self, law: HashingLaw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Neither the working folder, what lies there under the files' names and when it was written, nor the clock."""
        wanted = digest(law, bundle_of(_ONE))
        for name, contents in (("empty", {}), ("same", _ONE), ("other", dict.fromkeys(_ONE, b"of this machine"))):
            for at in (1_000_000, 1_700_000_000):
                with working_in(tmp_path / f"{name}{at}", contents, at):
                    assert digest(law, bundle_of(_ONE)) == wanted
        monkeypatch.setenv("TZ", "Asia/Tokyo")
        monkeypatch.setenv("PYTHONHASHSEED", "7")
        with wall_clock_ahead(law, _YEAR_S):
            assert digest(law, bundle_of(_ONE)) == wanted

    def test_h1_its_vectors_hold(self, law: HashingLaw) -> None:
        vectors: Sequence[Any] = getattr(law, "vectors", ())
        if not vectors:
            pytest.skip("this law has no vectors")
        members: Any = getattr(law, "members", None)
        for one in vectors:
            flag = one.files.get(one.flag)
            try:
                listed = one.index if members is None or flag is None else tuple(members(flag))
            except EvidenceFault:
                assert one.digest is None, one.note
                continue
            assert digest(law, MemoryBundle(one.files, listed, one.method, flag=one.flag)) == one.digest, one.note

    # H3

    def test_h3_it_opens_nothing_itself(self, law: HashingLaw) -> None:
        """No file, folder, program or connection: it has its bytes of the view alone."""
        if self.starts_first:
            digest(law, bundle_of(_ONE))
        for contents in (_ONE, _TWO, _ONE):
            with heard() as events:
                digest(law, bundle_of(contents))
            assert events == [], "it reaches for what the view does not give"

    @QUICK
    @given(contents=CONTENTS)
    def test_h3_an_excluded_name_is_nobody_s_business(self, law: HashingLaw, contents: dict[str, bytes]) -> None:
        before = bundle_of(contents)
        after = attrs.evolve(before, contents={**contents, "_passed.flag": b"other", "sub/_passed.flag": b"x"})
        assert digest(law, before) == digest(law, after)

    def test_h3_a_fault_of_the_view_passes(self, law: HashingLaw, covers: Covers) -> None:
        """A file that is gone or changes while it is read is not the law's to overlook."""
        sound = bundle_of(_ONE)
        if covers.bytes and digest(law, sound) is not None:
            with pytest.raises(EvidenceFault, match="changed while it was read"):
                law.digest(Unstable(sound.contents, sound.entries, sound.method, flag=sound.flag))


class Unstable(MemoryBundle):
    """A bundle whose files change while they are read."""

    def _bytes(self, path: str, base: PathBase) -> bytes:
        raise EvidenceFault(ReasonCode.EVIDENCE_UNSTABLE, f"{path} changed while it was read", path)


@contextmanager
def working_in(folder: Path, contents: Mapping[str, bytes], at: float) -> Iterator[None]:
    """Work in a folder of these files, all written at `at` seconds."""
    for name, data in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (at, at))
    folder.mkdir(exist_ok=True)
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _fits(law: HashingLaw, digest: str) -> bool:
    """Whether this is lower-case hex, as long as the digests of the law's algorithm, where that is known here."""
    algorithm = str(getattr(law, "algorithm", "sha256"))
    size = hashlib.new(algorithm).digest_size if algorithm in hashlib.algorithms_available else 0
    return set(digest) <= set("0123456789abcdef") and len(digest) == (2 * size or len(digest)) > 0
