"""The built-in laws: the suite, and each against a one-line oracle of its own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sr_adapters.file.root import FileEngineRoot
from sr_domain.evidence import index_kept
from sr_domain.evidence.gates import GateMissing, GatePassed, GateUnjudged, verify_gate
from sr_domain.evidence.provided_law import ProvidedLaw
from sr_domain.plan.sealed import SealedGate
from sr_domain.record.proofs import Conflict
from sr_plugins.laws import BundleDigest, IndexRawBytes, MemberDigestConcat, PartList, Sha256SumsFile
from sr_ports import HashingLaw, ReasonCode, VerificationMethod
from sr_ports.conformance.laws import Covers, HashingLawLaws

LAWS: dict[str, HashingLaw] = {
    law.kind: law for law in (BundleDigest(), IndexRawBytes(), MemberDigestConcat(), PartList())
}
FILES = st.dictionaries(
    st.sampled_from(["a.json", "b.bin", "sub/a.json", "sub-a.json", "Z.csv"]),
    st.binary(max_size=20),
    min_size=1,
    max_size=5,
)
QUICK = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class TestBundleDigest(HashingLawLaws):
    @pytest.fixture
    def law(self) -> HashingLaw:
        return BundleDigest()

    @pytest.fixture
    def covers(self) -> Covers:
        return Covers(unlisted=True, names=False, borders=False)


class TestIndexRawBytes(HashingLawLaws):
    @pytest.fixture
    def law(self) -> HashingLaw:
        return IndexRawBytes()

    @pytest.fixture
    def covers(self) -> Covers:
        return Covers(order=True, names=False, borders=False)


class TestMemberDigestConcat(HashingLawLaws):
    @pytest.fixture
    def law(self) -> HashingLaw:
        return MemberDigestConcat()

    @pytest.fixture
    def covers(self) -> Covers:
        return Covers(bytes=False, claims=True, order=True, names=False)


class TestPartList(HashingLawLaws):
    @pytest.fixture
    def law(self) -> HashingLaw:
        return PartList()

    @pytest.fixture
    def covers(self) -> Covers:
        return Covers()


class TestSha256SumsFile(HashingLawLaws):
    @pytest.fixture
    def law(self) -> HashingLaw:
        return Sha256SumsFile()

    @pytest.fixture
    def covers(self) -> Covers:
        return Covers()


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write(root: Path, files: dict[str, bytes]) -> None:
    for path, data in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def gate(kind: str, **method: Any) -> SealedGate:
    made = VerificationMethod(kind, exclude_filenames=("_passed.flag",), **method)
    return SealedGate("g", "bundle/_passed.flag", "bundle", made, index_path="bundle/index.json")


def judge(root: Path, sealed: SealedGate, *, enforce: bool = False) -> Any:
    law = ProvidedLaw(LAWS[sealed.method.kind], "scenario-runner", "1")
    return verify_gate(FileEngineRoot(str(root)), sealed, law, enforce_members=enforce, guard=lambda _read: None)


def flag(root: Path, digest: str, text: str = "sha256_hex = {}\n") -> None:
    (root / "bundle" / "_passed.flag").write_text(text.format(digest))


def fresh(tmp_path: Path) -> Path:
    import tempfile

    return Path(tempfile.mkdtemp(dir=tmp_path))


@QUICK
@given(files=FILES)
def test_bundle_digest_is_the_bytes_in_ascii_order(tmp_path: Path, files: dict[str, bytes]) -> None:
    root = fresh(tmp_path)
    write(root / "bundle", files)
    flag(root, sha(b"".join(files[path] for path in sorted(files))))
    assert isinstance(judge(root, gate("sha256_bundle_digest")), GatePassed)


SHAPES = st.sampled_from(["list", "strings", "files", "entries", "items", "members"])


def index(paths: list[str], files: dict[str, bytes], shape: str) -> bytes:
    entries: list[Any] = [{"path": path, "sha256_hex": sha(files[path])} for path in paths]
    if shape == "strings":
        entries = paths
    return json.dumps(entries if shape in ("list", "strings") else {shape: entries, "note": 1}).encode()


@QUICK
@given(
    files=FILES, shape=SHAPES, random=st.randoms(), base=st.sampled_from(["bundle_root", "run_root"]), lex=st.booleans()
)
def test_index_law_is_the_listed_bytes_in_the_map_s_order(
    tmp_path: Path, files: dict[str, bytes], shape: str, random: Any, base: str, lex: bool
) -> None:
    root = fresh(tmp_path)
    (root / "bundle").mkdir()
    write(root if base == "run_root" else root / "bundle", files)
    paths = list(files)
    random.shuffle(paths)
    (root / "bundle" / "index.json").write_bytes(index(paths, files, shape))
    flag(root, sha(b"".join(files[path] for path in (sorted(paths) if lex else paths))), '{{"bundle_digest": "{}"}}')
    sealed = gate(
        "sha256_index_json_ascii_lex_raw_bytes",
        ordering="ascii_lex" if lex else "index_order",
        path_base=base,
        digest_field="bundle_digest",
    )
    assert isinstance(judge(root, sealed), GatePassed)


@QUICK
@given(files=FILES, shape=SHAPES.filter(lambda shape: shape != "strings"))
def test_member_law_is_the_stated_digests_and_never_the_bytes(
    tmp_path: Path, files: dict[str, bytes], shape: str
) -> None:
    root = fresh(tmp_path)
    (root / "bundle").mkdir()
    (root / "bundle" / "index.json").write_bytes(index(list(files), files, shape))  # no member is there at all
    flag(root, sha("".join(sha(data) for data in files.values()).encode()))
    assert isinstance(judge(root, gate("sha256_member_digest_concat")), GatePassed)


@pytest.fixture(params=["kept", "walked"])
def an_index(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that is short enough to be kept, and one that is read anew at each walk."""
    if request.param == "walked":
        monkeypatch.setattr(index_kept, "KEPT_ENTRIES", 0)


