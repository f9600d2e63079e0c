"""Standard output and standard error of a command: writing to them never fails.

A stream may be absent (closed by whoever started the process), full, or closed by its reader at
any time. What a command did does not depend on that, so neither does its exit code: text that has
no place is dropped, and `lost` tells why. Characters that the stream's encoding lacks are spelt
otherwise. Every answer goes through `streams.answer`, everything else that is told through `tell`.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

import click

_UNSAFE = "\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_STREAM = re.compile(f"[{_UNSAFE}]")
"""Control (but new line, tab, return and escape, which rich and progress lines need) and bidirectional characters,
and halves of surrogate pairs."""
_COLOUR_OR_UNSAFE = re.compile(rf"\x1b\[[0-9;]{{0,16}}m|[{_UNSAFE}\r\x1b]")
_PLAIN = {
    **dict.fromkeys("─━—\u2010\u2011\u2013", "-"),
    **dict.fromkeys("│┃├┤┌┐└┘┏┓┗┛┡┩╇╞╡═", "|"),
    **dict.fromkeys("\u2018\u2019", "'"),
    **dict.fromkeys("“”", '"'),
    "…": "...",
    "→": "->",
    "·": "*",
    "✓": "+",
    "✗": "x",
}
"""SR's own characters where an encoding lacks them."""
_SPELT = "sr.spelt"
_ASTRAL = 0x10000


def _spelling(text: str) -> str:
    """Characters as JSON escapes, so that a JSON document still means the same."""
    units = text.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _substitute(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    wanting = error.object[error.start : error.end]
    return "".join(_PLAIN.get(one) or _spelling(one) for one in wanting), error.end


codecs.register_error(_SPELT, _substitute)


def plain(text: str) -> str:
    """Text that may hold characters from outside, with control and bidirectional ones escaped; colours stay."""
    return _COLOUR_OR_UNSAFE.sub(lambda found: found[0] if len(found[0]) > 1 else _spelling(found[0]), text)


class Output(io.TextIOBase):
    """A text stream that takes everything. `lost`: why text had to be dropped, None while none was. `below`: the
    stream that it writes to.

    It has no `buffer`: nothing gets past it to the bytes below.
    """

    def __init__(self, stream: Any) -> None:
        super().__init__()
        self.below = self._stream = stream
        self.lost: Exception | None = None

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self._stream, "encoding", None) or "utf-8"

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            return bool(self._stream.isatty())
        return False

    def fileno(self) -> int:
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return int(self._stream.fileno())

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"a text stream takes no {type(text).__name__}")
        self._do("write", self._shown(text))
        return len(text)

    def flush(self) -> None:
        self._do("flush")

    def file(self) -> IO[str]:
        """Itself, as libraries name the type of text streams."""
        return cast("IO[str]", self)

    def end(self) -> None:
        """Write what is buffered; what cannot be written now must not be tried again when the process ends."""
        self.flush()
        if self.lost is not None:
            with contextlib.suppress(OSError, ValueError, AttributeError):
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, self._stream.fileno())
                os.close(null)

    def _shown(self, text: str) -> str:
        text = _STREAM.sub(lambda found: _spelling(found[0]), text)
        if text.isascii():
            return text
        with contextlib.suppress(LookupError):
            return text.encode(self.encoding, _SPELT).decode(self.encoding)
        return text

    def _do(self, move: str, *given: str) -> None:
        if self.lost is not None or self._stream is None:
            return
        try:
            getattr(self._stream, move)(*given)
        except (OSError, ValueError) as error:  # ValueError: closed
            self.lost = error


class _Streams:
    """What the process's streams are at the moment. Outside a command: Python's own."""

    answers: Output | None = None
    aside: Output | None = None
    rest: Output | None = None


@contextmanager
def opened() -> Iterator[None]:
    """For the block, `sys.stdout` and `sys.stderr` are streams that never fail."""
    before = sys.stdout, sys.stderr, _Streams.answers, _Streams.rest
    answers, rest = Output(sys.stdout), Output(sys.stderr)
    sys.stdout = _Streams.answers = answers
    sys.stderr = _Streams.rest = rest
    try:
        yield
    finally:
        answers.end()
        rest.end()
        sys.stdout, sys.stderr, _Streams.answers, _Streams.rest = before


def answers() -> Output:
    """The stream that a command's answer goes to."""
    return _Streams.aside or _Streams.answers or Output(sys.stdout)


def answer_on(stream: Output | None) -> None:
    """Let answers go to another stream from now on; None: to standard output again."""
    _Streams.aside = stream


def tell(text: str = "") -> None:
    """A line that is no part of the answer: an error, a note, progress."""
    click.echo(plain(text), file=(_Streams.rest or Output(sys.stderr)).file())


def unwritten() -> str | None:
    """Why the answer could not be written, for people. None when it was, or when nobody wants it: a reader that
    has gone has read enough."""
    lost = answers().lost
    if not isinstance(lost, OSError) or isinstance(lost, BrokenPipeError):
        return None
    return lost.strerror or str(lost)


def hold_standard_descriptors() -> None:
    """Open /dev/null for each of 0, 1 and 2 that is closed, before another file can get its number.

    Else the store's next file would be standard output, and whatever prints would write into truth.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                os.open(os.devnull, os.O_RDWR)
