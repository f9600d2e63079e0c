"""What ends with an event, and which event began it: how long the steps of a run took, and the spans of its trace.

Every time is the record's own, so that a step which one process began and another ended has its true length.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from sr_domain.record import events as e
from sr_domain.record.kinds import attempt_in
from sr_ports.runtime import Begun

if TYPE_CHECKING:
    from sr_domain.record.ledger import Event, Ledger

RUN, PLAN, ATTEMPT, EVIDENCE = "SR.Run", "PlanCompile", "EngineAttempt", "EvidenceVerify"
COMMIT, PUBLISH, REEMIT = "CommitFacts", "PublishReady", "Reemit"

ENDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        e.PLAN_COMMITTED.name: {PLAN: e.RUN_ACCEPTED.name},
        e.ENGINE_ATTEMPT_FINISHED.name: {ATTEMPT: e.ENGINE_ATTEMPT_LAUNCH_REQUESTED.name},
        e.ENGINE_ATTEMPT_ABANDONED.name: {ATTEMPT: e.ENGINE_ATTEMPT_LAUNCH_REQUESTED.name},
        e.EVIDENCE_COMPLETE.name: {EVIDENCE: e.EVIDENCE_STARTED.name},
        e.READY_COMMITTED.name: {COMMIT: e.EVIDENCE_COMPLETE.name, RUN: e.RUN_ACCEPTED.name},
        e.READY_PUBLISHED.name: {PUBLISH: e.READY_COMMITTED.name},
        e.RUN_FAILED.name: {EVIDENCE: e.EVIDENCE_STARTED.name, RUN: e.RUN_ACCEPTED.name},
        e.RUN_QUARANTINED.name: {EVIDENCE: e.EVIDENCE_STARTED.name, RUN: e.RUN_ACCEPTED.name},
        e.REEMIT_DRY_RUN.name: {REEMIT: e.REEMIT_REQUESTED.name},
        e.REEMIT_FAILED.name: {REEMIT: e.REEMIT_REQUESTED.name},
        e.REEMIT_PUBLISHED.name: {REEMIT: e.REEMIT_REQUESTED.name},
    }
)
"""By kind of event, the spans that end with it, each with the kind that began it.

SR.Run on READY_COMMITTED is the time from request to READY, EvidenceVerify the wait for evidence.
"""


def ended_by(ledger: Ledger, event: Event) -> Mapping[str, Begun]:
    """What ended with an event of this record; what was never begun did not."""
    ends = ENDS.get(event.event_kind)
    if ends is None:
        return {}
    begun = {name: _last(ledger, event, kind) for name, kind in ends.items()}
    return {name: Begun(one.event_id, one.ts_utc) for name, one in begun.items() if one is not None}


def _last(ledger: Ledger, before: Event, kind: str) -> Event | None:
    """The last event of a kind before another, of the same engine attempt where they are of one."""
    own = attempt_in(before.details)
    for event in reversed(ledger.events[: before.seq]):
        if event.event_kind == kind and own in (None, attempt_in(event.details)):
            return event
    return None