@pytest.mark.usefixtures("an_index")
@pytest.mark.parametrize("kind", [kind for kind in LAWS if kind != "sha256_bundle_digest"])
@pytest.mark.parametrize("enforce", [False, True])
def test_a_long_index_is_judged_as_a_short_one(tmp_path: Path, kind: str, enforce: bool) -> None:
    files = {"b.json": b"two", "a.json": b"one", "sub/c.bin": b"three"}
    write(tmp_path / "bundle", files)
    (tmp_path / "bundle" / "index.json").write_bytes(index(list(files), files, "files"))
    parts = [{"path": path, "sha256": sha(files[path]), "size": len(files[path])} for path in sorted(files)]
    flag(
        tmp_path,
        {
            "sha256_index_json_ascii_lex_raw_bytes": sha(b"onetwothree"),
            "sha256_member_digest_concat": sha("".join(sha(data) for data in files.values()).encode()),
            "sha256_part_list": sha(json.dumps(parts, separators=(",", ":"), sort_keys=True).encode()),
        }[kind],
    )
    assert isinstance(judge(tmp_path, gate(kind), enforce=enforce), GatePassed)
    (tmp_path / "bundle" / "sub" / "c.bin").write_bytes(b"other")
    verdict = judge(tmp_path, gate(kind), enforce=enforce)
    if kind == "sha256_member_digest_concat" and not enforce:
        assert isinstance(verdict, GatePassed), "it reads no member's bytes"
    else:
        assert isinstance(verdict, Conflict)
        assert verdict.path == "sub/c.bin"
    (tmp_path / "bundle" / "a.json").unlink()
    gone = judge(tmp_path, gate(kind), enforce=enforce)
    if kind == "sha256_member_digest_concat" and not enforce:
        assert isinstance(gone, GatePassed)
    else:
        assert isinstance(gone, GateMissing)
        assert gone.path == "bundle/a.json"


