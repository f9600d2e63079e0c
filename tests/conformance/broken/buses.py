"""Control buses that break a law each."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import attrs
import pytest

from sr_ports import Envelope, ReasonCode, Unreachable
from sr_ports.conformance.buses import ControlBusLaws
from tests.conformance.broken.making import suites


@attrs.define
class World:
    """What all handles of one bus share."""

    sent: list[Envelope] = attrs.field(factory=list)
    more: Any = attrs.field(factory=threading.Condition)
    down: bool = False


class Sound:
    """A list."""

    def __init__(self, world: World | None = None) -> None:
        self.world = World() if world is None else world
        self.closed = False

    def publish(self, envelope: Envelope) -> None:
        if self.world.down:
            raise Unreachable(ReasonCode.BUS_UNREACHABLE, "the list is down")
        with self.world.more:
            self._keep(copy.deepcopy(envelope))
            self.world.more.notify_all()

    def tail(self, topic: str, *, from_start: bool = True, follow: bool = False) -> Iterator[Envelope]:
        at = 0 if from_start else len(self.world.sent)
        while not self.closed:
            with self.world.more:
                found = [one for one in self.world.sent[at:] if one.topic == topic]
                at = len(self.world.sent)
                if follow and not found:
                    self.world.more.wait(0.2)
            yield from self._told(found)
            if not follow:
                return

    def describe(self) -> str:
        return "a list"

    def close(self) -> None:
        self.closed = True

    def _keep(self, envelope: Envelope) -> None:
        self.world.sent.append(envelope)

    def _told(self, found: list[Envelope]) -> list[Envelope]:
        return found


class LosesSome(Sound):
    def _keep(self, envelope: Envelope) -> None:
        if len(self.world.sent) % 7 != 6:
            super()._keep(envelope)
        else:
            self.world.sent.append(attrs.evolve(envelope, topic="nowhere"))


class CutAtThousand(Sound):
    def _told(self, found: list[Envelope]) -> list[Envelope]:
        return found[:1000]


class LastIsLate(Sound):
    def _told(self, found: list[Envelope]) -> list[Envelope]:
        return found[:-1]


class ByTime(Sound):
    def _told(self, found: list[Envelope]) -> list[Envelope]:
        return sorted(found, key=lambda one: one.published_at_utc)


class NewestFirst(Sound):
    def _told(self, found: list[Envelope]) -> list[Envelope]:
        return found[::-1]


class OneForAnId(Sound):
    def _keep(self, envelope: Envelope) -> None:
        self.world.sent = [one for one in self.world.sent if one.message_id != envelope.message_id]
        super()._keep(envelope)


class FirstForAnId(Sound):
    def _keep(self, envelope: Envelope) -> None:
        if all(one.message_id != envelope.message_id for one in self.world.sent):
            super()._keep(envelope)


class KeepsTheCallersObject(Sound):
    def publish(self, envelope: Envelope) -> None:
        with self.world.more:
            self._keep(envelope)
            self.world.more.notify_all()


class AllOneTopic(Sound):
    def tail(self, topic: str, *, from_start: bool = True, follow: bool = False) -> Iterator[Envelope]:
        yield from self.world.sent if from_start else ()


class SaysNothing(Sound):
    def publish(self, envelope: Envelope) -> None:
        if not self.world.down:
            super().publish(envelope)


class ForgetsTheAttributes(Sound):
    def _keep(self, envelope: Envelope) -> None:
        super()._keep(attrs.evolve(envelope, attributes={"kind": envelope.attributes["kind"]}))


class ReadsItsOwnSessionAlone(Sound):
    """Files each fact under who published it."""

    def __init__(self, world: World | None = None) -> None:
        super().__init__(world)
        self.own: list[Envelope] = []

    def _keep(self, envelope: Envelope) -> None:
        self.own.append(envelope)
        super()._keep(envelope)

    def _told(self, found: list[Envelope]) -> list[Envelope]:
        return [one for one in found if one in self.own] or found


class FollowsForEver(Sound):
    def close(self) -> None:
        """It goes on."""


class Handles:
    """The fixtures of a suite whose handles share a `World`. `kind`: makes one, of a new world or of that one."""

    kind: ClassVar[Callable[..., Sound]]

    @pytest.fixture
    def bus(self) -> Sound:
        return type(self).kind()

    @pytest.fixture
    def reopen(self, bus: Sound) -> Callable[[], Sound]:
        return lambda: type(self).kind(bus.world)


class Suite(Handles, ControlBusLaws):
    __test__ = False

    @pytest.fixture
    def broken(self) -> Sound:
        return type(self).kind(World(down=True))


class TestSound(Suite):
    """The twin."""

    __test__ = True
    kind = Sound


BROKEN = (
    (LosesSome, "B1"), (CutAtThousand, "B1"), (LastIsLate, "B1"), (AllOneTopic, "B1"), (ByTime, "B4"),
    (NewestFirst, "B4"), (OneForAnId, "B3"), (FirstForAnId, "B3"), (KeepsTheCallersObject, "B3"), (SaysNothing, "B2"),
    (ForgetsTheAttributes, "B4"), (ReadsItsOwnSessionAlone, "B5"),
)  # fmt: skip
globals().update(suites(Suite, BROKEN))
globals().update(suites(Suite, [(FollowsForEver, "B4")], time_limit_s=3.0))
