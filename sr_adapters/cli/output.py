"""Standard output and standard error of a command: writing to them never fails.

A stream may be absent (closed by whoever started the process), full, or closed by its reader at
any time. What a command did does not depend on that, so neither does its exit code: text that has
no place is dropped, and `lost` tells why. Characters that the stream's encoding lacks are spelt
otherwise. Every answer goes through `answer`, everything else that is told through `tell`.
"""

from __future__ import annotations

import codecs
import contextlib
import copy
import functools
import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, cast

import click

from sr_adapters.cli.streams import Aside, point_1_at
from sr_adapters.shown import UNSAFE, folded, plain, spelling

_STREAM = f"[{UNSAFE}]"
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
_STORY_S = 0.2
"""Seconds that an answer or error waits for the story that led to it, so that the two stay in order."""
_NARROW = 40
"""Columns that every terminal is taken to have."""
_SPELT = "sr.spelt"


def _substitute(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    wanting = error.object[error.start : error.end]
    return "".join(_PLAIN.get(one) or spelling(one) for one in wanting), error.end


codecs.register_error(_SPELT, _substitute)


class Output(io.TextIOBase):
    """A text stream that takes everything. `lost`: why text had to be dropped, None while none was.

    It has no `buffer`: nothing gets past it to the bytes below.
    """

    def __init__(self, stream: Any) -> None:
        super().__init__()
        self.stream = stream
        self.lost: Exception | None = None

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self.stream, "encoding", None) or "utf-8"

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            return bool(self.stream.isatty())
        return False

    def fileno(self) -> int:
        if self.stream is None:
            raise io.UnsupportedOperation("fileno")
        return int(self.stream.fileno())

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
                os.dup2(null, self.stream.fileno())
                os.close(null)

    def _shown(self, text: str) -> str:
        if not text.replace("\n", " ").isprintable():
            text = re.sub(_STREAM, lambda found: spelling(found[0]), text)
        if text.isascii():
            return text
        with contextlib.suppress(LookupError):
            return text.encode(self.encoding, _SPELT).decode(self.encoding)
        return text

    def _do(self, move: str, *given: str) -> None:
        if self.lost is not None or self.stream is None:
            return
        try:
            getattr(self.stream, move)(*given)
        except (OSError, ValueError) as error:  # ValueError: closed
            self.lost = error


class _Streams:
    """What the process's streams are at the moment. Outside a command: Python's own."""

    answers: Output | None = None
    rest: Output | None = None
    aside: Aside | None = None
    counted: int = 0
    """Characters of the countdown that stands on the terminal's line."""


@contextmanager
def opened() -> Iterator[None]:
    """For the block, `sys.stdout` and `sys.stderr` are streams that never fail."""
    before = sys.stdout, sys.stderr, _Streams.answers, _Streams.rest, _Streams.aside
    answers, rest = Output(sys.stdout), Output(sys.stderr)
    sys.stdout = _Streams.answers = answers
    sys.stderr = _Streams.rest = rest
    _Streams.aside = cast("Aside | None", None)
    try:
        yield
    finally:
        answers.end()
        rest.end()
        aside = _Streams.aside
        sys.stdout, sys.stderr, _Streams.answers, _Streams.rest, _Streams.aside = before
        if aside is not None:
            aside.restore()


def apart(command: click.Command, first: Callable[[], object] = lambda: None) -> click.Command:
    """The command, for which standard output is kept for the answers as soon as it runs.

    Help and usage, which run no plugin, are written before. `first`: called before the command itself.
    """
    twin = copy.copy(command)
    if isinstance(twin, click.Group):
        twin.commands = {name: apart(sub, first) for name, sub in twin.commands.items()}
    elif twin.callback is not None:
        twin.callback = _keeping(twin.callback, first)
    return twin


def _keeping(callback: Callable[..., Any], first: Callable[[], object]) -> Callable[..., Any]:
    @functools.wraps(callback)
    def kept(*args: Any, **kwargs: Any) -> Any:
        _keep_apart()
        first()
        return callback(*args, **kwargs)

    return kept


