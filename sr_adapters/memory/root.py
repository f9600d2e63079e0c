"""Engine roots in memory."""

from __future__ import annotations

import copy
import hashlib
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import Self

from sr_adapters.snapshot import Answer, Snapshot, unstable
from sr_ports import FileFact, ReasonCode, Sink, Unreachable
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
    """`sr_ports.EngineRoots` over given roots; any other URI opens as a root that is not there.

    What is kept (`sr_ports.Keeping`) is found below any URI that it lies below.
    """

    def __init__(self, roots: Mapping[str, MemoryEngineRoot]) -> None:
        self._roots = roots
        self._kept: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def open(self, uri: str) -> MemoryEngineRoot:
        known = self._roots.get(uri.rstrip("/"))
        return MemoryEngineRoot(_Below(self._kept, f"{uri.rstrip('/')}/"), uri) if known is None else known.anew()

    def keep(self, uri: str, path: str, source: Callable[[Sink], object]) -> None:
        check_path(path)
        data = bytearray()
        source(data.extend)
        name = f"{uri.rstrip('/')}/{path}"
        with self._lock:
            if name in self._kept:
                what, remedy = f"writing {name}: another file is there", "see who writes below engine.publish_root"
                raise Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, what, remedy)
            self._kept[name] = bytes(data)


class _Below(Mapping[str, bytes]):
    """The files below a prefix, by the rest of their names."""

    def __init__(self, files: Mapping[str, bytes], prefix: str) -> None:
        self._files, self._prefix = files, prefix

    def __getitem__(self, path: str) -> bytes:
        return self._files[self._prefix + path]

    def __iter__(self) -> Iterator[str]:
        cut = len(self._prefix)
        return (name[cut:] for name in list(self._files) if name.startswith(self._prefix))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _fact(path: str, data: bytes) -> FileFact:
    check_path(path)
    return FileFact(path, len(data), hashlib.sha256(data).hexdigest())
