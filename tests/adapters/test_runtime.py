"""The runtime adapters: clocks, ids, pools, heartbeats, platform runs and zone names."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_adapters.runtime.clock import ManualClock, SystemClock
from sr_adapters.runtime.heartbeat import NoHeartbeat, ThreadHeartbeat
from sr_adapters.runtime.ids import RandomIds, SequentialIds
from sr_adapters.runtime.platform import FilePlatformRuns, FixedPlatformRuns
from sr_adapters.runtime.pool import SerialPool, ThreadPool
from sr_adapters.runtime.timezones import known_timezone
from sr_ports import BadInput, Lease, LeaseLost, OutcomeUnknown, ReasonCode, Unreachable, WorkPool

START = datetime(2026, 1, 31, 13, 42, 0, tzinfo=UTC)


class TestClocks:
    def test_the_system_clock_is_aware_utc_and_takes_a_negative_sleep(self) -> None:
        clock = SystemClock()
        before = clock.now()
        clock.sleep(-1)
        assert before.utcoffset() == timedelta(0)
        assert clock.now() >= before

    def test_sleeping_moves_the_manual_clock(self) -> None:
        clock = ManualClock(START.astimezone(timezone(timedelta(hours=2))))
        assert clock.now().utcoffset() == timedelta(0)
        clock.sleep(90)
        clock.sleep(-5)
        assert clock.now() - START == timedelta(seconds=90)
        assert clock.seconds() == (START + timedelta(seconds=90)).timestamp()

    def test_the_manual_clock_refuses_a_naive_start(self) -> None:
        with pytest.raises(ValueError, match="aware"):
            ManualClock(START.replace(tzinfo=None))


class TestIds:
    @pytest.mark.parametrize("source", [RandomIds(), SequentialIds(1)])
    def test_ids_are_32_hex_and_differ(self, source: RandomIds | SequentialIds) -> None:
        ids = [source.new_id() for _ in range(500)]
        assert len(set(ids)) == 500
        assert all(len(one) == 32 and set(one) <= set("0123456789abcdef") for one in ids)

    def test_a_sequence_is_repeatable_and_seeds_do_not_share(self) -> None:
        one, same, other = SequentialIds("a"), SequentialIds("a"), SequentialIds("b")
        ids = [one.new_id() for _ in range(50)]
        assert ids == [same.new_id() for _ in range(50)]
        assert not set(ids) & {other.new_id() for _ in range(50)}


class Broken(Exception):
    pass


def fail_at(*bad: int) -> Any:
    def work(n: int) -> int:
        if n in bad:
            raise Broken(n)
        return n * n

    return work


POOLS: list[WorkPool] = [SerialPool(), ThreadPool(1), ThreadPool(2), ThreadPool(7), ThreadPool("auto")]


@pytest.mark.parametrize("pool", POOLS, ids=["serial", "one", "two", "seven", "auto"])
class TestEveryPool:
    @settings(max_examples=25, deadline=None)
    @given(items=st.lists(st.integers(), max_size=40))
    def test_results_keep_the_order(self, pool: WorkPool, items: list[int]) -> None:
        assert pool.map(lambda n: n + 1, iter(items)) == [n + 1 for n in items]

    @settings(max_examples=25, deadline=None)
    @given(bad=st.sets(st.integers(0, 30), min_size=1))
    def test_the_earliest_failing_item_is_the_one_raised(self, pool: WorkPool, bad: set[int]) -> None:
        with pytest.raises(Broken) as caught:
            pool.map(fail_at(*bad), range(31))
        assert caught.value.args == (min(bad),)

    def test_a_map_inside_a_map_ends(self, pool: WorkPool) -> None:
        def rows(n: int) -> list[int]:
            return pool.map(lambda m: n * m, range(5))

        assert pool.map(lambda n: pool.map(rows, [n, n]), range(6)) == [
            [[n * m for m in range(5)]] * 2 for n in range(6)
        ]

    def test_an_iterable_that_fails_fails_the_map(self, pool: WorkPool) -> None:
        def items() -> Iterator[int]:
            yield from range(20)
            raise Broken("items")

        done: SimpleQueue[int] = SimpleQueue()
        with pytest.raises(Broken, match="items"):
            pool.map(done.put, items())
        assert done.qsize() == 20

    def test_what_is_no_ordinary_exception_is_raised_too(self, pool: WorkPool) -> None:
        def work(n: int) -> None:
            if n == 3:
                raise SystemExit(n)

        with pytest.raises(SystemExit):
            pool.map(work, range(9))


class TestThreadPool:
    def test_workers_work_at_once(self) -> None:
        barrier = threading.Barrier(3, timeout=20)
        assert len(ThreadPool(3).map(lambda _n: barrier.wait(), range(3))) == 3

    def test_no_item_is_started_after_a_failure(self) -> None:
        """Three items run; the first fails while the others wait for it to have failed."""
        started: SimpleQueue[int] = SimpleQueue()
        all_started, failing = threading.Barrier(3, timeout=20), threading.Event()

        def work(n: int) -> None:
            started.put(n)
            all_started.wait()
            if n == 0:
                failing.set()
                raise Broken(n)
            failing.wait(20)
            time.sleep(0.05)  # lets the failure be noted

        with pytest.raises(Broken):
            ThreadPool(3).map(work, range(100))
        assert started.qsize() == 3

    def test_every_started_item_has_ended_when_it_raises(self) -> None:
        ended: SimpleQueue[int] = SimpleQueue()
        both = threading.Barrier(2, timeout=20)

        def work(n: int) -> None:
            both.wait()
            if n == 0:
                raise Broken(n)
            time.sleep(0.05)
            ended.put(n)

        with pytest.raises(Broken):
            ThreadPool(2).map(work, range(2))
        assert ended.qsize() == 1

    def test_items_are_not_taken_far_ahead(self) -> None:
        taken, done, most = 0, 0, 0

        def items() -> Iterator[int]:
            nonlocal taken, most
            for n in range(200):
                taken += 1
                most = max(most, taken - done)
                yield n

        lock = threading.Lock()

        def work(_n: int) -> None:
            nonlocal done
            with lock:
                done += 1

        ThreadPool(2).map(work, items())
        assert (taken, done) == (200, 200)
        assert most <= 4

    def test_a_single_item_and_a_single_worker_stay_in_the_calling_thread(self) -> None:
        here = threading.get_ident()
        assert ThreadPool(4).map(lambda _n: threading.get_ident(), [1]) == [here]
        assert set(ThreadPool(1).map(lambda _n: threading.get_ident(), range(9))) == {here}

    def test_threads_are_bounded_over_all_calls_and_end_with_them(self) -> None:
        pool, before = ThreadPool(3), threading.active_count()
        most: list[int] = []

        def inner(_n: int) -> None:
            most.append(threading.active_count())

        pool.map(lambda _n: pool.map(inner, range(10)), range(10))
        assert max(most) <= before + 2
        assert threading.active_count() == before

    @pytest.mark.parametrize("workers", [0, -1, True, 1.5, "four", None])
    def test_a_wrong_number_of_workers_is_refused(self, workers: Any) -> None:
        with pytest.raises(BadInput) as caught:
            ThreadPool(workers)
        assert caught.value.code is ReasonCode.PROFILE_INVALID


class Authority:
    """Renews for `ttl_s`, or raises what `answers` says; tells when it was asked."""

    def __init__(self, ttl_s: float, *answers: BaseException | None) -> None:
        self.ttl_s = ttl_s
        self.answers = list(answers)
        self.asked = 0
        self.out_of_answers = threading.Event()

    def renew(self, lease: Lease) -> Lease:
        self.asked += 1
        answer = self.answers.pop(0) if self.answers else None
        if not self.answers:
            self.out_of_answers.set()
        if answer is not None:
            raise answer
        return Lease(lease.resource, lease.owner, lease.fence, self.ttl_s)


def a_lease(seconds: float) -> Lease:
    return Lease("run-1", "me", 3, seconds)


def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.005)
    return condition()


class TestThreadHeartbeat:
    def test_a_lease_outlives_its_first_time(self) -> None:
        clock, authority = ManualClock(START), Authority(1000.0)
        with ThreadHeartbeat(0.0005, elapsed=clock.seconds).keep(a_lease(60.0), authority.renew) as held:
            assert eventually(lambda: held.lease.expires_in_s == 1000.0)
            clock.sleep(900)
            assert not held.lost
            held.check()

    @pytest.mark.parametrize(
        "trouble", [Unreachable(ReasonCode.AUTHORITY_UNREACHABLE, "down"), OutcomeUnknown("lost answer")]
    )
    def test_a_renewal_that_fails_for_a_moment_is_retried(self, trouble: Unreachable) -> None:
        authority = Authority(60.0, trouble, trouble, None)
        with ThreadHeartbeat(0.002).keep(a_lease(20.0), authority.renew) as held:
            assert authority.out_of_answers.wait(20)
            assert not held.lost
        assert authority.asked == 3

    def test_a_lost_lease_is_lost_at_once_and_for_good(self) -> None:
        authority = Authority(60.0, LeaseLost("run-1", 3))
        with ThreadHeartbeat(0.0005).keep(a_lease(60.0), authority.renew) as held:
            assert eventually(lambda: held.lost)
            with pytest.raises(LeaseLost) as caught:
                held.check()
        assert (caught.value.resource, caught.value.fence, authority.asked) == ("run-1", 3, 1)

    @pytest.mark.parametrize("broken", [ValueError("bug"), SystemExit()])
    def test_a_renewal_that_is_broken_counts_as_lost(self, broken: BaseException) -> None:
        with ThreadHeartbeat(0.0005).keep(a_lease(60.0), Authority(60.0, broken).renew) as held:
            assert eventually(lambda: held.lost)

    def test_time_is_counted_from_before_the_renewal_was_sent(self) -> None:
        """A renewal that took 50 of its 60 seconds leaves 10."""
        clock, over = ManualClock(START), threading.Event()
        asked: list[Lease] = []

        def slow(lease: Lease) -> Lease:
            asked.append(lease)
            if len(asked) > 1:  # the first answer is in: ask no more until the test has looked
                over.wait(20)
            clock.sleep(50)
            return Lease(lease.resource, lease.owner, lease.fence, 60.0)

        with ThreadHeartbeat(0.0001, elapsed=clock.seconds).keep(a_lease(60.0), slow) as held:
            assert eventually(lambda: len(asked) > 1)
            clock.sleep(9)
            before = held.lost
            clock.sleep(1)
            assert (before, held.lost) == (False, True)
            over.set()

    def test_an_unanswering_authority_loses_the_lease_in_its_time(self) -> None:
        down = [Unreachable(ReasonCode.AUTHORITY_UNREACHABLE, "down")] * 1000
        authority = Authority(60.0, *down)
        with ThreadHeartbeat().keep(a_lease(0.1), authority.renew) as held:
            assert eventually(lambda: held.lost)
        assert 1 <= authority.asked < 100

    def test_a_hanging_renewal_does_not_hide_the_loss(self) -> None:
        let_go = threading.Event()

        def hang(lease: Lease) -> Lease:
            let_go.wait(20)
            raise LeaseLost(lease.resource, lease.fence)

        with ThreadHeartbeat(0.1).keep(a_lease(0.1), hang) as held:
            assert eventually(lambda: held.lost)
            let_go.set()

    def test_nothing_is_renewed_and_no_thread_is_left_after_the_end(self) -> None:
        before, authority = threading.active_count(), Authority(0.03)
        with pytest.raises(Broken), ThreadHeartbeat().keep(a_lease(0.03), authority.renew):
            time.sleep(0.05)
            raise Broken
        asked = authority.asked
        assert threading.active_count() == before
        time.sleep(0.05)
        assert authority.asked == asked

    @pytest.mark.parametrize("fraction", [0, 1, -1, 2])
    def test_an_interval_outside_the_lease_is_refused(self, fraction: float) -> None:
        with pytest.raises(ValueError, match="interval_fraction"):
            ThreadHeartbeat(fraction)


class TestNoHeartbeat:
    def test_the_lease_lasts_its_own_time_and_is_never_renewed(self) -> None:
        clock, authority = ManualClock(START), Authority(60.0)
        with NoHeartbeat(elapsed=clock.seconds).keep(a_lease(60.0), authority.renew) as held:
            clock.sleep(59)
            held.check()
            clock.sleep(1)
            assert held.lost
            clock.sleep(-1)
            with pytest.raises(LeaseLost):
                held.check()
        assert authority.asked == 0


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
        (tmp_path / "ACTIVE_RUN_ID").write_text(" night-7 \n")
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
