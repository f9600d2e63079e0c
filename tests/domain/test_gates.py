"""A gate's verdict changes exactly when its law says so; oracles are one line of hashlib each."""

from __future__ import annotations

import gc
import hashlib
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_adapters.file.root import FileEngineRoot
from sr_domain.evidence.bundle import plain_path
from sr_domain.evidence.flags import FLAG_LIMIT, read_flag
from sr_domain.evidence.gates import GateMissing, GatePassed, GateVerdict, verify_gate
from sr_domain.plan.sealed import SealedGate
from sr_domain.record.proofs import Conflict
from sr_ports import EvidenceFault, ReasonCode, VerificationMethod
from tests.kit import LAWS
from tests.worlds import flag, sha, write_files

QUICK = settings(max_examples=25, deadline=None)
NAMES = ["a", "b", "sub/a", "sub-a", "Z", "sub/_passed.flag"]
FILES = st.dictionaries(st.sampled_from(NAMES), st.binary(max_size=6), min_size=1, max_size=5)
SKIP = "_passed.flag"


def kept(files: dict[str, bytes]) -> list[str]:
    return [name for name in files if name.rpartition("/")[2] != SKIP]


Oracle = Callable[[dict[str, bytes], list[str]], str]
ORACLES: dict[str, Oracle] = {
    "sha256_bundle_digest": lambda files, listed: sha(b"".join(files[name] for name in sorted(kept(files)))),
    "sha256_member_digest_concat": lambda files, listed: sha("".join(sha(files[name]) for name in listed).encode()),
    "lex": lambda files, listed: sha(b"".join(files[name] for name in sorted(listed))),
    "index": lambda files, listed: sha(b"".join(files[name] for name in listed)),
}
INDEX_LAW = "sha256_index_json_ascii_lex_raw_bytes"
METHODS = {
    "sha256_bundle_digest": VerificationMethod("sha256_bundle_digest", exclude_filenames=(SKIP, "index.json")),
    "sha256_member_digest_concat": VerificationMethod("sha256_member_digest_concat", exclude_filenames=(SKIP,)),
    "lex": VerificationMethod(INDEX_LAW, exclude_filenames=(SKIP,)),
    "index": VerificationMethod(INDEX_LAW, ordering="index_order", path_base="run_root", exclude_filenames=(SKIP,)),
}
SHAPES: list[Callable[[list[Any]], Any]] = [
    lambda entries: entries,
    *((lambda entries, key=key: {"version": 1, key: entries}) for key in ("files", "entries", "items", "members")),
]


def build(folder: Path, which: str, files: dict[str, bytes], listed: list[str], shape: int = 0) -> SealedGate:
    """A sealed gate on disk, true by its oracle."""
    method = METHODS[which]
    base = "bundle/" if method.path_base == "run_root" else ""
    entries = [{"path": base + name, "sha256_hex": sha(files[name])} for name in listed]
    write_files(folder / "bundle", files)
    (folder / "bundle/index.json").write_text(json.dumps(SHAPES[shape](entries)), "utf-8")
    (folder / "bundle" / SKIP).write_bytes(flag(ORACLES[which](files, listed)))
    return SealedGate(
        gate_id="gate.x",
        flag_path=f"bundle/{SKIP}",
        bundle_root="bundle",
        index_path="bundle/index.json",
        method=method,
    )


def judge(folder: Path, gate: SealedGate, *, enforce: bool = False) -> GateVerdict:
    law = LAWS[gate.method.kind]
    return verify_gate(FileEngineRoot(str(folder)), gate, law, enforce_members=enforce, guard=lambda _read: None)


def code(verdict: GateVerdict) -> ReasonCode | None:
    return verdict.code if isinstance(verdict, Conflict) else None


