"""Engine output in bounded memory: the tail that is kept, and the lines that are shown."""

from __future__ import annotations

from collections.abc import Callable

from sr_ports import one_line

_LONGEST_LINE = 4096
_SHOWN = 600
_NOTE_BYTES = 128


class Tail:
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


class Lines:
    """Cuts a stream into lines for people: printable, folded, shortened, blank ones left out."""

    def __init__(self, progress: Callable[[str], None]) -> None:
        self._progress = progress
        self._rest = b""

    def write(self, data: bytes) -> None:
        """Take the next bytes; whole lines are passed on at once, of an endless one a piece now and then."""
        # a bare return is how progress bars end a line
        *whole, self._rest = (self._rest + data).replace(b"\r", b"\n").split(b"\n")
        for line in whole:
            self._say(line)
        if len(self._rest) > _LONGEST_LINE:
            self.close()

    def close(self) -> None:
        """Pass on what has no line end."""
        rest, self._rest = self._rest, b""
        self._say(rest)

    def _say(self, line: bytes) -> None:
        text = line[:_LONGEST_LINE].decode("utf-8", "replace").strip()
        if not text.isprintable() or len(text) > _SHOWN:
            text = one_line(text, _SHOWN)
        if text:
            self._progress(text)
