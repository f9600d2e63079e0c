"""Stands between SR and one engine process: starts it, ends all of it, tells how it ended.

A program of its own (``python -I -S supervisor.py STATUS_FD GRACE_S COMMAND...``) that uses
the standard library alone. It exists because only a parent without threads can promise that
nothing of an engine stays behind:

* it adopts the orphans of the engine (Linux: child subreaper), so "everything the engine
  started is gone" is exactly "I have no children", daemons that left the group included;
* its standard input is a lifeline: nothing is ever sent on it, and when it closes, because
  SR ends the engine or because SR itself was killed, the engine is ended.

STATUS_FD gets lines: ``failed ERRNO``, or ``started PID`` and later ``ended CODE LEFT BEHIND``,
where CODE is the exit code (negative: the signal), LEFT counts what could not be ended, and BEHIND
what was still there when the engine's first process had ended by itself.
Elsewhere than on Linux, or without ctypes, what leaves the engine's process group escapes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable

KILL_S = 5.0
"""How long SIGKILL is repeated before giving up: a process stuck in the kernel cannot be ended."""

_LIFELINE = 0
_TICK_S = 0.02
_PR_SET_CHILD_SUBREAPER = 36
_NOT_ENDING = ("KILL", "STOP", "CHLD", "CLD", "CONT", "URG", "WINCH", "TSTP", "TTIN", "TTOU", "INFO", "PIPE", "XFSZ",
               "ILL", "ABRT", "IOT", "TRAP", "BUS", "FPE", "SEGV", "SYS", "EMT")  # fmt: skip
"""Signals that cannot be caught, that end no process by default, that Python ignores from its start (PIPE, XFSZ:
the call that meets them fails instead), or that say the process itself is broken."""
ENDING = tuple(sorted(signal.valid_signals() - {getattr(signal, f"SIG{name}", None) for name in _NOT_ENDING}))
"""Every other signal: from outside, catchable, and the end of a process by default."""
_DEFAULTS = (*ENDING, *(getattr(signal, name) for name in ("SIGPIPE", "SIGCHLD", "SIGXFSZ") if hasattr(signal, name)))


class Engine:
    """The engine process and all that came of it."""

    def __init__(self, command: list[str]) -> None:
        self.code: int | None = None
        self.behind = 0
        self._wake = _wake_on_child()
        self._adopts = _adopt_orphans()
        # stdin is /dev/null and signals are the defaults: the engine inherits nothing of ours
        null = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
        self.pid = os.posix_spawnp(
            command[0], command, os.environ, file_actions=[null], setpgroup=0, setsigmask=[], setsigdef=_DEFAULTS
        )

    def wait(self) -> None:
        """Return when the engine's first process has ended or the lifeline has closed."""
        while self.code is None:
            if self._pause(None, _LIFELINE):
                return
            self._reap()

    def end(self, grace_s: float) -> int:
        """SIGTERM, `grace_s` seconds, SIGKILL; how many processes could not be ended."""
        if not self._alive():
            return 0
        if self.code is not None:
            self.behind = max(1, len(_children()))
        self._signal_group(signal.SIGTERM)
        if self._gone_within(grace_s, signal.SIGTERM, told={self.pid}):
            return 0
        return 0 if self._gone_within(KILL_S, signal.SIGKILL) else max(1, len(_children()))

    def _gone_within(self, seconds: float, number: signal.Signals, told: set[int] | None = None) -> bool:
        """Signal whatever is there, and what gets adopted meanwhile; with `told` each process once."""
        deadline = time.monotonic() + seconds
        while self._alive():
            if time.monotonic() >= deadline:
                return False
            if told is None:
                self._signal_group(number)
            for pid in set(_children()) - (told or set()):
                _try_signal(os.kill, pid, number)
                if told is not None:
                    told.add(pid)
            self._pause(_TICK_S)
        return True

    def _signal_group(self, number: signal.Signals) -> None:
        # once the first process is reaped its number may be another's; adopted children need no group
        if self.code is None or not self._adopts:
            _try_signal(os.killpg, self.pid, number)

    def _alive(self) -> bool:
        return self._reap() or (not self._adopts and _try_signal(os.killpg, self.pid, 0))

    def _reap(self) -> bool:
        """Collect what has ended; whether any child is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.pid:
                self.code = os.waitstatus_to_exitcode(status)

    def _pause(self, seconds: float | None, *also: int) -> bool:
        """Sleep until a child ends or `seconds` pass; whether one of the fds `also` is readable."""
        import select  # not at the top: the command line imports this module for its signals

        ready, _, _ = select.select([self._wake, *also], [], [], seconds)
        if self._wake in ready:
            os.read(self._wake, 4096)
        return any(fd in ready for fd in also)


def _wake_on_child() -> int:
    """A descriptor that becomes readable whenever a child ends. Other signals are SR's business."""
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    for number in ENDING:
        with contextlib.suppress(OSError):
            signal.signal(number, signal.SIG_IGN)  # SR's own end closes the lifeline; then there is work to do
    return readable


def _adopt_orphans() -> bool:
    """Become the parent of every orphan below; whether that worked."""
    try:
        import ctypes

        prctl = ctypes.CDLL(None, use_errno=True).prctl
    except (ImportError, OSError, AttributeError):
        return False
    one, zero = ctypes.c_ulong(1), ctypes.c_ulong(0)
    return sys.platform == "linux" and bool(prctl(_PR_SET_CHILD_SUBREAPER, one, zero, zero, zero) == 0)


def _children() -> list[int]:
    """Direct children, as the kernel lists them; may miss some, so callers ask again."""
    me = os.getpid()
    try:
        with os.fdopen(os.open(f"/proc/{me}/task/{me}/children", os.O_RDONLY)) as listing:
            return [int(pid) for pid in listing.read().split()]
    except OSError:
        return []


def _try_signal(send: Callable[[int, int], None], pid: int, number: int) -> bool:
    try:
        send(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def main(argv: list[str]) -> None:
    """Run one engine; see the module's text for the arguments and the answer."""
    status, grace_s, command = int(argv[0]), float(argv[1]), argv[2:]
    os.set_inheritable(status, False)
    try:
        engine = Engine(command)
    except OSError as exc:
        os.write(status, f"failed {exc.errno}\n".encode())
        return
    os.write(status, f"started {engine.pid}\n".encode())
    _let_go_of_output()
    engine.wait()
    left = engine.end(grace_s)
    os.write(status, f"ended {engine.code} {left} {engine.behind}\n".encode())


def _let_go_of_output() -> None:
    """Only the engine holds its pipes, so that their end is the engine's end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)


if __name__ == "__main__":
    main(sys.argv[1:])
