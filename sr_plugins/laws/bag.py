"""A bag as a whole: what its texts say, held against what is there."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from typing import Any, Final

import attrs

from sr_domain.evidence.bundle import member_fault
from sr_plugins.laws.bag_lines import Declared, Line, fetched, malformed, manifest_lines
from sr_plugins.laws.manifest_lines import canonical_digest, digests
from sr_ports import BundleView, EvidenceFault, ReasonCode

ACCEPTED: Final = ("sha256", "sha512")
PAYLOAD: Final = "data/"
_MANIFEST = re.compile(r"(tag)?manifest-([A-Za-z0-9_-]+)\.txt")
_OXUM = re.compile(r"^Payload-Oxum[ \t]*:[ \t]*(\d{1,20})\.(\d{1,20})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_SYSTEM = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_SMALL: Final = 1 << 20


@attrs.frozen
class Manifest:
    """`algorithm`: as `hashlib` names it. `digests`: raw, by path. `odd`: what is worth a note."""

    name: str
    tag: bool
    algorithm: str
    digests: dict[str, bytes]
    odd: set[str]


class Bag:
    """One bag, by the view of it. What is wrong is raised as `EvidenceFault`, paths relative to the bag."""

    def __init__(self, view: BundleView) -> None:
        self._view = view
        self._sizes = {one.path: one.size for one in view.files()}

    def digest(self) -> str:
        """See `BagIt.digest`."""
        self._check_manifests()
        self._check_payload()
        actual = self._check_bytes()
        self._check_oxum()
        return canonical_digest(lambda: ((line.path, actual[path]) for line, path in self._flag_lines()))

    def culprit(self) -> str | None:
        """The first file, in the order of the flag, whose bytes are not as the flag says."""
        algorithm = self._flag[2]
        wrong = (
            path
            for line, path in self._flag_lines()
            if digests(self._view, path, [algorithm])[algorithm] != line.digest
        )
        return next(wrong, None)

    def notes(self) -> Iterator[str]:
        """What the specification warns of, and no more."""
        for manifest in self._manifests:
            yield from (f"{manifest.name} {what}" for what in sorted(manifest.odd))
        folded: dict[str, str] = {}
        for path in self._payload_manifests[0].digests:
            other = folded.setdefault(unicodedata.normalize("NFC", path).casefold(), path)
            if other != path:
                yield f"{other} and {path} differ in case or normal form alone"
            if path.rpartition("/")[2] in _SYSTEM:
                yield f"{path} is a file of some operating system's own"

    @cached_property
    def _declared(self) -> Declared:
        return Declared.of(self._small("bagit.txt"))

    def _small(self, path: str) -> bytes:
        """A short file's bytes. Raises where there is none."""
        held = bytearray()
        for chunk in self._view.stream(path):
            held += chunk
            if len(held) > _SMALL:
                raise EvidenceFault(ReasonCode.DOCUMENT_TOO_LARGE, f"{path} is larger than {_SMALL} bytes", path)
        return bytes(held)

    @cached_property
    def _named(self) -> list[tuple[str, bool, str]]:
        """The manifests that are there: name, whether of tags, algorithm. The flag is one of them."""
        found = ((path, _MANIFEST.fullmatch(path)) for path in self._sizes)
        return [(path, match[1] is not None, _algorithm(match[2], path)) for path, match in found if match]

    @cached_property
    def _flag(self) -> tuple[str, bool, str]:
        """Which of them is the flag: the one that no law may read."""
        tags = [one for one in self._named if one[1]]
        flag = next((one for one in tags or self._named if self._is_flag(one[0])), None)
        if flag is None:
            wanted = "tagmanifest" if tags else "manifest"
            raise malformed(f"the gate's flag is not a {wanted}-<algorithm>.txt of this bag")
        self._check_accepted(flag[2], flag[0])
        return flag

    def _is_flag(self, path: str) -> bool:
        try:
            self._view.stream(path)
        except PermissionError:
            return True
        return False

    def _check_accepted(self, algorithm: str, name: str) -> None:
        more: Any = self._view.params.get("algorithms", ())
        if algorithm not in (*ACCEPTED, *(_algorithm(str(one), "algorithms") for one in more)):
            raise malformed(f"{name} proves nothing unless the gate's algorithms name {algorithm}", name)

    @cached_property
    def _manifests(self) -> list[Manifest]:
        """All of them, the flag first."""
        flag, declared = self._flag, self._declared
        made = [self._manifest(*flag, self._flag_lines())]
        for name, tag, algorithm in self._named:
            if name != flag[0]:
                lines = manifest_lines(self._view.stream(name), declared.encoding, name)
                found = ((line, self._path(line.path, name, tag=tag)) for line in lines)
                made.append(self._manifest(name, tag, algorithm, found))
        return made

    @property
    def _payload_manifests(self) -> list[Manifest]:
        return [one for one in self._manifests if not one.tag]

    def _flag_lines(self) -> Iterator[tuple[Line, str]]:
        """Each line of the flag as it is written there, and the file that it names."""
        (name, tag, _), encoding = self._flag, self._declared.encoding
        for entry in self._view.index():
            line = Line.heard(entry.path, entry.claim or "")
            yield line, self._path(line.respelt(encoding), name, tag=tag)

    def _path(self, written: str, name: str, *, tag: bool) -> str:
        """The file that a line of a manifest names. Raises for one that is none of that manifest's."""
        path = self._declared.plain(written, self._sizes)
        fault = member_fault(path)
        if fault is not None:
            raise EvidenceFault(fault[0], f"{name} names {path[:120]!r}: {fault[1]}", name)
        if path.startswith(PAYLOAD) is tag:
            raise malformed(f"{name} names {path}, which {'lies' if tag else 'does not lie'} in {PAYLOAD}", name)
        return path

    def _manifest(self, name: str, tag: bool, algorithm: str, lines: Iterable[tuple[Line, str]]) -> Manifest:
        made = Manifest(name, tag, algorithm, {}, set())
        length = 2 * hashlib.new(algorithm, usedforsecurity=False).digest_size
        for line, path in lines:
            if len(line.digest) != length:
                raise malformed(f"{name}: the digest of {path} is none of {algorithm}", name)
            if path not in self._sizes:
                what = f"{path} is not there, and {name} lists it"
                raise EvidenceFault(ReasonCode.INDEXED_FILE_ABSENT, what, path)
            self._take(made, line, path)
        return made

    def _take(self, made: Manifest, line: Line, path: str) -> None:
        digest = bytes.fromhex(line.digest)
        if path in made.digests:
            if made.digests[path] != digest:
                raise malformed(f"{made.name} lists {path} twice, with different digests", made.name)
            if self._declared.version >= (1, 0):
                raise malformed(f"{made.name} lists {path} twice", made.name)
            made.odd.add("lists a file twice")
        made.digests[path] = digest
        if line.marked:
            made.odd.add("has the marks of md5sum's binary mode")
        if line.dotted:
            made.odd.add("names files with ./ before")

    def _check_manifests(self) -> None:
        """There is a payload manifest that may prove, and every tag manifest lists what it must."""
        payload = self._payload_manifests
        if not payload:
            raise malformed("the bag has no manifest of its payload")
        if all(one.algorithm not in ACCEPTED for one in payload):
            for one in payload:
                self._check_accepted(one.algorithm, one.name)
                break
        for manifest in self._manifests:
            owed = [one.name for one in payload] if manifest.tag else []
            owed += ["bagit.txt"] if manifest.tag and manifest.name == self._flag[0] else []
            _check_listed(owed, manifest)

    def _check_payload(self) -> None:
        """Every payload file is on every payload manifest, and so is what is to be fetched."""
        for manifest in self._payload_manifests:
            _check_listed((path for path in self._sizes if path.startswith(PAYLOAD)), manifest)
        if "fetch.txt" not in self._sizes:
            return
        for name in fetched(self._view.stream("fetch.txt"), self._declared.encoding):
            path = self._path(name, "fetch.txt", tag=False)
            if path not in self._sizes:
                what = f"{path} is not there: fetch.txt owes it"
                raise EvidenceFault(ReasonCode.INDEXED_FILE_ABSENT, what, path)

    def _check_bytes(self) -> dict[str, str]:
        """Read each listed file, once; the digests of what the flag lists, which are compared elsewhere."""
        actual: dict[str, str] = {}
        flag, *others = self._manifests
        for path in sorted(set().union(*(one.digests for one in self._manifests))):
            listing = [one for one in self._manifests if path in one.digests]
            found = digests(self._view, path, {one.algorithm for one in listing})
            for one in others:
                if path in one.digests and found[one.algorithm] != one.digests[path].hex():
                    what = f"{path} is not what {one.name} says"
                    raise EvidenceFault(ReasonCode.MEMBER_DIGEST_MISMATCH, what, path)
            if path in flag.digests:
                actual[path] = found[flag.algorithm]
        return actual

    def _check_oxum(self) -> None:
        """Size and number of payload files, where ``bag-info.txt`` tells them."""
        if "bag-info.txt" not in self._sizes:
            return
        text = self._small("bag-info.txt").decode(self._declared.encoding, "replace")
        found = _OXUM.search(text)
        sizes = [size for path, size in self._sizes.items() if path.startswith(PAYLOAD)]
        if found is not None and (int(found[1]), int(found[2])) != (sum(sizes), len(sizes)):
            what = f"bag-info.txt tells of {found[0].strip()}, and there are {sum(sizes)}.{len(sizes)}"
            raise malformed(what, "bag-info.txt")


def _check_listed(paths: Iterable[str], manifest: Manifest) -> None:
    """Raise for the first file that the manifest must list and does not."""
    lacking = next((path for path in paths if path not in manifest.digests), None)
    if lacking is not None:
        what = f"{lacking} is on no line of {manifest.name}"
        raise EvidenceFault(ReasonCode.FILE_UNLISTED, what, lacking)


def _algorithm(name: str, where: str) -> str:
    """The algorithm as `hashlib` names it. Raises `EvidenceFault` for one that is not known."""
    found = _known().get(_normal(name))
    if found is None:
        raise malformed(f"{where}: {name} is no digest that is known here", where if "." in where else None)
    return found


def _normal(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())


@cache
def _known() -> dict[str, str]:
    """Algorithms with digests of one length, by their names in file names."""
    return {_normal(name): name for name in sorted(hashlib.algorithms_available) if not name.startswith("shake")}
