"""Who may ask for a run, and the answer to whoever may not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sr_domain.encoding.times import parse_instant
from sr_domain.plan.request import RunRequest
from sr_domain.record import details, events
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Ledger
from sr_domain.run.answers import denied
from sr_domain.run.append_aside import append_aside, pins_on
from sr_domain.run.context import Context
from sr_domain.run.outcome import Outcome
from sr_domain.run.telemetry import RunTelemetry
from sr_ports import Identity, ReasonCode

MOST = 5
"""Denials that a run's record takes in a `WINDOW`: whoever may not write to it shall not fill it (spec: behaviour)."""
WINDOW = timedelta(hours=1)


def action_of(request: RunRequest) -> str:
    """What a request does, as lists and denials name it: one that corrects another run supersedes."""
    return "submit" if request.supersedes is None else "supersede"


def denied_on_record(
    context: Context,
    layout: Layout,
    run_id: str,
    actor: Identity,
    action: str,
    *,
    pins: Mapping[str, Any] | None = None,
    kind: str | None = None,
) -> Outcome:
    """Unauthorized: on the run's record, and nowhere else; the key stays free.

    `pins`: for telemetry, where the record may not have them yet. `kind`: of a re-emit. Where the record has `MOST`
    denials of the last `WINDOW`, telemetry alone is told, which counts them.
    """
    told = details.Denied(actor.actor, action, ReasonCode.AUTH_DENIED, actor_proof=actor.mode, kind=kind)
    draft, ports = events.AUTH_DENIED(told), context.ports
    left_out = False

    def enough(ledger: Ledger) -> bool:
        nonlocal left_out
        left_out = _recent(context, ledger) >= MOST
        return left_out

    rev = context.policy_rev
    ledger = append_aside(ports, layout, run_id, draft, actor=actor, policy_rev=rev, pins=pins, unless=enough)
    if left_out:
        known = pins_on(ledger) if pins is None else pins
        RunTelemetry(ports.telemetry, ports.clock, known, rev).event(draft)
    return denied(layout, run_id, actor.actor, action)


def _recent(context: Context, ledger: Ledger) -> int:
    since = context.ports.clock.now() - WINDOW
    return sum(1 for one in ledger.all(events.AUTH_DENIED.name) if parse_instant(one.ts_utc) > since)
