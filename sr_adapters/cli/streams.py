"""Standard output belongs to the answers: while a command runs, whatever else writes there writes to stderr.

A plugin may print when it is imported, in a hook or at any later time, from any thread; a library
may write to descriptor 1, and a program that a plugin starts inherits it. So from a command's
first line on, descriptor 1 and `sys.stdout` are standard error's, and the real standard output is
kept aside for the answers. Help and usage, which run no plugin, are written before.
"""

from __future__ import annotations

import copy
import functools
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

import attrs
import click

from sr_adapters.cli import output
from sr_adapters.cli.output import Output

_STORY_S = 0.2
"""Seconds that an answer waits for the story told before it, so that the two stay in order."""


@attrs.frozen
class _Kept:
    """`former`: `sys.stdout` as it was. `stream`: where answers go. `descriptor`: whether descriptor 1 was moved."""

    former: Any
    stream: Output
    descriptor: bool


_kept: list[_Kept] = []


def apart(command: click.Command) -> click.Command:
    """The command, for which standard output is kept aside as soon as it runs."""
    twin = copy.copy(command)
    if isinstance(twin, click.Group):
        twin.commands = {name: apart(sub) for name, sub in twin.commands.items()}
    elif twin.callback is not None:
        twin.callback = _keeping(twin.callback)
    return twin


def _keeping(callback: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(callback)
    def kept(*args: Any, **kwargs: Any) -> Any:
        keep()
        return callback(*args, **kwargs)

    return kept


def keep() -> None:
    """Keep standard output aside from now on. A second call does nothing."""
    if _kept:
        return
    former: Any = sys.stdout
    stream, descriptor = former if isinstance(former, Output) else Output(former), False
    if _descriptor(stream) == 1:
        stream.flush()
        stream, descriptor = Output(_copy(stream.below)), True
        _point_1_at(2)
    _kept.append(_Kept(former, stream, descriptor))
    output.answer_on(stream)
    sys.stdout = _nowhere() if sys.stderr is None else sys.stderr


def restore() -> None:
    """Give standard output back, for callers who go on in this process."""
    if not _kept:
        return
    kept = _kept.pop()
    sys.stdout = kept.former
    output.answer_on(None)
    if kept.descriptor:
        kept.stream.end()
        with suppress(OSError, ValueError):
            kept.former.flush()  # what was written to the object itself belongs to stderr, too
        _point_1_at(kept.stream.fileno())
        with suppress(OSError, ValueError):
            kept.stream.below.close()


def answers() -> Output:
    """Where answers are written. What telemetry has told by now is shown before, within a bound."""
    sinks = sys.modules.get("sr_plugins.sinks")
    if sinks is not None:
        sinks.flush_all(_STORY_S)
    return output.answers()


def answer(text: str = "") -> None:
    """A line of the command's answer, with control and bidirectional characters escaped."""
    click.echo(output.plain(text), file=answers().file())


def _descriptor(stream: Output) -> int | None:
    try:
        return stream.fileno()
    except (AttributeError, OSError, ValueError):
        return None


def _copy(former: Any) -> IO[str]:
    """A stream like `former` on a descriptor of its own, which no child process inherits."""
    lines = 1 if former.line_buffering or former.write_through else -1
    return open(os.dup(1), "w", buffering=lines, encoding=former.encoding, errors=former.errors)  # noqa: PTH123


def _point_1_at(number: int) -> None:
    try:
        os.dup2(number, 1)
    except OSError:  # it is closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _nowhere() -> IO[str]:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123
