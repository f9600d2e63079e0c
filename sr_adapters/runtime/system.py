"""The process's own runtime: system clock, random ids, threads, the platform run's files."""

from __future__ import annotations

import os
from typing import Literal

from sr_adapters.runtime.clock import SystemClock
from sr_adapters.runtime.heartbeat import ThreadHeartbeat
from sr_adapters.runtime.ids import RandomIds
from sr_adapters.runtime.platform import FilePlatformRuns
from sr_adapters.runtime.pool import ThreadPool
from sr_adapters.runtime.timezones import known_timezone
from sr_ports import Runtime, Wiring


def build_system(wiring: Wiring) -> Runtime:
    """The runtime of a profile. ``evidence.workers`` of the whole profile sizes the pool."""
    clock = SystemClock()
    workers: int | Literal["auto"] = wiring.profile.get("evidence", {}).get("workers") or "auto"
    return Runtime(
        clock=clock,
        ids=RandomIds(),
        pool=ThreadPool(workers),
        heartbeat=ThreadHeartbeat(),
        platform=FilePlatformRuns(wiring.runtime_root, os.environ, clock),
        known_timezone=known_timezone,
    )
