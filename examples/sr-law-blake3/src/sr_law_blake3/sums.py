"""The lines of a ``B3SUMS`` file, as ``b3sum --check`` reads them.

Nothing is taken that b3sum refuses. Refused besides: absolute paths and those that lead out of the bundle, which b3sum
follows, ``-``, which is its own standard input, and paths that name a folder.
"""

import re
from collections.abc import Iterator

from sr_ports import CutShort, EvidenceFault, ReasonCode

Line = tuple[str, str]
"""A path below the bundle root, in one spelling, and its digest in lower-case hex."""

_HEX = re.compile(r"[0-9a-f]{64}")
_TAG = "BLAKE3 ("
_BACK = "\\"
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)
_ESCAPED = {"\\": "\\", "n": "\n", "r": "\r"}
_BEGUN = re.compile(r"[0-9a-f]{0,63}|[0-9a-f]{64}(?: | {2}.*)?", re.DOTALL)


def lines(flag: bytes) -> Iterator[Line]:
    """Each line's path and digest. Raises `EvidenceFault`; `CutShort` where the file merely ends too early."""
    *ended, rest = _text(flag).split("\n")
    for number, line in enumerate(ended, 1):
        yield _line(line.rstrip("\r"), number)
    if rest or not ended:
        raise _unended(rest, len(ended) + 1)


def line_of(path: str, digest: str) -> str:
    """The line that ``b3sum`` writes of a file."""
    name = path.replace("\\", r"\\").replace("\n", r"\n").replace("\r", r"\r")
    return f"{'' if name == path else _BACK}{digest}  {name}\n"


def _text(flag: bytes) -> str:
    try:
        return flag.decode("utf-8")
    except UnicodeDecodeError as error:
        number = flag.count(b"\n", 0, error.start) + 1
        raise EvidenceFault(ReasonCode.FLAG_MALFORMED, f"line {number} is no UTF-8") from None


def _line(line: str, number: int) -> Line:
    escaped = line.startswith("\\")
    bare = line[1:] if escaped else line
    digest, apart, name = bare.partition("  ")
    if not apart and bare.startswith(_TAG):
        name, apart, digest = bare.removeprefix(_TAG).rpartition(") = ")
    if not apart or not _HEX.fullmatch(digest):
        raise _refused(number, "is not as b3sum writes it")
    name = _unescaped(name, number) if escaped else name
    if name in ("", "-") or "\0" in name or "\ufffd" in name:  # "-" is b3sum's own standard input
        raise _refused(number, "names no file for certain")
    return _plain(name, number), digest


def _unescaped(name: str, number: int) -> str:
    if any(found[1] not in _ESCAPED for found in _ESCAPE.finditer(name)):
        raise _refused(number, "has an escape that there is not")
    return _ESCAPE.sub(lambda found: _ESCAPED[found[1]], name)


def _plain(name: str, number: int) -> str:
    """The path in one spelling: ``./a`` and ``.//a`` are ``a``."""
    parts = name.split("/")
    if name.startswith("/") or ".." in parts:
        raise EvidenceFault(ReasonCode.PATH_ESCAPES, f"line {number} names a file outside the bundle")
    if parts[-1] in ("", "."):
        raise _refused(number, "names a folder")
    return "/".join(part for part in parts if part not in ("", "."))


def _unended(rest: str, number: int) -> EvidenceFault:
    """What has no line end: a line that is still being written, or none."""
    bare = rest.removeprefix("\\")
    if _BEGUN.fullmatch(bare) or _TAG.startswith(bare) or bare.startswith(_TAG):
        return CutShort(ReasonCode.FLAG_MALFORMED, f"line {number} ends too early: it has no line end")
    return _refused(number, "is not as b3sum writes it")


def _refused(number: int, why: str) -> EvidenceFault:
    return EvidenceFault(ReasonCode.FLAG_MALFORMED, f"line {number} {why}")
