"""Part lists as they stand: which files a folder or glob was proven to be (spec: behaviour, "Evidence").

A list names itself: its key holds the sha256 of its bytes, which are the canonical JSON of
``{path, sha256, size}`` objects in ascending order of path. What is spelt otherwise is no list. Whoever may write the
store may write one as long as objects are, so it is read in pieces: first against its name, then part by part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from sr_domain.evidence.digests import FileDigest, PartsDigest
from sr_domain.evidence.index_reader import index_entries
from sr_domain.run.stored import pieces, stored_sha256
from sr_ports import EvidenceFault, ObjectStore, ReasonCode
from sr_ports.roots import check_path
from sr_ports.stores import MAX_LIST

KEPT = 4 << 20
"""Bytes of a list that is read once; a longer one is read again for its parts."""
_PIECE = 1 << 16
_HEX = "0123456789abcdef"


@attrs.frozen
class PartList:
    """A list whose bytes were those of its name. Each walk over it gives its parts, in order of path.

    A walk raises `EvidenceFault(TRUTH_ALTERED)` for what no digest engine writes, and where other bytes stand there by
    now: what it gave is to be believed once it has ended. For a path that could leave its folder or that no file has
    the code is `PATH_ESCAPES` or `NOT_A_FILE`. `kept`: the bytes, where they are few.
    """

    store: ObjectStore
    key: str
    digest: str
    kept: bytes | None = None

    def __iter__(self) -> Iterator[FileDigest]:
        spelt, before = PartsDigest(), ""
        for node in self._nodes():
            part = _typed(node, self.key)
            check_path(part.path)
            if part.path <= before:
                raise _no_list(self.key, f"{part.path} is out of order")
            before = part.path
            spelt.add(part)
            yield part
        if not before or spelt.hexdigest() != self.digest:
            raise _no_list(self.key, "it is not spelt as it was written, or was replaced")

    def _nodes(self) -> Iterator[Any]:
        chunks = iter((self.kept,)) if self.kept is not None else pieces(self.store, self.key)
        try:
            # A list of so many bytes has its parts counted by them.
            yield from index_entries(_short(chunks or ()), self.key, most=MAX_LIST)
        except EvidenceFault as fault:
            raise _no_list(self.key, fault.what) from fault


def part_list_at(store: ObjectStore, key: str, digest: str) -> PartList | ReasonCode:
    """The list that stands at `key`; `TRUTH_MISSING`, or `TRUTH_ALTERED` where its bytes are not those of `digest`.

    Raises `Unreachable`, `Fault(OBJECT_TOO_LARGE)`.
    """
    found = stored_sha256(store, key, keep=KEPT)
    if found is None:
        return ReasonCode.TRUTH_MISSING
    return PartList(store, key, digest, found.kept) if found.sha256 == digest else ReasonCode.TRUTH_ALTERED


def _short(chunks: Iterable[bytes]) -> Iterator[memoryview]:
    """The same bytes in short pieces: a whole list, as text, would take as much again."""
    for chunk in chunks:
        whole = memoryview(chunk)
        yield from (whole[at : at + _PIECE] for at in range(0, len(whole), _PIECE))


def _typed(node: Any, key: str) -> FileDigest:
    if isinstance(node, dict) and node.keys() == {"path", "sha256", "size"}:
        path, sha256, size = node["path"], node["sha256"], node["size"]
        named = isinstance(path, str) and isinstance(sha256, str) and not sha256.strip(_HEX)
        if named and type(size) is int and size >= 0:
            return FileDigest(path, size, sha256)
    raise _no_list(key, "a part has not the fields path, sha256 and size alone")


def _no_list(key: str, why: str) -> EvidenceFault:
    return EvidenceFault(ReasonCode.TRUTH_ALTERED, f"{key} is no part list: {why}", key)
