"""One service at a time at an authority in SQLite, held by a real process, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from sr_adapters.memory.authority import MemoryAuthority
from sr_adapters.sqlite.authority import SqliteAuthority, SqlitePerPlatformRun
from sr_plugins.uses.sole_service import sole_service
from sr_ports import AuthorityStore, ReasonCode, SoleService, Unreachable
from sr_ports.conformance.authority_kit import a_binding

ONE, TWO = "platform_20260131T134200Z", "platform_20260201T134200Z"
SERVE = """
import subprocess, sys
from sr_adapters.sqlite.authority import SqliteAuthority
with SqliteAuthority(sys.argv[1]).sole_service():
    program = "import sys; print(flush=True); sys.stdin.read()"
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    engine = subprocess.Popen([sys.executable, "-c", program], close_fds=False, **streams)
    engine.stdout.readline()  # its program has begun
    print("serving", engine.pid, flush=True)
    sys.stdin.read()
"""
"""It starts a child that lives until the pipe to it is closed, or a little longer: the lock is none of the child's."""


@contextmanager
def service(file: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that serves the authority in this file until its standard input ends."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", SERVE, str(file)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("serving ")
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "index" / "authority.db"


def free(file: Path) -> bool:
    """Whether a service could start now."""
    try:
        with closing(SqliteAuthority(str(file))) as authority, authority.sole_service():
            return True
    except Unreachable as refused:
        assert refused.code is ReasonCode.SERVICE_BUSY
        return False


def test_a_second_service_is_refused_and_told_who_serves(file: Path) -> None:
    with service(file) as first:
        second = SqliteAuthority(str(file))
        with pytest.raises(Unreachable) as refused, second.sole_service():
            """Never."""
        assert refused.value.code is ReasonCode.SERVICE_BUSY
        assert f"(pid {first.pid})" in refused.value.what
        assert f"{file}.service" in refused.value.what
        assert "\n" not in str(refused.value)
        assert "Postgres" in refused.value.remedy


def test_a_process_beside_the_service_works_as_ever(file: Path) -> None:
    with service(file), closing(SqliteAuthority(str(file))) as beside:
        assert beside.admit(a_binding("k")).is_new
        assert beside.acquire("r", "cli", ttl_s=60) is not None
        assert len(beside.claim_due(limit=1, for_s=60, store_id="")) == 0
        assert not free(file)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV], ids=lambda one: one.name)
def test_the_service_s_place_is_free_once_its_process_is_gone(file: Path, number: signal.Signals) -> None:
    with service(file) as first:
        assert not free(file)
        first.send_signal(number)
        first.wait(timeout=60)
        assert free(file)
        with service(file):
            assert not free(file)


def test_a_service_that_ends_leaves_its_place(file: Path) -> None:
    with service(file) as first:
        first.communicate("", timeout=60)
        assert first.returncode == 0
        assert free(file)


def test_a_child_that_outlives_the_service_does_not_hold_its_place(file: Path, tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    held = tmp_path / "held"
    os.mkfifo(held)  # what the child reads from, and nobody ever writes to
    script = SERVE.replace('sys.stdin.read()"', 'open(sys.argv[1]).read()"').replace(
        "program]", "program, sys.argv[2]]"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    first = subprocess.Popen(
        [sys.executable, "-c", script, str(file), str(held)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env
    )
    assert first.stdout is not None
    child = int(first.stdout.readline().split()[1])
    try:
        assert not free(file)
        first.kill()
        first.wait(timeout=60)
        os.kill(child, 0)
        assert free(file)
        os.kill(child, 0)
    finally:
        os.kill(child, signal.SIGKILL)
        first.communicate()


def test_a_name_by_a_link_is_the_same_place(file: Path, tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "index")
    with service(file):
        assert not free(tmp_path / "link" / "authority.db")


def test_another_file_is_another_place(file: Path, tmp_path: Path) -> None:
    with service(file):
        assert free(tmp_path / "other.db")


def test_a_service_is_of_all_platform_runs_below_one_root(tmp_path: Path) -> None:
    def at(root: Path, platform_run_id: str) -> SqlitePerPlatformRun:
        place = str(root / "fraud-platform")
        return SqlitePerPlatformRun(
            lambda name: f"{place}/{name}/authority.db", lambda: platform_run_id, runtime_root=str(root)
        )

    one, two, elsewhere = at(tmp_path / "runs", ONE), at(tmp_path / "runs", TWO), at(tmp_path / "other", ONE)
    with one.sole_service():
        with pytest.raises(Unreachable, match="another process"), two.sole_service():
            """Never."""
        with elsewhere.sole_service():
            """Another root is another service's."""
    with two.sole_service():
        assert not list((tmp_path / "runs").glob("fraud-platform/*"))


def test_a_place_that_cannot_be_made_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("not a folder")
    authority = SqliteAuthority(str(tmp_path / "occupied" / "authority.db"))
    with pytest.raises(Unreachable, match="cannot be taken") as refused, authority.sole_service():
        """Never."""
    assert refused.value.code is ReasonCode.AUTHORITY_UNREACHABLE


def test_a_link_in_the_lock_s_place_is_not_followed(file: Path, tmp_path: Path) -> None:
    file.parent.mkdir()
    (tmp_path / "precious").write_text("as it was")
    Path(f"{file}.service").symlink_to(tmp_path / "precious")
    with pytest.raises(Unreachable, match="cannot be taken"), SqliteAuthority(str(file)).sole_service():
        """Never."""
    assert (tmp_path / "precious").read_text() == "as it was"


def test_a_folder_without_rights_is_told(shut: Path) -> None:
    with pytest.raises(Unreachable, match="cannot be taken"), SqliteAuthority(str(shut / "a.db")).sole_service():
        """Never."""


def test_authorities_that_replicas_share_ask_for_no_such_place() -> None:
    pytest.importorskip("psycopg", reason="the shared one needs pip install 'scenario-runner[postgres]'")
    from sr_adapters.postgres.authority import PostgresAuthority

    shared: list[type[AuthorityStore]] = [MemoryAuthority, PostgresAuthority]
    assert not [one for one in shared if hasattr(one, "sole_service")]
    assert isinstance(SqliteAuthority("never made"), SoleService)


def test_a_service_asks_whatever_authority_it_has(file: Path) -> None:
    memory = MemoryAuthority()
    with sole_service(memory), sole_service(memory.handle()):
        """Replicas share it."""
    one, two = SqliteAuthority(str(file)), SqliteAuthority(str(file))
    with sole_service(one), pytest.raises(Unreachable, match="another process"), sole_service(two):
        """Never."""
