"""S3 servers that ignore conditions, for Scenario Runner to refuse. What is installed: ``tests.servers.install``."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sr_adapters.s3.client import Credentials
from tests.servers.install import HOW, program
from tests.servers.processes import answers, free_port, running
from tests.servers.s3 import ACCESS, SECRET, S3Server, absent, endpoint_at, with_bucket

_Command = Callable[[Path, int], list[str]]
_COMMANDS: Final[Mapping[str, _Command]] = {
    "localbucket": lambda home, port: ["--port", str(port), str(home)],
    "nanio": lambda home, port: ["serve", "--data-dir", str(home), "--host", "127.0.0.1", "--port", str(port)],
    "rclone": lambda home, port: [
        "serve", "s3", str(home), "--addr", f"127.0.0.1:{port}", "--auth-key", f"{ACCESS},{SECRET}",
        "--config", str(home / "none"),
    ],
    "s3rver": lambda home, port: ["-d", str(home), "-a", "127.0.0.1", "-p", str(port), "--no-vhost-buckets"],
    "juicefs": lambda home, port: [
        "gateway", f"sqlite3://{home}/meta.db", f"127.0.0.1:{port}", "--multi-buckets", "--no-usage-report",
        "--cache-dir", str(home / "cache"), "--log", str(home / "gateway.log"),
    ],
}  # fmt: skip
NAMES: Final = tuple(_COMMANDS)
_KEYS: Final = {"s3rver": Credentials("S3RVER", "S3RVER")}
_ENV: Final = {
    "MINIO_ROOT_USER": ACCESS,
    "MINIO_ROOT_PASSWORD": SECRET,
    "NANIO_ACCESS_KEY": ACCESS,
    "NANIO_SECRET_KEY": SECRET,
}


@contextmanager
def careless(name: str, home: Path) -> Iterator[S3Server]:
    """The server of this name with a bucket, its data in `home`; skips where it is not installed."""
    found = program(name)
    if found is None:
        absent(f"no {name} here: {HOW}")
    assert found is not None
    if name == "juicefs":
        form = ["format", f"sqlite3://{home}/meta.db", "jfs", "--storage", "file", "--bucket", str(home / "data")]
        subprocess.run([found, *form], check=True, capture_output=True, timeout=60)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(found), *_COMMANDS[name](home, port)]
    with running(command, lambda: answers(url), env={**os.environ, **_ENV}, log=home.with_suffix(".log")):
        yield with_bucket(name, endpoint_at(url, _KEYS.get(name)))
