"""A command of `sr` in a process of its own, which says how it ended and how much memory it came to.

``python -m tests.adversary.peak ARGUMENTS``: the last line of stderr is JSON, ``[exit code, MiB]``.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import attrs

REPO = Path(__file__).parents[2]


def peak() -> float:
    """MiB that this process has come to. On Linux a child's `ru_maxrss` begins with its parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text("utf-8").partition("VmHWM:")[2].split()[0]) / 1024
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


@attrs.frozen
class Measured:
    """How a command ended. `mib`: what its process came to."""

    code: int
    mib: float
    out: str
    err: str


def measured(*arguments: str) -> Measured:
    """Run a command in the current folder."""
    path = os.pathsep.join([str(REPO), *filter(None, [os.environ.get("PYTHONPATH")])])
    words = [sys.executable, "-m", "tests.adversary.peak", *arguments]
    env = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=600, env=env)
    *told, last = done.stderr.splitlines()
    code, mib = json.loads(last)
    return Measured(code, mib, done.stdout, "\n".join(told))


def main() -> None:
    from sr_adapters.cli.app import run

    code = run(sys.argv[1:])
    print(json.dumps([code, peak()]), file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
