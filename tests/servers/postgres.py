"""A real Postgres on a free loopback port, for tests alone.

`SR_TEST_PG_DSN` names a server to use instead; its role must be allowed to create schemas.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from sr_adapters.postgres import schema as tables
from sr_adapters.postgres import statements
from sr_ports import Binding
from tests.servers import absent

ABSENT = "no Postgres server: set SR_TEST_PG_DSN, or install one (Debian: apt-get install postgresql)"
PASSWORD = "correct-horse-7"


class PostgresServer:
    """One server in a folder of its own; `start`, `stop` and `restart` keep port and data."""

    def __init__(self, binaries: Path, home: Path) -> None:
        self._binaries, self._home, self._data = binaries, home, home / "data"
        self._user = unprivileged()
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        self._initialise()

    @property
    def dsn(self) -> str:
        return f"postgresql://sr:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self._home),
            "max_connections": "80",
            "fsync": "off",
        }
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(self._binaries / "postgres"), "-D", str(self._data), "-p", str(self.port), *flags]
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._home, **self._user)
        self._wait_until_it_answers()

    def stop(self, *, at_once: bool = False) -> None:
        """End it: connections are told so (fast), or the server dies as in a crash."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGQUIT if at_once else signal.SIGINT)
            process.wait(timeout=60)

    def restart(self, *, at_once: bool = False) -> None:
        self.stop(at_once=at_once)
        self.start()

    def _initialise(self) -> None:
        self._home.chmod(0o700)
        password = self._home / "password"
        password.write_text(PASSWORD)
        if self._user:
            for path in (self._home, password):
                shutil.chown(path, self._user["user"], self._user["group"])
        flags = ["-U", "sr", "--pwfile", str(password), "--auth=scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"]
        command = [str(self._binaries / "initdb"), "-D", str(self._data), *flags]
        subprocess.run(command, check=True, capture_output=True, cwd=self._home, **self._user)

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            assert self._process is not None
            assert self._process.poll() is None, (self._home / "log").read_text()[-2000:]
            try:
                psycopg.connect(self.dsn, connect_timeout=5).close()
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, (self._home / "log").read_text()[-2000:]
                time.sleep(0.02)
            else:
                return


@contextmanager
def started() -> Iterator[PostgresServer]:
    """A running server of one's own; skips the test when this machine has no Postgres."""
    binaries = _binaries()
    if binaries is None:
        absent(ABSENT)
    home = Path(tempfile.mkdtemp(prefix="sr-postgres-"))
    try:
        server = PostgresServer(binaries, home)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """A server that the whole session shares."""
    given = os.environ.get("SR_TEST_PG_DSN")
    if given:
        yield given
        return
    with started() as server:
        yield server.dsn


@contextmanager
def fresh_schema(dsn: str) -> Iterator[str]:
    """The name of a schema nobody else uses; dropped afterwards if it was made."""
    name = f"sr_test_{os.urandom(6).hex()}"
    yield name
    with suppress(psycopg.OperationalError), closing(psycopg.connect(dsn, autocommit=True)) as link:
        link.execute(f'DROP SCHEMA IF EXISTS "{name}" CASCADE'.encode())


@pytest.fixture
def schema(postgres_dsn: str) -> Iterator[str]:
    """The name of a schema of the shared server that the test has for itself."""
    with fresh_schema(postgres_dsn) as name:
        yield name


def lay_first_release(dsn: str, schema: str, runs: Sequence[tuple[Binding, int]]) -> None:
    """Tables as the first release made them, with these runs: what is bound, and the fence of the last lease."""
    with closing(psycopg.connect(dsn, autocommit=True)) as link:
        link.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}".encode())
        link.execute(tables.render(statements.CREATE_VERSION, schema))
        link.execute(tables.render(statements.STEPS[0], schema))
        link.execute(tables.render(statements.SET_VERSION, schema), (1,))
        for one, fence in runs:
            key, intent = one.run_equivalence_key.encode(), (one.intent_fingerprint, one.intent)
            link.execute(
                f"INSERT INTO {schema}.run VALUES (%s, %s, %s, %s, %s, gen_random_uuid(), %s, %s)".encode(),
                (one.run_id, key, *intent, one.platform_run_id, one.state, one.settled),
            )
            lease = "(%s, 'older', %s, interval '60 s', '-infinity', gen_random_uuid())"
            link.execute(f"INSERT INTO {schema}.lease VALUES {lease}".encode(), (one.run_id, fence))


@contextmanager
def fresh_database(dsn: str, encoding: str) -> Iterator[str]:
    """The DSN of a new database in this encoding; dropped afterwards."""
    name = f"sr_test_{os.urandom(6).hex()}"
    made = f"CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    with closing(psycopg.connect(dsn, autocommit=True)) as link:
        link.execute(made.encode())
        yield make_conninfo(dsn, dbname=name)
        link.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _binaries() -> Path | None:
    """Debian's newest, else whatever is on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("postgres")
    if found:
        return found[-1].parent
    return Path(on_path).resolve().parent if on_path else None


def unprivileged() -> dict[str, Any]:
    """Postgres and PgBouncer refuse to run as root: then they run as another user. For `subprocess`."""
    if os.getuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    entry = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
