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

_STORY_S = 0.2
"""Seconds that an answer waits for the story told before it, so that the two stay in order."""


@attrs.frozen
class _Kept:
    """`former`: `sys.stdout` as it was. `stream`: where answers go. `descriptor`: whether descriptor 1 was moved."""

    former: Any
    stream: IO[str]
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
    former = sys.stdout
    if _descriptor(former) == 1:
        with suppress(OSError, ValueError):
            former.flush()
        stream = _copy(former)
        _point_1_at(2)
        _kept.append(_Kept(former, stream, descriptor=True))
    else:
        _kept.append(_Kept(former, _nowhere() if former is None else former, descriptor=False))
    sys.stdout = _nowhere() if sys.stderr is None else sys.stderr


def restore() -> None:
    """Give standard output back, for callers who go on in this process."""
    if not _kept:
        return
    kept = _kept.pop()
    sys.stdout = kept.former
    if kept.descriptor:
        with suppress(OSError, ValueError):
            kept.stream.flush()
        with suppress(OSError, ValueError):
            kept.former.flush()  # what was written to the object itself belongs to stderr, too
        _point_1_at(kept.stream.fileno())
        with suppress(OSError, ValueError):
            kept.stream.close()


def answers() -> IO[str]:
    """Where answers are written. What telemetry has told by now is shown before, within a bound."""
    sinks = sys.modules.get("sr_plugins.sinks")
    if sinks is not None:
        sinks.flush_all(_STORY_S)
    return _stream()


def flush() -> None:
    """Hand on what was answered. Raises `OSError` where it cannot be written."""
    _stream().flush()


def discard() -> None:
    """What is left of the answer has no place: nor has what the end of the process would flush."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), _stream().fileno())


def _stream() -> IO[str]:
    return _kept[0].stream if _kept else sys.stdout


def _descriptor(stream: Any) -> int | None:
    try:
        number: int = stream.fileno()
    except (AttributeError, OSError, ValueError):
        return None
    return number


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
