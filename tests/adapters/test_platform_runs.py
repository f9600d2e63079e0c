"""The platform run a process works in, and the names of time zones."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sr_adapters.runtime.clock import ManualClock
from sr_adapters.runtime.platform import FilePlatformRuns, FixedPlatformRuns
from sr_adapters.runtime.pool import ThreadPool
from sr_adapters.runtime.timezones import known_timezone
from sr_domain.encoding.ids import is_platform_run_id, platform_run_id_at
from sr_ports import BadInput, ReasonCode, Unreachable

OTHER = "platform_20260201T000000Z"
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
        assert platform_runs(tmp_path, PLATFORM_RUN_ID=OTHER).ensure() == OTHER
        assert platform_runs(tmp_path / "new", PLATFORM_RUN_ID=OTHER).ensure() == OTHER
        assert not (tmp_path / "new").exists()

    def test_an_operators_file_at_the_root_is_read(self, tmp_path: Path) -> None:
        for text in (f" {OTHER} \n", f"\ufeff{OTHER}\r\n"):
            (tmp_path / "ACTIVE_RUN_ID").write_text(text, "utf-8")
            assert platform_runs(tmp_path).ensure() == OTHER
        assert not (tmp_path / "fraud-platform").exists()

    @pytest.mark.parametrize("text", ["", "..", ".", "a/b", "../up", "-x", "a b", "a\nb", "x" * 129, "x" * 9999, "é"])
    def test_an_id_that_cannot_name_a_folder_is_refused(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "ACTIVE_RUN_ID").write_text(text)
        runs = [platform_runs(tmp_path)] + [platform_runs(tmp_path, PLATFORM_RUN_ID=text)] * bool(text)
        for one in runs:
            for act in (one.ensure, one.current):
                with pytest.raises(BadInput) as caught:
                    act()
                assert caught.value.code is ReasonCode.PLATFORM_RUN_INVALID
        with pytest.raises(BadInput):
            FixedPlatformRuns(text)

    def test_what_the_variable_holds_is_not_quoted_and_what_a_file_holds_is(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput) as caught:
            platform_runs(tmp_path, PLATFORM_RUN_ID="password=hidden").ensure()
        assert "env PLATFORM_RUN_ID" in caught.value.what
        assert "hidden" not in caught.value.what
        (tmp_path / "ACTIVE_RUN_ID").write_text("of last week")
        with pytest.raises(BadInput, match="'of last week'"):
            platform_runs(tmp_path).ensure()

    @pytest.mark.parametrize(
        "text",
        [
            *("my-run", "mine", "platform_memory", "platform_20260131", "platform_20260131T134200"),
            *("Platform_20260131T134200Z", "platform_20260131T134200Z.1", "platform_20260230T000000Z"),
            *("platform_20260131T250000Z", "platform_20260131T136000Z", "platform_20260131T134260Z"),
            *("platform_00000101T000000Z", "platform_20261301T000000Z", "platform_20260132T000000Z"),
        ],
    )
    def test_an_id_of_another_form_is_read_and_never_written_under(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "ACTIVE_RUN_ID").write_text(text)
        for one in (platform_runs(tmp_path), platform_runs(tmp_path, PLATFORM_RUN_ID=text), FixedPlatformRuns(text)):
            assert one.current() == text
            with pytest.raises(BadInput) as caught:
                one.ensure()
            assert caught.value.code is ReasonCode.PLATFORM_RUN_INVALID
        assert [path.name for path in tmp_path.iterdir()] == ["ACTIVE_RUN_ID"]

    @given(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31, 23, 59, 59)))
    def test_what_is_minted_is_of_the_form(self, at: datetime) -> None:
        assert is_platform_run_id(platform_run_id_at(at))

    def test_a_new_session_is_another_one_and_current_from_then_on(self, tmp_path: Path) -> None:
        runs = platform_runs(tmp_path)
        first = runs.ensure()
        second, third = runs.begin(), runs.begin()
        assert (first, second) == ("platform_20260131T134200Z", "platform_20260131T134201Z")
        assert runs.current() == runs.ensure() == third == "platform_20260131T134202Z"
        assert platform_runs(tmp_path, PLATFORM_RUN_ID=OTHER).current() == OTHER
        (tmp_path / "fraud-platform" / "platform_20260131T134203Z").mkdir()
        assert runs.begin() == "platform_20260131T134204Z", "one with truth in it is never begun again"

    def test_a_new_session_takes_the_place_of_the_one_an_operator_put(self, tmp_path: Path) -> None:
        (tmp_path / "ACTIVE_RUN_ID").write_text("my-run\n")
        made = platform_runs(tmp_path).begin()
        assert platform_runs(tmp_path).current() == made == "platform_20260131T134200Z"
        assert (tmp_path / "ACTIVE_RUN_ID").read_text() == f"{made}\n"

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
        with pytest.raises(BadInput):
            runs.begin()

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
