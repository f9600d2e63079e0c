"""The runtime adapters: clocks, ids, pools and heartbeats."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from queue import SimpleQueue
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_adapters.runtime.clock import ManualClock, SystemClock
from sr_adapters.runtime.heartbeat import NoHeartbeat, ThreadHeartbeat, boot_time
from sr_adapters.runtime.ids import RandomIds, SequentialIds
from sr_adapters.runtime.pool import SerialPool, ThreadPool
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

    def test_without_threads_to_be_had_the_caller_does_the_work(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def no_more(_thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        pool, here = ThreadPool(4), threading.get_ident()
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", no_more)
            assert set(pool.map(lambda _n: threading.get_ident(), range(9))) == {here}
        barrier = threading.Barrier(4, timeout=20)
        assert len(pool.map(lambda _n: barrier.wait(), range(4))) == 4, "a helper's place was not given back"

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


def test_time_goes_on_where_the_system_has_no_boot_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    before = time.monotonic()
    assert before <= boot_time() <= time.monotonic()


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
