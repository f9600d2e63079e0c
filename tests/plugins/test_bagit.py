"""The law `bagit`, held against bagit-python and the public conformance suite of BagIt."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sr_adapters.file.root import FileEngineRoots
from sr_adapters.memory import MemoryEngineRoot
from sr_domain.evidence.gates import GateMissing, GatePassed, GateVerdict, verify_gate
from sr_domain.plan.sealed import SealedGate
from sr_domain.record.proofs import Conflict
from sr_plugins.laws import builtin_laws
from sr_ports import EngineRoot, Params, ReasonCode, VerificationMethod
from tests.plugins.test_sha256sums import TREES, written

KIND = "bagit"
LAW = builtin_laws()[KIND]
SUITE = Path(os.environ.get("SR_TEST_BAGIT_SUITE", "nowhere"))
BAGS = sorted(one for one in SUITE.glob("v*/*/*") if one.is_dir())
EVERY = ("md5", "sha1", "sha224")
WARNED = {
    "made-with-md5sum-tools": "md5sum's binary mode",
    "relative-path": "./ before",
    "same-filename-listed-twice-with-the-same-hash": "lists a file twice",
    "duplicate-file-with-different-case": "data/HELLO.txt is not there",
    "same-filename-listed-twice-with-different-normalization": "is not there",
    "special-system-files": "data/.DS_Store is not there",
}
SLOW = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def judged(root: EngineRoot, flag: str, *algorithms: str) -> GateVerdict:
    params = Params({"algorithms": list(algorithms)} if algorithms else {})
    gate = SealedGate("gate.x", flag, "", VerificationMethod(KIND, params=params))
    return verify_gate(root, gate, LAW, enforce_members=False, guard=lambda _: None)


def flags(folder: Path) -> list[str]:
    """The manifests that a gate may name as its flag."""
    names = sorted(one.name for one in folder.iterdir())
    return [one for one in names if one.startswith("tagmanifest-")] or [
        one for one in names if one.startswith("manifest-")
    ]


def on_disk(folder: Path, flag: str, *algorithms: str) -> GateVerdict:
    with FileEngineRoots().open(str(folder)) as root:
        return judged(root, flag, *algorithms)


@pytest.mark.skipif(not BAGS, reason="the conformance suite of BagIt is not here; SR_TEST_BAGIT_SUITE may name it")
@pytest.mark.parametrize("bag", BAGS, ids=["/".join(one.parts[-3:]) for one in BAGS])
def test_the_conformance_suite(bag: Path) -> None:
    expected = bag.parent.name
    for flag in flags(bag):
        verdict = on_disk(bag, flag, *EVERY)
        if expected == "valid":
            assert isinstance(verdict, GatePassed), verdict
        elif expected == "warning" and isinstance(verdict, GatePassed):
            assert any(WARNED[bag.name] in note for note in verdict.notes)
        elif expected == "warning":
            assert isinstance(verdict, GateMissing)
            assert WARNED[bag.name] in verdict.why
        else:
            assert not isinstance(verdict, GatePassed), verdict


def valid(folder: Path) -> bool:
    """What bagit-python says of a bag."""
    bagit: Any = pytest.importorskip("bagit", reason="bagit-python is not installed")
    try:
        return bool(bagit.Bag(str(folder)).is_valid())
    except bagit.BagError:
        return False


@SLOW
@given(files=TREES, sums=st.sampled_from([["sha256"], ["sha512"], ["sha256", "sha512"]]), data=st.data())
def test_what_bagit_python_makes_is_proven_and_what_it_refuses_is_not(
    tmp_path: Path, files: dict[str, bytes], sums: list[str], data: st.DataObject
) -> None:
    bagit: Any = pytest.importorskip("bagit", reason="bagit-python is not installed")
    folder = tmp_path / "bag"
    if any("%0" in path.lower() for path in files) or not written(folder, files):
        return  # it does not escape the percent sign, and reads such a name as a line feed
    bagit.make_bag(str(folder), checksums=sums)
    assert valid(folder)
    for flag in flags(folder):
        assert isinstance(on_disk(folder, flag), GatePassed)
    every = sorted(one for one in folder.rglob("*") if one.is_file() and not one.name.startswith("tagmanifest-"))
    victim = data.draw(st.sampled_from(every))
    kept = victim.read_bytes()
    for damage in (kept + b"!", None):
        victim.unlink()
        if damage is not None:
            victim.write_bytes(damage)
        assert not valid(folder)
        assert not any(isinstance(on_disk(folder, flag), GatePassed) for flag in flags(folder))


# Bags by hand


def lines(files: Mapping[str, bytes], algorithm: str = "sha256") -> bytes:
    made = (f"{hashlib.new(algorithm, data).hexdigest()}  {path}\n" for path, data in files.items())
    return "".join(made).encode()


def bag(
    payload: Mapping[str, bytes], *, version: str = "1.0", encoding: str = "UTF-8", **more: bytes
) -> dict[str, bytes]:
    """A sound bag of one payload manifest. `more`: other tag files, less ``.txt``."""
    data = {f"data/{path}": content for path, content in payload.items()}
    declared = f"BagIt-Version: {version}\nTag-File-Character-Encoding: {encoding}\n".encode()
    tags = {f"{name.replace('_', '-')}.txt": content for name, content in more.items()}
    return sealed({**data, "bagit.txt": declared, "manifest-sha256.txt": lines(data), **tags})


def sealed(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The bag with a tag manifest of what it is now."""
    tags = {path: data for path, data in files.items() if "/" not in path and not path.startswith("tagmanifest-")}
    return {**files, "tagmanifest-sha256.txt": lines(tags)}


