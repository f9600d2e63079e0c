"""Fuzzing led by coverage: ``python -m tests.adversary.fuzz [SECONDS]`` gives every reader made-up documents.

Run by ``tox -e nightly``. Where atheris is not installed it says so, and is done.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile

SECONDS = 30
"""For each reader."""
SLOWEST = 5
"""Seconds that one document may take: one, and what following every branch costs."""
MEMORY_MIB = 512
"""Of the process, atheris and its tables included."""


def main() -> int:
    """Fuzz every reader in a process of its own; the exit code is that of the first that found something."""
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed: nothing is fuzzed (pip install -r requirements/fuzz.txt)")  # noqa: T201
        return 0
    from tests.adversary.outside import READERS

    seconds = sys.argv[1] if len(sys.argv) > 1 else str(SECONDS)
    for name in READERS:
        print(f"fuzzing: {name}", flush=True)  # noqa: T201
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "tests.adversary.fuzz", "--one", name, f"-max_total_time={seconds}"]
            limits = [f"-timeout={SLOWEST}", f"-rss_limit_mb={MEMORY_MIB}", "-max_len=16384", "-verbosity=0"]
            kept = f"-artifact_prefix={os.getcwd()}/"  # noqa: PTH109 - libFuzzer puts a name right behind it
            done = subprocess.run([*command, *limits, kept, folder], check=False)
        if done.returncode:
            return done.returncode
    return 0


def one(name: str) -> None:
    """Fuzz one reader until libFuzzer ends it."""
    import atheris

    with atheris.instrument_imports(include=["sr_domain", "sr_plugins", "sr_adapters"]):
        from tests.adversary import outside

    atheris.Setup([sys.argv[0], *sys.argv[3:]], lambda data: outside.read(name, bytes(data)))
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2])
    else:
        sys.exit(main())
