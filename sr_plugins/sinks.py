"""Telemetry fan-out: every sink gets every event, and no sink's failure is anybody else's."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from sr_ports import ObservabilitySink, ObsEvent


@attrs.define
class FanOut:
    """`ObservabilitySink` over many. `dropped`: deliveries that failed."""

    sinks: Sequence[ObservabilitySink]
    dropped: int = 0

    def emit(self, event: ObsEvent) -> None:
        for sink in self.sinks:
            try:
                sink.emit(event)
            except Exception:  # noqa: BLE001 - telemetry never blocks truth (spec: mission, law 10)
                self.dropped += 1

    def close(self) -> None:
        for sink in self.sinks:
            try:
                sink.close()
            except Exception:  # noqa: BLE001 - as above
                self.dropped += 1
