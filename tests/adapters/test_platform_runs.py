"""The platform run a process works in, and the names of time zones."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sr_adapters.runtime.clock import ManualClock
from sr_adapters.runtime.platform import FilePlatformRuns, FixedPlatformRuns
from sr_adapters.runtime.pool import ThreadPool
from sr_adapters.runtime.timezones import known_timezone
from sr_ports import BadInput, ReasonCode, Unreachable

START = datetime(2026, 1, 31, 13, 42, 0, tzinfo=UTC)


def platform_runs(root: Path, **env: str) -> FilePlatformRuns:
    return FilePlatformRuns(str(root), env, ManualClock(START))


class TestPlatformRuns:
    def test_reading_writes_nothing(self, tmp_path: Path) -> None:
        assert platform_runs(tmp_path / "runs").current() is None
        assert list(tmp_path.iterdir()) == []

    def test_a_submit_mints_once(self, tmp_path: Path) -> None:
        root = tmp_path / "runs"
        assert platform_runs(root).ensure() == "platform_20260131T134200Z"
        later = FilePlatformRuns(str(root), {}, ManualClock(START + timedelta(days=1)))
        assert later.ensure() == later.current() == "platform_20260131T134200Z"
        assert [path.name for path in (root / "fraud-platform").iterdir()] == ["ACTIVE_RUN_ID"]

    def test_the_environment_comes_first_and_leaves_no_file(self, tmp_path: Path) -> None:
        platform_runs(tmp_path).ensure()
        assert platform_runs(tmp_path, PLATFORM_RUN_ID="mine").ensure() == "mine"
        assert platform_runs(tmp_path / "new", PLATFORM_RUN_ID="mine").ensure() == "mine"
        assert not (tmp_path / "new").exists()

    def test_an_operators_file_at_the_root_is_read(self, tmp_path: Path) -> None:
        for text in (" night-7 \n", "\ufeffnight-7\r\n"):
            (tmp_path / "ACTIVE_RUN_ID").write_text(text, "utf-8")
            assert platform_runs(tmp_path).ensure() == "night-7"
        assert not (tmp_path / "fraud-platform").exists()

    @pytest.mark.parametrize("text", ["", "..", ".", "a/b", "../up", "-x", "a b", "a\nb", "x" * 129, "x" * 9999, "é"])
    def test_an_id_that_cannot_name_a_folder_is_refused(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "ACTIVE_RUN_ID").write_text(text)
        runs = [platform_runs(tmp_path)] + [platform_runs(tmp_path, PLATFORM_RUN_ID=text)] * bool(text)
        for one in runs:
            with pytest.raises(BadInput) as caught:
                one.ensure()
            assert caught.value.code is ReasonCode.PROFILE_INVALID
        with pytest.raises(BadInput):
            FixedPlatformRuns(text)

    def test_a_failing_file_system_is_unreachable(self, tmp_path: Path) -> None:
        (tmp_path / "ACTIVE_RUN_ID").mkdir()
        with pytest.raises(Unreachable):
            platform_runs(tmp_path).current()
        (tmp_path / "file").write_text("")
        with pytest.raises(Unreachable):
            platform_runs(tmp_path / "file").ensure()

    def test_a_fixed_run_is_itself(self) -> None:
        runs = FixedPlatformRuns("platform_20260131T134200Z")
        assert runs.current() == runs.ensure() == "platform_20260131T134200Z"

    def test_many_at_once_agree_on_one_id(self, tmp_path: Path) -> None:
        gate = threading.Barrier(6, timeout=20)

        def ensure(offset: int) -> str:
            gate.wait()
            return FilePlatformRuns(str(tmp_path), {}, ManualClock(START + timedelta(seconds=offset))).ensure()

        ids = set(ThreadPool(6).map(ensure, range(6)))
        assert ids == {platform_runs(tmp_path).current()}


class TestTimezones:
    @pytest.mark.parametrize("name", ["UTC", "Europe/Amsterdam", "America/Argentina/Ushuaia", "Etc/GMT+1", "EST5EDT"])
    def test_a_zone_is_known(self, name: str) -> None:
        assert known_timezone(name)

    @pytest.mark.parametrize(
        "name",
        [
            *("", " ", "America", "Europe/", "/etc/localtime", "../UTC", "Europe/../UTC", "UTC\0", "utc "),
            *("localtime", "posixrules", "posix/UTC", "tzdata.zi", "Europe\\Paris", "x" * 10_000, "\ud800"),
        ],
    )
    def test_what_is_no_zone_is_not(self, name: str) -> None:
        assert not known_timezone(name)
