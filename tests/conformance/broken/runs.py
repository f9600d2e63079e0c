"""Wirings that break what runs promise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest

from sr_domain import Outcome, ScenarioRunner
from sr_domain.run.callers import Actor
from sr_plugins.testing import MemoryWorld, SmallWorld
from sr_ports import Admission, Binding, Envelope
from sr_ports.conformance.runs import RequestFor, RunLaws, Runners
from tests.conformance.broken.making import suites


class AlwaysNew:
    """An authority that tells everybody that the key is his."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def find(self, run_id: str, **more: Any) -> Any:
        return attrs.evolve(self.inner.find(run_id, **more), bindings=())

    def admit(self, binding: Binding, **more: Any) -> Admission:
        answer: Admission = self.inner.admit(binding, **more)
        return attrs.evolve(answer, is_new=True)


class LosesReady:
    """A bus that says it took what it did not."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def publish(self, envelope: Envelope) -> None:
        """Nothing comes of it."""


class AnotherFactEachTime(LosesReady):
    """A bus that gives each publication an id of its own, and publishes twice."""

    count = 0

    def publish(self, envelope: Envelope) -> None:
        for _ in range(2):
            type(self).count += 1
            self.inner.publish(attrs.evolve(envelope, message_id=f"{self.count:064x}"))


class ForgetsIntents(ScenarioRunner):
    """Takes whatever is asked under a known key for what was asked before."""

    def submit(self, request: Any, *, actor: Actor = None) -> Outcome:
        return attrs.evolve(super().submit(request, actor=actor), differences=None)


class AsksAnew(ScenarioRunner):
    """Gives each submission a key of its own."""

    count = 0

    def submit(self, request: Any, *, actor: Actor = None) -> Outcome:
        type(self).count += 1
        key = f"{request['run_equivalence_key']}.{self.count}"
        return super().submit({**request, "run_equivalence_key": key}, actor=actor)


class WritesOnEveryLook(ScenarioRunner):
    """Writes something of the run whenever it is asked for."""

    count = 0

    def submit(self, request: Any, *, actor: Actor = None) -> Outcome:
        outcome = super().submit(request, actor=actor)
        type(self).count += 1
        self.ports.store.create(f"seen/{outcome.run_id}/{self.count}", b"again")
        return outcome


def sound(world: MemoryWorld) -> ScenarioRunner:
    return world.runner()


def with_ports(**broken: Callable[[Any], Any]) -> Callable[[MemoryWorld], ScenarioRunner]:
    """Makes runners some of whose ports are broken."""

    def make(world: MemoryWorld) -> ScenarioRunner:
        ports: Mapping[str, Any] = {name: kind(getattr(world, name)) for name, kind in broken.items()}
        return world.runner(**ports)

    make.__name__ = "".join(kind.__name__ for kind in broken.values())
    return make


def of(kind: type[ScenarioRunner]) -> Callable[[MemoryWorld], ScenarioRunner]:
    """Makes runners of a broken kind."""

    def make(world: MemoryWorld) -> ScenarioRunner:
        good = world.runner()
        return kind(good.ports, good.policy, good.pack, good.settings)

    make.__name__ = kind.__name__
    return make


class Suite(RunLaws):
    __test__ = False
    kind: ClassVar[Callable[..., ScenarioRunner]]

    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[MemoryWorld]:
        yield MemoryWorld(SmallWorld(tmp_path))

    @pytest.fixture
    def runners(self, world: MemoryWorld) -> Runners:
        return lambda: type(self).kind(world)

    @pytest.fixture
    def request_for(self, world: MemoryWorld) -> RequestFor:
        return world.request

    @pytest.fixture
    def lapse(self, world: MemoryWorld) -> Callable[[], None]:
        return world.lapse

    @pytest.fixture
    def cuts(self) -> int:
        return 12


class TestSound(Suite):
    """The twin."""

    __test__ = True
    kind = staticmethod(sound)


globals().update(suites(Suite, [
    (of(AsksAnew), "X1"), (of(WritesOnEveryLook), "X1"), (with_ports(bus=LosesReady), "X1"), (of(AsksAnew), "X2"),
    (with_ports(authority=AlwaysNew), "X2"), (with_ports(bus=AnotherFactEachTime), "X2"),
    (with_ports(bus=LosesReady), "X3"), (of(ForgetsIntents), "X4"), (with_ports(bus=AnotherFactEachTime), "X5"),
], time_limit_s=60.0))  # fmt: skip