@pytest.mark.parametrize("which", METHODS)
@QUICK
@given(files=FILES, shape=st.integers(0, 4), data=st.data())
def test_a_bundle_passes_with_its_oracles_digest(
    tmp_path_factory: pytest.TempPathFactory, which: str, files: dict[str, bytes], shape: int, data: st.DataObject
) -> None:
    if not kept(files):
        files["a"] = b"1"
    listed = data.draw(st.permutations(kept(files)))
    folder = tmp_path_factory.mktemp("root")
    assert judge(folder, build(folder, which, files, listed, shape)) == GatePassed(ORACLES[which](files, listed))


@attrs.frozen
class Change:
    """A tampering, and which laws must notice it. `coming`: it may as well be that not all has come."""

    name: str
    noticed: frozenset[str]
    act: Callable[[Path], object]
    coming: bool = False


def on(*laws: str) -> frozenset[str]:
    return frozenset(laws)


def reindex(edit: Callable[[list[Any]], object]) -> Callable[[Path], object]:
    def act(bundle: Path) -> object:
        entries = json.loads((bundle / "index.json").read_text("utf-8"))
        edit(entries)
        return (bundle / "index.json").write_text(json.dumps(entries), "utf-8")

    return act


BUNDLE, MEMBERS, LEX, INDEX = METHODS
BYTES = on(BUNDLE, LEX, INDEX)
CHANGES = [
    Change("a flipped byte", BYTES, lambda b: (b / "a").write_bytes(b"O")),
    Change("a byte more", BYTES, lambda b: (b / "a").write_bytes(b"one+")),
    Change("a file emptied", BYTES, lambda b: (b / "a").write_bytes(b"")),
    Change("a file removed", BYTES, lambda b: (b / "a").unlink(), coming=True),
    Change("a listed file renamed behind all others", BYTES, lambda b: (b / "a").rename(b / "zz"), coming=True),
    Change("bytes moved over a boundary", on(), lambda b: write_files(b, {"a": b"onetw", "b": b"o"})),
    Change("a file added", on(BUNDLE), lambda b: (b / "new").write_bytes(b"x")),
    Change("an excluded file changed", on(), lambda b: (b / "sub" / SKIP).write_bytes(b"x")),
    Change("the index reordered", on(MEMBERS, INDEX), reindex(lambda entries: entries.reverse())),
    Change("a member unlisted", on(MEMBERS, LEX, INDEX), reindex(lambda entries: entries.pop())),
    Change("a member listed twice", on(MEMBERS, LEX, INDEX), reindex(lambda entries: entries.append(entries[0]))),
    Change("a claim changed", on(MEMBERS), reindex(lambda entries: entries[0].update(sha256_hex="0" * 64))),
    Change("a claim in capitals", on(), reindex(lambda entries: entries[0].update(note="x"))),
    Change("a flag of something else", on(*METHODS), lambda b: (b / SKIP).write_bytes(flag("0" * 64))),
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: one.name)
@pytest.mark.parametrize("which", METHODS)
def test_the_verdict_changes_exactly_when_the_law_says_so(tmp_path: Path, which: str, change: Change) -> None:
    files = {"a": b"one", "b": b"two", "sub/c": b"three", f"sub/{SKIP}": b"not covered"}
    gate = build(tmp_path, which, files, ["a", "b", "sub/c"])
    assert isinstance(judge(tmp_path, gate), GatePassed)
    change.act(tmp_path / "bundle")
    verdict = judge(tmp_path, gate)
    seen = verdict.late if isinstance(verdict, GateMissing) else verdict
    assert isinstance(seen, Conflict) is (which in change.noticed)
    assert isinstance(verdict, GateMissing) is (change.coming and which in change.noticed)


REFUSED = {
    **dict.fromkeys(("../x", "a/../../x", "/etc/hostname", "..", "./../x", "a\\b", "..\\x"), ReasonCode.PATH_ESCAPES),
    **dict.fromkeys(("a\0", "a\n"), ReasonCode.INDEX_MALFORMED),
    **dict.fromkeys(("a/.", "a/", "./", "."), ReasonCode.NOT_A_FILE),
}


