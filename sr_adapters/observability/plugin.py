"""What the observability family offers: the sinks for people and for files."""

from __future__ import annotations

from collections.abc import Sequence

from sr_ports import Adapter, Later, ObservabilitySink, hookimpl


@hookimpl
def sr_observability_sinks() -> Sequence[Adapter[ObservabilitySink]]:
    return [
        Adapter("console", Later("sr_adapters.observability.sinks:build_console")),
        Adapter("file", Later("sr_adapters.observability.sinks:build_file")),
    ]
