"""The laws of the ports of a process itself, as tests: clock, ids, threads, heartbeat and platform run.

Subclass `RuntimeLaws` for a whole `sr_ports.Runtime` and give it the fixture `runtimes`, a callable that builds one
as a further process of the same world does; or subclass the suite of one part.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from itertools import chain
from operator import mul
from typing import Any, ClassVar

import pytest

from sr_ports.conformance.heartbeats import HeartbeatLaws
from sr_ports.conformance.lawful import Laws
from sr_ports.conformance.together import together
from sr_ports.runtime import Clock, Heartbeat, IdSource, PlatformRuns, Runtime, WorkPool

__all__ = ["ClockLaws", "HeartbeatLaws", "IdSourceLaws", "PlatformRunsLaws", "RuntimeLaws", "WorkPoolLaws"]

_ID = re.compile(r"[0-9a-f]{32}\Z")
_PLATFORM_RUN = re.compile(r"platform_[0-9]{8}T[0-9]{6}Z\Z")


class ClockLaws(Laws):
    """Laws C1 and C2. Needs `clock`."""

    states: ClassVar[tuple[type[Any], ...]] = (Clock,)

    @pytest.fixture
    def clock(self) -> Clock:
        raise NotImplementedError("give the clock under test")

    def test_c1_now_is_aware_utc(self, clock: Clock) -> None:
        assert clock.now().utcoffset() == timedelta(0)

    def test_c2_a_sleep_is_seen_by_now(self, clock: Clock) -> None:
        before = clock.now()
        clock.sleep(0.05)
        assert clock.now() - before >= timedelta(seconds=0.04)

    @pytest.mark.parametrize("seconds", [0, 0.0, -1, -1e9])
    def test_c2_nothing_or_less_is_not_waited_for(self, clock: Clock, seconds: float) -> None:
        before = clock.now()
        clock.sleep(seconds)
        assert before <= clock.now() < before + timedelta(hours=1)


class IdSourceLaws(Laws):
    """Laws D1 and D2. Needs `new_ids`: a callable that gives a source, as another process has it."""

    states: ClassVar[tuple[type[Any], ...]] = (IdSource,)

    @pytest.fixture
    def new_ids(self) -> Callable[[], IdSource]:
        raise NotImplementedError("give the suite a new_ids fixture")

    def test_d1_an_id_is_32_hex(self, new_ids: Callable[[], IdSource]) -> None:
        source = new_ids()
        assert all(_ID.match(source.new_id()) for _ in range(200))

    def test_d2_no_id_comes_twice(self, new_ids: Callable[[], IdSource]) -> None:
        one = new_ids()
        sources = [one] * 4 + [new_ids() for _ in range(4)]
        made = list(chain.from_iterable(together([partial(_ids, source, 500) for source in sources])))
        assert len(set(made)) == len(made)

    def test_d2_what_others_do_with_random_numbers_does_not_count(self, new_ids: Callable[[], IdSource]) -> None:
        """Two processes whose generators begin alike have ids of their own."""
        before = random.getstate()
        try:
            made = []
            for _ in range(3):
                random.seed(7)
                made += _ids(new_ids(), 3)
        finally:
            random.setstate(before)
        assert len(set(made)) == len(made)


def _ids(source: IdSource, count: int) -> list[str]:
    return [source.new_id() for _ in range(count)]


class Refusal(Exception):
    """What work raises here."""


class WorkPoolLaws(Laws):
    """Laws W1 to W3. Needs `pool`."""

    states: ClassVar[tuple[type[Any], ...]] = (WorkPool,)

    @pytest.fixture
    def pool(self) -> WorkPool:
        raise NotImplementedError("give the pool under test")

    @pytest.mark.parametrize("count", [0, 1, 2, 7, 300])
    def test_w1_every_result_in_the_order_of_the_items(self, pool: WorkPool, count: int) -> None:
        done: list[int] = []

        def work(n: int) -> int:
            done.append(n)
            return n * n

        assert pool.map(work, iter(range(count))) == [n * n for n in range(count)]
        assert sorted(done) == list(range(count))

    @pytest.mark.parametrize("bad", [{0}, {5}, {29}, {4, 5, 6}, {3, 28}, set(range(30))], ids=str)
    def test_w2_the_earliest_failure_is_raised(self, pool: WorkPool, bad: set[int]) -> None:
        def work(n: int) -> None:
            if n in bad:
                raise Refusal(n)

        with pytest.raises(Refusal) as caught:
            pool.map(work, range(30))
        assert caught.value.args == (min(bad),)

    def test_w2_nothing_runs_or_begins_after_a_failure(self, pool: WorkPool) -> None:
        begun: list[int] = []
        ended: list[int] = []

        def work(n: int) -> None:
            begun.append(n)
            try:
                if n == 2:
                    raise Refusal(n)
            finally:
                ended.append(n)

        with pytest.raises(Refusal):
            pool.map(work, range(100_000))
        seen = len(begun)
        assert sorted(begun) == sorted(ended)
        assert seen < 100_000
        assert pool.map(abs, [1]) == [1]
        assert len(begun) == seen

    def test_w2_an_iterable_that_fails_fails_the_map(self, pool: WorkPool) -> None:
        def items() -> Iterator[int]:
            yield from range(5)
            raise Refusal("items")

        with pytest.raises(Refusal, match="items"):
            pool.map(abs, items())

    def test_w3_a_map_inside_a_map_ends(self, pool: WorkPool) -> None:
        def row(n: int) -> list[int]:
            return pool.map(lambda m: n * m, range(5))

        wanted = [[[n * m for m in range(5)]] * 2 for n in range(6)]
        assert pool.map(lambda n: pool.map(row, [n, n]), range(6)) == wanted

    def test_w3_several_maps_at_once_end(self, pool: WorkPool) -> None:
        found = together([partial(pool.map, partial(mul, by), range(50)) for by in range(8)])
        assert found == [[n * by for n in range(50)] for by in range(8)]


class PlatformRunsLaws(Laws):
    """Laws P1 to P3. Needs `platforms`: a callable that gives a handle, as another process of the same world has it.

    At first no platform run was ever made there, but where the id is `fixed`.
    """

    states: ClassVar[tuple[type[Any], ...]] = (PlatformRuns,)

    @pytest.fixture
    def platforms(self) -> Callable[[], PlatformRuns]:
        raise NotImplementedError("give the suite a platforms fixture")

    @pytest.fixture
    def fixed(self) -> bool:
        """Whether the id was given from outside, so that none is ever made here."""
        return False

    def test_p1_who_only_looks_makes_nothing_up(self, platforms: Callable[[], PlatformRuns], fixed: bool) -> None:
        found = [platforms().current() for _ in range(2)]
        assert found[0] == found[1]
        assert (found[0] is not None) is fixed

    def test_p2_who_makes_sure_of_one_gets_the_one_that_is(self, platforms: Callable[[], PlatformRuns]) -> None:
        made = platforms().ensure()
        assert _PLATFORM_RUN.match(made)
        assert [made] * 3 == [platforms().ensure(), platforms().current(), platforms().ensure()]

    def test_p2_of_a_crowd_all_get_one(self, platforms: Callable[[], PlatformRuns]) -> None:
        handles = [platforms() for _ in range(8)]
        made = together([handle.ensure for handle in handles])
        assert set(made) == {platforms().current()}

    def test_p3_another_one_begins(self, platforms: Callable[[], PlatformRuns], fixed: bool) -> None:
        if fixed:
            pytest.skip("the platform run is given from outside")
        made = [platforms().ensure()]
        for _ in range(2):
            made.append(platforms().begin())
            assert _PLATFORM_RUN.match(made[-1])
            assert platforms().current() == platforms().ensure() == made[-1]
        assert len(set(made)) == len(made)


class RuntimeLaws(ClockLaws, IdSourceLaws, WorkPoolLaws, HeartbeatLaws, PlatformRunsLaws):
    """The laws of every part of a `Runtime`. Needs `runtimes`."""

    states = (Clock, IdSource, WorkPool, Heartbeat, PlatformRuns)

    @pytest.fixture
    def runtimes(self) -> Callable[[], Runtime]:
        raise NotImplementedError("give the suite a runtimes fixture")

    @pytest.fixture
    def clock(self, runtimes: Callable[[], Runtime]) -> Clock:
        return runtimes().clock

    @pytest.fixture
    def new_ids(self, runtimes: Callable[[], Runtime]) -> Callable[[], IdSource]:
        return lambda: runtimes().ids

    @pytest.fixture
    def pool(self, runtimes: Callable[[], Runtime]) -> WorkPool:
        return runtimes().pool

    @pytest.fixture
    def heartbeat(self, runtimes: Callable[[], Runtime]) -> Heartbeat:
        return runtimes().heartbeat

    @pytest.fixture
    def platforms(self, runtimes: Callable[[], Runtime]) -> Callable[[], PlatformRuns]:
        return lambda: runtimes().platform

    def test_a_zone_is_known_by_its_iana_name_alone(self, runtimes: Callable[[], Runtime]) -> None:
        """`known_timezone` is True for IANA names and False for everything else, whatever files there are."""
        known = runtimes().known_timezone
        assert all(map(known, ("UTC", "Europe/London", "Asia/Kolkata", "America/Argentina/Buenos_Aires")))
        wrong = (
            "",
            "Europe",
            "Europe/Atlantis",
            "../UTC",
            "/etc/localtime",
            "localtime",
            "UTC\x00",
            " UTC",
            "U" * 9999,
        )
        assert not any(map(known, wrong))
