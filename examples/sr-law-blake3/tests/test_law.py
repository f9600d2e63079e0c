"""The law by itself: SR's own suite for laws, its vectors, and manifests that are not taken."""

import attrs
import pytest
from blake3 import blake3

from sr_law_blake3.law import B3SumsFile
from sr_law_blake3.sums import line_of, lines
from sr_ports import CutShort, EvidenceFault, HashingLaw, LawVector, Params, ReasonCode, VerificationMethod
from sr_ports.conformance.bundles import MemoryBundle
from sr_ports.conformance.laws import Covers, HashingLawLaws

LAW = B3SumsFile()
HEX = blake3(b"1").hexdigest()


class TestB3SumsFile(HashingLawLaws):
    @pytest.fixture
    def law(self) -> HashingLaw:
        return LAW

    @pytest.fixture
    def covers(self) -> Covers:
        return Covers()


def bundle_of(vector: LawVector) -> MemoryBundle:
    """The bundle of a vector, its index as the law reads it from the flag."""
    entries = tuple(LAW.members(vector.files["B3SUMS"]))
    return MemoryBundle(vector.files, entries, vector.method, flag=vector.flag)


@pytest.mark.parametrize("vector", LAW.vectors, ids=lambda vector: vector.note)
def test_the_vectors(vector: LawVector) -> None:
    flag = vector.files["B3SUMS"]
    if vector.digest is None:
        with pytest.raises(EvidenceFault):
            LAW.digest(bundle_of(vector))
        return
    assert LAW.digest(bundle_of(vector)) == vector.digest
    assert (LAW.stated(flag) == vector.digest) is vector.stated
    assert LAW.culprit(bundle_of(vector)) == (None if vector.stated else "d/b")


def test_threads_change_no_digest() -> None:
    data = bytes(range(256)) * 40_000
    method = VerificationMethod("b3sums_file", params=Params({"max_threads": 1}))
    one = MemoryBundle({"a": data}, tuple(LAW.members(f"{HEX}  a\n".encode())), method)
    assert LAW.digest(one) == LAW.digest(attrs.evolve(one, method=VerificationMethod("b3sums_file")))
    assert LAW.digest(one) == blake3(line_of("a", blake3(data).hexdigest()).encode()).hexdigest()


SOUND = {
    f"{HEX}  a\n": "a",
    f"{HEX}  ./a\r\n": "a",
    f"{HEX}   a\n": " a",
    f"BLAKE3 (a) = b) = {HEX}\n": "a) = b",
    f"{HEX}  a\\b\n": "a\\b",
    f"\\{HEX}  a\\\\b\\nc\\rd\n": "a\\b\nc\rd",
    f"{HEX}  .//d/./b\n": "d/b",
}
REFUSED = {
    f"{HEX} a\n": "not as b3sum writes",
    f"{HEX.upper()}  a\n": "not as b3sum writes",
    f"{HEX[:-2]}  a\n": "not as b3sum writes",
    f"{HEX}00  a\n": "not as b3sum writes",
    f"SHA256 (a) = {HEX}\n": "not as b3sum writes",
    f"BLAKE3 (a  b) = {HEX}\n": "not as b3sum writes",  # b3sum itself does not read this line of its own
    f"{HEX}  a\n\n": "not as b3sum writes",
    f"{HEX}  \n": "no file for certain",
    f"{HEX}  -\n": "no file for certain",
    f"{HEX}  a\0b\n": "no file for certain",
    f"{HEX}  a\ufffd\n": "no file for certain",
    f"\\{HEX}  a\\tb\n": "an escape that there is not",
    f"\\{HEX}  a\\\n": "an escape that there is not",
    f"{HEX}  a/\n": "names a folder",
    f"{HEX}  .\n": "names a folder",
    "garbage without an end": "not as b3sum writes",
}
OUTSIDE = [f"{HEX}  /a\n", f"{HEX}  ../a\n", f"{HEX}  a/../../b\n", f"\\{HEX}  ..\n"]
EARLY = ["", HEX[:7], HEX, f"{HEX} ", f"{HEX}  a", f"\\{HEX}  a", "BLA", f"BLAKE3 (a) = {HEX}", f"{HEX}  a\n{HEX}  b"]


@pytest.mark.parametrize("text", SOUND)
def test_a_line_that_b3sum_reads_is_read(text: str) -> None:
    assert list(lines(text.encode())) == [(SOUND[text], HEX)]


@pytest.mark.parametrize("text", [*REFUSED, *OUTSIDE])
def test_a_line_that_b3sum_refuses_or_that_leads_outside_is_refused(text: str) -> None:
    with pytest.raises(EvidenceFault, match=REFUSED.get(text, "outside the bundle")) as fault:
        list(lines(text.encode()))
    assert not isinstance(fault.value, CutShort)
    assert (fault.value.code is ReasonCode.PATH_ESCAPES) is (text in OUTSIDE)


def test_what_is_no_utf_8_is_refused() -> None:
    with pytest.raises(EvidenceFault, match="line 2 is no UTF-8"):
        list(lines(f"{HEX}  a\n{HEX}  ".encode() + b"\xff\n"))


@pytest.mark.parametrize("text", EARLY)
def test_a_manifest_that_is_still_being_written_is_waited_for(text: str) -> None:
    with pytest.raises(CutShort):
        LAW.stated(text.encode())
    with pytest.raises(CutShort):
        list(LAW.members(text.encode()))


OFFICIAL = {
    0: "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    1: "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
    1023: "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11",
    1024: "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
    1025: "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444",
    4097: "9b4052b38f1c5fc8b1f9ff7ac7b27cd242487b3d890d15c96a1c25b8aa0fb995",
}
"""BLAKE3's own vectors: of so many bytes 0, 1, ... 250, 0, 1, ..."""


@pytest.mark.parametrize("size", OFFICIAL)
def test_blake3_s_own_vectors(size: int) -> None:
    data = (bytes(range(251)) * (size // 251 + 1))[:size]
    flag = f"{OFFICIAL[size]}  a\n".encode()
    bundle = MemoryBundle({"a": data}, tuple(LAW.members(flag)), VerificationMethod(LAW.kind))
    assert LAW.digest(bundle) == LAW.stated(flag)
