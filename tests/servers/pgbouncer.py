"""A real PgBouncer before a Postgres server, on a free loopback port, for tests alone."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.servers import absent
from tests.servers.postgres import unprivileged
from tests.servers.processes import free_port

ABSENT = "no PgBouncer: apt-get install -y pgbouncer"
_UP_S = 20.0


@contextmanager
def pgbouncer(dsn: str, pool_mode: str, **settings: str) -> Iterator[str]:
    """The DSN of a pooler before the server at `dsn`, with PgBouncer's defaults but for `settings`."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        absent(ABSENT)
    parts, port = {name: str(value) for name, value in conninfo_to_dict(dsn).items()}, free_port()
    home = Path(tempfile.mkdtemp(prefix="sr-pgbouncer-"))
    try:
        user = unprivileged()
        _configure(home, parts, port, {"pool_mode": pool_mode, **settings}, user)
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(
                [program, str(home / "ini")], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=home, **user
            )
        try:
            _wait_for(port, process, home)
            yield make_conninfo(dsn, port=str(port), host="127.0.0.1")
        finally:
            process.kill()
            process.wait()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _configure(
    home: Path, parts: Mapping[str, str], port: int, settings: Mapping[str, str], user: Mapping[str, Any]
) -> None:
    server = {name: parts[name] for name in ("host", "port") if name in parts}
    lines = {
        "listen_addr": "127.0.0.1",
        "listen_port": str(port),
        "unix_socket_dir": "",
        "auth_type": "plain",
        "auth_file": str(home / "users"),
        "server_tls_sslmode": "disable",
        **settings,
    }
    (home / "users").write_text(f'"{parts["user"]}" "{parts["password"]}"\n')
    (home / "ini").write_text(
        "\n".join(
            (
                "[databases]",
                "* = " + " ".join(f"{name}={value}" for name, value in server.items()),
                "[pgbouncer]",
                *(f"{name} = {value}" for name, value in lines.items()),
                "",
            )
        )
    )
    if user:
        for path in (home, home / "users", home / "ini"):
            shutil.chown(path, user["user"], user["group"])


def _wait_for(port: int, process: subprocess.Popen[bytes], home: Path) -> None:
    deadline = time.monotonic() + _UP_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            said = (home / "log").read_text(errors="replace")[-2000:]
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.02)
        else:
            return
