"""Port: one observation of an engine's run root, read-only and confined (spec: mission, laws 8 and 12)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, Self, runtime_checkable

import attrs

from sr_ports.compared import Compared
from sr_ports.errors import EvidenceFault
from sr_ports.reasons import ReasonCode
from sr_ports.wanted import EVERYTHING, TODAY, ListingRules, Wanted

Sink = Callable[[memoryview], object]
"""Takes the next bytes of a file. The view is only valid during the call."""

Stamp = str | int
"""What tells one writing of a file from every other; opaque."""


@attrs.frozen(eq=False, repr=False)
class FileFact(Compared):
    """A regular file below an engine root, as one snapshot found it.

    `path`: relative to the root, POSIX. `size`: bytes. `stamp`: with `size` the file's identity, of
    whatever changes when the file is written or replaced (device, inode, mtime and ctime; ETag and time of
    change). `version_id`: the store's own name for these very bytes (a version id, else an ETag), where it
    has one; known once the file was read. `target`: where the file really is, relative to the root, when a
    symbolic link leads there, which only the rules of the first release follow.
    """

    path: str
    size: int
    stamp: Stamp
    version_id: str | None = None
    target: str | None = None


NAMED_CHANGES = 5
"""How many paths of a second look are named."""


@attrs.frozen(eq=False, repr=False)
class Changes(Compared):
    """What a second look found: paths whose answer is not what the snapshot gave.

    `paths`: the first few by name of those that changed, vanished or appeared, relative to the root; ``.`` is
    the root itself, where another folder stands in its place. `count`: how many there are; a second look that
    has found very many ends, and `count` is then the least that there are. False where nothing changed.
    """

    paths: tuple[str, ...] = ()
    count: int = 0

    def __bool__(self) -> bool:
        return self.count > 0


class EngineRoot(Protocol):
    """One snapshot of one engine run's tree. SR reads it and never writes there.

    Paths are relative POSIX paths. Laws:

    R1  Confined: a path that is absolute, has a ``..`` part or a backslash raises
        `EvidenceFault(PATH_ESCAPES)` and reads nothing. So does one with a symbolic link on its way or in its
        own place: below the root no link is followed, also where one takes a folder's place between two looks.
        An empty or ``.`` part, NUL or another control character, and what is neither a regular file nor a
        folder, raises `EvidenceFault(NOT_A_FILE)`; so does a folder in a file's place, where there are
        folders. There, a root that is a file and no folder raises `EvidenceFault(ENGINE_ROOT_UNFIT)`.
        By the rules of the first release a link that stays inside is an ordinary file, whose fact
        says where it leads, and a folder in a file's place is no file, nor is a file a root. A path of more
        than `MAX_PATH` bytes raises `EvidenceFault(NAME_TOO_LONG)`; one of more than `MAX_PARTS` parts, and a
        listing that would enter a folder so deep, `EvidenceFault(PATH_TOO_DEEP)`.
    R2  One identity: what `stat` and `list` found, they find again, by no new look, and `stream` feeds the bytes
        of that identity or raises `EvidenceFault(EVIDENCE_UNSTABLE)`: where the file was written, replaced or
        removed since, while it is read, or is not the one of `expect` where that is given. The first byte is
        read when a change after it is certain to show.
    R3  `stat` and `list` report absence (None, empty) only for what is certainly absent; any
        other trouble raises `Unreachable`. `stream` of a file that is not in the snapshot raises
        `EvidenceFault(INDEXED_FILE_ABSENT)`.
    R4  `list` returns every file at any depth below the folder `prefix` ("" is the root) that
        `wanted` takes, in ASCII order of the whole path, each once. It names files only. What
        `wanted` does not take is neither followed, judged nor read, and a folder below which it
        can take nothing is not entered. A link that the pattern takes, or one to a folder that a segment of
        it names, is `PATH_ESCAPES`; ``**`` alone passes links over. Where there are no folders, an
        empty object whose key ends in ``/`` is a folder's marker; one that holds bytes is `NOT_A_FILE`.
        With `files_alone` whatever is no regular file is passed over, that one and every link, too.
    R5  Memory is bounded whatever a file's size; chunks arrive in order, exactly once. `chunks` gives the same
        bytes as `stream` at the pace of whoever asks, several files side by side; it ends only after R2 held.
    R6  Nothing is ever written, created, locked or touched.
    R7  Safe to use from several threads at once.
    R8  Second look: `changes` asks every question again that the snapshot answered, from the root's own name on,
        and tells what is not as it was: a file whose identity changed, one that vanished or appeared, a
        fault that came or went, and what `stream` found unstable. After it nothing can be read: every other
        question raises `RuntimeError`. Trouble that leaves it untold raises `Unreachable`. It may be asked again,
        and looks anew until it has found a change, which then stays.
    R9  `close` gives back what the snapshot holds open, and may be called again; the snapshot is its own
        context manager. After it every question raises `RuntimeError`.
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

    def stat(self, path: str, rules: ListingRules = TODAY, *, or_folder: bool = False) -> FileFact | None:
        """The regular file at `path`; None when nothing is there, or where `or_folder` allows it a folder."""

    def stream(self, path: str, sink: Sink, *, expect: FileFact | None = None, rules: ListingRules = TODAY) -> FileFact:
        """Feed the file's bytes to `sink` in order; the fact describes exactly those bytes.

        `expect`: a fact of this snapshot. Without it, `rules` say how `path` is looked at, as in `stat`.
        """

    def chunks(self, path: str, *, rules: ListingRules = TODAY) -> Iterator[memoryview]:
        """The file's bytes in order, each part valid until the next is asked for. Raises while it is gone through."""

    def changes(self) -> Changes:
        """The second look, after the last read."""

    def close(self) -> None:
        """Give back what is held open."""

    def __enter__(self) -> Self:
        """The snapshot itself."""

    def __exit__(self, *error: object) -> None:
        """`close`."""


