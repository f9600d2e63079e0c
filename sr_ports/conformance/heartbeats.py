"""The laws of `sr_ports.Heartbeat`, as tests. Subclass `HeartbeatLaws` and give it the fixture `heartbeat`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar

import attrs
import pytest

from sr_ports.authority import Lease
from sr_ports.conformance.lawful import Laws
from sr_ports.errors import LeaseLost, Unreachable
from sr_ports.reasons import ReasonCode
from sr_ports.runtime import Heartbeat

TTL_S = 1.5
"""Seconds of a lease here: enough that no busy machine loses it, and few enough to wait for."""
PATIENCE_S = 20.0


@attrs.define
class Renewals:
    """An authority that extends a lease, or raises the next of `troubles`; the last of them for ever."""

    troubles: list[Exception] = attrs.field(factory=list)
    for_ever: bool = False
    asked: int = 0

    def renew(self, lease: Lease) -> Lease:
        self.asked += 1
        if self.troubles:
            raise self.troubles[0] if self.for_ever and len(self.troubles) == 1 else self.troubles.pop(0)
        return attrs.evolve(lease, expires_in_s=TTL_S)


def a_lease() -> Lease:
    return Lease("run-1", "me", 3, TTL_S)


def down() -> Unreachable:
    return Unreachable(ReasonCode.AUTHORITY_UNREACHABLE, "it does not answer")


class HeartbeatLaws(Laws):
    """Laws L1 to L3. Needs `heartbeat`, one that renews."""

    states: ClassVar[tuple[type[Any], ...]] = (Heartbeat,)

    @pytest.fixture
    def heartbeat(self) -> Heartbeat:
        raise NotImplementedError("give the heartbeat under test")

    def test_l1_a_lease_outlives_its_first_time(self, heartbeat: Heartbeat) -> None:
        renewals, until = Renewals(), time.monotonic() + TTL_S
        with heartbeat.keep(a_lease(), renewals.renew) as held:
            assert eventually(lambda: time.monotonic() > until)
            assert not held.lost
            held.check()
            assert renewals.asked >= 1

    def test_l1_a_renewal_that_fails_for_a_moment_is_tried_again_in_time(self, heartbeat: Heartbeat) -> None:
        renewals, until = Renewals([down()]), time.monotonic() + TTL_S
        with heartbeat.keep(a_lease(), renewals.renew) as held:
            assert eventually(lambda: time.monotonic() > until)
            assert not held.lost
            assert renewals.asked >= 2

    def test_l2_without_an_answer_it_is_lost_when_its_time_is_over(self, heartbeat: Heartbeat) -> None:
        renewals = Renewals([down()], for_ever=True)
        with heartbeat.keep(a_lease(), renewals.renew) as held:
            until = time.monotonic() + TTL_S
            assert eventually(lambda: time.monotonic() > until)
            assert held.lost, "the lease's time is over, and nobody renewed it"
            with pytest.raises(LeaseLost) as caught:
                held.check()
        assert (caught.value.resource, caught.value.fence) == ("run-1", 3)

    def test_l2_a_renewal_that_hangs_does_not_hide_the_loss(self, heartbeat: Heartbeat) -> None:
        over: list[bool] = []

        def hang(lease: Lease) -> Lease:
            eventually(lambda: bool(over))
            raise LeaseLost(lease.resource, lease.fence)

        with heartbeat.keep(a_lease(), hang) as held:
            until = time.monotonic() + TTL_S
            assert eventually(lambda: time.monotonic() > until)
            lost = held.lost
            over.append(True)
        assert lost

    @pytest.mark.parametrize("trouble", [LeaseLost("run-1", 3), ValueError("a bug")], ids=["lost", "broken"])
    def test_l2_a_lease_that_is_gone_is_lost_for_good(self, heartbeat: Heartbeat, trouble: Exception) -> None:
        renewals = Renewals([trouble])
        with heartbeat.keep(a_lease(), renewals.renew) as held:
            assert eventually(lambda: held.lost)
            for _ in range(3):
                assert held.lost
                with pytest.raises(LeaseLost):
                    held.check()

    def test_l3_nothing_is_renewed_after_the_end(self, heartbeat: Heartbeat) -> None:
        renewals = Renewals()
        with pytest.raises(KeyError, match="passes"), heartbeat.keep(a_lease(), renewals.renew):
            eventually(lambda: renewals.asked > 0)
            raise KeyError("passes")
        asked = renewals.asked
        time.sleep(TTL_S)
        assert renewals.asked == asked


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether the condition came true in good time."""
    until = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return condition()
