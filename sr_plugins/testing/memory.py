"""A runner whose truth is in memory, under a clock that a test moves by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from sr_adapters.file.root import FileEngineRoots
from sr_adapters.memory import (
    MemoryAuthority,
    MemoryControlBus,
    MemoryEngineRoot,
    MemoryEngineRoots,
    MemoryObjectStore,
    MemoryPorts,
    ScriptedInvoker,
)
from sr_adapters.runtime.clock import ManualClock
from sr_adapters.runtime.heartbeat import NoHeartbeat
from sr_adapters.runtime.ids import SequentialIds
from sr_adapters.runtime.platform import FixedPlatformRuns
from sr_adapters.runtime.pool import SerialPool
from sr_domain import ScenarioRunner, Settings
from sr_plugins import load_policy
from sr_plugins.testing.world import SmallWorld
from sr_ports import EngineCall, EngineResult, EngineRoot, Envelope, ObsEvent

if TYPE_CHECKING:
    from sr_domain import InterfacePack, Policy

START = datetime(2026, 1, 31, 13, 42, tzinfo=UTC)
LEASE_S = 60.0
WAIT_S = 600
PLATFORM = "platform_20260131T134200Z"
POLICY: Mapping[str, Any] = {
    "policy_id": "testing",
    "revision": "1",
    "evidence_wait_seconds": WAIT_S,
    "attempt_limit": 2,
    "retry_backoff_seconds": 0,
}


@attrs.frozen
class Listener:
    """A sink that remembers."""

    events: list[ObsEvent] = attrs.field(factory=list)

    def emit(self, event: ObsEvent) -> None:
        self.events.append(event)

    def close(self) -> None:
        """Nothing to let go of."""


@attrs.frozen
class Roots:
    """Engine roots in memory, under ``memory:NAME``, and on disk."""

    files: dict[str, MemoryEngineRoot] = attrs.field(factory=dict)

    def open(self, uri: str) -> EngineRoot:
        if uri.startswith("memory:"):
            return MemoryEngineRoots(self.files).open(uri)
        return FileEngineRoots().open(uri)


@attrs.frozen
class MemoryWorld:
    """Truth in memory. Each runner that it gives is a process of its own on that truth; nothing has to be closed.

    `clock`: moved by hand, and the authority's too. `heard`: what was told to the sink, of every process.
    """

    world: SmallWorld
    clock: ManualClock = attrs.field(factory=lambda: ManualClock(START))
    store: MemoryObjectStore = attrs.field(factory=MemoryObjectStore)
    bus: MemoryControlBus = attrs.field(factory=MemoryControlBus)
    authority: MemoryAuthority = attrs.field(
        default=attrs.Factory(lambda self: MemoryAuthority(self.clock.now), takes_self=True)
    )
    roots: Roots = attrs.field(factory=Roots)
    ids: SequentialIds = attrs.field(factory=lambda: SequentialIds("testing"))
    listener: Listener = attrs.field(factory=Listener)

    @classmethod
    def below(cls, folder: Path) -> MemoryWorld:
        """The small world, its files below `folder`."""
        return cls(SmallWorld(folder))

    @property
    def heard(self) -> list[ObsEvent]:
        """What sinks were told."""
        return self.listener.events

    def runner(
        self,
        *,
        policy: Policy | Mapping[str, Any] | None = None,
        pack: InterfacePack | None = None,
        engine: Callable[[EngineCall], EngineResult] | None = None,
        **ports: Any,
    ) -> ScenarioRunner:
        """A fresh process. `policy`: one, or changes to the usual one. `engine`: a function that is the engine.

        `ports`: in the place of the world's, by their names in `Ports`.
        """
        wired: dict[str, Any] = {
            "store": self.store,
            "authority": self.authority.handle(),
            "bus": self.bus,
            "roots": self.roots,
            "platform": FixedPlatformRuns(PLATFORM),
            "clock": self.clock,
            "ids": self.ids,
            "pool": SerialPool(),
            "heartbeat": NoHeartbeat(elapsed=self.clock.seconds),
            "telemetry": self.listener,
            "invoker": None if engine is None else ScriptedInvoker(engine),
            **ports,
        }
        kept = load_policy({**POLICY, **(policy or {})}) if policy is None or isinstance(policy, Mapping) else policy
        settings = Settings(lease_ttl_s=LEASE_S, environment="testing")
        return ScenarioRunner(MemoryPorts(**wired), kept, pack or self.world.pack, settings)

    def root(self, name: str, files: Mapping[str, bytes]) -> str:
        """An engine root in memory; its URI. Given again, its files are others from then on."""
        uri = f"memory:{name}"
        self.roots.files[uri] = MemoryEngineRoot(dict(files), uri)
        return uri

    def request(self, key: str = "orders-1", **changes: Any) -> dict[str, Any]:
        """`SmallWorld.request`, of the root in memory that is ready."""
        return self.world.request(key, **{"engine_run_root": self.root("ready", self.world.ready()), **changes})

    def lapse(self) -> None:
        """Let every lease run out."""
        self.clock.sleep(LEASE_S + 1)

    def pass_deadline(self) -> None:
        """Let the time pass that the policy waits for evidence."""
        self.clock.sleep(WAIT_S + 1)

    def published(self, kind: str | None = None) -> list[Envelope]:
        """Everything on the bus, or what is of that kind."""
        facts = self.bus.tail(Settings().topic)
        return [fact for fact in facts if kind in (None, fact.attributes.get("kind"))]