@pytest.mark.parametrize("which", ["lex", "index"])
@pytest.mark.parametrize("path", REFUSED)
def test_no_path_leaves_its_base_and_a_code_says_what_is_wrong(tmp_path: Path, which: str, path: str) -> None:
    gate = build(tmp_path, which, {"a": b"1"}, ["a"])
    (tmp_path / "x").write_bytes(b"secret")
    (tmp_path / "bundle/index.json").write_text(json.dumps([{"path": path, "sha256_hex": "0" * 64}]), "utf-8")
    verdict = judge(tmp_path, gate)
    assert code(verdict) is REFUSED[path]
    assert isinstance(verdict, Conflict)
    assert verdict.detail.isprintable()


@pytest.mark.parametrize("which", ["lex", "index"])
@pytest.mark.parametrize(
    "spelt",
    [("./b", "./d/a"), ("b", ".//d/a"), ("b", "d//a"), ("././b", "d/./a"), ("./b", "./d/./a")],
    ids=" ".join,
)
def test_a_harmless_spelling_names_the_same_file(tmp_path: Path, which: str, spelt: tuple[str, str]) -> None:
    gate = build(tmp_path, which, {"b": b"1", "d/a": b"2"}, ["b", "d/a"])
    passed = judge(tmp_path, gate)
    assert isinstance(passed, GatePassed)
    base = "bundle/" if gate.method.path_base == "run_root" else ""
    listed = [base + path for path in (*spelt, f"./{SKIP}")]
    (tmp_path / "bundle/index.json").write_text(json.dumps(listed), "utf-8")
    assert judge(tmp_path, gate) == passed


def test_where_there_are_no_folders_two_slashes_are_another_name() -> None:
    assert plain_path("./a//b/./c", folders=False) == "a//b/c"
    assert plain_path("./a//b/./c", folders=True) == "a/b/c"
    assert plain_path("", folders=True) == ""


MARK = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    "spell", [bytes, bytes.upper, lambda text: text.replace(b"\n", b"\r\n")], ids=["plain", "upper", "crlf"]
)
def test_a_byte_order_mark_is_skipped(tmp_path: Path, spell: Callable[[bytes], bytes]) -> None:
    gate = build(tmp_path, "lex", {"a": b"1"}, ["a"])
    passed = judge(tmp_path, gate)
    assert isinstance(passed, GatePassed)
    flag, index = tmp_path / f"bundle/{SKIP}", tmp_path / "bundle/index.json"
    stated = spell(passed.digest.encode())
    for text in (b"sha256_hex = " + stated + spell(b"\n"), b'{"sha256_hex": "' + stated + b'"}'):
        flag.write_bytes(MARK + text)
        index.write_bytes(MARK + b'["a"]')
        assert judge(tmp_path, gate) == passed


BAD_FLAGS = {
    b"sha256 = 12\r\n": "'sha256 = 12'",
    b"\n\n  nothing\x1b[2J here \n": "'nothing\\x1b[2J here'",
    b"\xe2\x80\xaeabc": "'\\u202eabc'",
    b"ab" * 32 + b"\n": repr("ab" * 32),
    b"x" * 5000: repr("x" * 80) + "...",
    "sha256_hex = 12".encode("utf-16"): "as UTF-16, and UTF-8 is read",
    b"\xff\x00": "'\ufffd\\x00'",
    b"\0" * 80: "with zero bytes alone",
    b"x" + b"\0" * 80 + b"y": "'x\\x00y'",
    b" \n": "it is empty",
    b'{"sha256_hex": ': """'{"sha256_hex":'""",
}


