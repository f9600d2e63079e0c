"""Law H2 of a hashing law, as tests: what must change its digest. See `laws`, which has these too."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from itertools import product

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sr_ports.conformance.bundles import MemoryBundle
from sr_ports.conformance.lawful import Laws
from sr_ports.errors import EvidenceFault
from sr_ports.laws import HashingLaw, IndexEntry, VerificationMethod

FLAG = "_passed.flag"
NAMES = st.sampled_from(["a.json", "b.json", "sub/a.json", "sub/c.bin", "z.csv", FLAG])
CONTENTS = st.dictionaries(NAMES, st.binary(min_size=1, max_size=12), min_size=2, max_size=5)
"""Files by path: at least one of them is not the flag, and is on the index."""
SEVERAL = CONTENTS.filter(lambda contents: len(contents.keys() - {FLAG}) > 1)
"""The same, with two files on the index."""
# A suite is there to be subclassed: several classes run one test, each with its own fixtures.
_MEANT = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors, HealthCheck.too_slow]
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=_MEANT)
LONG = 70_000
"""Bytes of a file that no law has in one chunk."""
_MARKS = (b"", b"\0", b"\n", b" ", b"  ", b":", b"\t", b"|", b",", b"=")
"""What stands before and after a name where a law writes no sizes."""


@attrs.frozen
class Covers:
    """What changes the digest. `bytes`: of the files. `claims`: digests that the index states.

    `unlisted`: also files that the index does not list. `order`: the index's order. `names`: of the files.
    `borders`: where one file ends and the next begins. A law without the last two takes two bundles for one whose
    files have other names, or the same bytes divided otherwise: say so only of a law that has to be as it is.
    """

    bytes: bool = True
    claims: bool = False
    unlisted: bool = False
    order: bool = False
    names: bool = True
    borders: bool = True


def bundle_of(contents: Mapping[str, bytes], *, ordering: str = "ascii_lex") -> MemoryBundle:
    """A bundle whose index lists every file but the flag, in name order; the flag is not to be read."""
    entries = tuple(
        IndexEntry(path, hashlib.sha256(contents[path]).hexdigest()) for path in sorted(contents) if path != FLAG
    )
    method = VerificationMethod("any", ordering=ordering, exclude_filenames=(FLAG,))  # type: ignore[arg-type]
    return MemoryBundle(contents, entries, method, flag=FLAG)


def digest(law: HashingLaw, bundle: MemoryBundle) -> str | None:
    """The law's digest; None where it finds nothing to judge."""
    try:
        return law.digest(bundle)
    except EvidenceFault:
        return None


def differ(law: HashingLaw, one: MemoryBundle, other: MemoryBundle) -> bool:
    """Whether the law gives the bundles two digests."""
    return digest(law, one) != digest(law, other)


