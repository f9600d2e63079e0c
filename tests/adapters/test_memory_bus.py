"""The in-memory control bus keeps the port's laws."""

from __future__ import annotations

import threading

import attrs
import pytest

from sr_adapters.memory.bus import MemoryControlBus
from sr_ports.bus import Envelope
from sr_ports.conformance.buses import ControlBusLaws, Reopen, fact
from sr_ports.conformance.positions import PositionedLaws
from sr_ports.errors import BadInput


class TestMemoryControlBus(ControlBusLaws, PositionedLaws):
    @pytest.fixture(params=["99", "x", "-1"])
    def unknown(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def bus(self) -> MemoryControlBus:
        return MemoryControlBus()

    @pytest.fixture
    def reopen(self, bus: MemoryControlBus) -> Reopen:
        return lambda: MemoryControlBus(bus)


def test_two_buses_share_nothing_unless_told() -> None:
    one, other = (MemoryControlBus() for _ in range(2))
    one.publish(fact("t", "one"))
    assert list(other.tail("t")) == []
    assert one.describe() == "memory of this process"


def test_what_is_no_json_is_bad_input() -> None:
    bus = MemoryControlBus()
    for value in (float("nan"), object()):
        with pytest.raises(BadInput):
            bus.publish(attrs.evolve(fact("t", "one"), payload={"x": value}))
    assert list(bus.tail("t")) == []


def test_close_ends_a_follower() -> None:
    bus, got = MemoryControlBus(), list[Envelope]()
    bus.publish(fact("t", "one"))
    follower = threading.Thread(target=lambda: got.extend(bus.tail("t", follow=True)))
    follower.start()
    bus.close()
    follower.join(60)
    assert not follower.is_alive()
    assert got == [fact("t", "one")]