@pytest.mark.parametrize(("text", "shown"), BAD_FLAGS.items(), ids=map(str, range(len(BAD_FLAGS))))
def test_a_flag_that_does_not_fit_is_shown(tmp_path: Path, text: bytes, shown: str) -> None:
    gate = build(tmp_path, "lex", {"a": b"1"}, ["a"])
    (tmp_path / f"bundle/{SKIP}").write_bytes(text)
    verdict = judge(tmp_path, gate)
    cut_short = text.strip(b"\0 \n") in (b"", b'{"sha256_hex":')
    assert isinstance(verdict, GateMissing) is cut_short
    told = verdict.late if isinstance(verdict, GateMissing) else verdict
    assert isinstance(told, Conflict)
    assert told.code is ReasonCode.FLAG_MALFORMED
    assert told.detail.endswith(shown)
    assert told.detail.isprintable()


def test_a_bare_digest_is_told_how_to_be_stated(tmp_path: Path) -> None:
    gate = build(tmp_path, "lex", {"a": b"1"}, ["a"])
    for text in ("ab" * 32, f"{'AB' * 32}  bundle/index.json\n"):
        (tmp_path / f"bundle/{SKIP}").write_text(text)
        verdict = judge(tmp_path, gate)
        assert isinstance(verdict, Conflict)
        assert f"'sha256_hex = {'ab' * 32}'" in verdict.detail


def test_an_index_that_does_not_fit_is_shown(tmp_path: Path) -> None:
    gate = build(tmp_path, "lex", {"a": b"1"}, ["a"])
    for text, shown in {"a\nb\n": "it begins 'a'", '["a", 7]': "neither a path nor a member: 7"}.items():
        (tmp_path / "bundle/index.json").write_text(text)
        verdict = judge(tmp_path, gate)
        assert isinstance(verdict, Conflict)
        assert (verdict.code, verdict.detail.endswith(shown)) == (ReasonCode.INDEX_MALFORMED, True)


@pytest.mark.parametrize(
    ("member", "passes"),
    [
        ({"path": "a", "sha256": {"hex": sha(b"1"), "name": "SHA-256"}}, True),
        ({"path": "a", "sha256": {"hex": sha(b"1"), "digest": sha(b"2")}}, True),
        ({"path": "a", "files": ["b"], "note": {"path": "c"}}, True),
        ({"path": "a", "sha256": {"digest": sha(b"1")}}, False),
        ({"hex": sha(b"1")}, False),
        ({"note": {"path": "a"}}, False),
    ],
)
def test_what_lies_within_a_member_is_none(tmp_path: Path, member: dict[str, Any], passes: bool) -> None:
    gate = build(tmp_path, "lex", {"a": b"1"}, ["a"])
    (tmp_path / "bundle/index.json").write_text(json.dumps({"name": "it", "hash": "x", "files": [member]}), "utf-8")
    verdict = judge(tmp_path, gate)
    assert isinstance(verdict, GatePassed) if passes else code(verdict) is ReasonCode.INDEX_MALFORMED


def test_half_a_character_in_an_index_is_refused(tmp_path: Path) -> None:
    gate = build(tmp_path, "lex", {"a": b"1"}, ["a"])
    (tmp_path / "bundle/index.json").write_text('[{"path": "a\\ud800"}]', "utf-8")
    assert code(judge(tmp_path, gate)) is ReasonCode.INDEX_MALFORMED


def test_an_index_costs_what_counts_of_it_and_is_let_go_of_with_its_gate(tmp_path: Path) -> None:
    count = 4_000
    files = {f"part-{at:05}": b"" for at in range(count)}
    gate = build(tmp_path, "sha256_member_digest_concat", files, list(files))
    judge(tmp_path, gate)
    gc.disable()  # what a view still holds would otherwise go with it, now and then
    tracemalloc.start()
    try:
        judge(tmp_path, gate)
        left, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert peak < (1 << 20) + count * 550, "a buffer; its bytes, its text, a path and a digest for each member"
    assert left < (1 << 20) + count * 20


