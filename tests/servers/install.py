"""What pip cannot install for the server tiers: ``python -m tests.servers.install``.

The Kinesis emulator comes from npm, into a cache folder outside the project.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

EMULATOR = "kinesis-local@0.6.2"


def cache() -> Path:
    """Where test servers are kept: ``$SR_TEST_CACHE``, else the user's cache."""
    return Path(os.environ.get("SR_TEST_CACHE") or Path.home() / ".cache" / "scenario-runner-tests")


def emulator() -> Path | None:
    """The installed emulator's folder, if it is there."""
    folder = cache() / "node_modules" / "kinesis-local"
    return folder if (folder / "main.js").is_file() else None


def main() -> int:
    if emulator() is not None:
        print(f"{EMULATOR}: there already")  # noqa: T201
        return 0
    if shutil.which("npm") is None:
        print("npm is not installed: apt-get install nodejs npm", file=sys.stderr)  # noqa: T201
        return 1
    cache().mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--silent", "--prefix", str(cache()), EMULATOR]
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL)
    print(f"{EMULATOR}: {'installed' if done.returncode == 0 else 'npm failed'}")  # noqa: T201
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