@runtime_checkable
class Located(Protocol):
    """An engine root that can tell where it really is, and that it can be one, without asking a server."""

    def located(self) -> str:
        """Its place with every link on the way followed, as far as the way goes.

        Raises `EvidenceFault(ENGINE_ROOT_UNFIT)` where something stands there that is no folder.
        """


class RangeReader(Protocol):
    """One file of a snapshot, open to be read from any place. Safe to use from several threads."""

    size: int
    """Bytes of the file, as the snapshot found it."""

    def read(self, start: int, length: int) -> bytes:
        """At most `length` bytes from `start` on; fewer only where the file ends. Raises as law R10 says."""

    def close(self) -> None:
        """Give back what is held open; may be called again."""


@runtime_checkable
class Ranged(Protocol):
    """An engine root whose files can be read from any place, for who needs a part of a file. Its law:

    R10 What a reader gives is a part of what `stream` gives: the bytes of the snapshot's identity (R2). Where the
        file was written, replaced or removed since, at the latest the first read after that raises
        `EvidenceFault(EVIDENCE_UNSTABLE)`, and none of the bytes of such a read are given. Opening raises as
        `stream` does. After the snapshot's `close` a read raises `RuntimeError`.
    """

    def reader(self, path: str, *, rules: ListingRules = TODAY) -> RangeReader:
        """The file at `path`. Whoever opens it closes it."""


class EngineRoots(Protocol):
    """Opens engine roots by URI: a local path, ``file://`` or ``s3://``.

    Laws:

    E1  `open` gives a snapshot of its own each time, of a root that is there or not, and writes nothing.
    E2  A URI of a scheme that it does not read raises `BadInput`.
    """

    def open(self, uri: str) -> EngineRoot:
        """A new snapshot of the root at `uri`, which need not exist. Whoever opens it closes it.

        Links on the way to the root are followed, once. Raises `BadInput` for a scheme no adapter reads.
        """


