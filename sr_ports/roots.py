"""Port: read-only, confined access to an engine's run root (spec: mission, law 8)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

import attrs

from sr_ports.compared import Compared
from sr_ports.errors import EvidenceFault
from sr_ports.reasons import ReasonCode
from sr_ports.wanted import EVERYTHING, Wanted

Sink = Callable[[memoryview], object]
"""Takes the next bytes of a file. The view is only valid during the call."""


@attrs.frozen(eq=False, repr=False)
class FileFact(Compared):
    """A regular file below an engine root.

    `path`: relative to the root, POSIX. `size`: bytes. `stamp`: opaque, changes when the
    file is written (mtime, ETag). `version_id`: the store's own name for these very bytes (a
    version id, else an ETag), where it has one; known once the file was read. `target`: where
    the file really is, relative to the root, when a symbolic link leads there.
    """

    path: str
    size: int
    stamp: str
    version_id: str | None = None
    target: str | None = None


class EngineRoot(Protocol):
    """One engine run's tree. SR reads it and never writes there.

    Paths are relative POSIX paths. Laws:

    R1  Confined: a path that is absolute, has a ``..`` part or a backslash, or that reaches
        outside the root or nowhere through a symbolic link, raises
        `EvidenceFault(PATH_ESCAPES)` and reads nothing. An empty or ``.`` part, NUL or another
        control character, and what is neither a regular file nor a folder, raises
        `EvidenceFault(NOT_A_FILE)`. A link that stays inside is an ordinary file, and its fact
        says where it leads.
    R2  Stable: `stream` raises `EvidenceFault(EVIDENCE_UNSTABLE)` if the file's size or stamp
        differ before and after, or from `expect` where that is given.
    R3  `stat` and `list` report absence (None, empty) only for what is certainly absent; any
        other trouble raises `Unreachable`. A file that vanishes before `stream` opens it
        raises `EvidenceFault(INDEXED_FILE_ABSENT)`.
    R4  `list` returns every file at any depth below the folder `prefix` ("" is the root) that
        `wanted` takes, in ASCII order of the whole path, each once. It names files only. What
        `wanted` does not take is neither followed, judged nor read, and a folder below which it
        can take nothing is not entered. A link to a folder is entered only where a segment of the
        pattern names it, never by ``**`` alone. Where there are no folders, an empty object whose
        key ends in ``/`` is a folder's marker; one that holds bytes is `NOT_A_FILE`.
    R5  Memory is bounded whatever a file's size; chunks arrive in order, exactly once.
    R6  Nothing is ever written, created, locked or touched.
    R7  Safe to use from several threads at once.
    """

    uri: str
    """What the root was opened with: an absolute path or an ``s3://`` URI, without trailing slash."""

    batch_below: int
    """Files smaller than this many bytes gain nothing from being read in parallel; 0 for remote stores."""

    folders: bool
    """Whether a path is a way through folders, so that ``a//b`` is ``a/b``; False where it is a key."""

    def exists(self) -> bool:
        """Whether the root itself is there."""

    def list(self, prefix: str, wanted: Wanted = EVERYTHING) -> Sequence[FileFact]:
        """Files below the folder `prefix`, at any depth, that `wanted` takes; its pattern begins below `prefix`."""

    def stat(self, path: str) -> FileFact | None:
        """The regular file at `path`; None when nothing is there or it is a folder."""

    def stream(self, path: str, sink: Sink, *, expect: FileFact | None = None) -> FileFact:
        """Feed the file's bytes to `sink` in order; the fact describes exactly those bytes."""


class EngineRoots(Protocol):
    """Opens engine roots by URI: a local path, ``file://`` or ``s3://``."""

    def open(self, uri: str) -> EngineRoot:
        """The root at `uri`, which need not exist. Raises `BadInput` for a scheme no adapter reads."""


_PART = r"(?!\.{1,2}(?:/|\Z))[^/\\\x00-\x1f\x7f\ud800-\udfff]+"
_PATH = re.compile(rf"{_PART}(?:/{_PART})*\Z")
_LEAVES = re.compile(r"/|(?:.*/)?\.\.(?:/|\Z)|.*\\", re.DOTALL)


def check_path(path: str) -> None:
    """Return only for a path that law R1 allows by its letters. Raises `EvidenceFault`, as R1 says."""
    if _PATH.match(path) is None:
        raise path_refused(path, "it is no relative POSIX path")


def path_refused(path: str, why: str) -> EvidenceFault:
    """The fault of a path that its letters make unfit: it could leave the root, or no file can have it."""
    shown = path.encode("ascii", "backslashreplace").decode()[:200]
    code = ReasonCode.PATH_ESCAPES if leaves(path) else ReasonCode.NOT_A_FILE
    return EvidenceFault(code, f"{shown!r} is refused: {why}", shown)


def leaves(path: str) -> bool:
    """Whether a path could lead out of its base by its letters: absolute, a ``..`` part, a backslash."""
    return _LEAVES.match(path) is not None
