"""The law."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs
from blake3 import blake3

from sr_law_blake3.sums import Line, line_of, lines
from sr_law_blake3.vectors import VECTORS
from sr_ports import BundleView, IndexEntry, LawVector

_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"max_threads": {"type": "integer", "minimum": 1, "maximum": 1024}},
    "additionalProperties": False,
}


@attrs.frozen
class B3SumsFile:
    """BLAKE3 over the lines that ``b3sum`` writes of the listed files, by ascending path, each once.

    The flag is flag and index in one. Its lines may be in any order, as ``b3sum`` and ``b3sum --tag`` write them. Every
    file of an output that the gate authorises must be on a line. Param ``max_threads``: that hash one file, by
    default as many as there are cores; the digest does not hang on it.
    """

    kind: str = "b3sums_file"
    version: str = "1"
    algorithm: str = "blake3"
    lists_outputs: bool = True
    params_schema: Mapping[str, Any] = _SCHEMA
    vectors: Sequence[LawVector] = VECTORS

    def stated(self, flag: bytes) -> str:
        """What the flag says: of its own lines."""
        return _canonical(lines(flag))

    def members(self, flag: bytes) -> Iterator[IndexEntry]:
        """The files on its lines, each with its digest as a claim."""
        return (IndexEntry(path, claim=digest) for path, digest in lines(flag))

    def digest(self, bundle: BundleView) -> str:
        """The same lines, with what the bytes give."""
        return _canonical((entry.path, _hashed(bundle, entry.path)) for entry in bundle.index())

    def culprit(self, bundle: BundleView) -> str | None:
        """The first file whose bytes are not those of its line."""
        entries = (entry for entry in bundle.index() if entry.claim != _hashed(bundle, entry.path))
        return next((entry.path for entry in entries), None)


def _canonical(found: Iterable[Line]) -> str:
    whole = blake3()
    for path, digest in sorted(set(found)):
        whole.update(line_of(path, digest).encode())
    return whole.hexdigest()


def _hashed(bundle: BundleView, path: str) -> str:
    """The file's digest. A chunk of the view is long enough for several threads to share it."""
    threads = bundle.params.get("max_threads")
    hasher = blake3(max_threads=threads if isinstance(threads, int) else blake3.AUTO)
    for chunk in bundle.stream(path, base=bundle.method.path_base):
        hasher.update(chunk)
    return hasher.hexdigest()
