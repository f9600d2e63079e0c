"""The committed corpora: unpacked where their records say their engine roots are, and copied to be worked on."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs

PLACE = Path("/var/tmp")
"""The same on every machine: records name their engine roots by absolute paths."""


@contextmanager
def locked(root: Path, *, exclusive: bool) -> Iterator[None]:
    """Hold the lock beside `root`, alone or with other readers; it is let go of when the process ends."""
    name = root.with_name(root.name + ".lock")
    try:
        handle = os.open(name, os.O_RDONLY)
    except FileNotFoundError:
        handle = os.open(name, os.O_RDONLY | os.O_CREAT, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


@attrs.frozen(slots=False)
class Corpus:
    """What one release left. `folder`: where its archive and manifest are committed. `place`: where it is unpacked."""

    folder: Path
    place: Path = PLACE

    @property
    def root(self) -> Path:
        """Where it was made, and where it must be to be verified."""
        return self.place / f"scenario-runner-corpus-{self.folder.name}"

    @property
    def archive(self) -> Path:
        return self.folder / "corpus.tar.gz"

    @property
    def manifest_file(self) -> Path:
        return self.folder / "manifest.json"

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        made: dict[str, Any] = json.loads(self.manifest_file.read_bytes())
        return made

    @cached_property
    def members(self) -> Mapping[str, str]:
        """Every file of the archive by its path: sha256, or where a link leads."""
        with tarfile.open(fileobj=io.BytesIO(self.archive.read_bytes())) as tar:
            return {one.name: _content(tar, one) for one in tar if not one.isdir()}

    def intact(self) -> bool:
        """Whether the tree at `root` is what the archive holds, no more and no less."""
        return self.root.is_dir() and tree(self.root) == self.members

    def unpack(self) -> None:
        """Make the tree anew, unless it is intact. The lock is the caller's to hold."""
        if self.intact():
            return
        if self.root.exists():
            shutil.rmtree(self.root)
        with tarfile.open(fileobj=io.BytesIO(self.archive.read_bytes())) as tar:
            tar.extractall(self.root, filter="tar")


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    if member.issym():
        return f"-> {member.linkname}"
    file = tar.extractfile(member)
    return hashlib.sha256(b"" if file is None else file.read()).hexdigest()


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder by its path: sha256, or where a link leads."""
    return {
        path.relative_to(folder).as_posix(): f"-> {path.readlink()}"
        if path.is_symlink()
        else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }
