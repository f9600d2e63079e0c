"""Engine roots in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from sr_ports import EvidenceFault, FileFact, ReasonCode, Sink
from sr_ports.roots import check_path
from sr_ports.wanted import EVERYTHING, Wanted

CHUNK = 1 << 20


class MemoryEngineRoot:
    """`sr_ports.EngineRoot` over a dict of path to bytes, which its owner may go on changing.

    It exists when it has a file. `stamp`: the SHA-256 of the bytes.
    """

    batch_below = 0
    folders = False

    def __init__(self, files: Mapping[str, bytes], uri: str = "memory:root") -> None:
        self.uri = uri.rstrip("/")
        self._files = files

    def exists(self) -> bool:
        return bool(self._files)

    def list(self, prefix: str, wanted: Wanted = EVERYTHING) -> Sequence[FileFact]:
        folder = prefix.rstrip("/") if prefix.strip("/") else prefix
        if folder:
            check_path(folder)
        start = f"{folder}/" if folder else ""
        found = [
            self._fact(path, data)
            for path, data in dict(self._files).items()
            if path.startswith(start) and wanted.takes(path[len(start) :])
        ]
        return sorted(found, key=lambda fact: fact.path)

    def stat(self, path: str) -> FileFact | None:
        check_path(path)
        data = self._files.get(path)
        return None if data is None else self._fact(path, data)

    def stream(self, path: str, sink: Sink, *, expect: FileFact | None = None) -> FileFact:
        check_path(path)
        data = self._files.get(path)
        if data is None:
            raise EvidenceFault(ReasonCode.INDEXED_FILE_ABSENT, f"{path} is not there", path)
        before = self._fact(path, data)
        if expect is not None and (expect.size, expect.stamp) != (before.size, before.stamp):
            raise _unstable(path)
        view = memoryview(data)
        for at in range(0, len(data), CHUNK):
            sink(view[at : at + CHUNK])
        if self._files.get(path) != data:
            raise _unstable(path)
        return before

    def _fact(self, path: str, data: bytes) -> FileFact:
        check_path(path)
        return FileFact(path, len(data), hashlib.sha256(data).hexdigest())


class MemoryEngineRoots:
    """`sr_ports.EngineRoots` over given roots; any other URI opens as a root that is not there."""

    def __init__(self, roots: Mapping[str, MemoryEngineRoot]) -> None:
        self._roots = roots

    def open(self, uri: str) -> MemoryEngineRoot:
        return self._roots.get(uri.rstrip("/")) or MemoryEngineRoot({}, uri)


def _unstable(path: str) -> EvidenceFault:
    return EvidenceFault(ReasonCode.EVIDENCE_UNSTABLE, f"{path} changed while it was read", path)
