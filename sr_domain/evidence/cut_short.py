"""Whether a small text from outside merely ends too early: it may still be on its way (spec: behaviour, "Evidence")."""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection

_SPACE = re.compile(r"[ \t\n\r]*")
_TOKEN = re.compile(
    r"""(?P<mark>[{}\[\],:])|(?P<text>"(?:[^"\\\x00-\x1f]++|\\["\\/bfnrt]|\\u[0-9A-Fa-f]{4})*+")"""
    r"""|(?P<word>-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)"""
)
_CUT_TEXT = re.compile(r"""\A"(?:[^"\\\x00-\x1f]++|\\["\\/bfnrt]|\\u[0-9A-Fa-f]{4})*+(?:\\(?:u[0-9A-Fa-f]{0,3})?)?\Z""")
_CUT_NUMBER = re.compile(r"\A-?(?:(?:0|[1-9]\d*)(?:\.|(?:\.\d+)?[eE][+-]?)?)?\Z")
_WORDS = ("true", "false", "null")
_DEPTH = 100
_HEX = re.compile(r"[0-9A-Fa-f]*\Z")
_HOLE = b"\0"
"""What a file that got its length beforehand holds where nothing was written yet."""
_NEXT: dict[tuple[str, str], str] = {
    ("value", "{"): "name or }",
    ("value", "["): "value or ]",
    ("value or ]", "{"): "name or }",
    ("value or ]", "["): "value or ]",
    ("colon", ":"): "value",
}


def json_cut_short(data: bytes) -> bool:
    """Whether the bytes are the beginning of a JSON object or list that goes on; nothing at all is one, too."""
    if data.endswith(_HOLE):
        written = data.rstrip(_HOLE)
        return json_cut_short(written) or _json_whole(written)
    text, whole = _decoded(data)
    if text is None:
        return False
    text = text.removeprefix("\ufeff")
    scan = _Scan(text)
    at = scan.last_token()
    rest = text[at:]
    if scan.broken or scan.done:
        return False
    if not whole:  # a character was cut in two, and only texts have those
        return scan.takes_text and _CUT_TEXT.match(rest) is not None
    return not rest or scan.may_begin(rest)


def flag_cut_short(data: bytes, names: Collection[str], length: int = 64) -> bool:
    """Whether the bytes are the beginning of a passed flag: text with so much hex, or a JSON object."""
    if codecs.BOM_UTF8.startswith(data):
        return True
    text = data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace").lstrip()
    if text[:1] == "{":
        return json_cut_short(data)
    if data.endswith(_HOLE):
        written = data.rstrip(_HOLE)
        whole = written.rstrip()
        return flag_cut_short(written, names, length) or (
            _HEX.match(whole[-1:].decode("ascii", "replace")) is not None and flag_cut_short(whole[:-1], names, length)
        )
    for name in names:
        if name.startswith(text):
            return True
        if text.startswith(name):
            told = text[len(name) :].lstrip()
            if not told or (told[0] == "=" and _hex_begun(told[1:].lstrip(), length)):
                return True
    return False


def _hex_begun(text: str, length: int) -> bool:
    return len(text) < length and _HEX.match(text) is not None


def _json_whole(data: bytes) -> bool:
    text, whole = _decoded(data)
    scan = _Scan((text or "").removeprefix("\ufeff"))
    scan.last_token()
    return whole and scan.done and not scan.broken


def _decoded(data: bytes) -> tuple[str | None, bool]:
    """The text, and whether it ends with a whole character; None for what is no UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        text = decoder.decode(data)
    except UnicodeDecodeError:
        return None, True
    return text, not decoder.getstate()[0]


class _Scan:
    """Reads whole tokens of one JSON document, as far as they come."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._open: list[str] = []
        self._wanted = "value"
        self.broken = self.done = False

    @property
    def takes_text(self) -> bool:
        """Whether a text may come next."""
        return bool(self._open) and self._wanted in ("value", "value or ]", "name", "name or }")

    def may_begin(self, rest: str) -> bool:
        """Whether what no whole token was read from is the beginning of one that may come next."""
        if self.takes_text and _CUT_TEXT.match(rest):
            return True
        value = bool(self._open) and self._wanted in ("value", "value or ]")
        return value and (any(word.startswith(rest) for word in _WORDS) or _CUT_NUMBER.match(rest) is not None)

    def last_token(self) -> int:
        """Where the last whole token ends, and the white space behind it."""
        at = _SPACE.match(self._text, 0).end()  # type: ignore[union-attr]
        while not self.broken and not self.done and (token := _TOKEN.match(self._text, at)) is not None:
            if token.lastgroup == "word" and _goes_on(self._text, token.end()):
                return at
            self._take(str(token.lastgroup), token[0])
            at = _SPACE.match(self._text, token.end()).end()  # type: ignore[union-attr]
        if self.done and at < len(self._text):
            self.broken = True
        return at

    def _take(self, kind: str, one: str) -> None:
        if kind == "mark" and one in "]}":
            self._close(one)
        elif (self._wanted, one) in _NEXT:
            self._wanted = _NEXT[self._wanted, one]
            if one in "{[":
                self._open.append("}" if one == "{" else "]")
                self.broken = len(self._open) > _DEPTH
        elif one == "," and self._wanted == "comma":
            self._wanted = "name" if self._open[-1] == "}" else "value"
        elif kind == "text" and self._wanted in ("name", "name or }"):
            self._wanted = "colon"
        elif kind != "mark" and self._wanted in ("value", "value or ]") and self._open:
            self._wanted = "comma"
        else:
            self.broken = True

    def _close(self, one: str) -> None:
        empty = {"}": "name or }", "]": "value or ]"}[one]
        if not self._open or self._open[-1] != one or self._wanted not in ("comma", empty):
            self.broken = True
            return
        self._open.pop()
        self._wanted = "comma"
        self.done = not self._open


def _goes_on(text: str, at: int) -> bool:
    """Whether a number is read in part: what stands behind it belongs to it, and is cut short."""
    return at < len(text) and text[at] in ".eE"
