"""One supervised engine process, followed to its end on SR's side."""

from __future__ import annotations

import contextlib
import enum
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

import attrs

from sr_adapters.subprocess.seen import Seen
from sr_adapters.subprocess.supervisor import KILL_S
from sr_ports import Leftover
from sr_ports.logs import LogLines, LogTail
from sr_ports.masking import Redactor, secret_values

_POLL_S = 0.05
_CHUNK = 1 << 16
_SLACK_S = 5.0


class Stop(enum.Enum):
    """Why SR ended an engine."""

    TIMEOUT = "timeout"
    CANCELLED = "cancelled"


@attrs.frozen
class Limits:
    """`timeout_s`: the engine's time; what SR takes to mask its output is not of it, up to as much again.
    `grace_s`: between SIGTERM and SIGKILL; `log_bytes`: kept of each stream."""

    timeout_s: float
    grace_s: float
    log_bytes: int


@attrs.frozen
class Exit:
    """How it ended. `code`: exit code, negative for a signal, None when unknown. `errno`: why it
    could not start. `left`: processes that could not be ended. `behind`: those that were there after its first
    one had ended. `halted`: how often its supervisor was stopped. `stop`: why SR ended it. `stdout`, `stderr`: the
    logs, without secrets."""

    code: int | None
    errno: int | None
    left: int
    stop: Stop | None
    stdout: bytes
    stderr: bytes
    behind: int = 0
    halted: int = 0


