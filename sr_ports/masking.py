"""Secrets out of text and out of streams: passwords in DSNs and URLs, tokens, keys.

Every pattern takes time in proportion to the text, whatever the text: engines write it. So a
match begins with letters that a search can skip to, never with a run of any length, and a run
that was read is not read again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sr_ports import secret_shapes
from sr_ports.secret_shapes import MASK, without_private_keys
from sr_ports.suspect import suspect, without_colours

LONGEST_LINE = 1 << 14
"""Bytes of one line that a `Redactor` keeps back at most; of a longer line it passes on pieces."""
LONGEST_SECRET = 1 << 12
"""In such a line, how far the name and the value of a secret may lie apart, and how long a URL's password may be."""

_URL = re.compile(r"(?P<head>://(?<=[a-zA-Z0-9+.-]://)[^\s/:@]*+)(?P<rest>:[^\s@]++(?P<at>@)?)?")
_PAIR = re.compile(
    r"""(?P<head>[PpSsTtAaCc](?i:(?<=p)(?:ass(?:word|wd|phrase)|wd|rivate[_-]?key)|(?<=s)ecret|(?<=t)oken
          |(?<=a)(?:pi[_-]?key|ccess[_-]?key|uthorization)|(?<=c)redential)[\w.-]*+)
        (?: (?P<sign>\\*+["']?\s*+(?:[=:][=:>]{0,2}+|%3[ADad])\s*+) (?i:(?:bearer|basic)\s++)?+
            (?: "[^"\\]*+(?:\\.[^"\\]*+)*+(?P<double>") | '[^'\\]*+(?:\\.[^'\\]*+)*+(?P<single>')
              | (?P<open>["'])[^\n]*+ | [^\s,;&]++ )
        )?""",
    re.VERBOSE | re.DOTALL,  # the first letter in both cases, so that the search can skip to it
)
_AWS = re.compile(r"A(?<=\bA)(?:KIA|SIA)[A-Z0-9]{16}\b")
# A mask may go on in the next piece of a long line: it is part of a value.
_BEARER = re.compile(r"([Bb](?<=\b[Bb])(?i:earer|asic))\s++(?:\*{3}|[A-Za-z0-9._~+/=-]{8})[A-Za-z0-9._~+/=*-]*+")
_NAME = re.compile(
    r"password|passwd|passphrase|pwd|secret|token|api[_-]?key|private[_-]?key|access[_-]?key|authorization|credential|dsn|cookie",
    re.IGNORECASE,
)
_IN_URL = re.compile(r"://[^\s/:@]*:([^\s@]+)@")
_LEAST_KNOWN = 8
_FOLDERS = frozenset({"PWD", "OLDPWD"})
_GAP = re.compile(rb"[\s,;&]")
_PLACES = 16
_FEW_LINES = 1 << 10


def redact(text: str) -> str:
    """`text` with every recognisable secret masked; the same text when there is none."""
    if "\x1b" in text:
        bare = without_colours(text)
        told = _redact(bare)
        return text if told == bare else told
    return _redact(text)


def _redact(text: str) -> str:
    text = without_passwords(without_private_keys(text)[0])
    text = secret_shapes.masked(text, _named_secret)
    text = _PAIR.sub(_without_value, text)
    text = _BEARER.sub(lambda match: f"{match[1]} {MASK}", text)
    return _AWS.sub(MASK, text)


def _named_secret(name: str) -> bool:
    return _NAME.search(name) is not None


def without_passwords(text: str) -> str:
    """`text` with the passwords of URLs masked, and nothing else."""
    return _URL.sub(_without_password, text)


def _without_password(match: re.Match[str]) -> str:
    return f"{match['head']}:{MASK}@" if match["at"] else match[0]


def _without_value(match: re.Match[str]) -> str:
    """The name, and a mask between the quotes of the value. What opens a quote without closing it is
    all value, and stays open: the next piece of the line may close it."""
    if match["sign"] is None:
        return match[0]
    closed = match["double"] or match["single"] or ""
    return f"{match['head']}{match['sign']}{closed or match['open'] or ''}{MASK}{closed}"


def redact_bytes(data: bytes) -> bytes:
    """Output of a program, which may be no text at all, with every recognisable secret masked, line by
    line; other bytes stay as they are."""
    return _told(data, False)[0]