def of(files: Mapping[str, bytes], flag: str = "tagmanifest-sha256.txt", *algorithms: str) -> GateVerdict:
    return judged(MemoryEngineRoot(dict(files)), flag, *algorithms)


SOUND = bag({"a.csv": b"1", "sub/b.csv": b"2"})


def test_a_sound_bag_passes_with_a_digest_of_its_flag_s_lines() -> None:
    tags = sorted((SOUND[path], path) for path in ("bagit.txt", "manifest-sha256.txt"))
    ordered = {path: data for data, path in sorted(tags, key=lambda one: one[1])}
    assert of(SOUND) == GatePassed(hashlib.sha256(lines(ordered)).hexdigest())


def without(name: str) -> dict[str, bytes]:
    return {path: data for path, data in SOUND.items() if path != name}


MISSING = {
    "a payload file on no manifest": ({**SOUND, "data/new.csv": b"3"}, "data/new.csv", ReasonCode.FILE_UNLISTED),
    "a payload file that is not there": (without("data/a.csv"), "data/a.csv", ReasonCode.INDEXED_FILE_ABSENT),
    "no bagit.txt": (without("bagit.txt"), "bagit.txt", ReasonCode.INDEXED_FILE_ABSENT),
    "the flag does not list bagit.txt": (
        {**SOUND, "tagmanifest-sha256.txt": lines({"manifest-sha256.txt": SOUND["manifest-sha256.txt"]})},
        "bagit.txt",
        ReasonCode.FILE_UNLISTED,
    ),
    "the flag does not list a manifest": (
        {**SOUND, "tagmanifest-sha256.txt": lines({"bagit.txt": SOUND["bagit.txt"]})},
        "manifest-sha256.txt",
        ReasonCode.FILE_UNLISTED,
    ),
    "a manifest that does not list all": (
        sealed({**SOUND, "manifest-sha512.txt": lines({"data/a.csv": b"1"}, "sha512")}),
        "data/sub/b.csv",
        ReasonCode.FILE_UNLISTED,
    ),
    "a flag that ends too early": ({**SOUND, "tagmanifest-sha256.txt": b"0123"}, "tagmanifest-sha256.txt", None),
    "an empty flag": ({**SOUND, "tagmanifest-sha256.txt": b""}, "tagmanifest-sha256.txt", None),
}


