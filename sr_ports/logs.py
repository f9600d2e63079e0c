"""Engine output in bounded memory: the tail that is kept, and the lines that are shown."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from sr_ports.errors import one_line

LINES_A_SECOND = 50
"""Lines of a stream that are shown while it runs; the log has what is left out, as far as it reaches."""

_LONGEST_LINE = 4096
_LINE_ENDS = re.compile(rb"[\r\n]+")  # a bare return is how progress bars end a line
_SHOWN = 600
_NOTE_BYTES = 128


class LogTail:
    """The last bytes of a stream, at most `limit` of them, memory at most about twice that.

    A stream that was longer begins with a line saying how much was cut.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = bytearray()
        self._seen = 0

    def write(self, data: bytes) -> None:
        """Take the next bytes."""
        self._seen += len(data)
        self._kept += data[-self._limit :]
        if len(self._kept) > 2 * self._limit:
            del self._kept[: -self._limit]

    def value(self) -> bytes:
        """What is kept, note included, in `limit` bytes."""
        if self._seen <= self._limit:
            return bytes(self._kept)
        room = max(1, self._limit - _NOTE_BYTES)
        note = f"[{self._seen - room} bytes cut by the log limit; the last {room} of {self._seen} bytes follow]\n"
        return note.encode() + bytes(self._kept[-room:])


class LogLines:
    """Cuts a stream into lines for people: printable, folded, shortened, blank ones left out.

    Lines are passed on at once, of each second the first `LINES_A_SECOND`, then how many were left
    out: whoever is told takes as long for a line as reading hundreds of them, and holds the engine
    up for it. `now`: seconds, of a clock that never goes back.
    """

    def __init__(self, progress: Callable[[str], None], now: Callable[[], float] = time.monotonic) -> None:
        self._progress, self._now = progress, now
        self._rest = b""
        self._since = now()
        self._room, self._left = LINES_A_SECOND, 0

    def write(self, data: bytes) -> None:
        """Take the next bytes; whole lines are passed on at once, of an endless one a piece now and then."""
        self._make_room()
        self._rest += data
        while self._room and self._rest:
            *whole, self._rest = _LINE_ENDS.split(self._rest, self._room)
            if not whole:
                break
            for line in whole:
                self._say(line)
        if not self._room:
            self._leave_out()
        if len(self._rest) > _LONGEST_LINE:
            self._close_line()

    def close(self) -> None:
        """Pass on what has no line end, and what was left out."""
        self._tell_left()
        self._room = 1
        self._close_line()

    def _make_room(self) -> None:
        now = self._now()
        if now >= self._since + 1:
            self._since, self._room = now, LINES_A_SECOND
            self._tell_left()

    def _leave_out(self) -> None:
        end = max(self._rest.rfind(b"\n"), self._rest.rfind(b"\r")) + 1
        self._left += self._rest.count(b"\n", 0, end)
        self._rest = self._rest[end:]

    def _tell_left(self) -> None:
        if self._left:
            self._progress(f"[{self._left} lines of output are not shown]")
            self._left = 0

    def _close_line(self) -> None:
        rest, self._rest = self._rest, b""
        if self._room:
            self._say(rest)

    def _say(self, line: bytes) -> None:
        text = line[:_LONGEST_LINE].decode("utf-8", "replace").strip()
        if not text.isprintable() or len(text) > _SHOWN:
            text = one_line(text, _SHOWN)
        if text:
            self._room -= 1
            self._progress(text)
