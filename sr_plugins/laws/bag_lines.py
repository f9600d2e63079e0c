"""The texts of a bag: ``bagit.txt``, the lines of manifests and of ``fetch.txt``, and how names are written in them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Container, Iterable, Iterator
from typing import Final

import attrs

from sr_ports import CutShort, EvidenceFault, ReasonCode

VERSIONS: Final = ((0, 96), (0, 97), (1, 0))
_SPELT = [(b"%d" % major, b"%d" % minor) for major, minor in VERSIONS]
_DECLARED = re.compile(
    rb"BagIt-Version:[ \t]+(\d{1,4})\.(\d{1,4})[ \t]*(?:\r\n|\n|\r)"
    rb"Tag-File-Character-Encoding:[ \t]+([A-Za-z0-9][A-Za-z0-9._:-]{0,39})[ \t]*[\r\n]*"
)
_LINE = re.compile(r"([0-9A-Fa-f]+)[ \t]+(\*?)(.+)", re.DOTALL)
_FETCHED = re.compile(r"(\S+)[ \t]+(?:\d+|-)[ \t]+(.+)", re.DOTALL)
_ENDS = re.compile(r"\r\n|\n|\r")
_PERCENT = re.compile("%(0[AaDd]|25)")
_BREAKS = re.compile("%(0[AaDd])")
_LONGEST: Final = 32 << 10
_BLOCK: Final = 1 << 16
_SHORTEST_HEX: Final = 32
_NO_TEXTS = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "utf-7"})


def malformed(what: str, path: str | None = None) -> EvidenceFault:
    """A text of the bag that is none."""
    return EvidenceFault(ReasonCode.INDEX_MALFORMED if path else ReasonCode.FLAG_MALFORMED, what, path)


@attrs.frozen
class Declared:
    """What ``bagit.txt`` says. `encoding`: of the other tag files, as Python names it."""

    version: tuple[int, int]
    encoding: str

    @classmethod
    def of(cls, data: bytes) -> Declared:
        """Read it. Raises `EvidenceFault`, `CutShort` where it is empty."""
        name = "bagit.txt"
        if not data.strip(b"\0"):
            raise CutShort(ReasonCode.INDEX_MALFORMED, f"{name} is empty", name)
        found = _DECLARED.fullmatch(data)
        if found is None:
            raise malformed(f"{name} does not say BagIt-Version and Tag-File-Character-Encoding, a line each", name)
        version = int(found[1]), int(found[2])
        if version not in VERSIONS or (found[1], found[2]) not in _SPELT:
            raise malformed(f"{name} is of version {found[1].decode()}.{found[2].decode()}, which is not read", name)
        return cls(version, _codec(found[3].decode()))

    def plain(self, name: str, there: Container[str]) -> str:
        """A name less what is percent-encoded in it: CR, LF, and in version 1.0 the percent sign itself.

        The drafts do not say so of the percent sign: there a name that is `there` as it is written is that.
        """
        if "%" not in name:
            return name
        if self.version >= (1, 0):
            return _PERCENT.sub(lambda found: chr(int(found[1], 16)), name)
        return name if name in there else _BREAKS.sub(lambda found: chr(int(found[1], 16)), name)


def _codec(name: str) -> str:
    try:
        found = codecs.lookup(name)
    except LookupError:
        found = None
    if found is None or not getattr(found, "_is_text_encoding", True) or found.name in _NO_TEXTS:
        raise malformed(f"bagit.txt names the encoding {name}, which is not known", "bagit.txt")
    return found.name


@attrs.frozen
class Line:
    """A line of a manifest: `path` as it is written there, less ``./``. `digest`: lower-case hex.

    `marked`: with the mark of md5sum's binary mode. `dotted`: with ``./`` before. `codec`: what it was read by.
    """

    path: str
    digest: str
    marked: bool = False
    dotted: bool = False
    codec: str = "utf-8"

    def told(self) -> str:
        """All but the path, as text; see `heard`."""
        return f"{self.digest} {self.codec} {self.marked:d}{self.dotted:d}"

    @classmethod
    def heard(cls, path: str, told: str) -> Line:
        """The line that was told so."""
        digest, codec, marks = told.split(" ")
        return cls(path, digest, marks[0] == "1", marks[1] == "1", codec)

    def respelt(self, encoding: str) -> str:
        """The path by the encoding that the bag declares. Raises `EvidenceFault` where it is not of that encoding."""
        wide = encoding.startswith(("utf-16", "utf-32"))
        if encoding == self.codec or (wide and self.codec.startswith(encoding[:6])):
            return self.path
        try:
            if not wide and not self.codec.startswith("utf-16"):
                return self.path.encode(self.codec).decode(encoding)
        except UnicodeError:
            pass
        raise malformed(f"it is not written in {encoding}, which bagit.txt names")


def flag_lines(flag: bytes) -> Iterator[Line]:
    """The lines of the manifest that is the flag; what it is encoded in is told from its bytes."""
    codec = _codec_of(flag)
    chunks = (flag[at : at + _BLOCK] for at in range(0, len(flag), _BLOCK))
    if not flag.strip(b"\0"):
        raise CutShort(ReasonCode.FLAG_MALFORMED, "it is empty")
    for line in manifest_lines(chunks, codec, None):
        yield attrs.evolve(line, codec=codec)


def _codec_of(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if data[1:2] == b"\0":
        return "utf-16-le"
    if data[:1] == b"\0" and data[1:2].strip(b"\0"):
        return "utf-16-be"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for at in range(0, len(data), _BLOCK):  # a long flag is not held as text
            decoder.decode(data[at : at + _BLOCK], final=at + _BLOCK >= len(data))
    except UnicodeDecodeError:
        return "iso8859-1"
    return "utf-8"


def manifest_lines(chunks: Iterable[bytes], encoding: str, name: str | None) -> Iterator[Line]:
    """The lines of a manifest. `name`: its file, None for the flag. Raises `EvidenceFault`, `CutShort`."""
    from sr_domain.evidence.bundle import plain_path

    what = "" if name is None else f"{name}: "
    for text, ended in text_lines(chunks, encoding, name):
        if not text.strip() or text.startswith("#"):
            continue
        found = _LINE.fullmatch(text)
        digest = found[1] if found is not None else text.strip()
        if found is None or len(digest) < _SHORTEST_HEX:
            if not ended and re.fullmatch(r"[0-9A-Fa-f]*", digest):
                raise CutShort(malformed("", name).code, f"{what}its last line ends too early", name)
            raise malformed(f"{what}a line is no digest and file: it begins {text[:60]!r}", name)
        path = plain_path(found[3], folders=True)
        yield Line(path, digest.lower(), bool(found[2]), found[3].startswith("./"))


def fetched(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """The names in ``fetch.txt``, as they are written there. Raises `EvidenceFault`."""
    from sr_domain.evidence.bundle import plain_path

    for text, _ in text_lines(chunks, encoding, "fetch.txt"):
        if text.strip():
            found = _FETCHED.fullmatch(text)
            if found is None:
                raise malformed(f"fetch.txt: a line is no URL, length and file: it begins {text[:60]!r}", "fetch.txt")
            yield plain_path(found[2], folders=True)


def text_lines(chunks: Iterable[bytes], encoding: str, name: str | None) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it has its line end; in bounded memory. Raises `EvidenceFault`."""
    decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)()
    rest = ""
    for chunk in _and_end(chunks):
        rest += _decoded(decoder, chunk, encoding, name)
        last = chunk is None
        lines = _ENDS.split(rest if last else rest[:-1])  # a line feed may follow a return that comes last
        rest = "" if last else lines.pop() + rest[-1:]
        if len(rest) > _LONGEST:
            what = f"{name or 'it'} has a line of more than {_LONGEST} characters"
            raise EvidenceFault(ReasonCode.NAME_TOO_LONG, what)
        yield from ((line, not last or at < len(lines) - 1) for at, line in enumerate(lines))


def _and_end(chunks: Iterable[bytes]) -> Iterator[bytes | None]:
    yield from chunks
    yield None


def _decoded(decoder: codecs.IncrementalDecoder, chunk: bytes | None, encoding: str, name: str | None) -> str:
    try:
        return decoder.decode(b"" if chunk is None else bytes(chunk), final=chunk is None)
    except UnicodeError:
        raise malformed(f"{name or 'it'} is not written in {encoding}, which bagit.txt names", name) from None
