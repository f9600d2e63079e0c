"""The content digest, against an independent canonical JSON."""

from __future__ import annotations

import hashlib
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sr_adapters.file.root import FileEngineRoot
from sr_adapters.memory import MemoryEngineRoot
from sr_adapters.runtime.pool import SerialPool, ThreadPool
from sr_domain.evidence.digests import ContentDigest, FileDigest, WholeFiles, digest_outputs, part_list
from sr_domain.evidence.outputs import OutputFiles
from sr_ports import EvidenceFault, FileFact, LeaseLost, ReasonCode, WorkPool
from tests.worlds import write_files

PARTS = st.lists(
    st.builds(
        FileDigest,
        st.text('aZ0/_-.é漢 "\\😀', min_size=1, max_size=12),
        st.integers(0, 2**40),
        st.binary(max_size=4).map(lambda data: hashlib.sha256(data).hexdigest()),
    ),
    min_size=2,
    max_size=5,
)


@settings(max_examples=50, deadline=None)
@given(PARTS)
def test_the_part_list_is_canonical_json(parts: list[FileDigest]) -> None:
    wanted = rfc8785.dumps([{"path": one.path, "size": one.size, "sha256": one.sha256} for one in parts])
    assert part_list(parts) == wanted


def digest(root: Path, *paths: str, base: str = "out", pool: WorkPool | None = None) -> ContentDigest:
    opened = FileEngineRoot(str(root))
    facts = tuple(fact for path in paths if (fact := opened.stat(path)) is not None)
    (content,) = digest_outputs(opened, [OutputFiles(base, facts)], pool or SerialPool(), lambda _read: None)
    assert isinstance(content, ContentDigest)
    return content


CONTENTS = st.dictionaries(
    st.sampled_from(["a", "b", "sub/a", "sub-a", "Z"]), st.binary(max_size=8), min_size=1, max_size=5
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contents=CONTENTS)
def test_one_file_is_its_bytes_and_several_are_their_list(
    tmp_path_factory: pytest.TempPathFactory, contents: dict[str, bytes]
) -> None:
    root = write_files(tmp_path_factory.mktemp("root"), {f"out/{name}": data for name, data in contents.items()})
    content = digest(root, *(f"out/{name}" for name in reversed(contents)))
    if len(contents) == 1:
        (data,) = contents.values()
        assert (content.sha256, content.manifest) == (hashlib.sha256(data).hexdigest(), None)
        return
    parts: Any = [
        {"path": name, "size": len(contents[name]), "sha256": hashlib.sha256(contents[name]).hexdigest()}
        for name in sorted(contents)
    ]
    assert content.manifest == rfc8785.dumps(parts)
    assert content.sha256 == hashlib.sha256(rfc8785.dumps(parts)).hexdigest()


def test_boundaries_and_names_of_parts_matter(tmp_path: Path) -> None:
    variants = [
        {"a": b"12", "b": b"3"},
        {"a": b"1", "b": b"23"},
        {"a": b"12", "c": b"3"},
        {"a": b"123"},
        {"b": b"12", "a": b"3"},
    ]
    seen = set()
    for at, files in enumerate(variants):
        root = write_files(tmp_path / str(at), {f"out/{name}": data for name, data in files.items()})
        seen.add(digest(root, *(f"out/{name}" for name in files)).sha256)
    assert len(seen) == len(variants)


def test_big_files_over_threads_give_the_serial_digest(tmp_path: Path) -> None:
    files = {f"out/{at}": bytes([at]) * (300_000 + at) for at in range(5)} | {"out/small": b"s"}
    root = write_files(tmp_path, files)
    assert digest(root, *files) == digest(root, *files, pool=ThreadPool(4))


def test_a_file_that_is_not_what_was_listed_is_the_outputs_fault_alone(tmp_path: Path) -> None:
    root = FileEngineRoot(str(write_files(tmp_path, {"out/a": b"1", "out/b": b"2"})))
    stale = FileFact("out/a", 1, "another stamp")
    fine = root.stat("out/b")
    assert fine is not None
    wanted = [OutputFiles("out", (stale,)), OutputFiles("out", (fine,))]
    fault, content = digest_outputs(root, wanted, SerialPool(), lambda _read: None)
    assert isinstance(fault, EvidenceFault)
    assert fault.code is ReasonCode.EVIDENCE_UNSTABLE
    assert isinstance(content, ContentDigest)


def test_a_lost_lease_stops_the_reading(tmp_path: Path) -> None:
    root = FileEngineRoot(str(write_files(tmp_path, {"out/a": b"1" * (3 << 20)})))
    fact = root.stat("out/a")
    assert fact is not None
    calls = []

    def guard(_read: int) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise LeaseLost("run", 1)

    with pytest.raises(LeaseLost):
        digest_outputs(root, [OutputFiles("out", (fact,))], SerialPool(), guard)
    assert len(calls) == 2


@pytest.mark.parametrize("told", [b"first", b"other"])
def test_an_output_is_of_the_bytes_that_a_law_was_given(tmp_path: Path, told: bytes) -> None:
    root = FileEngineRoot(str(write_files(tmp_path, {"out/a": b"first"})))
    digests, fact = WholeFiles(), root.stat("out/a")
    assert fact is not None
    digests.agree("out/a", hashlib.sha256(told).hexdigest())
    (content,) = digest_outputs(root, [OutputFiles("out", (fact,))], SerialPool(), lambda _read: None, digests)
    if told == b"first":
        assert isinstance(content, ContentDigest)
    else:
        assert isinstance(content, EvidenceFault)
        assert (content.code, content.path) == (ReasonCode.EVIDENCE_UNSTABLE, "out/a")


def test_a_file_costs_little_memory_and_its_output_is_the_same_each_time_it_is_asked() -> None:
    count = 5_000
    root = MemoryEngineRoot({f"out/part-{at:06}": b"%d" % at for at in range(count)}, "memory:many")
    wanted = [OutputFiles("out", tuple(root.list("out")))]
    tracemalloc.start()
    try:
        (content,) = digest_outputs(root, wanted, SerialPool(), lambda _read: None)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(content, ContentDigest)
    assert peak < count * 300, "a packed digest and its place in a table, and a digest in a row; no list of texts"
    assert kept < count * 100, "a digest in a row, and where its file's fact is"
    assert content.manifest == part_list(list(content.files))
    assert content.sha256 == hashlib.sha256(content.manifest or b"").hexdigest()
    assert content.files.size == sum(one.size for one in content.files)


def test_a_digest_keeps_the_size_and_the_version_of_its_file() -> None:
    digests = WholeFiles()
    for read in (FileDigest("a", 0, "ab" * 32), FileDigest("b", 1 << 62, "cd" * 32, 'W/"é"')):
        assert read.path not in digests
        assert digests.keep(read) == read
        assert digests.known(read.path) == digests[read.path] == read


@pytest.mark.parametrize("count", [1, 63, 64, 65, 130])
def test_every_byte_is_counted_of_however_many_small_files(tmp_path: Path, count: int) -> None:
    files = {f"out/{at:03}": b"x" * (at + 1) for at in range(count)} | {"out/big": b"y" * 300_000}
    root = FileEngineRoot(str(write_files(tmp_path, files)))
    facts = [fact for fact in map(root.stat, files) if fact is not None]
    counted: list[int] = []
    digest_outputs(root, [OutputFiles("out", tuple(facts))], SerialPool(), counted.append)
    assert sum(counted) == sum(map(len, files.values()))
