"""The law `sha256sums_file`: what coreutils writes is proven, and what `sha256sum -c` refuses never is."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tracemalloc
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
from sr_plugins.laws import builtin_laws, manifest_lines
from sr_ports import EngineRoot, ReasonCode, VerificationMethod

KIND = "sha256sums_file"
LAW = builtin_laws()[KIND]
GATE = SealedGate("gate.x", "SHA256SUMS", "", VerificationMethod(KIND))
SUM = shutil.which("sha256sum")
REAL = pytest.mark.skipif(SUM is None, reason="sha256sum of coreutils is not here")
SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NAMES = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="/\\"), min_size=1, max_size=8).filter(
    lambda name: name not in (".", "..", "SHA256SUMS") and len(name.encode()) < 200
)
TREES = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.binary(max_size=20), min_size=1, max_size=5
)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def judged(root: EngineRoot, **more: Any) -> GateVerdict:
    return verify_gate(root, GATE, LAW, enforce_members=False, guard=lambda _: None, **more)


def of(files: dict[str, bytes], sums: bytes, **more: Any) -> GateVerdict:
    return judged(MemoryEngineRoot({**files, "SHA256SUMS": sums}), **more)


def written(folder: Path, files: dict[str, bytes]) -> bool:
    """Whether a file system takes these names side by side."""
    shutil.rmtree(folder, ignore_errors=True)
    for path, data in files.items():
        try:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        except OSError:
            return False
    return True


def tool(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([str(SUM), *words], cwd=folder, capture_output=True, check=False)


def proven_on_disk(folder: Path) -> bool:
    with FileEngineRoots().open(str(folder)) as root:
        return isinstance(judged(root), GatePassed)


@REAL
@SLOW
@given(files=TREES, mark=st.sampled_from(["--text", "--binary"]), data=st.data())
def test_what_sha256sum_writes_is_proven_and_what_it_refuses_is_not(
    tmp_path: Path, files: dict[str, bytes], mark: str, data: st.DataObject
) -> None:
    folder = tmp_path / "tree"
    if "-" in files or not written(folder, files):  # to sha256sum that is its standard input
        return
    made = tool(folder, mark, "--", *files)
    (folder / "SHA256SUMS").write_bytes(made.stdout)
    assert tool(folder, "-c", "--strict", "SHA256SUMS").returncode == 0
    assert proven_on_disk(folder)
    victim = folder / data.draw(st.sampled_from(sorted(files)))
    kept = victim.read_bytes()
    for damage in (kept + b"!", None):
        victim.unlink()
        if damage is not None:
            victim.write_bytes(damage)
        assert tool(folder, "-c", "--strict", "SHA256SUMS").returncode != 0
        assert not proven_on_disk(folder)


@REAL
@SLOW
@given(at=st.integers(0, 300), byte=st.sampled_from(b"\x00\n\r *#0fg\\./"), data=st.data())
def test_a_manifest_with_a_byte_changed_is_never_proven_where_sha256sum_refuses_it(
    tmp_path: Path, at: int, byte: int, data: st.DataObject
) -> None:
    folder, files = tmp_path / "tree", {"a.csv": b"1", "sub/b.csv": b"2"}
    assert written(folder, files)
    sums = bytearray(tool(folder, "--", *files).stdout)
    if data.draw(st.booleans()):
        sums[at % len(sums)] = byte
    else:
        del sums[at % len(sums) :]
    (folder / "SHA256SUMS").write_bytes(sums)
    if tool(folder, "-c", "--strict", "SHA256SUMS").returncode != 0:
        assert not proven_on_disk(folder)


@REAL
def test_names_that_sha256sum_escapes_name_what_no_evidence_can_be_called(tmp_path: Path) -> None:
    for name in ("a\nb", "a\\b", "a\rb"):
        assert written(tmp_path / "tree", {name: b"1"})
        sums = tool(tmp_path / "tree", "--", name).stdout
        assert sums.startswith(b"\\")
        (tmp_path / "tree" / "SHA256SUMS").write_bytes(sums)
        assert not proven_on_disk(tmp_path / "tree")


A, B = {"a.csv": b"1"}, {"a.csv": b"1", "b.csv": b"2"}
LINE_A, LINE_B = f"{sha(b'1')}  a.csv\n".encode(), f"{sha(b'2')}  b.csv\n".encode()


@pytest.mark.parametrize(
    "sums",
    [
        LINE_A.upper().replace(b"A.CSV", b"a.csv"),
        b"\xef\xbb\xbf" + LINE_A,
        LINE_A.replace(b"\n", b"\r\n"),
        LINE_A.replace(b"  a", b" *./a"),
        b"# made by hand\n\n" + LINE_A,
        LINE_A + LINE_A,
        b"\\" + LINE_A,
    ],
)
def test_other_spellings_of_the_same_lines_are_the_same(sums: bytes) -> None:
    assert of(A, sums) == of(A, LINE_A) == GatePassed(sha(LINE_A))


@pytest.mark.parametrize(
    ("sums", "what"),
    [
        (LINE_A.replace(b"  a", b" a"), "line 1 is not as sha256sum writes it"),
        (LINE_A + b"oops\n" + LINE_A, "line 2 is not"),
        (b"SHA256 (a.csv) = " + sha(b"1").encode() + b"\n", "--tag are not read"),
        (b"0" * 32 + b"  a.csv\n", "line 1 is not"),
        (LINE_A.replace(b"a.csv", b"\xff.csv"), "names a file by what is no UTF-8"),
        (LINE_A.replace(b"a.csv", b"../a.csv"), "absolute, or has a .. part"),
        (LINE_A.replace(b"a.csv", b"/etc/passwd"), "absolute, or has a .. part"),
        (LINE_A.decode().encode("utf-16"), "it begins as UTF-16"),
        (b"oops", "line 1 is not"),
        (b"# nothing\n", "SHA256SUMS lists nothing"),
        (LINE_A + f"{sha(b'2')}  a.csv\n".encode(), "a.csv is not what the flag says"),
    ],
)
def test_what_is_no_manifest_is_a_conflict_that_says_where(sums: bytes, what: str) -> None:
    verdict = of(A, sums)
    assert isinstance(verdict, Conflict)
    assert what in verdict.detail


@pytest.mark.parametrize("cut", range(len(LINE_A + LINE_B)))
def test_every_prefix_of_a_manifest_is_on_its_way(cut: int) -> None:
    sums = (LINE_A + LINE_B)[:cut]
    verdict = of(B, sums)
    if sums == LINE_A:
        assert verdict == GatePassed(sha(LINE_A))
    else:
        assert isinstance(verdict, GateMissing) and verdict.late is not None
        assert verdict.path == "SHA256SUMS"


def test_a_file_that_is_absent_is_missing_and_the_first_that_differs_is_named() -> None:
    absent = of({}, LINE_A)
    assert isinstance(absent, GateMissing)
    assert (absent.path, absent.late and absent.late.code) == ("a.csv", ReasonCode.INDEXED_FILE_ABSENT)
    differs = of({**B, "b.csv": b"3"}, LINE_A + LINE_B)
    assert isinstance(differs, Conflict)
    assert (differs.code, differs.path) == (ReasonCode.GATE_DIGEST_MISMATCH, "b.csv")
    assert differs.expected == sha(LINE_A + LINE_B)


def test_an_output_s_file_on_no_line_is_missing_and_any_other_is_nobody_s_business() -> None:
    for own, passes in ((["a.csv"], True), (["a.csv", "b.csv"], False), (["a.csv", "SHA256SUMS"], True)):
        verdict = of(B, LINE_A, outputs=lambda own=own: own)
        assert isinstance(verdict, GatePassed) is passes
    unlisted = of(B, LINE_A, outputs=lambda: ["b.csv"])
    assert isinstance(unlisted, GateMissing)
    assert (unlisted.path, unlisted.late and unlisted.late.code) == ("b.csv", ReasonCode.FILE_UNLISTED)


def test_lines_in_any_order_give_the_digest_of_the_sorted_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [(f"{at * 7919 % 1000:04}", f"{at:064x}") for at in range(1000)]
    lines += lines[:100]
    whole = "".join(f"{digest}  {path}\n" for path, digest in sorted(set(lines)))
    for at_once in (2, 7, 999, 1000, 5000):
        monkeypatch.setattr(manifest_lines, "AT_ONCE", at_once)
        assert manifest_lines.canonical_digest(lambda: lines) == sha(whole.encode())


def test_lines_out_of_order_are_not_all_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest_lines, "AT_ONCE", 500)
    tracemalloc.start()
    try:
        manifest_lines.canonical_digest(lambda: ((f"{at * 7919 % 20_000:060}", f"{at:064x}") for at in range(20_000)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20, "all lines together take six times as much"
