"""Being asked to stop: every signal that ends a process by default ends a command alike, and is never forgotten.

Each raises in whatever the main thread does, so that engines are ended, leases given up and
locks released on the way out. Python loses such an exception when it strikes inside a callback
that nobody waits for (a finaliser, say): whoever works in a loop therefore asks `check`.
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Never

from sr_adapters.subprocess.supervisor import ENDING

INSISTS_S = 1.0
"""A hang-up often comes twice within milliseconds, and the second must not break off what the first
began. One that comes later is somebody who insists."""

_asked: list[int] = []
_last: list[float] = []


class Interrupted(KeyboardInterrupt):
    """A signal asked the process to end."""


def listen() -> None:
    """Take these signals from now on. For the process's own command line alone, from its main thread.

    One that the caller has this process ignore (nohup, a script's background job) stays ignored, and
    one that somebody else takes stays theirs.
    """
    for number in ENDING:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            with contextlib.suppress(OSError, ValueError):  # one that the system keeps to itself
                signal.signal(number, _ask)


class _Ask:
    """The handler of every such signal. `raises`: what a signal raises; a plugin raises anything else."""

    raises = Interrupted

    @property
    def asked(self) -> bool:
        """Whether a signal came: who waits for others in a thread, where none strikes, asks this."""
        return bool(_asked)

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        again = bool(_last) and now - _last[-1] < INSISTS_S
        _asked.append(number)
        _last.append(now)
        if not again:
            _stop()


_ask = _Ask()


def _stop() -> Never:
    raise Interrupted


@contextlib.contextmanager
def forwarded(send: Callable[[int], None]) -> Iterator[None]:
    """For the block, such a signal goes to `send` and ends nothing here. One that is ignored stays ignored."""
    before = {}
    for number in ENDING:
        standing = signal.getsignal(number)
        if standing != signal.SIG_IGN and standing is not None:
            with contextlib.suppress(OSError, ValueError):  # one that the system keeps to itself, or another thread
                before[number] = signal.signal(number, lambda asked, _frame: send(asked))
    try:
        yield
    finally:
        for number, standing in before.items():
            signal.signal(number, standing)


def check() -> None:
    """Raise again when a signal came, wherever its first exception was lost."""
    if _asked:
        _stop()


def exit_code() -> int:
    """What a shell expects of a process that a signal ended: 128 and its number."""
    return 128 + (_asked[0] if _asked else signal.SIGINT)


def sender() -> str:
    """Who asked, for people."""
    number = _asked[0] if _asked else signal.SIGINT
    if number == signal.SIGINT:
        return "the keyboard"
    try:
        return signal.Signals(number).name
    except ValueError:  # one of the real-time signals between the first and the last
        return f"signal {number}"
