"""S3, Postgres and Kinesis for people, on one machine and without Docker: ``python -m tests.servers up``.

The servers are those of the tests: on loopback, on free ports, in memory or in temporary folders. What they hold is
gone when they end.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from sr_plugins.documents.files import replace_file
from tests.servers import kinesis, postgres, s3
from tests.servers.install import cache, emulator

BUCKET, STREAM, REGION = "scenario-runner", "fp-control", "us-east-1"
_PATIENCE_S: Final = 180.0
_S3: Final[Mapping[str, Callable[[], AbstractContextManager[s3.S3Server]]]] = {"best": s3.best, **s3.SERVERS}


@contextmanager
def stack(s3_name: str) -> Iterator[dict[str, str]]:
    """All three, ready, with bucket and stream made; the environment of `local_parity` and `local_kinesis`."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="sr-stack-")))
        store = opened.enter_context(_S3[s3_name]())
        store.client().create_bucket(Bucket=BUCKET)
        dsn = opened.enter_context(postgres.started()).dsn
        bus = kinesis.emulated if emulator() and shutil.which("node") else kinesis.moto_alone
        endpoint = opened.enter_context(bus(folder / "kinesis.log"))
        kinesis.make_stream(endpoint, name=STREAM)
        keys = store.endpoint.credentials
        given = {} if keys is None else {"AWS_ACCESS_KEY_ID": keys.access_key, "AWS_SECRET_ACCESS_KEY": keys.secret}
        yield {
            "SR_S3_ENDPOINT_URL": store.url,
            "SR_S3_BUCKET": BUCKET,
            "SR_S3_REGION": REGION,
            **given,
            "AWS_DEFAULT_REGION": REGION,
            "SR_PG_DSN": dsn,
            "SR_KINESIS_ENDPOINT_URL": endpoint,
            "SR_KINESIS_STREAM": STREAM,
            "SR_KINESIS_REGION": REGION,
            "PLATFORM_RUN_ID": datetime.now(UTC).strftime("platform_%Y%m%dT%H%M%SZ"),
        }


def exports(env: Mapping[str, str]) -> str:
    """The environment as lines for a shell."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in env.items())


def up(s3_name: str, kept: Path, *, quiet: bool = False) -> int:
    """Run the stack until SIGINT or SIGTERM. `kept`: where `down` finds it, and what its environment is."""
    over = threading.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, lambda *_: over.set())
    try:
        with stack(s3_name) as env:
            kept.parent.mkdir(parents=True, exist_ok=True)
            replace_file(kept, json.dumps({"pid": os.getpid(), "env": env}).encode())
            if not quiet:
                sys.stdout.write(exports(env))
                sys.stdout.flush()
                _say("up; Ctrl-C ends it. In another shell: the lines above, then sr --profile local_kinesis demo")
            while not over.wait(1.0):
                pass
    except (pytest.skip.Exception, pytest.fail.Exception) as lacking:
        _say(str(lacking))
        return 1
    finally:
        kept.unlink(missing_ok=True)
    return 0


def up_detached(s3_name: str, kept: Path) -> int:
    """Start the stack as a process of its own, and print its exports once it is ready."""
    if _running(kept) is not None:
        sys.stdout.write(exports(json.loads(kept.read_text())["env"]))
        return 0
    kept.parent.mkdir(parents=True, exist_ok=True)
    log = kept.with_suffix(".log")
    command = [sys.executable, "-m", "tests.servers", "up", "--s3", s3_name, "--kept", str(kept), "--quiet"]
    with log.open("wb") as out:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end and child.poll() is None:
        if _running(kept) is not None:
            sys.stdout.write(exports(json.loads(kept.read_text())["env"]))
            _say(f"up as process {child.pid}; python -m tests.servers down ends it")
            return 0
        time.sleep(0.1)
    _say(f"did not start; see {log}")
    with suppress(ProcessLookupError):
        child.terminate()
    return 1


def down(kept: Path) -> int:
    """End a stack that was started with `--detach`."""
    pid = _running(kept)
    if pid is None:
        _say("nothing is up")
        return 0
    os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + _PATIENCE_S
    while _running(kept) is not None and time.monotonic() < end:
        time.sleep(0.1)
    return 0


def _running(kept: Path) -> int | None:
    """The process of the stack that is up; None where none is."""
    try:
        pid = int(json.loads(kept.read_text())["pid"])
        os.kill(pid, 0)
    except (OSError, ValueError, KeyError):
        return None
    return pid


def _say(line: str) -> None:
    sys.stderr.write(f"tests.servers: {line}\n")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.servers", description=__doc__)
    parser.add_argument("command", choices=["up", "down"])
    parser.add_argument("--detach", action="store_true", help="start, print the export lines, and return")
    parser.add_argument("--s3", choices=list(_S3), default="best", help="best: rgw where it is installed, else moto")
    parser.add_argument("--kept", type=Path, default=cache() / "stack.json", help=argparse.SUPPRESS)
    parser.add_argument("--quiet", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.command == "down":
        return down(asked.kept)
    if asked.detach:
        return up_detached(asked.s3, asked.kept)
    return up(asked.s3, asked.kept, quiet=asked.quiet)


if __name__ == "__main__":
    sys.exit(main())
