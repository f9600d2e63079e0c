"""Stores for followers that break a law each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, ClassVar

import attrs
import pytest

from sr_adapters.memory.followers import MemoryFollowerStore as Sound
from sr_ports import Lease, Progress, SetAside
from sr_ports.conformance.followers import FollowerStoreLaws
from tests.conformance.broken.making import suites


class LetsEverybodyIn(Sound):
    def claim(self, group: str, owner: str, *, ttl_s: float) -> Lease | None:
        self._groups.setdefault(group, type(self._group("any"))()).until = float("-inf")
        return super().claim(group, owner, ttl_s=ttl_s)


class NeverEnds(Sound):
    def claim(self, group: str, owner: str, *, ttl_s: float) -> Lease | None:
        found = super().claim(group, owner, ttl_s=ttl_s)
        return found if found is None else self.renew(found, ttl_s=1e9)


class BelievesWhoComes(Sound):
    def _held(self, claim: Lease) -> Any:
        return self._groups[claim.resource]


class ForgetsWhen(Sound):
    def save(
        self, claim: Lease, progress: Progress, *, done: Sequence[str] = (), aside: Sequence[SetAside] = ()
    ) -> None:
        super().save(claim, attrs.evolve(progress, as_of_utc=None), done=done, aside=aside)


class BeginsAnew(Sound):
    """A claim takes the group's progress away."""

    def claim(self, group: str, owner: str, *, ttl_s: float) -> Lease | None:
        found = super().claim(group, owner, ttl_s=ttl_s)
        if found is not None:
            self._groups[group].progress = Progress()
        return found


class KnowsTheLastAlone(Sound):
    def save(
        self, claim: Lease, progress: Progress, *, done: Sequence[str] = (), aside: Sequence[SetAside] = ()
    ) -> None:
        if done:
            self._group(claim.resource).done.clear()
        super().save(claim, progress, done=done, aside=aside)


class OneForAll(Sound):
    def dealt_with(self, group: str, keys: Collection[str]) -> frozenset[str]:
        return frozenset(key for key in keys if any(key in one.done for one in self._groups.values()))


class TakesAnyName(Sound):
    def load(self, group: str) -> Progress:
        return Progress()


class KnowsWhatNobodySaid(Sound):
    def dealt_with(self, group: str, keys: Collection[str]) -> frozenset[str]:
        return frozenset(keys) if group not in self._groups else super().dealt_with(group, keys)


class Suite(FollowerStoreLaws):
    __test__ = False
    kind: ClassVar[Callable[..., Sound]]

    @pytest.fixture
    def clock(self) -> list[float]:
        return [0.0]

    @pytest.fixture
    def store(self, clock: list[float]) -> Sound:
        return type(self).kind(now=lambda: clock[0])

    @pytest.fixture
    def reopen(self, store: Sound) -> Callable[[], Sound]:
        return lambda: type(self).kind(store)

    @pytest.fixture
    def lapse(self, clock: list[float]) -> Callable[[float], None]:
        def pass_(seconds: float) -> None:
            clock[0] += seconds

        return pass_


class TestSound(Suite):
    """The twin."""

    __test__ = True
    kind = Sound


BROKEN = (
    (LetsEverybodyIn, "F1"), (NeverEnds, "F1"), (BelievesWhoComes, "F2"), (ForgetsWhen, "F3"), (BeginsAnew, "F3"),
    (KnowsTheLastAlone, "F4"), (OneForAll, "F5"), (TakesAnyName, "F5"), (KnowsWhatNobodySaid, "F6"),
)  # fmt: skip
globals().update(suites(Suite, BROKEN))
