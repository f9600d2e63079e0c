"""Engine roots in memory."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Generator, Iterable, Mapping
from typing import Self

from sr_adapters.snapshot import Answer, Snapshot, unstable
from sr_ports import FileFact
from sr_ports.roots import RangeReader, check_path
from sr_ports.wanted import ListingRules, Wanted

CHUNK = 1 << 20


class MemoryEngineRoot(Snapshot):
    """`sr_ports.EngineRoot` over a dict of path to bytes, which its owner may go on changing.

    It exists when it has a file. `stamp`: the SHA-256 of the bytes.
    """

    batch_below = 0
    folders = False

    def __init__(self, files: Mapping[str, bytes], uri: str = "memory:root") -> None:
        super().__init__()
        self.uri: str = uri.rstrip("/")
        self._files = files

    def exists(self) -> bool:
        self._in_time()
        return bool(self._files)

    def anew(self) -> Self:
        """A new snapshot of the same files."""
        fresh = copy.copy(self)
        fresh._begin()
        return fresh

    def _listed(self, folder: str, wanted: Wanted, known: Mapping[str, Answer]) -> Iterable[FileFact]:
        del known
        start = f"{folder}/" if folder else ""
        found = [
            _fact(path, data)
            for path, data in dict(self._files).items()
            if path.startswith(start) and wanted.takes(path[len(start) :])
        ]
        return sorted(found, key=lambda fact: fact.path)

    def _look(self, path: str, rules: ListingRules) -> Answer:
        del rules
        data = self._files.get(path)
        return None if data is None else _fact(path, data)

    def _chunks(self, path: str, fact: FileFact) -> Generator[memoryview, None, FileFact]:
        data = self._files.get(path)
        if data is None or _fact(path, data) != fact:
            raise unstable(path)
        view = memoryview(data)
        for at in range(0, len(data), CHUNK):
            yield view[at : at + CHUNK]
        if self._files.get(path) != data:
            raise unstable(path)
        return fact

    def _ranges(self, path: str, fact: FileFact) -> RangeReader:
        return _Ranges(self._files, path, fact)


class _Ranges:
    """`sr_ports.roots.RangeReader` of bytes in memory."""

    def __init__(self, files: Mapping[str, bytes], path: str, fact: FileFact) -> None:
        self._files, self._path, self._fact, self.size = files, path, fact, fact.size

    def read(self, start: int, length: int) -> bytes:
        data = self._files.get(self._path)
        if data is None or _fact(self._path, data) != self._fact:
            raise unstable(self._path)
        return data[start : start + length]

    def close(self) -> None:
        """Nothing is held open."""


class MemoryEngineRoots:
    """`sr_ports.EngineRoots` over given roots; any other URI opens as a root that is not there."""

    def __init__(self, roots: Mapping[str, MemoryEngineRoot]) -> None:
        self._roots = roots

    def open(self, uri: str) -> MemoryEngineRoot:
        known = self._roots.get(uri.rstrip("/"))
        return MemoryEngineRoot({}, uri) if known is None else known.anew()


def _fact(path: str, data: bytes) -> FileFact:
    check_path(path)
    return FileFact(path, len(data), hashlib.sha256(data).hexdigest())