@pytest.mark.parametrize("which", ["lex", BUNDLE])
def test_a_link_out_of_the_root_is_an_escape(tmp_path: Path, which: str) -> None:
    gate = build(tmp_path / "root", which, {"a": b"1", "b": b"2"}, ["a", "b"])
    (tmp_path / "secret").write_bytes(b"1")
    (tmp_path / "root/bundle/a").unlink()
    (tmp_path / "root/bundle/a").symlink_to(tmp_path / "secret")
    assert code(judge(tmp_path / "root", gate)) is ReasonCode.PATH_ESCAPES


@pytest.mark.parametrize(
    ("gone", "form"), {f"bundle/{SKIP}": "wants: sha256_hex = <64 hex>", "bundle/index.json": "a JSON list"}.items()
)
def test_what_is_not_there_is_missing_and_the_form_is_named_that_is_wanted(
    tmp_path: Path, gone: str, form: str
) -> None:
    gate = build(tmp_path, "lex", {"a": b"1"}, ["a"])
    (tmp_path / gone).unlink()
    verdict = judge(tmp_path, gate)
    assert isinstance(verdict, GateMissing)
    assert (verdict.path, form in verdict.why, verdict.late) == (gone, True, None)


def test_a_mismatch_names_the_first_file_that_is_not_what_the_index_says(tmp_path: Path) -> None:
    gate = build(tmp_path, "lex", {"a": b"1", "b": b"2", "c": b"3"}, ["a", "b", "c"])
    write_files(tmp_path / "bundle", {"b": b"x", "c": b"y"})
    verdict = judge(tmp_path, gate)
    assert isinstance(verdict, Conflict)
    assert (verdict.code, verdict.path) == (ReasonCode.GATE_DIGEST_MISMATCH, "b")
    assert (verdict.expected, verdict.actual) == (sha(b"123"), sha(b"1xy"))


def test_enforced_members_are_checked_beyond_the_law(tmp_path: Path) -> None:
    gate = build(tmp_path, MEMBERS, {"a": b"1", "b": b"2"}, ["a", "b"])
    write_files(tmp_path / "bundle", {"b": b"x"})
    assert isinstance(judge(tmp_path, gate), GatePassed)
    verdict = judge(tmp_path, gate, enforce=True)
    assert isinstance(verdict, Conflict)
    assert (verdict.code, verdict.path) == (ReasonCode.MEMBER_DIGEST_MISMATCH, "b")


HEX = hashlib.sha256(b"x").hexdigest()


@pytest.mark.parametrize(
    "text",
    [f"sha256_hex = {HEX}", f"sha256_hex={HEX}\n", f"  sha256_hex   =   {HEX}  \r\n", f"digest = {HEX}",
     f"sha256_hex = {HEX.upper()}", json.dumps({"digest": HEX}), f'\n {{"digest": "{HEX}", "more": 1}}'],
)  # fmt: skip
def test_a_flag_is_text_or_json(tmp_path: Path, text: str) -> None:
    root = FileEngineRoot(str(write_files(tmp_path, {"f": text.encode()})))
    assert read_flag(root, "f", "digest") == HEX


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"ok", HEX.encode(), f"sha256_hex = {HEX[:-1]}".encode(), f"sha256_hex = {HEX}0".encode(),
     f"sha256_hex = {HEX}\nsha256_hex = {HEX}".encode(), f"other = {HEX}".encode(), b"\xff\xfe", b"{", b"{}",
     b'{"digest": 5}', b'{"digest": null}', b'{"digest": "x", "digest": "y"}', json.dumps({"sha256_hex": HEX}).encode(),
     json.dumps([HEX]).encode(), b"sha256_hex = " + b"0" * 100_000],
)  # fmt: skip
def test_any_other_flag_is_malformed(tmp_path: Path, data: bytes) -> None:
    root = FileEngineRoot(str(write_files(tmp_path, {"f": data})))
    with pytest.raises(EvidenceFault) as caught:
        read_flag(root, "f", "digest")
    bound = ReasonCode.DOCUMENT_TOO_LARGE if len(data) > FLAG_LIMIT else ReasonCode.FLAG_MALFORMED
    assert caught.value.code is bound
    assert str(caught.value).isprintable()
