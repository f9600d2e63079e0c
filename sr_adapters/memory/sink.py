"""A sink for who wants no telemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sr_ports import ObsEvent


class NullSink:
    """`sr_ports.ObservabilitySink` that keeps nothing."""

    def emit(self, event: ObsEvent) -> None:
        """Nothing is done with it."""

    def close(self) -> None:
        """Nothing to let go of."""