def _told(data: bytes, inside: bool) -> tuple[bytes, bool]:
    """The bytes without their secrets. `inside`: as of `without_private_keys`."""
    if inside or b"PRIVATE KEY" in data:
        text, inside = without_private_keys(data.decode("latin-1"), inside)
        data = text.encode("latin-1")
    return _by_line(data), inside


def _by_line(data: bytes) -> bytes:
    if not _suspect_bytes(data):
        return data
    middle = data.find(b"\n", len(data) // 2) + 1
    if len(data) > _FEW_LINES and 0 < middle < len(data):  # most of a block with a secret in it has none
        return _by_line(data[:middle]) + _by_line(data[middle:])
    return b"".join(
        redact(line.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        if _suspect_bytes(line)
        else line
        for line in data.splitlines(keepends=True)
    )


def _suspect_bytes(data: bytes) -> bool:
    """`suspect`, of bytes: what it looks for is ASCII, which reads the same in any encoding here."""
    return suspect(data.decode("latin-1"))


def secret_values(named: Mapping[str, str]) -> tuple[bytes, ...]:
    """What is secret of an environment, the longest first: values by their names, a line each, and passwords in URLs.

    A short one is left out: it may be a word like any other.
    """
    found = {line for name, value in named.items() if _is_secret(name) for line in value.splitlines()}
    found |= {match[1] for value in named.values() for match in _IN_URL.finditer(value)}
    long = (one.strip().encode("utf-8", "surrogateescape") for one in found)
    return tuple(sorted((one for one in long if len(one) >= _LEAST_KNOWN), key=lambda one: (-len(one), one)))


def _is_secret(name: str) -> bool:
    return name not in _FOLDERS and _named_secret(name)


class Redactor:
    """Passes a stream on to `take` without its secrets, in whole lines, in bounded memory.

    However the bytes arrive, a line is looked at as a whole, so no secret hides on the border of two
    reads. Of a line longer than `LONGEST_LINE` pieces are passed on, all but about the last
    `LONGEST_SECRET` bytes of what has come: a value that goes on is by then a mask, whose name stays
    in sight, and so may be of any length. `close` passes on a last line without end.

    `known`: values that are secrets wherever they stand, whatever is around them (`secret_values`).
    """

    def __init__(self, take: Callable[[bytes], object], known: Sequence[bytes] = ()) -> None:
        self._take, self._known = take, known
        self._rest = b""
        self._inside = False

    def write(self, data: bytes) -> None:
        """Take the next bytes."""
        data = self._rest + data
        for value in self._known:  # one that has not come whole yet is in what is kept back
            data = data.replace(value, MASK.encode())
        end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1  # a bare return is how progress bars end a line
        if end:
            told, self._inside = _told(data[:end], self._inside)
            self._take(told)
        self._rest = data[end:]
        if len(self._rest) > LONGEST_LINE:
            self._pass_piece()

    def _pass_piece(self) -> object:
        """Of a long line without end: up to a place that lies in no secret, which the redaction of both
        sides tells; inside a secret longer than all that is kept back, what is masked is cut."""
        rest, near = self._rest, len(self._rest) - LONGEST_SECRET
        told = _told(rest, self._inside)[0]
        if self._inside and told != rest:
            self._rest = told
            return None
        places = [near - LONGEST_SECRET + gap.end() for gap in _GAP.finditer(rest[near - LONGEST_SECRET : near])]
        for cut in (near, *places[: -_PLACES - 1 : -1]):
            piece = redact_bytes(rest[:cut])
            if piece + redact_bytes(rest[cut:]) == told:
                self._rest = rest[cut:]
                return self._take(piece)
        self._rest = told[-LONGEST_SECRET:]
        return self._take(told[:-LONGEST_SECRET])

    def close(self) -> None:
        """Pass on what has no line end."""
        rest, self._rest = self._rest, b""
        if rest:
            self._take(_told(rest, self._inside)[0])


def redacted(node: Any) -> Any:
    """A JSON-like value with secrets masked: by the name of their key, and inside every text."""
    if isinstance(node, str):
        return redact(node)
    if isinstance(node, Mapping):
        return {key: MASK if _NAME.search(str(key)) and value else redacted(value) for key, value in node.items()}
    return [redacted(one) for one in node] if isinstance(node, list | tuple) else node
