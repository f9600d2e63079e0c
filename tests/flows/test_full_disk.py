"""A full disk, at whatever write: the run rests, nothing is lost, nothing is READY that was not decided."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_adapters.sqlite.authority import SqliteAuthority
from sr_adapters.subprocess.invoker import SubprocessInvoker
from sr_domain.record.states import RunState
from sr_ports import Binding, ReasonCode, Unreachable
from tests.kit import Lab, request
from tests.worlds import engine, small_world

WRITES = ("create", "replace", "publish", "admit", "acquire", "renew", "release")


@attrs.define
class Disk:
    """A disk that takes so many writes and is full from then on, until somebody frees space."""

    room: int
    writes: int = 0

    def behind(self, port: Any) -> Any:
        disk = self

        class Full:
            def __getattr__(self, name: str) -> Any:
                found = getattr(port, name)
                return disk.counted(found) if name in WRITES else found

        return Full()

    def counted(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.writes += 1
            if self.writes > self.room:
                raise Unreachable(ReasonCode.STORE_FULL, "no space left on the device")
            return write(*args, **kwargs)

        return call


def on(disk: Disk, lab: Lab) -> dict[str, Any]:
    return {name: disk.behind(getattr(lab, name)) for name in ("store", "bus", "authority")}


def test_wherever_the_disk_is_full_the_run_rests_and_goes_on_once_there_is_room(tmp_path: Path) -> None:
    whole, count = Lab.memory(tmp_path / "whole"), Disk(10**9)
    made = whole.runner(engine=engine(tmp_path / "e", small_world()), **on(count, whole)).submit(request())
    assert (made.state, count.writes > 15) == (RunState.READY, True)
    for room in range(count.writes):
        lab, disk = Lab.memory(tmp_path / str(room)), Disk(room)
        run = engine(tmp_path / "e", small_world())
        try:
            told = lab.runner(engine=run, **on(disk, lab)).submit(request())
        except Unreachable as error:
            assert error.code is ReasonCode.STORE_FULL
        else:  # what was full came after the decision: the index, or the bus
            assert told.state is RunState.READY
        published = len(lab.published())
        assert published <= 1
        lab.lapse()
        done = lab.runner(engine=run).submit(request())
        assert (done.state, done.published) == (RunState.READY, True), room
        assert len({one.message_id for one in lab.published()}) == 1
        assert lab.runner().audit(done.run_id).findings == ()


def test_the_authoritys_own_disk_is_told_as_full_and_not_as_unreachable(tmp_path: Path) -> None:
    path = tmp_path / "authority.db"
    authority = SqliteAuthority(str(path))
    authority.now()
    authority.close()
    with closing(sqlite3.connect(path)) as link:
        (pages,) = link.execute("PRAGMA page_count").fetchone()
    tight = SqliteAuthority(str(path))
    tight.now()
    connection = tight._database._connection
    assert connection is not None
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Unreachable) as caught:
        for number in range(1000):
            tight.admit(Binding(f"key{number}", f"{number:032x}", "0" * 64, "x" * 500, "p"))
    assert caught.value.code is ReasonCode.STORE_FULL
    assert "free space" in caught.value.remedy
    tight.close()


def test_no_room_for_the_engines_folder_fails_no_attempt(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as tight:
        tight.setattr(Path, "mkdir", full)
        with pytest.raises(Unreachable) as caught:
            lab.runner(invoker=SubprocessInvoker(["true"], runs_root=str(tmp_path / "runs"))).submit(request())
    assert caught.value.code is ReasonCode.STORE_FULL
    lab.lapse()
    done = lab.runner(engine=engine(lab.root / "e", small_world())).submit(request())
    assert done.state is RunState.READY
    assert "ENGINE_ATTEMPT_ABANDONED" in lab.kinds(done.run_id)
