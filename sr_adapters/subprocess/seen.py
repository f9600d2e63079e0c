"""Processes of an engine that are seen on this host: by a note of the first ones, and by what they were started with.

A pid alone names no process for long: it counts only with its start time. Where the system shows environments
(Linux), whatever was started with those of the attempt is one of its own, wherever it went.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

from sr_adapters.subprocess.supervisor import KILL_S
from sr_ports import Leftover

_TICK_S = 0.02
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def start_of(pid: int) -> str | None:
    """When a process started, as the system tells it; None for one that is not there or has ended."""
    try:
        head, _, rest = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")
    except OSError:
        return None if Path("/proc/self").exists() else _start_by_ps(pid)
    fields = rest.split()
    return None if not head or fields[0] in "ZX" else fields[19]


def _start_by_ps(pid: int) -> str | None:
    try:
        told = subprocess.run(  # noqa: S603 - a number is no syntax
            ["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, check=False, timeout=KILL_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return told.stdout.decode("ascii", "replace").strip() or None


def this_boot() -> str:
    """What tells this host, since it was started, from every other: pids mean nothing elsewhere."""
    try:
        return _BOOT.read_text("ascii").strip()
    except OSError:
        return os.uname().nodename


@attrs.frozen
class Seen:
    """What tells an attempt's processes. `pids`: its first ones, each with its start. `environment`: what all have."""

    pids: Mapping[int, str]
    environment: Mapping[str, str]

    def alive(self) -> set[int]:
        """Pids of those that are there now, this process and its supervisors aside."""
        known = {pid for pid, start in self.pids.items() if start_of(pid) == start}
        return (known | _started_with(self.environment)) - {os.getpid()}

    def end(self) -> Leftover:
        """SIGKILL until none is seen, some seconds at most; how many were ended, and how many could not be."""
        met: set[int] = set()
        until = time.monotonic() + KILL_S
        while now := self.alive():
            met |= now
            if time.monotonic() >= until:
                return Leftover(len(met - now), len(now))
            for pid in now:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(_TICK_S)
        return Leftover(len(met), 0)


def _started_with(environment: Mapping[str, str]) -> set[int]:
    """Processes whose environment has all of this; none where the system does not show it."""
    wanted = {os.fsencode(f"{name}={value}") for name, value in environment.items()}
    if not wanted:
        return set()
    return {pid for pid in _pids() if wanted <= _environment_of(pid)}


def _pids() -> Iterable[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdecimal()]  # noqa: PTH208 - bare names
    except OSError:
        return []


def _environment_of(pid: int) -> set[bytes]:
    try:
        return set(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    except OSError:
        return set()


@attrs.frozen
class Note:
    """Where it is kept, on this host, which processes an attempt has: below `folder`, while it runs.

    Best effort: without a note nothing is seen of an attempt, and nothing is ended for it.
    """

    folder: Path

    def _path(self, run_id: str, attempt_no: int) -> Path:
        return self.folder / f"{run_id}.{attempt_no}.json"

    def write(self, run_id: str, attempt_no: int, pids: Iterable[int], environment: Mapping[str, str]) -> None:
        """Note these processes. Raises nothing."""
        started = {str(pid): start for pid in pids if (start := start_of(pid)) is not None}
        told = {"boot": this_boot(), "pids": started, "environment": dict(environment)}
        path = self._path(run_id, attempt_no)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(told), "utf-8")

    def remove(self, run_id: str, attempt_no: int) -> None:
        """The attempt is over."""
        with contextlib.suppress(OSError):
            self._path(run_id, attempt_no).unlink(missing_ok=True)

    def read(self, run_id: str, attempt_no: int) -> Seen | None:
        """What was noted here, on this host since it was started; None for nothing, and for what is no note."""
        try:
            told = json.loads(self._path(run_id, attempt_no).read_bytes())
            if told["boot"] != this_boot():
                return None
            return Seen(
                {int(pid): str(start) for pid, start in told["pids"].items()},
                {str(name): str(value) for name, value in told["environment"].items()},
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
