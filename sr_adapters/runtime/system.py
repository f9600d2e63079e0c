"""The process's own runtime: system clock, random ids, threads, the platform run's files."""

from __future__ import annotations

import os

from sr_adapters.runtime.clock import SystemClock
from sr_adapters.runtime.heartbeat import ThreadHeartbeat
from sr_adapters.runtime.ids import RandomIds
from sr_adapters.runtime.platform import FilePlatformRuns
from sr_adapters.runtime.pool import ThreadPool
from sr_adapters.runtime.settings import SystemSettings
from sr_adapters.runtime.timezones import known_timezone
from sr_ports import Runtime, Wiring


def build_system(wiring: Wiring[SystemSettings]) -> Runtime:
    """The runtime of a profile; its ``evidence.workers`` sizes the pool."""
    clock = SystemClock()
    return Runtime(
        clock=clock,
        ids=RandomIds(),
        pool=ThreadPool(wiring.settings.workers),
        heartbeat=ThreadHeartbeat(),
        platform=FilePlatformRuns(wiring.runtime_root, os.environ, clock),
        known_timezone=known_timezone,
    )
