"""Ports for embedders and tests: `MemoryPorts` ready made, and all that `Ports` of one's own are made of in a process.

What is in memory keeps the same laws as any other adapter; nothing is on disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sr_ports.lazy import lazy_names

if TYPE_CHECKING:
    from sr_adapters.memory.authority import MemoryAuthority
    from sr_adapters.memory.bus import MemoryControlBus
    from sr_adapters.memory.invoker import ScriptedInvoker
    from sr_adapters.memory.ports import (
        FixedPlatformRuns,
        ManualClock,
        MemoryPorts,
        NoHeartbeat,
        Ports,
        ProvidedLaw,
        RandomIds,
        SequentialIds,
        SerialPool,
        SystemClock,
        ThreadHeartbeat,
        ThreadPool,
        builtin_laws,
        known_timezone,
    )
    from sr_adapters.memory.root import MemoryEngineRoot, MemoryEngineRoots
    from sr_adapters.memory.sink import NullSink
    from sr_adapters.memory.store import MemoryObjectStore

_HOME = {
    "FixedPlatformRuns": "ports",
    "ManualClock": "ports",
    "MemoryAuthority": "authority",
    "MemoryControlBus": "bus",
    "MemoryEngineRoot": "root",
    "MemoryEngineRoots": "root",
    "MemoryObjectStore": "store",
    "MemoryPorts": "ports",
    "NoHeartbeat": "ports",
    "NullSink": "sink",
    "Ports": "ports",
    "ProvidedLaw": "ports",
    "RandomIds": "ports",
    "ScriptedInvoker": "invoker",
    "SequentialIds": "ports",
    "SerialPool": "ports",
    "SystemClock": "ports",
    "ThreadHeartbeat": "ports",
    "ThreadPool": "ports",
    "builtin_laws": "ports",
    "known_timezone": "ports",
}

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, _HOME)

__all__ = [
    "FixedPlatformRuns", "ManualClock", "MemoryAuthority", "MemoryControlBus", "MemoryEngineRoot",
    "MemoryEngineRoots", "MemoryObjectStore", "MemoryPorts", "NoHeartbeat", "NullSink", "Ports", "ProvidedLaw",
    "RandomIds", "ScriptedInvoker", "SequentialIds", "SerialPool", "SystemClock", "ThreadHeartbeat", "ThreadPool",
    "builtin_laws", "known_timezone",
]  # fmt: skip
