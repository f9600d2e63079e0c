"""Telling the story: structured events to the telemetry port. Best effort, never truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from sr_domain.times import format_instant
from sr_ports import Clock, ObservabilitySink, ObsEvent

_PHASES = (
    ("RUN_ACCEPTED", "AUTHORITY"),
    ("LEASE", "AUTHORITY"),
    ("AUTH", "INGRESS"),
    ("PLAN", "PLAN"),
    ("GOV_P", "PLAN"),
    ("ENGINE", "ENGINE"),
    ("ATTEMPT", "ENGINE"),
    ("EVIDENCE", "EVIDENCE"),
    ("REEMIT", "REEMIT"),
    ("GOV_REEMIT", "REEMIT"),
)
_BAD = ("FAILED", "QUARANTINED", "DENIED", "EXCEEDED", "ABANDONED", "CONFLICT")
_STORY = {
    "RUN_ACCEPTED": "admitted",
    "PLAN_COMMITTED": "plan committed",
    "ENGINE_ATTEMPT_LAUNCH_REQUESTED": "starting the engine",
    "ENGINE_ATTEMPT_FINISHED": "the engine ended",
    "ENGINE_ATTEMPT_DETAIL": "why the engine's attempt failed",
    "EVIDENCE_STARTED": "reading evidence",
    "EVIDENCE_WAITING": "evidence is incomplete, waiting",
    "EVIDENCE_COMPLETE": "every gate passed, every output proven",
    "READY_COMMITTED": "READY committed",
    "READY_PUBLISHED": "READY published",
    "READY_PUBLISH_FAILED": "READY could not be published yet",
    "RUN_FAILED": "failed",
    "RUN_QUARANTINED": "quarantined",
    "ENGINE_ATTEMPT_ABANDONED": "an attempt was left open by a dead holder",
    "SUPERSEDE_CLAIMED": "a newer run is about to supersede this one",
    "SUPERSEDED_BY": "superseded by a newer run",
    "SUPERSEDE_PUBLISHED": "the run it supersedes was told, and the bus",
    "REEMIT_REQUESTED": "re-emit asked for",
    "REEMIT_DRY_RUN": "re-emit, dry run",
    "REEMIT_PUBLISHED": "published again, same message id",
    "AUTH_DENIED": "denied",
    "GOV_POLICY_REV": "policy revision on record",
    "GOV_PLAN_HASH": "plan hash on record",
    "GOV_BUNDLE_HASH": "bundle hash on record",
    "GOV_LAW_PROVENANCE": "laws and their plugins on record",
    "ENGINE_ROOT_UNREADABLE": "the engine root could not be read; the run rests",
    "LEASE_TAKEN": "taking over from an earlier holder",
}


def story(kind: str, details: Mapping[str, Any]) -> str:
    """What an event of this kind means, in a few words; with its reason code, where it has one."""
    told = _STORY.get(kind, kind.lower().replace("_", " "))
    reason = details.get("reason_code")
    return f"{told} ({reason})" if reason else told


@attrs.frozen
class Narrator:
    """Emits events about one run. A failing sink is the sink's affair."""

    sink: ObservabilitySink
    clock: Clock
    pins: Mapping[str, Any]
    policy_rev: Mapping[str, str] | None = None

    def event(
        self, kind: str, details: Mapping[str, Any] | None = None, message: str = "", debug: bool = False
    ) -> None:
        """One event, its phase, outcome and severity following from its kind."""
        details = details or {}
        bad = any(word in kind for word in _BAD)
        small = {key: value for key, value in details.items() if isinstance(value, str | int | float) or value is None}
        self.sink.emit(
            ObsEvent(
                event_kind=kind,
                phase=next((phase for prefix, phase in _PHASES if kind.startswith(prefix)), "COMMIT"),
                outcome="FAILED" if bad else "OK",
                severity="DEBUG" if debug or kind.startswith("GOV_") else "WARN" if bad else "INFO",
                ts_utc=format_instant(self.clock.now()),
                pins=self.pins,
                policy_rev=self.policy_rev,
                attempt_id=details.get("attempt_id"),
                message=message or story(kind, details),
                details=small,
            )
        )

    def progress(self, told: str) -> None:
        """How far a long step has come."""
        self.event("EVIDENCE_PROGRESS", {}, told)
