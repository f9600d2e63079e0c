"""Structured events about a run, to the telemetry port. Best effort, never truth."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import attrs

from sr_domain.encoding.times import format_instant
from sr_domain.record.events import kind_of
from sr_ports import Clock, ObservabilitySink, ObsEvent


def story(kind: str, details: Mapping[str, Any]) -> str:
    """What an event of this kind means, in a few words; with its reason code, where it has one."""
    told, reason = kind_of(kind).story, details.get("reason_code")
    return f"{told} ({reason})" if reason else told


@attrs.frozen
class RunTelemetry:
    """Emits events about one run. `pins`: what is known of the run so far. A sink that raises stops nothing."""

    sink: ObservabilitySink
    clock: Clock
    pins: Mapping[str, Any]
    policy_rev: Mapping[str, str] | None = None

    def event(
        self,
        kind: str,
        details: Mapping[str, Any] | None = None,
        message: str = "",
        *,
        severity: str | None = None,
    ) -> None:
        """One event; phase, outcome and severity are its kind's, but one with a reason code is never OK.

        `severity`: instead of the kind's own.
        """
        details, told = details or {}, kind_of(kind)
        failed = told.outcome == "OK" and details.get("reason_code") is not None
        small = {key: value for key, value in details.items() if isinstance(value, str | int | float) or value is None}
        event = ObsEvent(
            event_kind=kind,
            phase=told.phase,
            outcome="FAILED" if failed else told.outcome,
            severity=severity or ("WARN" if failed else told.severity),
            ts_utc=format_instant(self.clock.now()),
            pins=self.pins,
            policy_rev=self.policy_rev,
            attempt_id=details.get("attempt_id"),
            message=message or story(kind, details),
            details=small,
            governance=told.governance,
        )
        with contextlib.suppress(Exception):  # an embedder's own sink (spec: mission, law 10)
            self.sink.emit(event)

    def progress(self, told: str) -> None:
        """How far a long step has come."""
        self.event("EVIDENCE_PROGRESS", {}, told)