class CoverLaws(Laws):
    """What the law covers, and each part of it. Needs the fixtures of `HashingLawLaws`."""

    @QUICK
    @given(contents=CONTENTS, data=st.data())
    def test_h2_a_changed_byte_changes_it_where_bytes_are_covered(
        self, law: HashingLaw, covers: Covers, contents: dict[str, bytes], data: st.DataObject
    ) -> None:
        before = bundle_of(contents)
        path = data.draw(st.sampled_from([entry.path for entry in before.entries]))
        at = data.draw(st.integers(0, len(contents[path]) - 1))
        after = attrs.evolve(before, contents={**contents, path: flipped(contents[path], at)})
        assert differ(law, before, after) is covers.bytes

    @pytest.mark.parametrize("at", [0, 1, 4, 5, 4095, 4096, LONG // 2, 65_536, LONG - 1])
    def test_h2_every_byte_of_a_long_file_counts_where_bytes_are_covered(
        self, law: HashingLaw, covers: Covers, at: int
    ) -> None:
        contents = {"a.json": b"{}", "b.json": bytes(range(250)) * (LONG // 250), "z.csv": b"1,2"}
        before = bundle_of(contents)
        after = attrs.evolve(before, contents={**contents, "b.json": flipped(contents["b.json"], at)})
        assert differ(law, before, after) is covers.bytes

    @QUICK
    @given(contents=CONTENTS, more=st.binary(min_size=1, max_size=8))
    def test_h2_a_file_cut_or_grown_changes_it_where_bytes_are_covered(
        self, law: HashingLaw, covers: Covers, contents: dict[str, bytes], more: bytes
    ) -> None:
        before = bundle_of(contents)
        path = before.entries[-1].path
        for data in (contents[path] + more, contents[path][:-1]):
            after = attrs.evolve(before, contents={**contents, path: data})
            assert differ(law, before, after) is covers.bytes

    @QUICK
    @given(contents=CONTENTS)
    def test_h2_a_changed_claim_changes_it_where_claims_are_covered(
        self, law: HashingLaw, covers: Covers, contents: dict[str, bytes]
    ) -> None:
        before = bundle_of(contents)
        entries = (attrs.evolve(before.entries[0], sha256_hex="0" * 64), *before.entries[1:])
        after = attrs.evolve(before, entries=entries)
        assert differ(law, before, after) is covers.claims

    @QUICK
    @given(contents=CONTENTS)
    def test_h2_a_file_that_nobody_listed_counts_only_where_it_is_covered(
        self, law: HashingLaw, covers: Covers, contents: dict[str, bytes]
    ) -> None:
        before = bundle_of(contents)
        after = attrs.evolve(before, contents={**contents, "new.bin": b"new"})
        assert differ(law, before, after) is covers.unlisted

    @QUICK
    @given(contents=CONTENTS, data=st.data())
    def test_h2_a_file_of_another_name_counts_where_names_are_covered(
        self, law: HashingLaw, covers: Covers, contents: dict[str, bytes], data: st.DataObject
    ) -> None:
        """The bytes, their order and the index's claims stay."""
        before = bundle_of(contents)
        old = data.draw(st.sampled_from([entry.path for entry in before.entries]))
        new = f"{old}0"
        renamed = {new if path == old else path: data for path, data in contents.items()}
        assert differ(law, before, bundle_of(renamed)) is covers.names

    @QUICK
    @given(contents=SEVERAL)
    def test_h2_where_a_file_ends_counts_where_borders_are_covered(
        self, law: HashingLaw, covers: Covers, contents: dict[str, bytes]
    ) -> None:
        """The last byte of a file becomes the first one of the next; all bytes in a row stay as they are."""
        before = bundle_of(contents)
        one, two = (entry.path for entry in before.entries[:2])
        moved = {**contents, one: contents[one][:-1], two: contents[one][-1:] + contents[two]}
        assert differ(law, before, bundle_of(moved)) is covers.borders

    def test_h2_bytes_that_look_like_a_name_are_no_border_where_borders_are_covered(
        self, law: HashingLaw, covers: Covers
    ) -> None:
        """What a law that marks no sizes puts between two files stands in one of them; which one, counts."""
        if not covers.borders:
            pytest.skip("this law covers no borders")
        for before, name, after in product(_MARKS, ("a.json", "b.json"), _MARKS):
            mark = before + name.encode() + after
            one = {"a.json": b"1", "b.json": b"2" + mark + b"3"}
            two = {"a.json": b"1" + mark + b"2", "b.json": b"3"}
            assert differ(law, bundle_of(one), bundle_of(two)), f"{mark!r} passes for a border"

    @QUICK
    @given(contents=SEVERAL)
    def test_h2_which_file_has_which_bytes_counts_where_bytes_or_claims_are_covered(
        self, law: HashingLaw, covers: Covers, contents: dict[str, bytes]
    ) -> None:
        before = bundle_of(contents)
        one, two = (entry.path for entry in before.entries[:2])
        if contents[one] + contents[two] == contents[two] + contents[one]:
            return
        swapped = {**contents, one: contents[two], two: contents[one]}
        assert differ(law, before, bundle_of(swapped)) is (covers.bytes or covers.claims)

    @QUICK
    @given(contents=CONTENTS)
    def test_h2_the_index_s_order_counts_only_where_it_is_covered(
        self, law: HashingLaw, covers: Covers, contents: dict[str, bytes]
    ) -> None:
        before = bundle_of(contents, ordering="index_order")
        after = attrs.evolve(before, entries=tuple(reversed(before.entries)))
        listed = b"".join(contents[entry.path] for entry in before.entries)
        turned = b"".join(contents[entry.path] for entry in after.entries)
        if listed != turned:
            assert differ(law, before, after) is covers.order


def flipped(data: bytes, at: int) -> bytes:
    """The bytes, another one at `at`."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
