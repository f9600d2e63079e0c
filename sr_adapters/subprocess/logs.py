"""Engine output in bounded memory: the tail that is kept, and the lines that are shown."""

from __future__ import annotations

import time
from collections.abc import Callable

from sr_adapters.redact import redact, redact_log, suspect
from sr_ports import one_line

_LONGEST_LINE = 4096
_SHOWN = 600
_NOTE_BYTES = 128
_BURST = 200
_A_SECOND = 50
"""Lines for people: so many at once, then so many a second. Nobody reads more, and the log has them all."""


class Tail:
    """The last bytes of a stream, at most `limit` of them, memory at most about twice that.

    A stream that was longer begins with a line saying how much was cut. Secrets are masked.
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
        """What is kept, note included, in `limit` bytes, before secrets are masked in it."""
        if self._seen <= self._limit:
            return redact_log(bytes(self._kept))
        kept = bytes(self._kept[-max(1, self._limit - _NOTE_BYTES) :])
        kept = kept[kept.find(b"\n", 0, -1) + 1 :]  # half a line may be half a secret, which none would know
        cut = self._seen - len(kept)
        note = f"[{cut} bytes cut by the log limit; the last {len(kept)} of {self._seen} bytes follow]\n"
        return note.encode() + redact_log(kept)


class Lines:
    """Cuts a stream into lines for people: printable, folded, shortened, without secrets or blank ones.

    A flood is not shown whole, so that showing it never holds the engine up; how much was left out is said.
    `clock`: seconds from anywhere.
    """

    def __init__(self, progress: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._progress, self._clock = progress, clock
        self._rest = b""
        self._budget, self._at, self._left_out = float(_BURST), clock(), 0

    def write(self, data: bytes) -> None:
        """Take the next bytes; whole lines are passed on at once, of an endless one a piece now and then."""
        # a bare return is how progress bars end a line
        *whole, self._rest = (self._rest + data).replace(b"\r", b"\n").split(b"\n")
        for number, line in enumerate(whole):
            if not line.strip():
                continue
            if not self._may():
                self._left_out += len(whole) - number
                break
            self._say(line)
        if len(self._rest) > _LONGEST_LINE:
            rest, self._rest = self._rest, b""
            if self._may():
                self._say(rest)

    def close(self) -> None:
        """Pass on what has no line end, whatever the flood."""
        rest, self._rest = self._rest, b""
        self._tell_left_out()
        self._say(rest)

    def _may(self) -> bool:
        """Whether one more line may be shown now."""
        if self._budget < 1:
            now = self._clock()
            self._budget, self._at = min(_BURST, self._budget + (now - self._at) * _A_SECOND), now
        if self._budget < 1:
            return False
        self._budget -= 1
        self._tell_left_out()
        return True

    def _tell_left_out(self) -> None:
        left_out, self._left_out = self._left_out, 0
        if left_out:
            self._progress(f"[{left_out} lines not shown; the log keeps its end]")

    def _say(self, line: bytes) -> None:
        text = line[:_LONGEST_LINE].decode("utf-8", "replace").strip()
        if not text.isprintable() or len(text) > _SHOWN:
            text = one_line(text, _SHOWN)
        if text:
            self._progress(redact(text) if suspect(text) else text)