def sound(root: Path, **method: Any) -> SealedGate:
    """A bundle that passes the index law."""
    write(root / "bundle", {"a.json": b"one", "b.json": b"two"})
    (root / "bundle" / "index.json").write_bytes(
        index(["a.json", "b.json"], {"a.json": b"one", "b.json": b"two"}, "files")
    )
    flag(root, sha(b"onetwo"))
    return gate("sha256_index_json_ascii_lex_raw_bytes", **method)


@pytest.mark.usefixtures("an_index")
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", ReasonCode.INDEX_MALFORMED),
        (b"{", ReasonCode.INDEX_MALFORMED),
        (b"[1]", ReasonCode.INDEX_MALFORMED),
        (b'"text"', ReasonCode.INDEX_MALFORMED),
        (b'{"files": {}}', ReasonCode.INDEX_MALFORMED),
        (b'{"files": [], "items": []}', ReasonCode.INDEX_MALFORMED),
        (b'{"files": ["a.json"], "files": []}', ReasonCode.INDEX_MALFORMED),
        (b'{"files": [{"path": "a.json", "sha256_hex": "zz"}]}', ReasonCode.INDEX_MALFORMED),
        (b"[NaN]", ReasonCode.INDEX_MALFORMED),
        (b"[" * 5000, ReasonCode.DOCUMENT_TOO_DEEP),
        (b'["\\ud800"]', ReasonCode.INDEX_MALFORMED),
        (b"[]", ReasonCode.INDEX_EMPTY),
        (b'{"items": ["_passed.flag"]}', ReasonCode.INDEX_EMPTY),
        (b'["gone.json"]', ReasonCode.INDEXED_FILE_ABSENT),
        (b'["../a.json"]', ReasonCode.PATH_ESCAPES),
        (b'["/etc/passwd"]', ReasonCode.PATH_ESCAPES),
        (b'["a\\\\..\\\\b"]', ReasonCode.PATH_ESCAPES),
        (b'["a\\u0000b"]', ReasonCode.INDEX_MALFORMED),
        (b'["./../a.json"]', ReasonCode.PATH_ESCAPES),
        (b'["sub/"]', ReasonCode.NOT_A_FILE),
        (b'["link"]', ReasonCode.PATH_ESCAPES),
        (b'["linked/passwd"]', ReasonCode.PATH_ESCAPES),
    ],
)
def test_a_bad_index_is_a_conflict_with_its_own_code(tmp_path: Path, content: bytes, code: ReasonCode) -> None:
    sealed = sound(tmp_path)
    (tmp_path / "bundle" / "link").symlink_to("/etc/passwd")
    (tmp_path / "bundle" / "linked").symlink_to("/etc")
    (tmp_path / "bundle" / "index.json").write_bytes(content)
    verdict = judge(tmp_path, sealed)
    coming = content in (b"", b"{") or code is ReasonCode.INDEXED_FILE_ABSENT
    assert isinstance(verdict, GateMissing) is coming
    verdict = verdict.late if isinstance(verdict, GateMissing) else verdict
    assert isinstance(verdict, Conflict)
    assert verdict.code is code
    assert "\n" not in verdict.detail


@pytest.mark.parametrize(("named", "too_many"), [(101, False), (102, True)])
def test_a_file_that_the_index_names_over_and_over_is_not_read_as_often(
    tmp_path: Path, named: int, too_many: bool
) -> None:
    sealed = sound(tmp_path)
    (tmp_path / "bundle" / "index.json").write_text(json.dumps(["a.json"] * named))
    flag(tmp_path, sha(b"one" * named))
    verdict = judge(tmp_path, sealed)
    if too_many:
        assert isinstance(verdict, Conflict)
        assert verdict.code is ReasonCode.DOCUMENT_TOO_MANY
    else:
        assert isinstance(verdict, GatePassed)


def test_an_enormous_index_and_flag_end_in_one_line(tmp_path: Path) -> None:
    sealed = sound(tmp_path)
    with (tmp_path / "bundle" / "index.json").open("wb") as file:
        file.truncate(1 << 31)
    verdict = judge(tmp_path, sealed)
    assert isinstance(verdict, Conflict) and verdict.code is ReasonCode.DOCUMENT_TOO_LARGE
    with (tmp_path / "bundle" / "_passed.flag").open("wb") as file:
        file.truncate(1 << 31)
    verdict = judge(tmp_path, sealed)
    assert isinstance(verdict, Conflict) and verdict.code is ReasonCode.DOCUMENT_TOO_LARGE