def _keep_apart() -> None:
    """From now on what does not come through `answer` goes to standard error."""
    standard: Any = sys.stdout
    if _Streams.answers is None or _Streams.rest is None or standard is not _Streams.answers:
        return
    _Streams.aside = Aside.of(_Streams.answers.stream)
    if _Streams.aside is not None:
        _Streams.answers.stream = _Streams.aside.stream
    sys.stdout = _Streams.rest


def disown() -> None:
    """The process ends: whatever is still written to standard output belongs to standard error."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    point_1_at(2)


def story_first() -> None:
    """Wait, within a bound, until what telemetry was given by now is shown: answers and errors come after it."""
    sinks = sys.modules.get("sr_plugins.wiring.sinks")
    if sinks is not None:
        sinks.flush_all(_STORY_S)


def story_last() -> None:
    """The process ends: what telemetry was given goes where it is to go, while that can still import what it needs."""
    sinks = sys.modules.get("sr_plugins.wiring.sinks")
    if sinks is not None:
        with contextlib.suppress(KeyboardInterrupt):
            sinks.close_all()


def answers() -> Output:
    """The stream that a command's answer goes to, after the story that led to it."""
    story_first()
    _end_countdown()
    return _Streams.answers or Output(sys.stdout)


def answer(text: str = "") -> None:
    """A line of the command's answer."""
    click.echo(plain(text), file=answers().file())


def document(node: Any, *, indent: int | None = None) -> None:
    """A JSON document of the command's answer. A stream that lacks characters gets ASCII, which means the same."""
    answer(_as_json(answers())(node, indent))


def document_of_rows(head: Mapping[str, Any], name: str, rows: Iterable[Any]) -> None:
    """A document of fields, the last of which is a list: none of its rows is held once it is written."""
    to, mark = answers(), ""
    text = _as_json(to)
    begun = text(head, 2).removesuffix("}").rstrip()
    click.echo(plain(f'{begun},\n  "{name}": ['), nl=False, file=to.file())
    for row in rows:
        click.echo(plain(f"{mark}\n    {text(row, None)}"), nl=False, file=to.file())
        mark = ","
    answer("\n  ]\n}" if mark else "]\n}")


def _as_json(to: Output) -> Callable[[Any, int | None], str]:
    import json

    ascii_only = not to.encoding.lower().replace("_", "-").startswith("utf-8")
    return lambda node, indent: json.dumps(node, indent=indent, ensure_ascii=ascii_only, default=str)


def tell(text: str = "", step: str = "") -> None:
    """A line that is no part of the answer: an error, a note, progress.

    `step`: what to do, the end of the line; where a terminal has no room for both, it begins a line of its own.
    """
    _end_countdown()
    rest = _Streams.rest or Output(sys.stderr)
    line = plain(f"{text} {step}" if step else text)
    shown = _fitted(line, rest)
    if step and shown != line:
        shown = "\n".join(_fitted(part, rest) for part in (plain(text), f"  {plain(step)}"))
    click.echo(shown, file=rest.file())


def say(text: str = "") -> None:
    """A line of the command's answer that is for people: broken between words where a terminal has no room for it."""
    to = answers()
    click.echo(_fitted(plain(text), to), file=to.file())


def narrow() -> bool:
    """Whether a line that is told is for a terminal."""
    return (_Streams.rest or Output(sys.stderr)).isatty()


def _fitted(text: str, to: Output) -> str:
    """The text, as a terminal shows it best; no other stream's is touched."""
    if len(text) < _NARROW or not to.isatty():
        return text
    from sr_adapters.cli.tables import width

    return "\n".join(folded(line, width()) for line in text.split("\n"))


def countdown(text: str) -> None:
    """Progress that the next such text replaces on a terminal's line, and whatever else is told takes the place of."""
    shown = plain(text)
    blank = " " * (_Streams.counted - len(shown))
    click.echo(f"\r{shown}{blank}", nl=False, file=(_Streams.rest or Output(sys.stderr)).file())
    _Streams.counted = len(shown)


def _end_countdown() -> None:
    """Take a countdown away: what comes next begins a line of its own."""
    if _Streams.counted:
        blank, _Streams.counted = " " * _Streams.counted, 0
        click.echo(f"\r{blank}\r", nl=False, file=(_Streams.rest or Output(sys.stderr)).file())


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
