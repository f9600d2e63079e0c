"""The SQLite authority: the port's laws, many processes, clocks set back, files gone bad."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from sr_adapters.sqlite.authority import SqliteAuthority, SqlitePerPlatformRun, build
from sr_adapters.sqlite.settings import SqliteSettings
from sr_ports import BadInput, Fault, IndexNote, LeaseLost, NotFound, ReasonCode, Unreachable
from sr_ports.conformance.authority import AuthorityLaws, Current, PerPlatformRunLaws
from sr_ports.conformance.authority_kit import LONG_S, Reopen, a_binding, took
from sr_ports.hooks import Wiring
from tests.wired import wired

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "index" / "authority.db"


@pytest.fixture
def authority(file: Path) -> Iterator[SqliteAuthority]:
    made = SqliteAuthority(str(file))
    yield made
    made.close()


def by_hand(file: Path, statement: str) -> list[tuple[object, ...]]:
    """One statement on the file, past the adapter."""
    with closing(sqlite3.connect(file, isolation_level=None)) as link:
        return link.execute(statement).fetchall()


def pass_time(file: Path, seconds: float) -> None:
    """Move every stored instant that is waited for back: the same to the authority as time that passes."""
    by_hand(file, f"UPDATE store_lease SET expires_ms = expires_ms - {round(seconds * 1000)} WHERE expires_ms > 0")
    by_hand(file, f"UPDATE store_run SET due_ms = due_ms - {round(seconds * 1000)}")


class TestSqliteAuthority(AuthorityLaws):
    @pytest.fixture
    def authority(self, authority: SqliteAuthority) -> SqliteAuthority:
        return authority

    @pytest.fixture
    def reopen(self, file: Path) -> Iterator[Reopen]:
        made: list[SqliteAuthority] = []

        def open_again() -> SqliteAuthority:
            made.append(SqliteAuthority(lambda: str(file)))
            return made[-1]

        yield open_again
        for handle in made:
            handle.close()

    @pytest.fixture
    def lapse(self, file: Path) -> Callable[[float], None]:
        return partial(pass_time, file)

    @pytest.fixture
    def short_ttl(self) -> float:
        return 60.0

    @pytest.fixture
    def unreachable(self, tmp_path: Path) -> SqliteAuthority:
        (tmp_path / "occupied").write_text("not a folder")
        return SqliteAuthority(str(tmp_path / "occupied" / "authority.db"))


class TestSqlitePerPlatformRun(PerPlatformRunLaws):
    @pytest.fixture
    def current(self, tmp_path: Path) -> Iterator[Current]:
        made: list[SqlitePerPlatformRun] = []

        def current(platform_run_id: str | None) -> SqlitePerPlatformRun:
            def asked() -> str:
                if platform_run_id is None:
                    raise NotFound(ReasonCode.RUN_NOT_FOUND, "there is none")
                return platform_run_id

            made.append(SqlitePerPlatformRun(lambda name: str(tmp_path / name / "authority.db"), asked))
            return made[-1]

        yield current
        for one in made:
            one.close()

    def test_looking_makes_no_file(self, current: Current, tmp_path: Path) -> None:
        assert current("platform_20260131T134200Z").of("platform_20260201T134200Z").find("0" * 32).bindings == ()
        assert list(tmp_path.iterdir()) == []


class TestSqliteAuthorityInRealTime(TestSqliteAuthority):
    """The same with leases that lapse by the clock itself."""

    @pytest.fixture
    def lapse(self) -> Callable[[float], None]:
        return time.sleep

    @pytest.fixture
    def lapse_long(self) -> Callable[[float], None]:
        pytest.skip("time is real here")

    @pytest.fixture
    def short_ttl(self) -> float:
        return 0.02


# several processes


def _admit_all(path: str, asked_for: str, count: int) -> list[bool]:
    with closing(SqliteAuthority(path)) as authority:
        return [authority.admit(a_binding(f"k{n}", asked_for)).is_new for n in range(count)]


def _count_up(path: str, counter: str, times: int) -> list[int]:
    """Raise a number in a file under the lease: an overlap of two holders loses a step."""
    fences: list[int] = []
    with closing(SqliteAuthority(path)) as authority:
        while len(fences) < times:
            lease = authority.acquire("counter", f"p{os.getpid()}", ttl_s=LONG_S)
            if lease is None:
                time.sleep(0.001)
                continue
            Path(counter).write_text(str(int(Path(counter).read_text()) + 1))
            fences.append(lease.fence)
            authority.release(lease)
    return fences


def _hold_for_ever(path: str, ready: str) -> None:
    authority = SqliteAuthority(path)
    took(authority, "r", "victim", above=40)
    Path(ready).touch()
    signal.pause()


def test_processes_that_race_to_create_the_file_admit_each_key_once(file: Path) -> None:
    with ProcessPoolExecutor(4, mp_context=SPAWN) as pool:
        jobs = [pool.submit(_admit_all, str(file), str(n), 40) for n in range(4)]
        answers = [job.result() for job in jobs]
    assert [sum(news) for news in zip(*answers, strict=True)] == [1] * 40


def test_processes_hold_a_lease_one_at_a_time(file: Path, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    with ProcessPoolExecutor(4, mp_context=SPAWN) as pool:
        jobs = [pool.submit(_count_up, str(file), str(counter), 15) for _ in range(4)]
        fences = [fence for job in jobs for fence in job.result()]
    assert counter.read_text() == "60"
    assert len(set(fences)) == 60


def test_a_killed_holder_keeps_its_lease_until_it_lapses(
    file: Path, tmp_path: Path, authority: SqliteAuthority
) -> None:
    ready = tmp_path / "ready"
    victim = SPAWN.Process(target=_hold_for_ever, args=(str(file), str(ready)))
    victim.start()
    while not ready.exists():
        assert victim.is_alive()
        time.sleep(0.01)
    victim.kill()
    victim.join()
    assert authority.acquire("r", "heir", ttl_s=LONG_S) is None
    pass_time(file, LONG_S)
    assert took(authority, "r", "heir").fence == 42


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_uses_a_connection_of_its_own(file: Path, authority: SqliteAuthority) -> None:
    authority.admit(a_binding("parent"))
    child = os.fork()
    if child == 0:
        fine = not authority.admit(a_binding("parent")).is_new and authority.admit(a_binding("child")).is_new
        os._exit(0 if fine else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert authority.find(a_binding("child").run_id).bindings == (a_binding("child"),)


# time


def test_a_clock_set_back_never_cuts_a_lease_and_does_not_hold_it_for_ever(
    file: Path, authority: SqliteAuthority
) -> None:
    lease = took(authority, "r", ttl_s=60)
    pass_time(file, -86400)  # what a clock set back by a day looks like from here
    assert authority.acquire("r", "b", ttl_s=60) is None
    assert authority.renew(lease, ttl_s=60).fence == lease.fence
    pass_time(file, -86400)
    assert authority.acquire("r", "b", ttl_s=60) is None
    pass_time(file, 61)
    assert took(authority, "r", "b").fence > lease.fence


def test_now_is_the_machines_clock(authority: SqliteAuthority) -> None:
    before = time.time()
    now = authority.now().timestamp()
    assert before - 0.002 <= now <= time.time() + 0.002


# the file


def test_nothing_is_made_before_first_use(tmp_path: Path) -> None:
    asked: list[int] = []

    def path() -> str:
        asked.append(1)
        return str(tmp_path / "deep" / "er" / "authority.db")

    authority = SqliteAuthority(path)
    assert (authority.describe(), asked) == ("sqlite: a file named on first use", [])
    assert not (tmp_path / "deep").exists()
    authority.admit(a_binding("k"))
    authority.close()
    authority.admit(a_binding("k"))
    authority.close()
    authority.close()
    assert asked == [1]
    assert authority.describe() == f"sqlite: {tmp_path / 'deep' / 'er' / 'authority.db'}"


def test_looking_makes_no_file(tmp_path: Path) -> None:
    authority = SqliteAuthority(str(tmp_path / "deep" / "authority.db"))
    assert (authority.find("0" * 32).bindings, authority.holder("r"), authority.runs()) == ((), None, ())
    authority.close()
    assert list(tmp_path.iterdir()) == []


def test_no_name_is_special(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(SqliteAuthority(":memory:")) as authority:
        authority.admit(a_binding("k"))
    with closing(SqliteAuthority(":memory:")) as authority:
        assert not authority.admit(a_binding("k")).is_new


def test_a_newer_schema_is_refused_by_name(file: Path, authority: SqliteAuthority) -> None:
    authority.now()
    authority.close()
    by_hand(file, "PRAGMA user_version = 7")
    with pytest.raises(Unreachable, match=r"version 7, this release knows version 3") as refused:
        authority.admit(a_binding("k"))
    assert refused.value.code is ReasonCode.AUTHORITY_SCHEMA
    assert by_hand(file, "SELECT count(*) FROM store_run") == [(0,)]


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    by_hand(file, "CREATE TABLE precious (x)")
    with closing(SqliteAuthority(str(file))) as authority, pytest.raises(Unreachable, match="another program") as no:
        authority.admit(a_binding("k"))
    assert no.value.code is ReasonCode.AUTHORITY_SCHEMA
    assert by_hand(file, "SELECT name FROM sqlite_master") == [("precious",)]


def test_a_file_that_is_no_database_is_told_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("dear diary\n" * 200)
    with pytest.raises(Unreachable, match="is not a SQLite database") as refused:
        SqliteAuthority(str(file)).admit(a_binding("k"))
    assert str(file) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert file.read_text().startswith("dear diary")


def test_a_damaged_file_never_answers(file: Path, authority: SqliteAuthority) -> None:
    for n in range(50):
        authority.admit(a_binding(f"k{n}", "x" * 400))
    authority.close()
    size = file.stat().st_size
    with file.open("r+b") as raw:
        raw.seek(4096)
        raw.write(b"\xa5" * (size - 4096))
    with pytest.raises(Unreachable, match="is damaged"):
        authority.admit(a_binding("k1"))


def test_trouble_passes_when_its_cause_does(file: Path, authority: SqliteAuthority) -> None:
    authority.admit(a_binding("k"))
    authority.close()
    aside = shutil.copy(file, file.with_suffix(".aside"))
    file.write_text("torn" * 2000)
    with pytest.raises(Unreachable):
        authority.find(a_binding("k").run_id)
    shutil.copy(aside, file)
    assert authority.find(a_binding("k").run_id).bindings == (a_binding("k"),)


def test_a_folder_without_rights_is_told(shut: Path) -> None:
    with pytest.raises(Unreachable, match="cannot be opened"):
        SqliteAuthority(str(shut / "authority.db")).now()


def test_a_folder_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="cannot be opened"):
        SqliteAuthority(str(tmp_path)).now()


def test_a_full_disk_undoes_the_admission(file: Path, authority: SqliteAuthority) -> None:
    authority.admit(a_binding("k"))
    link = authority._database._linked()
    link.execute("PRAGMA max_page_count = 1")  # SQLite's own way to run out of room
    with pytest.raises(Unreachable, match="no room left"):
        authority.admit(a_binding("big", "x" * 100_000))
    assert authority.find(a_binding("big").run_id).bindings == ()
    assert authority.admit(a_binding("big", "x" * 100_000)).is_new


def test_a_lock_kept_too_long_is_no_answer(file: Path, authority: SqliteAuthority) -> None:
    lease = took(authority, "r")
    with closing(SqliteAuthority(str(file), busy_timeout_s=0.05)) as hurried:
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unreachable, match="kept locked"):
                hurried.renew(lease, ttl_s=LONG_S)
            assert hurried.acquire("r", "b", ttl_s=LONG_S) is None, "what can be read is still answered"
        assert hurried.renew(lease, ttl_s=LONG_S).fence == lease.fence


def test_a_lock_released_in_time_is_waited_for(file: Path, authority: SqliteAuthority) -> None:
    authority.now()
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.1, other.execute, ["ROLLBACK"])
        timer.start()
        assert authority.admit(a_binding("k")).is_new
        timer.join()


def test_an_interrupted_write_leaves_nothing_locked(file: Path, authority: SqliteAuthority) -> None:
    run_id = authority.admit(a_binding("k")).binding.run_id
    lease = took(authority, "r")
    with pytest.raises(KeyboardInterrupt), authority._database.writing() as link:
        link.execute("DELETE FROM store_run")
        raise KeyboardInterrupt
    authority.release(lease, note=IndexNote("READY", True), run_id=run_id)
    assert [row.state for row in authority.runs()] == ["READY"]
    with pytest.raises(LeaseLost):
        authority.renew(lease, ttl_s=LONG_S)


def test_a_run_id_is_never_bound_to_two_keys(authority: SqliteAuthority) -> None:
    twin = a_binding("k")
    authority.admit(twin)
    with pytest.raises(Fault):
        authority.admit(type(twin)("another key", twin.run_id, "f", "{}", "p"))
    assert authority.find(twin.run_id).bindings == (twin,)


# the factory


def _wiring(tmp_path: Path, **settings: object) -> Wiring[SqliteSettings]:
    return wired(SqliteSettings, "authority", settings, tmp_path, "platform_20260131T134200Z")


def test_the_default_file_is_under_the_run_prefix(tmp_path: Path) -> None:
    with closing(build(_wiring(tmp_path))) as authority:
        authority.admit(a_binding("k"))
    assert (tmp_path / "fraud-platform/platform_20260131T134200Z/sr/index/authority.db").is_file()


def test_a_path_can_be_given(tmp_path: Path) -> None:
    with closing(build(_wiring(tmp_path, path=str(tmp_path / "a.db"), busy_timeout_seconds=1))) as authority:
        assert authority.describe() == f"sqlite: {tmp_path / 'a.db'}"


@pytest.mark.parametrize("settings", [{"path": 3}, {"busy_timeout_seconds": "soon"}, {"busy_timeout_seconds": -1}])
def test_settings_of_a_wrong_kind_are_refused_by_name(tmp_path: Path, settings: dict[str, object]) -> None:
    with pytest.raises(BadInput, match=f"authority.{next(iter(settings))}") as refused:
        build(_wiring(tmp_path, **settings))
    assert refused.value.code is ReasonCode.PROFILE_INVALID
