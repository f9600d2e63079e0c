"""What the subprocess family offers: an invoker that runs the engine as a process."""

from __future__ import annotations

from collections.abc import Sequence

from sr_ports import Adapter, EngineInvoker, Later, hookimpl


@hookimpl
def sr_engine_invokers() -> Sequence[Adapter[EngineInvoker]]:
    settings = Later("sr_adapters.subprocess.settings:SubprocessSettings")
    return [Adapter("subprocess", Later("sr_adapters.subprocess.invoker:build_subprocess"), settings=settings)]