@pytest.mark.parametrize(("files", "path", "code"), MISSING.values(), ids=MISSING)
def test_what_may_be_on_its_way_is_missing_and_a_conflict_at_the_deadline(
    files: dict[str, bytes], path: str, code: ReasonCode | None
) -> None:
    verdict = of(files)
    assert isinstance(verdict, GateMissing), verdict
    assert verdict.path == path
    assert verdict.late is not None
    assert code in (None, verdict.late.code)


def test_what_fetch_txt_owes_is_missing_and_what_has_come_is_not() -> None:
    fetch = b"https://example.org/a - data/a.csv\nhttps://example.org/b 1 data/sub/b.csv\n"
    whole = bag({"a.csv": b"1", "sub/b.csv": b"2"}, fetch=fetch)
    assert isinstance(of(whole), GatePassed)
    owed = of({path: data for path, data in whole.items() if path != "data/a.csv"})
    assert isinstance(owed, GateMissing) and owed.path == "data/a.csv"
    for out in (b"/etc/passwd", b"../x", b"~/x", b"bagit.txt"):
        assert isinstance(of(bag({"a.csv": b"1"}, fetch=b"https://example.org/x - " + out + b"\n")), Conflict)


CONFLICTS = {
    "other bytes": ({**SOUND, "data/a.csv": b"!"}, ReasonCode.MEMBER_DIGEST_MISMATCH, "data/a.csv is not what"),
    "another tag file": (
        {**bag({"a": b"1"}, bag_info=b"x: y\n"), "bag-info.txt": b"x: z\n"},
        ReasonCode.GATE_DIGEST_MISMATCH,
        "bag-info.txt is not what the flag says",
    ),
    "an unknown version": (bag({"a": b"1"}, version="2.0"), ReasonCode.INDEX_MALFORMED, "2.0, which is not read"),
    "a space before the colon, which bagit-python takes": (
        sealed({**SOUND, "bagit.txt": SOUND["bagit.txt"].replace(b"sion:", b"sion :")}),
        ReasonCode.INDEX_MALFORMED,
        "does not say BagIt-Version",
    ),
    "an unknown encoding": (bag({"a": b"1"}, encoding="KLINGON"), ReasonCode.INDEX_MALFORMED, "KLINGON"),
    "no text encoding": (bag({"a": b"1"}, encoding="rot13"), ReasonCode.INDEX_MALFORMED, "rot13"),
    "a size of its own": (
        bag({"a": b"1"}, bag_info=b"Payload-Oxum: 7.1\n"), ReasonCode.INDEX_MALFORMED, "and there are 1.1"
    ),
    "an unknown digest": (
        sealed({**SOUND, "manifest-whirl.txt": lines({"data/a.csv": b"1"})}), ReasonCode.INDEX_MALFORMED, "no digest"
    ),
    "another encoding than it says": (
        sealed({**SOUND, "manifest-sha256.txt": SOUND["manifest-sha256.txt"] + b"\xff"}),
        ReasonCode.INDEX_MALFORMED,
        "is not written in utf-8",
    ),
    "a payload file on the tag manifest": (
        {**SOUND, "tagmanifest-sha256.txt": SOUND["tagmanifest-sha256.txt"] + lines({"data/a.csv": b"1"})},
        ReasonCode.INDEX_MALFORMED,
        "which lies in data/",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "code", "what"), CONFLICTS.values(), ids=CONFLICTS)
def test_what_contradicts_itself_is_a_conflict(files: dict[str, bytes], code: ReasonCode, what: str) -> None:
    verdict = of(files)
    assert isinstance(verdict, Conflict), verdict
    assert (verdict.code, what in verdict.detail) == (code, True), verdict


