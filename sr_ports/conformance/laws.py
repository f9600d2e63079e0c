"""The laws of `sr_ports.laws.HashingLaw`, as tests.

Subclass `HashingLawLaws` and give it the fixture `law`, and `covers`: what the law's digest
hangs on. Everything else is tried by hypothesis.
"""

from __future__ import annotations

import hashlib

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sr_ports.conformance.bundles import MemoryBundle
from sr_ports.conformance.lawful import Laws
from sr_ports.errors import EvidenceFault
from sr_ports.laws import HashingLaw, IndexEntry, VerificationMethod

NAMES = st.sampled_from(["a.json", "b.json", "sub/a.json", "sub/c.bin", "z.csv", "_passed.flag"])
CONTENTS = st.dictionaries(NAMES, st.binary(min_size=1, max_size=12), min_size=2, max_size=5)
# A suite is there to be subclassed: several classes run one test, each with its own fixtures.
_MEANT = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=_MEANT)


@attrs.frozen
class Covers:
    """What changes the digest. `bytes`: of the files. `claims`: digests that the index states.

    `unlisted`: also files that the index does not list. `order`: the index's order.
    """

    bytes: bool = True
    claims: bool = False
    unlisted: bool = False
    order: bool = False


def bundle_of(contents: dict[str, bytes], *, ordering: str = "ascii_lex") -> MemoryBundle:
    """A bundle whose index lists every file but the flag, in name order; the flag is not to be read."""
    entries = tuple(
        IndexEntry(path, hashlib.sha256(contents[path]).hexdigest())
        for path in sorted(contents)
        if not path.endswith("_passed.flag")
    )
    method = VerificationMethod("any", ordering=ordering, exclude_filenames=("_passed.flag",))  # type: ignore[arg-type]
    return MemoryBundle(contents, entries, method, flag="_passed.flag")


def digest(law: HashingLaw, bundle: MemoryBundle) -> str | None:
    """The law's digest; None where it finds nothing to judge."""
    try:
        return law.digest(bundle)
    except EvidenceFault:
        return None


class HashingLawLaws(Laws):
    """Laws H1 to H3. Needs `law` and `covers`."""

    states = (HashingLaw,)

    @pytest.fixture
    def law(self) -> HashingLaw:
        raise NotImplementedError("give the law under test")

    @pytest.fixture
    def covers(self) -> Covers:
        raise NotImplementedError("say what the law covers")

    @QUICK
    @given(contents=CONTENTS)
    def test_h1_the_same_bundle_gives_the_same_digest(self, law: HashingLaw, contents: dict[str, bytes]) -> None:
        again = dict(reversed(list(contents.items())))
        first = digest(law, bundle_of(contents))
        assert first == digest(law, bundle_of(again))
        assert first is None or (len(first) == 64 and set(first) <= set("0123456789abcdef"))

    @QUICK
    @given(contents=CONTENTS, data=st.data())
    def test_h2_a_changed_byte_changes_it_where_bytes_are_covered(
        self, law: HashingLaw, covers: Covers, contents: dict[str, bytes], data: st.DataObject
    ) -> None:
        before = bundle_of(contents)
        path = data.draw(st.sampled_from([entry.path for entry in before.entries] or ["a.json"]))
        if path not in contents:
            return
        changed = {**contents, path: bytes([contents[path][0] ^ 1]) + contents[path][1:]}
        after = attrs.evolve(before, contents=changed)
        assert (digest(law, before) != digest(law, after)) is covers.bytes

    @QUICK
    @given(contents=CONTENTS)
    def test_h2_a_changed_claim_changes_it_where_claims_are_covered(
        self, law: HashingLaw, covers: Covers, contents: dict[str, bytes]
    ) -> None:
        before = bundle_of(contents)
        if not before.entries:
            return
        entries = (attrs.evolve(before.entries[0], sha256_hex="0" * 64), *before.entries[1:])
        after = attrs.evolve(before, entries=entries)
        assert (digest(law, before) != digest(law, after)) is covers.claims

    @QUICK
    @given(contents=CONTENTS)
    def test_h2_a_file_that_nobody_listed_counts_only_where_it_is_covered(
        self, law: HashingLaw, covers: Covers, contents: dict[str, bytes]
    ) -> None:
        before = bundle_of(contents)
        if not before.entries:
            return
        after = attrs.evolve(before, contents={**contents, "new.bin": b"new"})
        assert (digest(law, before) != digest(law, after)) is covers.unlisted

    @QUICK
    @given(contents=CONTENTS)
    def test_h3_an_excluded_name_is_nobody_s_business(self, law: HashingLaw, contents: dict[str, bytes]) -> None:
        before = bundle_of(contents)
        after = attrs.evolve(before, contents={**contents, "_passed.flag": b"other", "sub/_passed.flag": b"x"})
        assert digest(law, before) == digest(law, after)

    @QUICK
    @given(contents=CONTENTS)
    def test_h2_the_index_s_order_counts_only_where_it_is_covered(
        self, law: HashingLaw, covers: Covers, contents: dict[str, bytes]
    ) -> None:
        before = bundle_of(contents, ordering="index_order")
        first, second = (before.entries or (None,))[0], (before.entries or (None,))[-1]
        if first is None or second is None or first.sha256_hex == second.sha256_hex:
            return
        after = attrs.evolve(before, entries=tuple(reversed(before.entries)))
        listed = b"".join(contents[entry.path] for entry in before.entries)
        turned = b"".join(contents[entry.path] for entry in after.entries)
        if listed != turned:
            assert (digest(law, before) != digest(law, after)) is covers.order
