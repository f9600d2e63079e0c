"""What the runtime family offers: the process's own clock, ids, threads and platform run."""

from __future__ import annotations

from collections.abc import Sequence

from sr_ports import Adapter, Later, Runtime, hookimpl


@hookimpl
def sr_runtimes() -> Sequence[Adapter[Runtime]]:
    settings = Later("sr_adapters.runtime.settings:SystemSettings")
    return [Adapter("system", Later("sr_adapters.runtime.system:build_system"), settings=settings)]
