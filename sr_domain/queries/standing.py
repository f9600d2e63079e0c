"""What is not settled: READY runs with something left to publish, and runs that wait."""

from __future__ import annotations

from sr_domain.encoding.times import format_instant
from sr_domain.record.details import Standing
from sr_domain.record.events import RUNS_STANDING
from sr_domain.record.states import RunState
from sr_domain.run.bound import index_store
from sr_domain.run.context import Context
from sr_domain.run.platform_runs import authorities, index_rows
from sr_domain.run.telemetry import RunTelemetry


def tell_standing(context: Context, before: Standing | None = None) -> Standing:
    """Count by the index, and tell telemetry, unless it is as it was `before`. Raises `Unreachable`."""
    now = standing(context)
    if now != before:
        told = f"READY runs with something left to publish: {now.owed}; runs that wait: {now.waiting}"
        since = "" if now.oldest_waiting_utc is None else f", the first since {now.oldest_waiting_utc}"
        telemetry = RunTelemetry(context.ports.telemetry, context.ports.clock, {}, context.policy_rev)
        telemetry.event(RUNS_STANDING(now), f"{told}{since}")
    return now


def standing(context: Context) -> Standing:
    """Count what is not settled, by the index. Raises `Unreachable`."""
    owed, waits = 0, []
    for _, authority in authorities(context.ports):
        for row in index_rows(authority, index_store(authority, context.known_store), unsettled_only=True):
            owed += row.state == RunState.READY
            waits += [row.updated_at] if row.state == RunState.WAITING_EVIDENCE else []
    return Standing(owed, len(waits), format_instant(min(waits)) if waits else None)