@pytest.mark.parametrize(
    "text", ["", "sha256_hex", "sha256_hex = 12", "other = " + "a" * 64, "{}", "{", "[]", '{"sha256_hex": 1}', "a" * 64]
)
def test_a_bad_flag_is_malformed(tmp_path: Path, text: str) -> None:
    sealed = sound(tmp_path)
    (tmp_path / "bundle" / "_passed.flag").write_text(text)
    verdict = judge(tmp_path, sealed)
    coming = text in ("", "{", "sha256_hex", "sha256_hex = 12")
    assert isinstance(verdict, GateMissing) is coming
    verdict = verdict.late if isinstance(verdict, GateMissing) else verdict
    assert isinstance(verdict, Conflict)
    assert verdict.code is ReasonCode.FLAG_MALFORMED


@pytest.mark.parametrize(
    "form",
    ["sha256_hex = {}", "  sha256_hex={}  \n\n", '{{"sha256_hex": "{}"}}', '\n{{"sha256_hex": "{}", "more": []}}'],
)
def test_flags_come_as_text_or_json(tmp_path: Path, form: str) -> None:
    sealed = sound(tmp_path)
    flag(tmp_path, sha(b"onetwo"), form)
    assert isinstance(judge(tmp_path, sealed), GatePassed)
    flag(tmp_path, sha(b"onetwo").upper(), form)
    assert isinstance(judge(tmp_path, sealed), GatePassed)


@pytest.mark.parametrize("gone", ["_passed.flag", "index.json"])
def test_what_is_not_there_is_missing_and_no_conflict(tmp_path: Path, gone: str) -> None:
    sealed = sound(tmp_path)
    (tmp_path / "bundle" / gone).unlink()
    assert isinstance(judge(tmp_path, sealed), GateMissing)


def test_a_mismatch_names_both_digests_and_the_first_file_at_fault(tmp_path: Path) -> None:
    sealed = sound(tmp_path)
    (tmp_path / "bundle" / "b.json").write_bytes(b"TWO")
    verdict = judge(tmp_path, sealed)
    assert isinstance(verdict, Conflict)
    assert (verdict.code, verdict.path) == (ReasonCode.GATE_DIGEST_MISMATCH, "b.json")
    assert (verdict.expected, verdict.actual) == (sha(b"onetwo"), sha(b"oneTWO"))


def test_member_digests_are_checked_only_when_the_policy_asks(tmp_path: Path) -> None:
    sealed = sound(tmp_path)
    files = {"a.json": b"one", "b.json": b"two"}
    wrong = index(["a.json", "b.json"], {**files, "b.json": b"other"}, "files")
    (tmp_path / "bundle" / "index.json").write_bytes(wrong)
    assert isinstance(judge(tmp_path, sealed), GatePassed)
    verdict = judge(tmp_path, sealed, enforce=True)
    assert isinstance(verdict, Conflict)
    assert (verdict.code, verdict.path) == (ReasonCode.MEMBER_DIGEST_MISMATCH, "b.json")


def test_a_law_that_breaks_proves_nothing(tmp_path: Path) -> None:
    class Broken:
        kind = "broken"

        def digest(self, bundle: Any) -> str:
            raise ZeroDivisionError("oops")

    class Mute:
        kind = "mute"

        def digest(self, bundle: Any) -> str:
            return "nonsense"

    sealed, root = sound(tmp_path), FileEngineRoot(str(tmp_path))
    for law in (Broken(), Mute()):
        verdict = verify_gate(
            root, sealed, ProvidedLaw(law, "acme", "1"), enforce_members=False, guard=lambda _read: None
        )
        assert isinstance(verdict, GateUnjudged)
        assert verdict.code is ReasonCode.LAW_FAILED
