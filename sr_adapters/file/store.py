"""An `ObjectStore` in a folder: one object a file, under its own key.

The ETag is the SHA-256 of the bytes, so it survives copies and restores and is never valid
for two contents; the price is that `stat` and `list` read what they name.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

from sr_adapters.file import durable
from sr_adapters.file.errors import DENIED, FULL, ROOT_GONE, port_errors
from sr_adapters.file.settings import FolderSettings
from sr_adapters.file.tree import Tree
from sr_adapters.places import OWN
from sr_ports.errors import BadInput
from sr_ports.hooks import Wiring
from sr_ports.reasons import ReasonCode
from sr_ports.stores import Blob, Stored, check_bytes, check_key, longest

_CODES = {**FULL, **DENIED, ROOT_GONE: ReasonCode.STORE_BUCKET_MISSING}
_LOCKS = (f"{OWN}-locks",)
_LONGEST_NAME = 255
_CHUNK = 1 << 20


class FileObjectStore:
    """Objects under the folder `root`, which the first write makes.

    Key parts that begin with ``.sr-store`` are the store's own and are refused, as are parts
    of more than 255 bytes, which no common file system takes: `BadInput`.
    """

    shared = False

    def __init__(self, root: str) -> None:
        self._tree = Tree(root)
        self._location: str | None = None

    def create(self, key: str, data: bytes) -> Stored | None:
        folders, name = _split(key)
        check_bytes(key, len(data))
        with self._edge("create", key), self._tree.made(folders) as folder:
            made = durable.create_once(folder, name, data)
        return Stored(key, len(data), _etag(data)) if made else None

    def replace(self, key: str, data: bytes, *, etag: str) -> Stored | None:
        folders, name = _split(key)
        check_bytes(key, len(data))
        with self._edge("replace", key), self._tree.entered(folders) as folder:
            if folder is None:
                return None
            with self._tree.made(_LOCKS) as locks, durable.locked(locks, _shard(key)):
                current = durable.read_file(folder, name, partial(check_bytes, key))
                if current is None or _etag(current) != etag:
                    return None
                durable.swap(folder, name, data)
        return Stored(key, len(data), _etag(data))

    def read(self, key: str) -> Blob | None:
        folders, name = _split(key)
        with self._edge("read", key), self._tree.entered(folders) as folder:
            data = None if folder is None else durable.read_file(folder, name, partial(check_bytes, key))
        return None if data is None else Blob(data, _etag(data))

    def chunks(self, key: str) -> Iterator[bytes] | None:
        """See `sr_ports.stores.Streamed`."""
        folders, name = _split(key)
        with self._edge("read", key), self._tree.entered(folders) as folder:
            opened = None if folder is None else durable.open_file(folder, name)
        if opened is None:
            return None
        pieces = self._pieces(key, os.fdopen(opened[0], "rb", buffering=0), opened[1])
        next(pieces)  # now the file is closed with it, also where nobody reads on
        return pieces

    def _pieces(self, key: str, file: IO[bytes], size: int) -> Iterator[bytes]:
        """Nothing, then an open file to its end, which is never further than an object may be long."""
        with file, self._edge("read", key):
            check_bytes(key, size)
            yield b""
            read = 0
            while piece := file.read(_CHUNK):
                read += len(piece)
                check_bytes(key, read)
                yield piece

    def stat(self, key: str) -> Stored | None:
        folders, name = _split(key)
        with self._edge("read", key), self._tree.entered(folders) as folder:
            return None if folder is None else _stored(folder, name, key)

    def list(self, prefix: str) -> Iterator[Stored]:
        above = prefix.rpartition("/")[0]
        if above and not _is_key(above):
            return  # no key begins so
        folders = tuple(above.split("/")) if above else ()
        with self._edge("list", prefix), self._tree.entered(folders) as folder:
            if folder is not None:
                yield from self._below(folder, folders, prefix)

    def folders(self, prefix: str) -> Sequence[str]:
        above = prefix.removesuffix("/")
        if above and not _is_key(above):
            return ()
        with self._edge("list", prefix), self._tree.entered(tuple(above.split("/")) if above else ()) as folder:
            if folder is None:
                return ()
            with os.scandir(folder) as entries:
                names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        return sorted(name for name in names if _is_key(name))

    def delete(self, key: str) -> None:
        folders, name = _split(key)
        with self._edge("delete", key), self._tree.entered(folders) as folder:
            if folder is None:
                return
            with self._tree.made(_LOCKS) as locks, durable.locked(locks, _shard(key)):
                durable.remove(folder, name)

    def prove(self) -> None:
        with self._edge("use", ""):
            self._tree.prove()

    def close(self) -> None:
        self._tree.forget()

    def describe(self) -> str:
        return f"folder {self._tree.root}"

    def location(self) -> str:
        if self._location is None:  # kept: each admission asks
            self._location = Path(os.path.realpath(self._tree.root)).as_uri()
        return self._location

    def elsewhere(self, location: str) -> FileObjectStore | None:
        """The store at another location (`sr_ports.stores.Elsewhere`)."""
        parts = urlsplit(location)
        return FileObjectStore(unquote(parts.path)) if parts.scheme == "file" else None

    def _below(self, folder: int, folders: tuple[str, ...], prefix: str) -> Iterator[Stored]:
        """What is in the folder and below it, in key order: a folder sorts as its name with a slash."""
        base = "".join(f"{part}/" for part in folders)
        with os.scandir(folder) as entries:
            names = sorted(e.name + "/" * e.is_dir(follow_symlinks=False) for e in entries)
        for name in names:
            key = base + name
            if not (key.startswith(prefix) and _is_key(key.removesuffix("/"))):
                continue
            if name.endswith("/"):
                deeper = (*folders, name[:-1])
                with self._tree.entered(deeper) as below:
                    if below is not None:
                        yield from self._below(below, deeper, prefix)
            elif (found := _stored(folder, name, key)) is not None:
                yield found

    def _edge(self, doing: str, key: str) -> AbstractContextManager[None]:
        return port_errors(f"{doing} {key!r} in {self._tree.root}", _CODES, ReasonCode.STORE_UNREACHABLE)


def build(wiring: Wiring[FolderSettings]) -> FileObjectStore:
    """The store of a profile: in `root` where the section gives it, else in the runtime root."""
    return FileObjectStore(wiring.settings.root or wiring.runtime_root)


def _split(key: str) -> tuple[tuple[str, ...], str]:
    check_key(key)
    *folders, name = key.split("/")
    if OWN in key or len(key) > _LONGEST_NAME or not key.isascii():
        _check_parts(key)
    return tuple(folders), name


def _check_parts(key: str) -> None:
    for part in key.split("/"):
        if part.startswith(OWN):
            raise BadInput(ReasonCode.USAGE, f"{key!r} is a name the file store keeps for itself", "use another key")
        if len(part.encode()) > _LONGEST_NAME:
            raise BadInput(ReasonCode.USAGE, f"{key!r} has a part of over 255 bytes", "use a shorter key")


def _is_key(key: str) -> bool:
    try:
        _split(key)
    except BadInput:
        return False
    return True


def _etag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _shard(key: str) -> str:
    """Which of 256 lock files guards the key: a bounded number of them, whatever is stored."""
    return hashlib.sha256(key.encode()).hexdigest()[:2]


def _stored(folder: int, name: str, key: str) -> Stored | None:
    opened = durable.open_file(folder, name)
    if opened is None:
        return None
    digest, size = hashlib.sha256(), 0
    try:
        if opened[1] > longest(key):  # it is not read at all, so this is an ETag that nothing is ever replaced by
            return Stored(key, opened[1], f"over-{opened[1]}-{os.fstat(opened[0]).st_mtime_ns}")
        while chunk := os.read(opened[0], _CHUNK):
            digest.update(chunk)
            size += len(chunk)
    finally:
        os.close(opened[0])
    return Stored(key, size, digest.hexdigest())
