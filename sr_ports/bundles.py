"""A bundle in memory: the view a law sees, without an engine root. Needs no pytest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from sr_ports.errors import EvidenceFault
from sr_ports.laws import BundleFile, IndexEntry, Params, PathBase, VerificationMethod
from sr_ports.reasons import ReasonCode

_CHUNK = 5
"""Small, so that a law that takes a first chunk for the whole is found."""


@attrs.frozen
class MemoryBundle:
    """Implements `sr_ports.BundleView`. `contents`: bytes by path relative to the bundle root.

    `entries`: what the index lists, in its order. `elsewhere`: files of the run root outside the bundle.
    `flag`: the path of the gate's flag, which no law reads unless the index lists it.
    """

    contents: Mapping[str, bytes]
    entries: tuple[IndexEntry, ...] = ()
    method: VerificationMethod = attrs.field(factory=lambda: VerificationMethod("any"))
    elsewhere: Mapping[str, bytes] = attrs.field(factory=dict)
    flag: str | None = None

    @property
    def params(self) -> Params:
        return self.method.params

    def files(self) -> Sequence[BundleFile]:
        return [BundleFile(path, len(self.contents[path])) for path in sorted(self.contents) if self._counts(path)]

    def index(self) -> Sequence[IndexEntry]:
        kept = [entry for entry in self.entries if self._counts(entry.path)]
        if not kept:
            raise EvidenceFault(ReasonCode.INDEX_EMPTY, "the index lists nothing")
        return kept

    def sha256(self, paths: Iterable[str], *, base: PathBase = "bundle_root") -> str:
        whole = hashlib.sha256()
        for path in paths:
            whole.update(self._bytes(path, base))
        return whole.hexdigest()

    def stream(self, path: str, *, base: PathBase = "bundle_root") -> Iterator[bytes]:
        if path == self.flag and path not in [entry.path for entry in self.entries]:
            raise PermissionError(f"{path} is the gate's flag, which no law reads")
        data = self._bytes(path, base)
        return iter([data[at : at + _CHUNK] for at in range(0, len(data), _CHUNK)])

    def _bytes(self, path: str, base: PathBase) -> bytes:
        source = self.contents if base == "bundle_root" else {**self.contents, **self.elsewhere}
        if path not in source:
            raise EvidenceFault(ReasonCode.INDEXED_FILE_ABSENT, f"{path} is not there", path)
        return source[path]

    def _counts(self, path: str) -> bool:
        return path.rpartition("/")[2] not in self.method.exclude_filenames
