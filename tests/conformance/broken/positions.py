"""Buses whose positions break a law each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from sr_ports import BadInput, Kept, NotFound, ReasonCode
from sr_ports.conformance.buses import fact
from sr_ports.conformance.positions import PositionedLaws, Spoil
from tests.conformance.broken import buses
from tests.conformance.broken.making import suites

NO_ENVELOPE = "no envelope"


class Sound(buses.Sound):
    """A list, read on by how many were read."""

    def read(self, topic: str, *, after: Mapping[str, str] | None = None) -> Iterator[Kept]:
        place = (after or {}).get("list", "0")
        known = place.isdecimal()
        if not known:
            yield from self._lost()
        for number, one in enumerate(list(self.world.sent)[int(place) if known else 0 :], int(place) if known else 0):
            if one.message_id == NO_ENVELOPE:
                yield from self._poison(number)
            elif one.topic == topic:
                yield Kept("list", self._place(number), one)

    def _place(self, number: int) -> str:
        return str(number + 1)

    def _lost(self) -> Iterator[Kept]:
        yield Kept("list", "", None, NotFound(ReasonCode.BUS_POSITION_LOST, "there is no such place"))

    def _poison(self, number: int) -> Iterator[Kept]:
        yield Kept("list", self._place(number), None, BadInput(ReasonCode.DOCUMENT_INVALID, "it is no envelope"))


class GivesTheLastAgain(Sound):
    def _place(self, number: int) -> str:
        return str(number)


class LeavesOneOut(Sound):
    def _place(self, number: int) -> str:
        return str(number + 2)


class RemembersByHandle(Sound):
    """Its places are its own: another handle knows nothing of them."""

    def __init__(self, world: buses.World | None = None) -> None:
        super().__init__(world)
        self.mine = id(self)

    def read(self, topic: str, *, after: Mapping[str, str] | None = None) -> Iterator[Kept]:
        place = (after or {}).get("list", f"{self.mine}:0").removeprefix(f"{self.mine}:")
        for one in super().read(topic, after={"list": place if place.isdecimal() else "0"}):
            yield Kept(one.shard, f"{self.mine}:{one.place}", one.envelope)


class StopsAtPoison(Sound):
    def _poison(self, number: int) -> Iterator[Kept]:
        for one in super()._poison(number):
            raise one.trouble or AssertionError
        return iter(())


class HidesPoison(Sound):
    def _poison(self, number: int) -> Iterator[Kept]:
        return iter(())


class HidesThatAPlaceIsGone(Sound):
    def _lost(self) -> Iterator[Kept]:
        return iter(())


class Suite(buses.Handles, PositionedLaws):
    __test__ = False

    @pytest.fixture
    def topic(self) -> str:
        return "broken.topic"

    @pytest.fixture
    def spoil(self, bus: Sound) -> Spoil:
        import attrs

        return lambda topic: bus.world.sent.append(attrs.evolve(fact(topic, "spoilt"), message_id=NO_ENVELOPE))

    @pytest.fixture
    def unknown(self) -> str:
        return "nowhere"


class TestSound(Suite):
    """The twin."""

    __test__ = True
    kind = Sound


BROKEN = (
    (LeavesOneOut, "B6"), (RemembersByHandle, "B6"), (StopsAtPoison, "B7"),
    (HidesPoison, "B7"), (HidesThatAPlaceIsGone, "B8"),
)  # fmt: skip
globals().update(suites(Suite, BROKEN))
globals().update(suites(Suite, [(GivesTheLastAgain, "B6")], time_limit_s=3.0))  # whoever reads on reads for ever
