"""The lab's engine root, in memory: quick enough for thousands of schedules."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import attrs

from sr_ports import EvidenceFault, FileFact, ReasonCode, Sink


def world(*, skip: tuple[str, ...] = (), spoil: str = "") -> dict[str, bytes]:
    """The files of a root. `skip`: outputs or gates to leave out. `spoil`: a gate to contradict."""
    events = f"data/events/seed=7/manifest_fingerprint={'a' * 64}"
    files = {f"{events}/part-0.bin": b"0" * 50, f"{events}/part-1.bin": b"1" * 50}
    if "world" not in skip:
        files["data/world.bin"] = b"w" * 50
    for gate in ("up", "end"):
        data = f"report of {gate}".encode()
        stated = hashlib.sha256(b"other" if spoil == f"gate.{gate}" else data).hexdigest()
        files[f"{gate}/report.json"] = data
        files[f"{gate}/_passed.flag"] = f"sha256_hex = {stated}\n".encode()
    return files


@attrs.frozen
class MemoryRoot:
    """An engine root over a mapping that may change at any time."""

    files: Mapping[str, bytes]
    uri: str = "memory"
    batch_below: int = 1 << 30

    def exists(self) -> bool:
        return True

    def stat(self, path: str) -> FileFact | None:
        data = self.files.get(path)
        return None if data is None else FileFact(path, len(data), hashlib.sha256(data).hexdigest())

    def list(self, prefix: str) -> Sequence[FileFact]:
        folder = prefix.rstrip("/") + "/" if prefix else ""
        facts = [self.stat(path) for path in sorted(self.files) if path.startswith(folder)]
        return [fact for fact in facts if fact is not None]

    def stream(self, path: str, sink: Sink, *, expect: FileFact | None = None) -> FileFact:
        fact = self.stat(path)
        if fact is None:
            raise EvidenceFault(ReasonCode.INDEXED_FILE_ABSENT, f"{path} is not there", path)
        if expect is not None and expect != fact:
            raise EvidenceFault(ReasonCode.EVIDENCE_UNSTABLE, f"{path} changed", path)
        sink(memoryview(self.files[path]))
        return fact


@attrs.frozen
class MemoryRoots:
    """Opens that one root."""

    files: Mapping[str, bytes]

    def open(self, uri: str) -> MemoryRoot:
        return MemoryRoot(self.files)
