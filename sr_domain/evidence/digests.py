"""The digest engine: every byte of an output, streamed, in bounded memory.

Content digest (spec: behaviour, "Evidence"): one file, the sha256 of its bytes; several, the sha256 of
the part list: the canonical JSON list of ``{path, size, sha256}`` sorted by relative path.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from json.encoder import encode_basestring
from typing import TypeVar

import attrs

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


_RAW = 32
"""Bytes of a digest."""
_SIZE = 8
"""Bytes of a size, behind the digest; a version in UTF-8 comes last. There may be very many files: a value each."""


def _packed(one: FileDigest) -> bytes:
    return bytes.fromhex(one.sha256) + one.size.to_bytes(_SIZE, "big") + (one.version_id or "").encode()


def _unpacked(path: str, data: bytes) -> FileDigest:
    version, size = data[_RAW + _SIZE :], int.from_bytes(data[_RAW : _RAW + _SIZE], "big")
    return FileDigest(path, size, data[:_RAW].hex(), version.decode() or None)


@attrs.frozen(eq=False, repr=False)
class OutputDigests(Compared):
    """The files of an output, in order of path; each is made when it is asked for.

    `cut`: length of the base that their paths lose. `digests`: theirs, 32 bytes each. `versions`: by whole path.
    """

    facts: tuple[FileFact, ...]
    cut: int
    digests: bytes
    versions: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.facts)

    def __getitem__(self, at: int) -> FileDigest:
        fact, raw = self.facts[at], self.digests[at * _RAW : (at + 1) * _RAW]
        return FileDigest(fact.path[self.cut :], fact.size, raw.hex(), self.versions.get(fact.path))

    def __iter__(self) -> Iterator[FileDigest]:
        return map(self.__getitem__, range(len(self.facts)))

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(fact.size for fact in self.facts)


@attrs.frozen(eq=False, repr=False)
class ContentDigest(Compared):
    """An output's bytes. `listed`: whether `sha256` is that of a part list; else it is that of a file alone."""

    sha256: str
    files: OutputDigests
    listed: bool

    @property
    def manifest(self) -> bytes | None:
        """The part list, written anew each time: it may be long. None for a file alone."""
        return part_list(self.files) if self.listed else None


_KEPT = 1_000_000
_PARTS = 512


class WholeFiles:
    """The digests of whole files that one look has read: who asks for one again gets it, and no byte is read twice.

    Of what laws read, the first million is kept; of what `digest_files` reads, all. Safe to use from several
    threads at once.
    """

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}
        self._faults: dict[str, EvidenceFault] = {}
        self._streamed: dict[str, str] = {}

    def __getitem__(self, path: str) -> FileDigest | EvidenceFault:
        """What reading the file at a path below the root gave. Raises `KeyError` where `digest_files` did not."""
        return self._faults.get(path) or _unpacked(path, self._kept[path])

    def __contains__(self, path: str) -> bool:
        """Whether the file was read, or found unfit."""
        return path in self._kept or path in self._faults

    def known(self, path: str) -> FileDigest | None:
        """The digest of the file at a path below the root, where it was read."""
        kept = self._kept.get(path)
        return None if kept is None else _unpacked(path, kept)

    def keep(self, read: FileDigest, most: int | None = _KEPT) -> FileDigest:
        """A file was read. Raises `EvidenceFault(EVIDENCE_UNSTABLE)` where another read of it gave other bytes."""
        kept = self._kept.get(read.path)
        if kept is None and (most is None or len(self._kept) < most):
            fresh = _packed(read)
            kept = self._kept.setdefault(read.path, fresh)
            if kept is fresh and read.path not in self._streamed:  # as a rule it is read once
                return read
        first = read if kept is None else _unpacked(read.path, kept)
        self._same(read.path, first.sha256, read.sha256, self._streamed.get(read.path, read.sha256))
        return first

    def refuse(self, path: str, fault: EvidenceFault) -> None:
        """A file could not be read as it was found, whatever another read gave."""
        self._faults[path] = fault

    def agree(self, path: str, sha256: str) -> None:
        """A law itself read a file to its end, by no name of the store's own. Raises as `keep` does."""
        first = self._streamed.get(path, sha256)
        if len(self._streamed) < _KEPT:
            self._streamed[path] = first
        kept = self.known(path)
        self._same(path, first, sha256, sha256 if kept is None else kept.sha256)

    def let_go(self) -> None:
        """Nothing is read any more."""
        self._kept.clear()
        self._faults.clear()
        self._streamed.clear()

    def of(self, output: OutputFiles) -> OutputDigests | EvidenceFault:
        """The digests of an output's files, or the first fault, in order of path."""
        facts = tuple(sorted(output.facts, key=lambda fact: fact.path))
        raw, versions = bytearray(), {}
        for fact in facts:
            fault = self._faults.get(fact.path)
            if fault is not None:
                return fault
            data = self._kept[fact.path]
            raw += data[:_RAW]
            if len(data) > _RAW + _SIZE:
                versions[fact.path] = data[_RAW + _SIZE :].decode()
        return OutputDigests(facts, len(output.base) + 1 if output.base else 0, bytes(raw), versions)

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
    facts = (fact for output in wanted for fact in output.facts)
    read = digest_files(root, facts, pool, guard, digests)
    contents = [_content(output, read.of(output)) for output in wanted]
    read.let_go()
    return contents


