"""Hashing laws that break a law each."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import attrs
import pytest

from sr_ports import BundleView, EvidenceFault, HashingLaw, IndexEntry, VerificationMethod
from sr_ports.conformance.laws import Covers, HashingLawLaws
from tests.conformance.broken.making import suites


def sha(*parts: bytes) -> str:
    return hashlib.sha256(b"\x00".join(parts)).hexdigest()


class Sound:
    """Names, sizes and bytes of every file."""

    kind = "any"

    def digest(self, bundle: BundleView) -> str:
        whole = hashlib.sha256(self.before(bundle))
        for file in bundle.files():
            whole.update(self.head(file.path, file.size))
            for chunk in self.chunks(bundle, file.path):
                whole.update(chunk)
        return whole.hexdigest()

    def before(self, bundle: BundleView) -> bytes:
        del bundle
        return b""

    def head(self, path: str, size: int) -> bytes:
        return f"{path}\x00{size}\x00".encode()

    def chunks(self, bundle: BundleView, path: str) -> Sequence[bytes]:
        return list(bundle.stream(path))


class FirstByteOnly(Sound):
    def chunks(self, bundle: BundleView, path: str) -> Sequence[bytes]:
        return [b"".join(bundle.stream(path))[:1]]


class FirstChunkOnly(Sound):
    def chunks(self, bundle: BundleView, path: str) -> Sequence[bytes]:
        return [next(iter(bundle.stream(path)), b"")]


class FirstBlockOnly(Sound):
    def chunks(self, bundle: BundleView, path: str) -> Sequence[bytes]:
        return [b"".join(bundle.stream(path))[:4096]]


class LastByteLeftOut(Sound):
    def chunks(self, bundle: BundleView, path: str) -> Sequence[bytes]:
        return [b"".join(bundle.stream(path))[:-1]]


class IgnoresNames(Sound):
    def head(self, path: str, size: int) -> bytes:
        return f"{size}\x00".encode()


class BlursBorders(Sound):
    def head(self, path: str, size: int) -> bytes:
        return b""

    def before(self, bundle: BundleView) -> bytes:
        return "\x00".join(file.path for file in bundle.files()).encode()


class NamesForBorders(Sound):
    def head(self, path: str, size: int) -> bytes:
        return f"\n{path}\x00".encode()


class AddsUp:
    """The sum of the files' digests: which file has which bytes is lost."""

    kind = "any"

    def digest(self, bundle: BundleView) -> str:
        names = int(sha(*(file.path.encode() for file in bundle.files())), 16)
        whole = sum((int(bundle.sha256([file.path]), 16) for file in bundle.files()), names)
        return f"{whole % 2**256:064x}"


class OneFileOnly:
    kind = "any"

    def digest(self, bundle: BundleView) -> str:
        names = [file.path for file in bundle.files()]
        return sha(*(name.encode() for name in names), bundle.sha256(names[:1]).encode())


class LooksAtTheTime(Sound):
    """When the file in the working folder was written, where there is one."""

    def head(self, path: str, size: int) -> bytes:
        written = Path(path).stat().st_mtime if Path(path).exists() else 0
        return f"{path}\x00{size}\x00{written}".encode()


class OpensByName(Sound):
    def chunks(self, bundle: BundleView, path: str) -> Sequence[bytes]:
        return [Path(path).read_bytes()] if Path(path).exists() else super().chunks(bundle, path)


class OpensFiles(Sound):
    def before(self, bundle: BundleView) -> bytes:
        return Path("/etc/passwd").read_bytes()[:0]


class OpensOnce(Sound):
    """Reads a file of the machine when it is first asked."""

    def __init__(self) -> None:
        self.salt: bytes | None = None

    def before(self, bundle: BundleView) -> bytes:
        if self.salt is None:
            self.salt = Path("/etc/passwd").read_bytes()
        return self.salt


class ListsFolders(Sound):
    def before(self, bundle: BundleView) -> bytes:
        return str([*Path("/").iterdir()])[:0].encode()


