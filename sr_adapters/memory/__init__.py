"""Ports in memory, for tests and embedders: the same laws, nothing on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sr_ports.lazy import lazy_names

if TYPE_CHECKING:
    from sr_adapters.memory.authority import MemoryAuthority
    from sr_adapters.memory.bus import MemoryControlBus
    from sr_adapters.memory.invoker import ScriptedInvoker
    from sr_adapters.memory.ports import MemoryPorts
    from sr_adapters.memory.root import MemoryEngineRoot, MemoryEngineRoots
    from sr_adapters.memory.sink import NullSink
    from sr_adapters.memory.store import MemoryObjectStore

_HOME = {
    "MemoryAuthority": "authority",
    "MemoryControlBus": "bus",
    "MemoryEngineRoot": "root",
    "MemoryEngineRoots": "root",
    "MemoryObjectStore": "store",
    "MemoryPorts": "ports",
    "NullSink": "sink",
    "ScriptedInvoker": "invoker",
}

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, _HOME)

__all__ = [
    "MemoryAuthority", "MemoryControlBus", "MemoryEngineRoot", "MemoryEngineRoots", "MemoryObjectStore",
    "MemoryPorts", "NullSink", "ScriptedInvoker",
]  # fmt: skip