class SupervisedEngine:
    """A running engine; when the context ends, so has everything of it, whatever happened.

    `given`: what of `env` no process of another attempt has, by which its processes are known. `escaped`: what
    was left when its supervisor was killed, once the context has ended.
    Raises `OSError` or `ValueError` from its constructor when no process can be made.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: str | None,
        env: Mapping[str, str],
        limits: Limits,
        given: Mapping[str, str] | None = None,
    ) -> None:
        self._limits = limits
        self._given = given or {}
        self._secrets = secret_values(env)
        self.escaped = Leftover()
        self._status, theirs = os.pipe()
        try:
            self._process = _spawn(theirs, limits.grace_s, command, cwd, env)
        except BaseException:
            os.close(self._status)
            raise
        finally:
            os.close(theirs)
        self._said = b""
        self._halted = 0
        self._masked_s, self._owed_s = 0.0, limits.timeout_s
        self._logs = {
            _fd(self._process.stdout): LogTail(limits.log_bytes),
            _fd(self._process.stderr): LogTail(limits.log_bytes),
        }
        self._output: dict[int, Redactor] = {}
        self._selector = selectors.DefaultSelector()
        for fd in (self._status, *self._logs):
            self._selector.register(fd, selectors.EVENT_READ)

    def follow(
        self,
        cancelled: Callable[[], bool],
        progress: Callable[[str], None],
        started: Callable[[Sequence[int]], None] = lambda pids: None,
    ) -> Exit:
        """Pump output until nothing of the engine is left; ends it on timeout or when `cancelled`.

        `started` is told once of the supervisor's pid and the engine's.
        """
        lines = {fd: LogLines(progress) for fd in self._logs}
        self._output = {fd: Redactor(_both(log, lines[fd]), self._secrets) for fd, log in self._logs.items()}
        deadline = time.monotonic() + self._limits.timeout_s
        stop: Stop | None = None
        while self._running():
            self._pump(_POLL_S)
            if stop is None:
                deadline += self._owed()
            self._go_on()
            started = self._tell_started(started)
            if stop is None:
                stop = _stop(cancelled, deadline)
                deadline = self._release() if stop else deadline
            elif time.monotonic() >= deadline:
                self._process.kill()  # the supervisor itself is stuck
                break
        self._drain()
        for fd, output in self._output.items():
            output.close()
            lines[fd].close()
        return self._exit(stop)

    def _tell_started(self, started: Callable[[Sequence[int]], None]) -> Callable[[Sequence[int]], None]:
        """Tell of the pids once they are known; whom to tell from then on."""
        engine = _answer(self._said).get("started") if self._said else None
        if not engine:
            return started
        started((self._process.pid, int(engine[0])))
        return lambda pids: None

    def _go_on(self) -> None:
        """Continue the supervisor where somebody stopped it: only the engine's own user could."""
        if not hasattr(os, "waitid"):
            return
        with contextlib.suppress(ChildProcessError):
            if os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOHANG) is not None:
                self._halted += 1
                self._process.send_signal(signal.SIGCONT)

    def _running(self) -> bool:
        return self._status in self._selector.get_map()

    def _pump(self, timeout_s: float) -> bool:
        """Take what has arrived on any pipe; whether there was something."""
        events = self._selector.select(timeout_s)
        for key, _ in events:
            self._take(key.fd)
        return bool(events)

    def _take(self, fd: int) -> None:
        data = os.read(fd, _CHUNK)
        if not data:
            self._selector.unregister(fd)
        elif fd == self._status:
            self._said += data
        else:
            began = time.monotonic()
            self._output[fd].write(data)
            self._masked_s += time.monotonic() - began

    def _owed(self) -> float:
        """Seconds that the engine may have waited while its output was masked, which are not its own.

        In all they are no more than its time limit: an engine that only talks ends, too.
        """
        owed = min(self._masked_s, self._owed_s)
        self._masked_s, self._owed_s = 0.0, self._owed_s - owed
        return owed

    def _drain(self) -> None:
        """Read what the ended engine left in its pipes; an escaped writer cannot hold this up for long."""
        until = time.monotonic() + _SLACK_S
        while self._selector.get_map() and time.monotonic() < until and self._pump(0):
            pass

    def _release(self) -> float:
        """Let go of the lifeline, so that the supervisor ends the engine; when to stop believing in it."""
        with contextlib.suppress(OSError):
            _pipe(self._process.stdin).close()
        return time.monotonic() + self._limits.grace_s + KILL_S + _SLACK_S

    def _exit(self, stop: Stop | None) -> Exit:
        said = _answer(self._said)
        code, left, behind = said.get("ended", (None, "0", "0"))
        stdout, stderr = (tail.value() for tail in self._logs.values())
        return Exit(
            code=None if code in (None, "None") else int(code),
            errno=int(said["failed"][0]) if "failed" in said else None,
            left=int(left),
            stop=stop,
            stdout=stdout,
            stderr=stderr,
            behind=int(behind),
            halted=self._halted,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        patience = max(0.0, self._release() - time.monotonic())
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        finally:
            self._close()

    def _close(self) -> None:
        """Close every pipe; if the supervisor was killed, end in its stead what of the engine is seen."""
        with contextlib.suppress(BlockingIOError):
            os.set_blocking(self._status, False)
            self._said += os.read(self._status, _CHUNK)
        said = _answer(self._said)
        if "started" in said and "ended" not in said:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(int(said["started"][0]), signal.SIGKILL)
            self.escaped = Seen({}, self._given).end()
        self._selector.close()
        for pipe in (self._process.stdout, self._process.stderr):
            _pipe(pipe).close()
        os.close(self._status)


def _spawn(
    status: int, grace_s: float, command: Sequence[str], cwd: str | None, env: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-I", "-S", *_supervisor(), str(status), str(grace_s), *command]
    return subprocess.Popen(  # noqa: S603 - a list of arguments and no shell, by law I3
        arguments,
        cwd=cwd,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        pass_fds=(status,),
        start_new_session=True,  # a terminal's Ctrl-C is for SR, which then ends the engine in order
    )


@cache
def _supervisor() -> Sequence[str]:
    """How Python is given the supervisor: by its file, or where that lies in an archive by its text."""
    from importlib.resources import files

    program = files("sr_adapters.subprocess") / "supervisor.py"
    return [str(program)] if isinstance(program, Path) else ["-c", program.read_text("utf-8")]


def _both(log: LogTail, lines: LogLines) -> Callable[[bytes], None]:
    """Takes output without secrets: what is kept, quoted or shown of it has none either."""

    def take(data: bytes) -> None:
        log.write(data)
        lines.write(data)

    return take


def _stop(cancelled: Callable[[], bool], deadline: float) -> Stop | None:
    if cancelled():
        return Stop.CANCELLED
    return Stop.TIMEOUT if time.monotonic() >= deadline else None


def _answer(said: bytes) -> dict[str, list[str]]:
    words = (line.split() for line in said.decode("ascii", "replace").splitlines())
    return {word[0]: word[1:] for word in words if word}


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    return cast("IO[bytes]", pipe)  # all three were asked for


def _fd(pipe: IO[bytes] | None) -> int:
    return _pipe(pipe).fileno()
