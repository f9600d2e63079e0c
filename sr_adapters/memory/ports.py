"""Ports for embedders: a whole world in memory, to be replaced port by port, and what else `Ports` are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from sr_adapters.memory.authority import MemoryAuthority
from sr_adapters.memory.bus import MemoryControlBus
from sr_adapters.memory.root import MemoryEngineRoots
from sr_adapters.memory.sink import NullSink
from sr_adapters.memory.store import MemoryObjectStore
from sr_adapters.runtime.clock import ManualClock, SystemClock
from sr_adapters.runtime.heartbeat import NoHeartbeat, ThreadHeartbeat
from sr_adapters.runtime.ids import RandomIds, SequentialIds
from sr_adapters.runtime.platform import FixedPlatformRuns
from sr_adapters.runtime.pool import SerialPool, ThreadPool
from sr_adapters.runtime.timezones import known_timezone
from sr_domain import Ports, ProvidedLaw
from sr_plugins.laws import builtin_laws
from sr_ports import (
    AuthorityStore,
    Clock,
    ControlBus,
    EngineRoots,
    Heartbeat,
    IdSource,
    ObjectStore,
    ObservabilitySink,
    PlatformRuns,
    WorkPool,
)

__all__ = [
    "FixedPlatformRuns", "ManualClock", "MemoryPorts", "NoHeartbeat", "Ports", "ProvidedLaw", "RandomIds",
    "SequentialIds", "SerialPool", "SystemClock", "ThreadHeartbeat", "ThreadPool", "builtin_laws", "known_timezone",
]  # fmt: skip


@attrs.frozen(kw_only=True)
class MemoryPorts(Ports):
    """`Ports` that need no argument: truth in memory, SR's own laws, this process's clock, ids and threads.

    Every port may be given instead, by name. Without `roots` every engine root is absent; without
    `invoker` nothing is wired as an engine, `telemetry` goes nowhere, and the platform run is
    ``platform_19700101T000000Z``. Truth lasts as long as the ports do, or the store, authority and bus
    that were given to them.
    """

    store: ObjectStore = attrs.field(factory=MemoryObjectStore)
    authority: AuthorityStore = attrs.field(factory=MemoryAuthority)
    bus: ControlBus = attrs.field(factory=MemoryControlBus)
    roots: EngineRoots = attrs.field(factory=lambda: MemoryEngineRoots({}))
    laws: Mapping[str, ProvidedLaw] = attrs.field(factory=builtin_laws)
    platform: PlatformRuns = attrs.field(factory=lambda: FixedPlatformRuns("platform_19700101T000000Z"))
    clock: Clock = attrs.field(factory=SystemClock)
    ids: IdSource = attrs.field(factory=RandomIds)
    pool: WorkPool = attrs.field(factory=ThreadPool)
    heartbeat: Heartbeat = attrs.field(factory=ThreadHeartbeat)
    telemetry: ObservabilitySink = attrs.field(factory=NullSink)
    known_timezone: Callable[[str], bool] = known_timezone
