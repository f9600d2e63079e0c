"""The digest engine: every byte of an output, streamed, in bounded memory.

Content digest (spec: behaviour, "Evidence"): one file, the sha256 of its bytes; several, the sha256 of
the part list: the canonical JSON list of ``{path, size, sha256}`` sorted by relative path.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import attrs

from sr_domain.encoding.canonical import sha256_hex
from sr_domain.evidence.outputs import OutputFiles
from sr_ports import EngineRoot, EvidenceFault, FileFact, Part, ReasonCode, WorkPool
from sr_ports.compared import Compared

Guard = Callable[[int], None]
"""Called between chunks and files with how many bytes were read since; raises when the lease is lost."""

T = TypeVar("T")
R = TypeVar("R")
_GUARD_EVERY = 64


class OneThread:
    """A `WorkPool` without threads."""

    def map(self, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Every result, in the order of `items`."""
        return [work(item) for item in items]


@attrs.frozen(eq=False, repr=False)
class FileDigest(Compared):
    """One file's bytes. `path`: relative to its output's base. `sha256`: hex64."""

    path: str
    size: int
    sha256: str
    version_id: str | None = None


@attrs.frozen(eq=False, repr=False)
class ContentDigest(Compared):
    """An output's bytes. `manifest`: the part list whose sha256 this is; None for a file alone."""

    sha256: str
    files: tuple[FileDigest, ...]
    manifest: bytes | None


_KEPT = 1_000_000


class WholeFiles:
    """The digests of whole files that one look has read: who asks for one again gets it, and no byte is read twice.

    The first million is kept. Safe to use from several threads at once.
    """

    def __init__(self) -> None:
        self._kept: dict[str, FileDigest] = {}
        self._streamed: dict[str, str] = {}

    def known(self, path: str) -> FileDigest | None:
        """The digest of the file at a path below the root, where it was read."""
        return self._kept.get(path)

    def keep(self, read: FileDigest) -> FileDigest:
        """A file was read. Raises `EvidenceFault(EVIDENCE_UNSTABLE)` where another read of it gave other bytes."""
        first = self._kept.setdefault(read.path, read) if len(self._kept) < _KEPT else self._kept.get(read.path, read)
        self._same(read.path, first.sha256, read.sha256, self._streamed.get(read.path, read.sha256))
        return first

    def agree(self, path: str, sha256: str) -> None:
        """A law itself read a file to its end, by no name of the store's own. Raises as `keep` does."""
        first = self._streamed.get(path, sha256)
        if len(self._streamed) < _KEPT:
            self._streamed[path] = first
        kept = self._kept.get(path)
        self._same(path, first, sha256, sha256 if kept is None else kept.sha256)

    def let_go(self) -> None:
        """Nothing is read any more."""
        self._kept.clear()
        self._streamed.clear()

    def _same(self, path: str, *digests: str) -> None:
        if len(set(digests)) > 1:
            what = f"{path} was read twice, and its bytes differed"
            raise EvidenceFault(ReasonCode.EVIDENCE_UNSTABLE, what, path)


def digest_file(root: EngineRoot, fact: FileFact, guard: Guard) -> FileDigest:
    """The digest of one file, whole path as given. Raises `EvidenceFault`, `Unreachable`."""
    hasher = hashlib.sha256()
    update = hasher.update
    if fact.size >= root.batch_below:

        def sink(chunk: memoryview) -> None:
            guard(len(chunk))
            update(chunk)

        read = root.stream(fact.path, sink, expect=fact)
    else:
        read = root.stream(fact.path, update, expect=fact)
    return FileDigest(fact.path, read.size, hasher.hexdigest(), read.version_id)


def digest_outputs(
    root: EngineRoot,
    wanted: Sequence[OutputFiles],
    pool: WorkPool,
    guard: Guard,
    digests: WholeFiles | None = None,
) -> list[ContentDigest | EvidenceFault]:
    """Every output's content digest, or its first fault in path order. `digests`: what the same look has read."""
    facts = {fact.path: fact for output in wanted for fact in output.facts}
    known = {} if digests is None else {path: one for path in facts if (one := digests.known(path)) is not None}
    read = digest_files(root, (fact for path, fact in facts.items() if path not in known), pool, guard)
    if digests is not None:
        _agreed(read, digests)
        digests.let_go()
    read.update(known)
    shared = len(facts) < sum(len(output.facts) for output in wanted)
    del facts, known  # there may be very many
    return [_content(output, read, shared=shared) for output in wanted]


def _agreed(read: dict[str, FileDigest | EvidenceFault], digests: WholeFiles) -> None:
    """Put a fault where a law was given other bytes of a file than its output's digest is of."""
    for path, one in read.items():
        try:
            if isinstance(one, FileDigest):
                digests.keep(one)
        except EvidenceFault as fault:
            read[path] = fault


def digest_files(
    root: EngineRoot, facts: Iterable[FileFact], pool: WorkPool, guard: Guard
) -> dict[str, FileDigest | EvidenceFault]:
    """The digest of every file, or its fault, by path below the root. Raises `Unreachable`.

    Big files go over the pool, largest first; small ones, which gain nothing from threads,
    are read in one go.
    """
    big: list[FileFact] = []
    small: list[FileFact] = []
    for fact in facts:
        (big if fact.size >= root.batch_below else small).append(fact)
    batches: list[Sequence[FileFact]] = [(fact,) for fact in sorted(big, key=lambda fact: -fact.size)]
    if small:
        batches.append(small)
    read: dict[str, FileDigest | EvidenceFault] = {}
    for part in pool.map(lambda batch: _digest_batch(root, batch, guard), batches):
        read.update(part)
    return read


def _digest_batch(root: EngineRoot, batch: Iterable[FileFact], guard: Guard) -> dict[str, FileDigest | EvidenceFault]:
    read: dict[str, FileDigest | EvidenceFault] = {}
    small = 0
    for count, fact in enumerate(batch):
        if count % _GUARD_EVERY == 0:
            guard(small)
            small = 0
        if fact.size < root.batch_below:
            small += fact.size
        try:
            read[fact.path] = digest_file(root, fact, guard)
        except EvidenceFault as fault:
            read[fact.path] = fault
    return read


def _content(
    output: OutputFiles, read: dict[str, FileDigest | EvidenceFault], *, shared: bool
) -> ContentDigest | EvidenceFault:
    """`shared`: whether another output may name a file of this one; else what was read is let go of."""
    cut = len(output.base) + 1 if output.base else 0
    files = []
    for fact in output.facts:
        one = read[fact.path] if shared else read.pop(fact.path)
        if isinstance(one, EvidenceFault):
            return one
        files.append(FileDigest(one.path[cut:], one.size, one.sha256, one.version_id))
    files.sort(key=lambda one: one.path)
    if not output.listed:
        return ContentDigest(files[0].sha256, tuple(files), None)
    manifest = part_list(files)
    return ContentDigest(sha256_hex(manifest), tuple(files), manifest)


def part_list(files: Iterable[FileDigest | Part]) -> bytes:
    """The canonical JSON (RFC 8785) of the sorted part list, written straight out."""
    written, start = bytearray(), "["  # there may be very many: no list of texts beside it
    for one in files:
        path = json.dumps(one.path, ensure_ascii=False)
        written.extend(f'{start}{{"path":{path},"sha256":"{one.sha256}","size":{one.size}}}'.encode())
        start = ","
    written += b"]" if start == "," else b"[]"
    return bytes(written)
