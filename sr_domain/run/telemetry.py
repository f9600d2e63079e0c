"""Structured events about a run, to the telemetry port. Best effort, never truth."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import attrs

from sr_domain.encoding.times import format_instant
from sr_domain.record.events import EVIDENCE_PROGRESS, kind_of
from sr_domain.record.kinds import Happening, attempt_in, scalars
from sr_ports import Clock, ObservabilitySink, ObsEvent
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class RunTelemetry(Compared):
    """Emits events about one run. `pins`: what is known of the run so far. A sink that raises stops nothing."""

    sink: ObservabilitySink
    clock: Clock
    pins: Mapping[str, Any]
    policy_rev: Mapping[str, str] | None = None

    def event(self, happening: Happening, message: str = "", *, severity: str | None = None) -> None:
        """One event; phase, outcome and severity are its kind's, but one with a reason code is never OK.

        `message`: instead of the kind's sentence. `severity`: instead of the kind's own.
        """
        kind, details = kind_of(happening.event_kind), happening.details
        outcome, usual = kind.told(details)
        event = ObsEvent(
            event_kind=kind.name,
            phase=kind.phase,
            outcome=outcome,
            severity=severity or usual,
            ts_utc=format_instant(self.clock.now()),
            pins=self.pins,
            policy_rev=self.policy_rev,
            attempt_id=attempt_in(details),
            message=message or kind.story(details),
            details=scalars(details),
            governance=kind.governance,
        )
        with contextlib.suppress(Exception):  # an embedder's own sink (spec: mission, law 10)
            self.sink.emit(event)

    def progress(self, told: str) -> None:
        """How far a long step has come."""
        from sr_domain.record.details import Nothing

        self.event(EVIDENCE_PROGRESS(Nothing()), told)
