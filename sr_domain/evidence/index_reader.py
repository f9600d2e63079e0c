"""A bundle's index, entry by entry: what is kept of it is what it lists, whatever else it holds.

Strict JSON as `strict_json` reads it, in a window that moves over the file. A bound is met before anything
grows: in bytes, in entries, in the length of one entry, in depth.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NoReturn

from sr_domain.encoding.bounds import MAX_DEPTH, too_deep_at
from sr_domain.encoding.strict_json import DECODER, SURROGATE
from sr_domain.evidence.small_files import first_line
from sr_ports import CutShort, EvidenceFault, ReasonCode

MAX_INDEX: Final = 256 << 20
"""Bytes of an index."""
MAX_ENTRIES: Final = 1_000_000
MAX_ENTRY: Final = 32 << 10
"""Characters of one entry, and of any other value beside the list."""
SHAPES: Final = ("files", "entries", "items", "members")

_AHEAD: Final = 2 * MAX_ENTRY
_MAX_FIELDS: Final = 1000
_LONGEST: Final = 3
"""Bytes of a character of UTF-8 that is cut short."""
_SPACES = " \t\n\r"
_SPACE = re.compile(r"[ \t\n\r]*")
_HOLE = "\0"
_ENDS = {"{": "},", '"': '",'}
"""How an entry ends that begins so, where another follows."""


def index_entries(chunks: Iterable[memoryview], path: str, most: int | None = None) -> Iterator[Any]:
    """The entries of the index in these bytes, in its order.

    `path`: of the index, for people. `most`: entries that it may have, else as an index. Raises `EvidenceFault`:
    `INDEX_MALFORMED`, or the code of the bound that it is over; `CutShort` where it merely ends too early. An index is
    sound only where the last entry was given.
    """
    window = _Window(chunks, path, MAX_ENTRIES if most is None else most)
    opening = window.peek()
    if opening == "[":
        yield from window.entries("[")
    elif opening == "{":
        yield from _listed(window, path)
    else:
        window.broken()
    window.end()


def _listed(window: _Window, path: str) -> Iterator[Any]:
    """The entries of the one list that an object has under a known name; all else in it is passed over."""
    window.pass_over("{", "{")
    seen: set[str] = set()
    shapes = 0
    before = "{"
    while not (window.peek() == "}" and not seen):
        key = window.value(before)
        if not isinstance(key, str):
            window.broken()
        if key in seen:
            raise window.malformed(f"the key {key[:60]!r} stands twice in one object")
        if len(seen) >= _MAX_FIELDS:
            raise EvidenceFault(ReasonCode.DOCUMENT_TOO_MANY, f"{path}: more than {_MAX_FIELDS} fields", path)
        seen.add(key)
        window.pass_over(":", f'{before}"k"')
        if key in SHAPES:
            shapes += 1
            if window.peek() in ("", _HOLE):
                window.broken()
            if shapes > 1 or window.peek() != "[":
                raise _no_index(path)
            yield from window.entries('{"k":[')
        else:
            window.value('{"k":')
        if window.peek() != ",":
            break
        window.pass_over(",", '{"k":0')
        before = '{"k":0,'
    window.pass_over("}", '{"k":0' if seen else "{")
    if shapes != 1:
        raise _no_index(path)


def _no_index(path: str) -> EvidenceFault:
    shapes = ", ".join(SHAPES)
    return EvidenceFault(
        ReasonCode.INDEX_MALFORMED, f"{path} is neither a list nor an object with one of {shapes}", path
    )


class _Window:
    """The part of the text that is looked at. `before`: what stands for all that was read, for `json_cut_short`."""

    def __init__(self, chunks: Iterable[memoryview], path: str, most: int) -> None:
        self._chunks = iter(chunks)
        self._path, self._most = path, most
        self._singly = 0
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._text, self._at, self._begins = "", 0, b""
        self._left, self._ended, self._escaped = MAX_INDEX, False, False
        self._before, self._tail = "", b""
        self._fill()

    def _fill(self) -> None:
        """Have a whole entry before the eyes, or the end."""
        if self._ended or len(self._text) - self._at >= _AHEAD:
            return
        parts = [self._text[self._at :]]
        size = len(parts[0])
        while size < _AHEAD and not self._ended:
            parts.append(self._next())
            size += len(parts[-1])
        self._singly -= self._at
        self._text, self._at = "".join(parts), 0
        self._escaped = self._escaped or SURROGATE.search(self._text) is not None

    def _next(self) -> str:
        chunk = next(self._chunks, None)
        if chunk is None:
            self._ended, self._tail = True, self._decoder.getstate()[0]
            return ""
        self._counted(chunk)
        self._begins = self._begins or bytes(chunk[:4096])
        try:
            return self._decoder.decode(chunk)
        except UnicodeDecodeError as error:
            return self._torn(error.object, error.start)

    def _counted(self, chunk: memoryview) -> memoryview:
        self._left -= len(chunk)
        if self._left < 0:
            what = f"{self._path} is larger than {MAX_INDEX} bytes"
            raise EvidenceFault(ReasonCode.DOCUMENT_TOO_LARGE, what, self._path)
        return chunk

    def _torn(self, data: bytes, at: int) -> str:
        """The text before bytes that are no UTF-8, where they are a character cut in two with a hole behind."""
        begun = data[at:].rstrip(b"\0")
        self._decoder.reset()
        if len(begun) > _LONGEST or begun == data[at:] or not self._only_holes():
            raise self.malformed("not valid UTF-8 text") from None
        self._ended, self._tail = True, begun + b"\0"
        return data[:at].decode("utf-8", "replace")

    def peek(self) -> str:
        """The next letter that is no space; empty at the end."""
        while True:
            self._fill()
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]

    def pass_over(self, mark: str, before: str) -> None:
        """Go behind the mark that must come next."""
        self._before = before
        if self.peek() != mark:
            self.broken()
        self._at += 1

    def value(self, before: str) -> Any:
        """The value that must come next."""
        self._before = before
        if len(self._text) - self._at < _AHEAD or self._text[self._at] in _SPACES:
            self.peek()
            self._fill()
        try:
            node, end = DECODER.raw_decode(self._text, self._at)
        except json.JSONDecodeError:
            self.broken()
        except RecursionError:
            raise self._too_deep() from None
        except ValueError as error:
            raise self.malformed(str(error)) from error
        if end - self._at > MAX_ENTRY:
            raise self._too_long()
        if self._escaped or type(node) is not str:
            self._check(node, end)
        self._at = end
        return node

    def _check(self, node: Any, end: int) -> None:
        self._check_depth(end)
        if self._escaped:
            try:
                json.dumps(node, ensure_ascii=False).encode()
            except UnicodeEncodeError:
                raise self.malformed("not valid UTF-8 text") from None

    def _check_depth(self, end: int) -> None:
        most = self._deeper()
        if self._text.count("[", self._at, end) + self._text.count("{", self._at, end) > most:
            written = self._text[self._at : end].encode("utf-8", "surrogatepass")
            if too_deep_at(written, most) is not None:
                raise self._too_deep()

    def _deeper(self) -> int:
        """How many lists and objects there may be one in another here."""
        return MAX_DEPTH - self._before.count("[") - self._before.count("{")

    def entries(self, opening: str) -> Iterator[Any]:
        """The values of the list that comes next. `opening`: what stands for all up to its bracket."""
        self.pass_over("[", opening[:-1])
        count, before, further = 0, opening, opening + "0,"
        while count or self.peek() != "]":
            several, behind = self._several(before)
            if several and count + len(several) <= self._most:
                self._at, count, before = behind, count + len(several), further
                yield from several
                continue
            if count >= self._most:
                what = f"{self._path} lists more than {self._most} files"
                raise EvidenceFault(ReasonCode.DOCUMENT_TOO_MANY, what, self._path)
            node = self.value(before)
            count += 1
            yield node
            if self._text[self._at : self._at + 1] != "," and self.peek() != ",":
                break
            self._at += 1
            before = further
        self.pass_over("]", opening + "0" if count else opening)

    def _several(self, before: str) -> tuple[list[Any], int]:
        """The entries that are before the eyes whole, and what is behind the comma after them.

        None where they are better taken one by one: the parser tells then what is wrong with which of them. All of
        them together are no longer than one may be.
        """
        if self._at < self._singly:
            return [], 0
        mark = _ENDS.get(self.peek())
        begins = self._at
        end = -1 if mark is None else self._text.rfind(mark, begins, begins + MAX_ENTRY)
        self._before, self._singly = before, max(end, begins)
        nodes = [] if end < 0 else self._parsed(begins, end + 1)
        return nodes, end + len(",x")

    def _parsed(self, begins: int, ends: int) -> list[Any]:
        """The values that this part of the text has, parted by commas; none where it has anything else, or too deep."""
        text = self._text[begins:ends]
        try:
            nodes: list[Any] = DECODER.decode(f"[{text}]")
            if self._escaped:
                json.dumps(nodes, ensure_ascii=False).encode()
        except (ValueError, RecursionError):  # half of a surrogate pair among them
            return []
        flat = text.count("[") + text.count("{") <= len(nodes)
        return nodes if flat or too_deep_at(text.encode("utf-8", "surrogatepass"), self._deeper()) is None else []

    def end(self) -> None:
        """Return only where nothing stands behind."""
        self._before = "[]"
        if self.peek() or self._tail:
            self.broken()

    def broken(self) -> NoReturn:
        """Raise for what no JSON has at this place: it ends too early, or an entry is too long, or it is malformed."""
        from sr_domain.evidence.cut_short import json_cut_short

        self._check_depth(len(self._text))  # before the rest: not every release of Python gives up on depth
        rest = self._text[self._at :]
        if rest.endswith(_HOLE):
            if not self._only_holes():
                raise self.malformed("not JSON")
            rest = rest.rstrip(_HOLE) + _HOLE
        elif not self._ended or len(rest) > _AHEAD:
            if json_cut_short(self._shown(rest[:_AHEAD])):
                raise self._too_long()
            raise self.malformed("not JSON")
        if json_cut_short(self._shown(rest) + self._tail):
            begins = self._begins
            what = f"ends too early: it begins {first_line(begins)}" if begins.strip() else "is empty"
            raise CutShort(ReasonCode.INDEX_MALFORMED, f"{self._path} {what}", self._path)
        raise self.malformed("not JSON")

    def _shown(self, rest: str) -> bytes:
        return (self._before + rest).encode("utf-8", "surrogatepass")

    def _only_holes(self) -> bool:
        """Whether what has not been looked at yet is what a file holds where nothing was written."""
        self._ended = True
        return not any(bytes(self._counted(chunk)).strip(b"\0") for chunk in self._chunks)

    def malformed(self, why: str) -> EvidenceFault:
        """The fault of an index that is no strict JSON."""
        what = f"{self._path}: {why}; it begins {first_line(self._begins)}"
        return EvidenceFault(ReasonCode.INDEX_MALFORMED, what, self._path)

    def _too_long(self) -> EvidenceFault:
        what = f"{self._path} has an entry of more than {MAX_ENTRY} characters"
        return EvidenceFault(ReasonCode.NAME_TOO_LONG, what, self._path)

    def _too_deep(self) -> EvidenceFault:
        return EvidenceFault(ReasonCode.DOCUMENT_TOO_DEEP, f"{self._path}: nested deeper than {MAX_DEPTH}", self._path)