def digest_files(
    root: EngineRoot, facts: Iterable[FileFact], pool: WorkPool, guard: Guard, read: WholeFiles | None = None
) -> WholeFiles:
    """The digest of every file, or its fault, by path below the root. Raises `Unreachable`.

    `read`: what the same look has read, which is not read again. Big files go over the pool, largest first;
    small ones, which gain nothing from threads, are read in one go.
    """
    read = WholeFiles() if read is None else read
    big: dict[str, FileFact] = {}
    small: list[FileFact] = []
    for fact in facts:
        if fact.path in read:
            continue
        if fact.size >= root.batch_below:
            big[fact.path] = fact
        else:
            small.append(fact)
    batches: list[Sequence[FileFact]] = [(fact,) for fact in sorted(big.values(), key=lambda fact: -fact.size)]
    if small:
        batches.append(small)
    del big
    pool.map(lambda batch: _digest_batch(root, batch, guard, read), batches)
    return read


def _digest_batch(root: EngineRoot, batch: Iterable[FileFact], guard: Guard, read: WholeFiles) -> None:
    small = 0
    for count, fact in enumerate(batch):
        if count % _GUARD_EVERY == 0:
            guard(small)
            small = 0
        if fact.path in read:  # a file of several outputs
            continue
        if fact.size < root.batch_below:
            small += fact.size
        try:
            read.keep(digest_file(root, fact, guard), most=None)
        except EvidenceFault as fault:
            read.refuse(fact.path, fault)
    if small:  # of the last files, after which none asked
        guard(small)


def _content(output: OutputFiles, files: OutputDigests | EvidenceFault) -> ContentDigest | EvidenceFault:
    if isinstance(files, EvidenceFault):
        return files
    if not output.listed:
        return ContentDigest(files[0].sha256, files, listed=False)
    whole = hashlib.sha256()
    for piece in _pieces(files):
        whole.update(piece)
    return ContentDigest(whole.hexdigest(), files, listed=True)


def part_list(files: Iterable[FileDigest | Part]) -> bytes:
    """The canonical JSON (RFC 8785) of the sorted part list, written straight out."""
    return b"".join(_pieces(files))


def _pieces(files: Iterable[FileDigest | Part]) -> Iterator[bytes]:
    """The part list, some hundred parts at a time."""
    left, start = iter(files), "["
    while some := list(islice(left, _PARTS)):
        yield (start + ",".join(map(_part, some))).encode()
        start = ","
    yield b"]" if start == "," else b"[]"


class PartsDigest:
    """The digest of the part list of the parts that are added, in order; they are not held."""

    def __init__(self) -> None:
        self._whole, self._start, self._some = hashlib.sha256(), "[", list[str]()

    def add(self, one: FileDigest | Part) -> None:
        """The next part."""
        self._some.append(_part(one))
        if len(self._some) >= _PARTS:
            self._write()

    def hexdigest(self) -> str:
        """Of the whole list. Nothing is added after it."""
        self._write()
        self._whole.update(b"]" if self._start == "," else b"[]")
        return self._whole.hexdigest()

    def _write(self) -> None:
        if self._some:
            self._whole.update((self._start + ",".join(self._some)).encode())
            self._start, self._some = ",", []


def _part(one: FileDigest | Part) -> str:
    return f'{{"path":{encode_basestring(one.path)},"sha256":"{one.sha256}","size":{one.size}}}'
