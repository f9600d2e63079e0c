"""Being asked to stop: SIGINT and SIGTERM end a command alike, once, and are never forgotten.

Both raise in whatever the main thread does, so that engines are ended, leases given up and
locks released on the way out. Python loses such an exception when it strikes inside a callback
that nobody waits for (a finaliser, say): whoever works in a loop therefore asks `check`.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Never

_asked: list[int] = []


class Interrupted(KeyboardInterrupt):
    """A signal asked the process to end."""


def listen() -> None:
    """Take both signals from now on. For the process's own command line alone, from its main thread.

    One that the caller has this process ignore (nohup, a script's background job) stays ignored.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _ask)


def _ask(number: int, _frame: FrameType | None) -> Never:
    _asked.append(number)
    raise Interrupted


def check() -> None:
    """Raise again when a signal came, wherever its first exception was lost."""
    if _asked:
        raise Interrupted


def exit_code() -> int:
    """What a shell expects of a process that a signal ended: 128 and its number."""
    return 128 + (_asked[0] if _asked else signal.SIGINT)


def sender() -> str:
    """Who asked, for people."""
    return "SIGTERM" if _asked and _asked[0] == signal.SIGTERM else "the keyboard"
