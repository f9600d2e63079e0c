"""The law beside b3sum itself: what it writes is taken, and what it refuses never is."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_law_blake3.law import B3SumsFile
from sr_law_blake3.sums import lines
from sr_ports import EvidenceFault, VerificationMethod
from sr_ports.conformance.bundles import MemoryBundle

B3SUM = os.environ.get("SR_B3SUM") or shutil.which("b3sum") or ""
LAW = B3SumsFile()
pytestmark = pytest.mark.skipif(not B3SUM, reason="b3sum is not here: cargo install b3sum")

_PART = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]) | st.sampled_from("\\\n\r ()=-."),
    min_size=1,
    max_size=8,
).filter(lambda part: part not in (".", "..") and len(part.encode()) < 200)
TREES = st.dictionaries(
    st.lists(_PART, min_size=1, max_size=3).map("/".join), st.binary(max_size=40), min_size=1, max_size=5
).filter(lambda tree: not any(one != two and two.startswith(f"{one}/") for one in tree for two in tree))
QUICK = settings(max_examples=60, deadline=None)


def b3sum(folder: str, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([B3SUM, *arguments], cwd=folder, input=given, capture_output=True, check=False)


def written(folder: str, tree: Mapping[str, bytes]) -> None:
    for name, data in tree.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def proven(tree: Mapping[str, bytes], sums: bytes) -> bool:
    """Whether the law's digest of the bundle is the one that the manifest states."""
    try:
        entries = tuple(LAW.members(sums))
        bundle = MemoryBundle(tree, entries, VerificationMethod(LAW.kind))
        return LAW.stated(sums) == LAW.digest(bundle)
    except EvidenceFault:
        return False


def sums_of(folder: str, tree: Mapping[str, bytes], *options: str) -> bytes:
    """What b3sum writes of every file, each named with ``./`` so that no name is an option."""
    done = b3sum(folder, *options, *(f"./{name}" for name in tree))
    assert done.returncode == 0, done.stderr
    return done.stdout


@QUICK
@given(tree=TREES, options=st.sampled_from([(), ("--tag",), ("--no-mmap",)]))
def test_what_b3sum_writes_is_proven_where_b3sum_can_read_it_itself(
    tree: Mapping[str, bytes], options: Sequence[str]
) -> None:
    with TemporaryDirectory() as folder:
        written(folder, tree)
        sums = sums_of(folder, tree, *options)
        says = b3sum(folder, "--check", "-", given=sums).returncode == 0
    assert proven(tree, sums) is says  # a name with U+FFFD, and a tagged one with two spaces, it does not read
    if says:
        assert [path for path, _ in lines(sums)] == list(tree)


@QUICK
@given(tree=TREES, data=st.data())
def test_a_tree_with_another_byte_is_proven_to_neither(tree: Mapping[str, bytes], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(tree)))
    with TemporaryDirectory() as folder:
        written(folder, tree)
        sums = sums_of(folder, tree)
        changed = {**tree, name: tree[name] + b"!"}
        written(folder, changed)
        assert b3sum(folder, "--check", "-", given=sums).returncode != 0
    assert not proven(changed, sums)


@QUICK
@given(tree=TREES, data=st.data())
def test_a_manifest_that_was_tampered_with_is_proven_only_where_b3sum_takes_it(
    tree: Mapping[str, bytes], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        written(folder, tree)
        sums = bytearray(sums_of(folder, tree))
        for _ in range(data.draw(st.integers(1, 3))):
            at = data.draw(st.integers(0, len(sums) - 1))
            sums[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
        if proven(tree, bytes(sums)):
            assert b3sum(folder, "--check", "-", given=bytes(sums)).returncode == 0


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1025, 1 << 20, (1 << 20) + 1])
def test_long_files_have_the_digest_that_b3sum_gives(tmp_path: Path, size: int) -> None:
    tree = {"long": (bytes(range(251)) * (size // 251 + 1))[:size]}
    written(str(tmp_path), tree)
    assert proven(tree, sums_of(str(tmp_path), tree))
