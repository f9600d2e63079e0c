"""The evidence deadline: set and judged by the authority's clock, never by a worker's (spec: "What may end a run")."""

from __future__ import annotations

from datetime import datetime, timedelta

from sr_domain.encoding.times import parse_instant
from sr_domain.plan.sealed import SealedPlan
from sr_domain.record.read import Record


def deadline_of(record: Record) -> datetime | None:
    """Until when missing evidence is waited for, aware UTC; None before admission.

    As it was set at admission, yet never earlier than the policy's wait after the last engine attempt ended, or
    after the run last rested by a worker's fault, as the record tells those times.
    """
    accepted = record.accepted
    if accepted is None:
        return None
    anchored = parse_instant(accepted.details.evidence_deadline_utc)
    fault = record.last_fault
    since = [one.end.ts_utc for one in record.attempts if one.end is not None]
    since += [] if fault is None else [fault.ts_utc]
    if not since:
        return anchored
    return max(anchored, max(map(parse_instant, since)) + _wait(record, anchored - parse_instant(accepted.ts_utc)))


def _wait(record: Record, of_admission: timedelta) -> timedelta:
    """The policy's wait, as the plan keeps it; an earlier release's is what its admission added to its own clock."""
    planned = record.plan
    kept = None if planned is None else SealedPlan.of(planned.details.plan).evidence_wait_seconds
    return of_admission if kept is None else timedelta(seconds=kept)