@runtime_checkable
class Keeping(EngineRoots, Protocol):
    """Engine roots that can write a copy of one, for consumers who cannot reach where it lies. Laws:

    K1  What was kept is there for everybody: whoever opens a root there finds the path and reads its very bytes.
    K2  Once: what has the path already stays as it is, whoever wrote it and whatever it holds, and the call raises
        `Unreachable`. Of several at a time one gives the path its bytes. A try of the call's own whose answer was
        lost is recognised.
    K3  Whole or not at all: the path is there once `source` has returned. What `source` raises passes, and then
        nothing has the path.
    K4  Confined: a path that R1 refuses by its letters raises `EvidenceFault`, and nothing is written. Below the root
        no link is followed: one on the way raises `Unreachable`.
    K5  Memory is bounded whatever a file's size; a view is used during the call of the sink alone.
    K6  Durable: once the call has returned, bytes and name outlive a power cut.
    K7  Safe to use from several threads at once.
    """

    def keep(self, uri: str, path: str, source: Callable[[Sink], object]) -> None:
        """Write one file below the root at `uri`, which need not exist.

        `source` feeds the bytes to the sink that it is given, in order. Raises `Unreachable` where it cannot be
        written, and `BadInput` for a scheme that no adapter writes.
        """


_NO_DOTS = r"(?!\.{1,2}(?:/|\Z))"
_PART = rf"{_NO_DOTS}[^/\\\x00-\x1f\x7f\ud800-\udfff]+"
_PATH = rf"{_PART}(?:/{_PART})*\Z"
"""Of any path; compiled when a path needs it, which takes long."""
_ASCII = rf"{_NO_DOTS}[ -.0-\[\]-~]+"
_ASCII_PATH = re.compile(rf"{_ASCII}(?:/{_ASCII})*\Z")
"""Of the paths that are ASCII, as most are: the same rule."""
_LEAVES = re.compile(r"/|(?:.*/)?\.\.(?:/|\Z)|.*\\", re.DOTALL)


MAX_PATH = 16 << 10
"""Bytes of a path in UTF-8: four times what a system call takes, sixteen times a key of S3."""
MAX_PARTS = 512
"""Parts of a path."""


def check_path(path: str) -> None:
    """Return only for a path that law R1 allows by its letters. Raises `EvidenceFault`, as R1 says."""
    check_length(path)
    if (_ASCII_PATH.match(path) if path.isascii() else re.match(_PATH, path)) is None:
        raise path_refused(path, "it is no relative POSIX path")


def is_plain(path: str) -> bool:
    """Whether a path is surely one that law R1 allows, and in the one spelling that it has: as most are.

    False says nothing: one that is long or not ASCII is allowed as well.
    """
    return len(path) <= MAX_PARTS and _ASCII_PATH.match(path) is not None


def check_length(path: str) -> None:
    """Return only for a path that is neither too long nor too deep. Raises `EvidenceFault`, as R1 says."""
    if len(path) <= MAX_PARTS and path.isascii():
        return  # most paths
    shown = path[:200].encode("ascii", "backslashreplace").decode()[:200]
    if len(path) > MAX_PATH or len(path.encode("utf-8", "surrogatepass")) > MAX_PATH:
        what = f"the path that begins {shown!r} is longer than {MAX_PATH} bytes"
        raise EvidenceFault(ReasonCode.NAME_TOO_LONG, what, shown)
    if path.count("/") >= MAX_PARTS:
        what = f"the path that begins {shown!r} leads through {MAX_PARTS} folders or more"
        raise EvidenceFault(ReasonCode.PATH_TOO_DEEP, what, shown)


def path_refused(path: str, why: str) -> EvidenceFault:
    """The fault of a path that its letters make unfit: it could leave the root, or no file can have it."""
    shown = path[:200].encode("ascii", "backslashreplace").decode()[:200]
    code = ReasonCode.PATH_ESCAPES if leaves(path) else ReasonCode.NOT_A_FILE
    return EvidenceFault(code, f"{shown!r} is refused: {why}", shown)


def leaves(path: str) -> bool:
    """Whether a path could lead out of its base by its letters: absolute, a ``..`` part, a backslash."""
    return _LEAVES.match(path) is not None
