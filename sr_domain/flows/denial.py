"""Who may ask for a run, and the answer to whoever may not."""

from __future__ import annotations

from sr_domain.plan.compile import pins_of
from sr_domain.plan.request import RunRequest
from sr_domain.record import details, events
from sr_domain.record.layout import Layout
from sr_domain.run.answers import denied
from sr_domain.run.append_aside import append_aside
from sr_domain.run.context import Context
from sr_domain.run.outcome import Outcome
from sr_domain.run.ports import Settings
from sr_ports import ReasonCode


def right_needed(settings: Settings, request: RunRequest) -> tuple[str, frozenset[str] | None]:
    """What a request does, as denials name it, and who may: one that corrects another run supersedes."""
    if request.supersedes is None:
        return "submit", settings.submitters
    return "supersede", settings.superseders


def denied_on_record(context: Context, layout: Layout, request: RunRequest, actor: str, action: str) -> Outcome:
    """Unauthorized: on the run's record, and nowhere else; the key stays free."""
    draft = events.AUTH_DENIED(details.Denied(actor, action, ReasonCode.AUTH_DENIED))
    append_aside(
        context.ports, layout, request.run_id, draft, actor=actor, policy_rev=context.policy_rev, pins=pins_of(request)
    )
    return denied(layout, request.run_id, actor, action)
