"""Where a run is, as an HTTP answer: the status speaks of the request, the body of the run (spec: surface, "HTTP")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sr_adapters.answers import versioned
from sr_adapters.exits import exit_for_outcome, refused, status_for
from sr_adapters.http.answer import Answer, document, problem

if TYPE_CHECKING:
    from sr_domain.run.outcome import Outcome

OK, CREATED, ACCEPTED = 200, 201, 202


def told(outcome: Outcome, *, asked_for: str = "", status: int | None = None) -> Answer:
    """An outcome. `asked_for`: the run that was to be tried again. `status`: in the place of what the outcome says."""
    code = exit_for_outcome(outcome)
    node = {**outcome.document(), "exit_code": code}
    if asked_for:
        node["retry_of"] = asked_for
    if refused(outcome):
        return _refusal(outcome, node, code)
    where = {"location": f"/v1/runs/{outcome.run_id}"}
    return document(_status(outcome) if status is None else status, node, where)


def _refusal(outcome: Outcome, node: Mapping[str, Any], code: int) -> Answer:
    reason = outcome.reason_code
    if reason is None:  # pragma: no cover - an answer without a state has a reason
        raise AssertionError(outcome.run_id)
    what = outcome.message or reason.value
    if outcome.actor is not None:
        what = f"actor {outcome.actor!r} may not {outcome.action or 'submit'}"
    return problem(reason, what, outcome.remedy, status=status_for(reason), exit_code=code, answer=versioned(node))


def _status(outcome: Outcome) -> int:
    """201 for a run that was admitted now and has ended, 200 for one that was known, 202 for one that goes on."""
    if outcome.in_flight or outcome.state is None or not outcome.state.final:
        return ACCEPTED
    return CREATED if outcome.is_new else OK
