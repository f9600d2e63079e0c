"""Port: the object store that holds a run's truth."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, Protocol, runtime_checkable

import attrs

from sr_ports.compared import Compared
from sr_ports.errors import BadInput, Fault
from sr_ports.reasons import ReasonCode


@attrs.frozen(eq=False, repr=False)
class Stored(Compared):
    """An object as the store knows it. `etag`: opaque, changes whenever the bytes do. `size`: bytes."""

    key: str
    size: int
    etag: str


@attrs.frozen(eq=False, repr=False)
class Blob(Compared):
    """An object's exact bytes with the ETag they were read under."""

    data: bytes
    etag: str


class ObjectStore(Protocol):
    """Immutable truth and compare-and-swap documents under string keys.

    Keys are relative POSIX paths: no leading slash, no empty, ``.`` or ``..`` part, no
    backslash, no control character; anything else raises `BadInput` and touches nothing.

    Laws, for any number of processes at once:

    O1  `create` gives a key its first bytes exactly once: of any number of callers one gets
        a `Stored`, all others get None, and the bytes are that one caller's, whole.
    O2  `replace` succeeds only while the key's ETag is the one given; of any number of
        callers with the same ETag exactly one succeeds. A missing key is never replaced.
    O3  What was written is read back byte for byte, by any process, as soon as the write
        returned: also through `list`.
    O4  `read` and `stat` return None only when the key is certainly absent. Any other
        trouble raises `Unreachable`.
    O5  A crash leaves the old bytes or the new bytes, never a mixture, never half a file.
    O6  A write whose answer was lost is settled by reading back; where that is impossible
        `OutcomeUnknown` is raised. It is never reported as done or as refused by guess.
    O7  `list` yields every object whose key starts with `prefix`, in ascending key order,
        and nothing that is not an object (no temporary or lock files).
    O8  Equal bytes written over themselves still count as a write. No ETag is ever valid for two different
        contents, also after a key was deleted and made anew; nor does an ETag come back with the bytes it was of,
        but where what keeps the objects makes ETags of bytes alone, as S3 does. Such a store's suite says so
        (`content_etags`), and no caller relies on more.
    O9  `folders` names every folder below `prefix` that holds an object, once, ascending, and
        reads nothing below it. One that holds none may be named, too: a file system keeps them.
    O10 `location` is a URI (see `check_location`), the same from every handle on the same objects
        that is opened in the same way, before and after the first write. It asks nothing of a server.
    O11 An object of more bytes than `longest` says for its key is neither read nor written: `Fault(OBJECT_TOO_LARGE)`,
        before its body is. One that stands all the same has its `stat`, and is listed.
    """

    @property
    def shared(self) -> bool:
        """Whether others write here too, from other machines: then nobody may make up a platform run alone."""

    def create(self, key: str, data: bytes) -> Stored | None:
        """Write `data` under `key` if nothing is there; None when something is."""

    def replace(self, key: str, data: bytes, *, etag: str) -> Stored | None:
        """Swap the object for `data` if its ETag is still `etag`; None when it is not."""

    def read(self, key: str) -> Blob | None:
        """The whole object; None when it is certainly absent. Raises `Fault(OBJECT_TOO_LARGE)`."""

    def stat(self, key: str) -> Stored | None:
        """Size and ETag without the bytes; None when it is certainly absent."""

    def list(self, prefix: str) -> Iterator[Stored]:
        """Every object below `prefix`, in ascending key order."""

    def folders(self, prefix: str) -> Sequence[str]:
        """Names of the folders right below `prefix`, which is empty or ends with a slash."""

    def delete(self, key: str) -> None:
        """Remove a key; absent is fine. Only for throw-away prefixes (probes): truth is never deleted."""

    def describe(self) -> str:
        """Where this store is, for people; never a secret."""

    def location(self) -> str:
        """Where this store is, for machines and people: a URI without credentials, query and fragment.

        Scheme, endpoint, bucket or path, and prefix: ``file:///srv/truth``, ``s3://bucket/prefix`` on AWS,
        ``s3+https://host:9000/bucket/prefix`` on any other server that speaks S3.
        """


@runtime_checkable
class Provable(Protocol):
    """A store that can tell, before anything is written, whether its place can keep the laws at all."""

    def prove(self) -> None:
        """Try what the laws need of the place; leaves nothing there. Raises `BadInput`, `Unreachable`."""


@runtime_checkable
class Streamed(Protocol):
    """A store that gives an object in pieces: one that is as long as its files are many is then never held whole."""

    def chunks(self, key: str) -> Iterator[bytes] | None:
        """The bytes of one object, some at a time, all of one moment; None when it is certainly absent.

        Whoever does not come to the end closes the iterator. Raises as `read` does, also between two pieces.
        """


@runtime_checkable
class Closing(Protocol):
    """A store that holds something open between calls."""

    def close(self) -> None:
        """Let go of it; a later call opens it again. Safe to call twice."""


@runtime_checkable
class Elsewhere(Protocol):
    """A store that can look at other places of its kind, with what it was itself given to reach them."""

    def elsewhere(self, location: str) -> ObjectStore | None:
        """The store at another `location`; None for one of another kind. Asks nothing yet."""


_NO_DOTS = r"(?!\.{1,2}(?:/|\Z))"
_PART = rf"{_NO_DOTS}[^/\\\x00-\x1f\x7f-\x9f\ud800-\udfff]+"
_KEY = rf"{_PART}(?:/{_PART})*\Z"
"""Of any key; compiled when a key needs it, which takes long."""
_ASCII = rf"{_NO_DOTS}[ -.0-\[\]-~]+"
_ASCII_KEY = re.compile(rf"{_ASCII}(?:/{_ASCII})*\Z")
"""Of the keys that are ASCII, as most are: the same rule."""


def check_key(key: str) -> None:
    """Return only for a key that the port allows; every adapter calls this first. Raises `BadInput`.

    Half a surrogate pair is refused as well: it has no UTF-8, so no store could keep it.
    """
    if (_ASCII_KEY.match(key) if key.isascii() else re.match(_KEY, key)) is None:
        raise BadInput(ReasonCode.USAGE, f"{key!r} is no object key", "use a relative POSIX path")


MAX_OBJECT: Final = 32 << 20
"""Bytes of an object that is read."""
MAX_LIST: Final = 256 << 20
"""The same of a list of files, which is as long as they are many."""
_LISTS = ("/part_lists/", "/object_versions/")
_LISTS_BESIDE = ("/bundle_manifest.json", "/object_versions.json")


def longest(key: str) -> int:
    """How many bytes an object under this key may have."""
    return MAX_LIST if key.endswith(_LISTS_BESIDE) or any(one in key for one in _LISTS) else MAX_OBJECT


def check_bytes(key: str, size: int) -> None:
    """Return only for an object that is read and written; every adapter calls this before it has the body.

    `size`: bytes. Raises `Fault(OBJECT_TOO_LARGE)`.
    """
    if size > longest(key):
        raise Fault(ReasonCode.OBJECT_TOO_LARGE, f"{key} has {size} bytes, of which {longest(key)} are read at most")


_LOCATION = r"[a-z][a-z0-9+.-]*:(?!//[^/]*@)[^?#\x00-\x20\x7f-\x9f\ud800-\udfff]{0,4000}\Z"


def check_location(uri: str) -> None:
    """Return only for a location as the port wants it. Raises `BadInput`, without quoting what may hold a secret."""
    if re.match(_LOCATION, uri) is None:
        what = "the object store's location is no URI without credentials, query and fragment"
        raise BadInput(ReasonCode.PLUGIN_BROKEN, what, "repair or update the distribution that gives the store")