def test_a_bag_without_tag_manifest_is_proven_by_its_payload_manifest_and_one_with_is_not() -> None:
    bare = without("tagmanifest-sha256.txt")
    assert isinstance(of(bare, "manifest-sha256.txt"), GatePassed)
    changed = of({**bare, "data/sub/b.csv": b"!"}, "manifest-sha256.txt")
    assert isinstance(changed, Conflict)
    assert (changed.code, changed.path) == (ReasonCode.GATE_DIGEST_MISMATCH, "data/sub/b.csv")
    refused = of(SOUND, "manifest-sha256.txt")
    assert isinstance(refused, Conflict) and "not a tagmanifest" in refused.detail


def test_weak_digests_prove_nothing_unless_the_gate_names_them_and_hold_all_the_same() -> None:
    data = {"data/a.csv": b"1"}
    tags = {"bagit.txt": SOUND["bagit.txt"], "manifest-md5.txt": lines(data, "md5")}
    weak = {**data, **tags, "tagmanifest-md5.txt": lines(tags, "md5")}
    refused = of(weak, "tagmanifest-md5.txt")
    assert isinstance(refused, Conflict) and "algorithms name md5" in refused.detail
    assert isinstance(of(weak, "tagmanifest-md5.txt", "md5"), GatePassed)
    strong_flag = sealed({**data, **tags})
    assert isinstance(of(strong_flag), Conflict), "no payload manifest of an accepted digest"
    beside = sealed({**SOUND, "manifest-md5.txt": lines({"data/a.csv": b"1", "data/sub/b.csv": b"2"}, "md5")})
    assert isinstance(of(beside), GatePassed)
    wrong = sealed({**SOUND, "manifest-md5.txt": lines({"data/a.csv": b"!", "data/sub/b.csv": b"2"}, "md5")})
    assert isinstance(of(wrong), Conflict)


@pytest.mark.parametrize(
    ("version", "written_as", "name", "sound"),
    [
        ("1.0", "100%25.csv", "100%.csv", True),
        ("1.0", "100%25.csv", "100%25.csv", False),
        ("0.97", "100%25.csv", "100%25.csv", True),
        ("0.97", "%7Ea", "%7Ea", True),
        ("1.0", "%7Ea", "%7Ea", True),
        ("0.97", "a%0Ab", "a%0Ab", True),
        ("1.0", "a%0Ab", "a%0Ab", False),
    ],
)
def test_percent_signs_are_read_as_the_version_says(version: str, written_as: str, name: str, sound: bool) -> None:
    files = bag({name: b"1"}, version=version)
    made = lines({f"data/{written_as}": b"1"})
    assert isinstance(of(sealed({**files, "manifest-sha256.txt": made})), GatePassed) is sound


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16", "UTF-16LE", "ISO-8859-1", "windows-1252", "Shift_JIS"])
@pytest.mark.parametrize("tags", [True, False])
def test_tag_files_are_read_in_the_encoding_that_the_bag_names(encoding: str, tags: bool) -> None:
    name = "\u30c6.csv" if encoding == "Shift_JIS" else "\u00e9\u00fc.csv"
    files = bag({name: b"1"}, encoding=encoding)
    files["manifest-sha256.txt"] = files["manifest-sha256.txt"].decode().encode(encoding)
    if not tags:
        del files["tagmanifest-sha256.txt"]
        assert isinstance(of(files, "manifest-sha256.txt"), GatePassed)
        return
    files = sealed(files)
    files["tagmanifest-sha256.txt"] = files["tagmanifest-sha256.txt"].decode().encode(encoding)
    assert isinstance(of(files), GatePassed)
    lying = sealed({**files, "bagit.txt": files["bagit.txt"].replace(encoding.encode(), b"ascii")})
    assert not isinstance(of(lying), GatePassed)


def test_names_that_differ_in_case_alone_are_noted() -> None:
    verdict = of(bag({"a.csv": b"1", "A.csv": b"1", "Thumbs.db": b""}))
    assert isinstance(verdict, GatePassed)
    assert set(verdict.notes) == {
        "data/a.csv and data/A.csv differ in case or normal form alone",
        "data/Thumbs.db is a file of some operating system's own",
    }


def test_a_suite_that_is_named_is_there() -> None:
    assert BAGS or "SR_TEST_BAGIT_SUITE" not in os.environ
