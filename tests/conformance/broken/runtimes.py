"""Parts of a runtime that break a law each."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar

import attrs
import pytest

from sr_adapters.runtime.clock import SystemClock
from sr_adapters.runtime.heartbeat import HeldLease, ThreadHeartbeat, boot_time
from sr_adapters.runtime.ids import RandomIds, SequentialIds
from sr_adapters.runtime.pool import ThreadPool
from sr_ports import Lease
from sr_ports.conformance.runtime import ClockLaws, HeartbeatLaws, IdSourceLaws, PlatformRunsLaws, WorkPoolLaws
from tests.conformance.broken.making import suites


class LocalClock(SystemClock):
    def now(self) -> datetime:
        return datetime.now()  # naive, of this machine's zone


class ImpatientClock(SystemClock):
    def sleep(self, seconds: float) -> None:
        """It does not wait."""


class PastClock(SystemClock):
    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)  # raises for less than nothing


class ClockSuite(ClockLaws):
    __test__ = False
    kind: ClassVar[Callable[[], SystemClock]]

    @pytest.fixture
    def clock(self) -> SystemClock:
        return type(self).kind()


globals().update(suites(ClockSuite, [(LocalClock, "C1"), (ImpatientClock, "C2"), (PastClock, "C2")]))


class SeededIds:
    def new_id(self) -> str:
        return f"{random.getrandbits(128):032x}"


class ClockIds:
    def new_id(self) -> str:
        return f"{time.time_ns() // 1_000_000:032x}"


class ShortIds(RandomIds):
    def new_id(self) -> str:
        return super().new_id()[:16]


def same_sequence() -> SequentialIds:
    return SequentialIds("one seed for all")


class IdSuite(IdSourceLaws):
    __test__ = False
    kind: ClassVar[Callable[[], Any]]

    @pytest.fixture
    def new_ids(self) -> Callable[[], Any]:
        return type(self).kind


globals().update(suites(IdSuite, [(SeededIds, "D2"), (ClockIds, "D2"), (same_sequence, "D2"), (ShortIds, "D1")]))


class UnorderedPool(ThreadPool):
    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        done: list[Any] = []
        super().map(lambda item: done.append(work(item)), reversed(list(items)))
        return done


class SwallowingPool(ThreadPool):
    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        def tried(item: Any) -> Any:
            try:
                return work(item)
            except Exception:  # noqa: BLE001 - this is what is wrong with it
                return None

        return super().map(tried, items)


class DiligentPool(ThreadPool):
    """Goes on with all other items after a failure."""

    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        failures: list[Exception] = []

        def tried(item: Any) -> Any:
            try:
                return work(item)
            except Exception as failure:  # noqa: BLE001 - raised at the end
                failures.append(failure)
                return None

        found = super().map(tried, items)
        if failures:
            raise failures[0]
        return found


class FixedPool(ThreadPool):
    """One lock for all maps: a map inside a map waits for itself."""

    lock = threading.Lock()

    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        with self.lock:
            return super().map(work, items)


class PoolSuite(WorkPoolLaws):
    __test__ = False
    kind: ClassVar[Callable[[int], ThreadPool]]

    @pytest.fixture
    def pool(self) -> ThreadPool:
        return type(self).kind(3)


globals().update(suites(PoolSuite, [(UnorderedPool, "W1"), (SwallowingPool, "W2"), (DiligentPool, "W2")]))
globals().update(suites(PoolSuite, [(FixedPool, "W3")], time_limit_s=1.0))


class NeverRenews(ThreadHeartbeat):
    @contextmanager
    def keep(self, lease: Lease, renew: Callable[[Lease], Lease]) -> Iterator[HeldLease]:
        with super().keep(attrs.evolve(lease, expires_in_s=3600.0), renew):
            yield HeldLease(lease, boot_time)


class GivesUpAtOnce(ThreadHeartbeat):
    """Takes a renewal that failed for a moment for a lost lease."""

    @contextmanager
    def keep(self, lease: Lease, renew: Callable[[Lease], Lease]) -> Iterator[HeldLease]:
        def once(given: Lease) -> Lease:
            try:
                return renew(given)
            except Exception as trouble:
                raise ValueError("given up") from trouble

        with super().keep(lease, once) as held:
            yield held


class NeverLost(ThreadHeartbeat):
    """Waits for an answer for ever."""

    @contextmanager
    def keep(self, lease: Lease, renew: Callable[[Lease], Lease]) -> Iterator[HeldLease]:
        with super().keep(lease, renew):
            yield HeldLease(attrs.evolve(lease, expires_in_s=3600.0), boot_time)


class RenewsForEver(ThreadHeartbeat):
    @contextmanager
    def keep(self, lease: Lease, renew: Callable[[Lease], Lease]) -> Iterator[HeldLease]:
        def beat() -> None:
            for _ in range(200):
                time.sleep(0.1)
                renew(lease)

        threading.Thread(target=beat, daemon=True).start()
        with super().keep(lease, renew) as held:
            yield held


class HeartbeatSuite(HeartbeatLaws):
    __test__ = False
    kind: ClassVar[Callable[[], ThreadHeartbeat]]

    @pytest.fixture
    def heartbeat(self) -> ThreadHeartbeat:
        return type(self).kind()


globals().update(suites(HeartbeatSuite, [(NeverRenews, "L1"), (GivesUpAtOnce, "L1"), (RenewsForEver, "L3")]))
globals().update(suites(HeartbeatSuite, [(NeverLost, "L2")], time_limit_s=3.0))


class MakesOneUp:
    """Each look makes another one."""

    made = 0

    def current(self) -> str | None:
        type(self).made += 1
        return f"platform_20260131T13{self.made // 60 % 60:02}{self.made % 60:02}Z"

    def ensure(self) -> str:
        return self.current() or ""

    def begin(self) -> str:
        return self.current() or ""


class PlatformSuite(PlatformRunsLaws):
    __test__ = False
    kind: ClassVar[Callable[[], MakesOneUp]]

    @pytest.fixture
    def platforms(self) -> Callable[[], MakesOneUp]:
        return type(self).kind


globals().update(suites(PlatformSuite, [(MakesOneUp, "P1"), (MakesOneUp, "P2"), (MakesOneUp, "P3")]))