class CountsCalls(Sound):
    def __init__(self) -> None:
        self.calls = 0

    def before(self, bundle: BundleView) -> bytes:
        self.calls += 1
        return b"%d" % self.calls


class RemembersTheFirst(Sound):
    def __init__(self) -> None:
        self.first: str | None = None

    def digest(self, bundle: BundleView) -> str:
        self.first = self.first or super().digest(bundle)
        return self.first


KEPT: list[bytes] = []


class KeepsWhatItMet(Sound):
    """A hasher of all that was ever judged, in a list of the module."""

    def before(self, bundle: BundleView) -> bytes:
        KEPT.append(b"x")
        return b"".join(KEPT)


class MixesThreads(Sound):
    """One hasher for all calls."""

    def __init__(self) -> None:
        self.whole = hashlib.sha256()

    def digest(self, bundle: BundleView) -> str:
        self.whole = hashlib.sha256()
        for file in bundle.files():
            self.whole.update(self.head(file.path, file.size))
            for chunk in bundle.stream(file.path):
                self.whole.update(chunk)
        return self.whole.hexdigest()


class ReadsTheClock(Sound):
    def before(self, bundle: BundleView) -> bytes:
        return b"%d" % (time.time() // 86400)


class ReadsTheCalendar(Sound):
    def before(self, bundle: BundleView) -> bytes:
        return datetime.now(UTC).date().isoformat().encode()


class Throws(Sound):
    def before(self, bundle: BundleView) -> bytes:
        return random.randbytes(4)


class Shouts(Sound):
    def digest(self, bundle: BundleView) -> str:
        return super().digest(bundle).upper()


class SwallowsFaults(Sound):
    def chunks(self, bundle: BundleView, path: str) -> Sequence[bytes]:
        try:
            return list(bundle.stream(path))
        except EvidenceFault:
            return []


@attrs.frozen
class Vector:
    """A small bundle and what a law makes of it."""

    digest: str | None
    note: str = "one file"
    files: Mapping[str, bytes] = attrs.field(factory=lambda: {"a": b"a"})
    method: VerificationMethod = attrs.field(factory=lambda: VerificationMethod("any"))
    index: tuple[IndexEntry, ...] = ()
    flag: str | None = None


class WithVectors(Sound):
    vectors = (Vector(hashlib.sha256(b"a\x001\x00a").hexdigest()), Vector(sha(), files={}))


class NotByItsVectors(Sound):
    vectors = (Vector(sha(b"a")),)


class Suite(HashingLawLaws):
    __test__ = False
    kind: ClassVar[Callable[[], HashingLaw]]

    @pytest.fixture
    def law(self) -> HashingLaw:
        return type(self).kind()

    @pytest.fixture
    def covers(self) -> Covers:
        return Covers(unlisted=True)


class TestSound(Suite):
    """The twin."""

    __test__ = True
    kind = Sound


class TestSoundWithVectors(Suite):
    """The twin, with vectors."""

    __test__ = True
    kind = WithVectors


BROKEN = (
    (NotByItsVectors, "H1"),
    (FirstByteOnly, "H2"), (FirstChunkOnly, "H2"), (FirstBlockOnly, "H2"), (LastByteLeftOut, "H2"),
    (IgnoresNames, "H2"), (BlursBorders, "H2"), (NamesForBorders, "H2"),
    (AddsUp, "H2"), (OneFileOnly, "H2"), (RemembersTheFirst, "H2"),
    (LooksAtTheTime, "H1"), (OpensByName, "H1"), (CountsCalls, "H1"), (KeepsWhatItMet, "H1"), (MixesThreads, "H1"),
    (ReadsTheClock, "H1"), (ReadsTheCalendar, "H1"), (Throws, "H1"), (Shouts, "H1"), (OpensFiles, "H3"),
    (OpensOnce, "H3"), (ListsFolders, "H3"), (SwallowsFaults, "H3"),
)  # fmt: skip
globals().update(suites(Suite, BROKEN))
