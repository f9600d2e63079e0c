"""Running a piece of work in a process of its own: time, peak memory, medians."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs


@attrs.frozen
class Cost:
    """What a process took. `seconds`: wall clock. `peak_mib`: its largest resident set."""

    seconds: float
    peak_mib: float


def cold(args: Sequence[str], *, cwd: Path, expect: int = 0) -> Cost:
    """Run a fresh Python process to its end."""
    env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    child = subprocess.Popen([sys.executable, *args], cwd=cwd, env=env, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != expect:
        raise SystemExit(f"{args} ended with {child.returncode}, expected {expect}")
    return Cost(seconds, usage.ru_maxrss / 1024)


def medians(rounds: int, *works: Callable[[], Cost]) -> list[Cost]:
    """Medians of each work, taken in turns so that noise meets them alike."""
    taken: list[list[Cost]] = [[] for _ in works]
    for _ in range(rounds):
        for at, work in enumerate(works):
            taken[at].append(work())
    return [
        Cost(statistics.median(one.seconds for one in costs), max(one.peak_mib for one in costs)) for costs in taken
    ]


def machine() -> str:
    """What this was measured on."""
    names = Path("/proc/cpuinfo").read_text("utf-8") if Path("/proc/cpuinfo").exists() else ""
    model = next((line.split(":")[1].strip() for line in names.splitlines() if line.startswith("model name")), "")
    return f"{os.cpu_count()} cores, {model or platform.processor()}, Python {platform.python_version()}"
