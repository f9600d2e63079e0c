"""The parent's side of one worker: its process, its pipes, and what it prints."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import IO

from sr_domain.evidence.provided_law import LawStopped
from sr_plugins.host.loading import Source
from sr_plugins.isolation.frames import CHUNK
from sr_plugins.isolation.offered import Offered

PASSED = ("PATH", "HOME", "LANG", "LC_*", "TZ", "TMPDIR")
"""Names, or patterns of names, of what a worker has of the environment."""
_NEEDED = ("SYSTEMROOT",) if os.name == "nt" else ()
"""Without these no process starts."""
_PRINTED = 1 << 20
"""Bytes of what a worker prints that are shown."""
_LET_GO_S = 1.0
_LOOKS_MS = 100
_PIPE = subprocess.PIPE
_POLLS = hasattr(select, "poll")


def environment(passed: Sequence[str] = PASSED) -> dict[str, str]:
    """What a worker has of this process's environment."""
    wanted = (*passed, *_NEEDED)
    return {name: value for name, value in os.environ.items() if any(fnmatchcase(name, one) for one in wanted)}


class Worker:
    """A process that has one plugin. Raises `LawStopped` where none can be started.

    `rested`: whether it has been idle since it last said something.
    """

    def __init__(self, source: Source, env: Mapping[str, str]) -> None:
        self.source = source
        # What the plugin imports is found where this process finds it, and nowhere else.
        paths = [os.path.abspath(one) for one in sys.path]  # noqa: PTH100 - of the empty text, too: the working folder
        words = [sys.executable or "python", "-P", "-s", "-m", "sr_plugins.isolation.worker", str(os.getpid())]
        theirs = {**env, "PYTHONPATH": os.pathsep.join(paths)}
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this very interpreter, and a module of this package
                words,
                env=theirs,
                stdin=_PIPE,
                stdout=_PIPE,
                stderr=_PIPE,
                bufsize=0,
                cwd=os.sep,
                start_new_session=True,
            )
        except OSError as error:
            raise LawStopped(f"no process could be started for it: {error}") from error
        self.offered = Offered()
        self.rested = False
        self._killed = False
        self._ended: str | None = None
        self._pipes = (_there(self._process.stdin), _there(self._process.stdout))
        self._writing, self._reading = (pipe.fileno() for pipe in self._pipes)
        if _POLLS:
            os.set_blocking(self._writing, False)
        _widen(self._writing)
        self._printing = threading.Thread(
            target=_show, args=(_there(self._process.stderr),), name="sr-law-output", daemon=True
        )
        self._printing.start()

    def read(self, size: int) -> bytes:
        """See `frames.Pipe`. Ends when the worker is killed, whoever else may hold the pipe open."""
        self._ready(self._reading, writing=False)
        data = os.read(self._reading, size)
        self.rested = self.rested and not data
        return data

    def write(self, data: memoryview) -> int:
        """As `read`."""
        while True:
            try:
                return os.write(self._writing, data)
            except BlockingIOError:
                self._ready(self._writing, writing=True)

    def _ready(self, fd: int, *, writing: bool) -> None:
        if not _POLLS:
            return
        poll = select.poll()
        poll.register(fd, select.POLLOUT if writing else select.POLLIN)
        while not self._killed and not poll.poll(_LOOKS_MS):
            """Nothing yet."""
        if self._killed:
            raise BrokenPipeError

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process and all that it started, now. Whoever reads from it hears of its end."""
        self._killed = True
        with contextlib.suppress(OSError):
            if os.name == "nt":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> str:
        """End it and let go of its pipes; how it ended, in words, where it had done so by itself."""
        if self._ended is not None:
            return self._ended
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(0.05)  # an end that was seen on the pipe comes at once
        code = self._process.poll()
        self.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_LET_GO_S)
        self._printing.join(_LET_GO_S)
        for pipe in self._pipes:
            with contextlib.suppress(OSError):
                pipe.close()
        self._ended = _ending(code)
        return self._ended

    def abandon(self) -> None:
        """Let go of the pipes alone: in a forked child, where the process is another's."""
        for pipe in self._pipes:
            pipe.close()
        self._process.returncode = 0  # nobody here waits for it


def _widen(fd: int) -> None:
    """Let a whole chunk wait in the pipe, where the system can: two processes then take turns less often."""
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, CHUNK)


def _there(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:  # they were asked for
        raise LawStopped("its process has no pipe")
    return pipe


def _ending(code: int | None) -> str:
    if code is None:
        return "its process closed the pipe"
    if code >= 0:
        return f"its process ended with exit code {code}"
    try:
        return f"its process was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"its process was ended by signal {-code}"


def _show(pipe: IO[bytes]) -> None:
    """Pass on to stderr what a worker prints, as far as that is bounded, and read the rest away."""
    left = _PRINTED
    with contextlib.suppress(OSError, ValueError), pipe:
        while line := pipe.readline(4096):
            if left > 0:
                left -= len(line)
                text = line.decode("utf-8", "replace").rstrip("\r\n")
                _write(text if left > 0 else "[what the law prints further is not shown]")


def _write(text: str) -> None:
    shown = "".join(one if one.isprintable() or one == "\t" else ascii(one)[1:-1] for one in text)
    with contextlib.suppress(Exception):  # telemetry never blocks truth, nor does a stream that is closed
        sys.stderr.write(shown + "\n")
