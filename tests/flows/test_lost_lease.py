"""Losing the lease during an engine run ends the engine, and the old holder changes nothing any more."""

from __future__ import annotations

import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import attrs
import pytest

from sr_adapters.runtime.heartbeat import ThreadHeartbeat
from sr_adapters.sqlite.authority import SqliteAuthority
from sr_adapters.subprocess.invoker import SubprocessInvoker
from sr_domain.encoding.ids import run_id_for
from sr_domain.record.states import RunState
from sr_domain.run.ports import Settings
from sr_ports import Lease, LeaseLost, ReasonCode, Unreachable
from tests.kit import Lab, request
from tests.worlds import small_world

RUN = run_id_for("key")

ENGINE = """
import os, subprocess, sys, time
from pathlib import Path
marks = Path(sys.argv[1])
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
(marks / "pids.tmp").write_text(f"{os.getpid()} {child.pid}")
(marks / "pids.tmp").rename(marks / "pids")
time.sleep(600)
"""


def wait_for(there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and waits for its parent does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def test_a_stolen_lease_ends_the_engine_and_its_children_and_fences_the_old_holder(tmp_path: Path) -> None:
    lab, marks = Lab.files(tmp_path), tmp_path / "marks"
    marks.mkdir()
    (tmp_path / "engine.py").write_text(ENGINE)
    command = (sys.executable, str(tmp_path / "engine.py"), str(marks))
    settings = Settings(lease_ttl_s=1.5)
    raised: list[BaseException] = []

    def hold() -> None:
        runner = lab.runner(
            settings=settings,
            heartbeat=ThreadHeartbeat(),
            invoker=SubprocessInvoker(command, runs_root=str(tmp_path / "engines"), grace_seconds=0.2),
        )
        try:
            runner.submit(request())
        except LeaseLost as error:
            raised.append(error)

    holder = threading.Thread(target=hold)
    holder.start()
    wait_for((marks / "pids").exists)
    pids = [int(pid) for pid in (marks / "pids").read_text().split()]
    assert all(map(alive, pids))
    with closing(sqlite3.connect(tmp_path / "truth/authority.db")) as link, link:
        link.execute("UPDATE store_lease SET expires_ms = 0")  # as when the holder was paused for too long
    thief = SqliteAuthority(str(tmp_path / "truth/authority.db"))
    stolen = thief.acquire(RUN, "thief", ttl_s=60)
    assert stolen is not None
    before = lab.kinds(RUN)
    holder.join(timeout=60)
    assert [type(error) for error in raised] == [LeaseLost]
    wait_for(lambda: not any(map(alive, pids)))
    assert lab.kinds(RUN) == before
    assert "ENGINE_ATTEMPT_FINISHED" not in before
    thief.release(stolen)
    with pytest.raises(Unreachable) as caught:
        lab.runner(settings=settings).submit(request(engine_run_root=lab.world(small_world())))
    assert "ENGINE_ATTEMPT_ABANDONED" in lab.kinds(RUN)
    assert caught.value.code is ReasonCode.ENGINE_UNAVAILABLE  # nothing is wired that could run the engine again
    assert lab.ledger(RUN).fence > stolen.fence
    thief.close()
    lab.authority.close()


@attrs.define
class Hiccups:
    """An authority whose renewals fail for a moment, at first."""

    authority: SqliteAuthority
    left: int = 2

    def renew(self, lease: Lease, *, ttl_s: float) -> Lease:
        if self.left:
            self.left -= 1
            raise Unreachable(ReasonCode.AUTHORITY_UNREACHABLE, "away for a moment")
        return self.authority.renew(lease, ttl_s=ttl_s)

    def __getattr__(self, name: str) -> object:
        return getattr(self.authority, name)


def test_a_renewal_that_fails_for_a_moment_loses_nothing(tmp_path: Path) -> None:
    """An engine that takes longer than a lease, and an authority that is away when it is first asked."""
    lab = Lab.files(tmp_path)
    authority = Hiccups(lab.authority)
    runner = lab.runner(
        authority=authority,
        heartbeat=ThreadHeartbeat(),
        settings=Settings(lease_ttl_s=1.2),
        invoker=SubprocessInvoker((sys.executable, "-c", "import time; time.sleep(2)"), runs_root=str(tmp_path)),
    )
    root = lab.world(small_world())
    outcome = runner.submit(request(engine_run_root=root, requested_strategy="FORCE_INVOKE"))
    assert outcome.state is RunState.READY, outcome
    assert authority.left == 0
    lab.authority.close()
