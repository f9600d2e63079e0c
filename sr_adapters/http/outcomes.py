"""Where a run is, as an HTTP answer: the status speaks of the request, the body of the run (spec: surface, "HTTP")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sr_adapters.answers import spelled, versioned
from sr_adapters.exits import DONE, exit_for, exit_for_outcome, refused
from sr_adapters.http.answer import Answer, document, problem
from sr_ports import ReasonCode

if TYPE_CHECKING:
    from sr_adapters.http.operations import Asked
    from sr_domain import Reemit
    from sr_domain.run.outcome import Outcome

OK, CREATED, ACCEPTED = 200, 201, 202
_WINDOW_S = 3600
"""Seconds after which whoever re-emitted too often is told to look again, at most."""


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
    if reason is None:
        raise AssertionError(f"an outcome of run {outcome.run_id} without a state has a reason")
    what = outcome.message or reason.value
    if outcome.actor is not None:
        what = denial(outcome.actor, outcome.action or "submit")
    return problem(reason, what, outcome.remedy, exit_code=code, answer=versioned(node))


def _status(outcome: Outcome) -> int:
    """201 for a run that was admitted now and has ended, 200 for one that was known, 202 for one that goes on."""
    if outcome.in_flight or outcome.state is None or not outcome.state.final:
        return ACCEPTED
    return CREATED if outcome.is_new else OK


def denial(actor: str | None, action: str) -> str:
    """Who was refused what. Who may is nobody's business who may not."""
    return f"actor {actor or 'local'!r} may not {action}"


def reemitted(asked: Asked, done: Reemit | Outcome) -> Answer:
    """What became of a re-emit."""
    from sr_domain import Reemit

    if not isinstance(done, Reemit):
        whole = {**done.document(), "dry_run": asked.body.get("dry_run", False)}
        node = {name: whole[name] for name in ("run_id", "reason_code", "message", "remedy", "actor", "dry_run")}
        what = denial(done.actor, "reemit")
    else:
        node, what = done.document(), f"run {done.run_id}: {done.message}"
        if done.next is not None:
            node["next"] = spelled(done.next)
    reason = done.reason_code
    if reason is None:
        return document(OK, {**node, "exit_code": DONE})
    node["exit_code"] = exit_for(reason)
    return problem(reason, what, node.get("next"), answer=versioned(node), headers=_later(asked, reason))


def _later(asked: Asked, reason: ReasonCode) -> dict[str, str]:
    """When it may be asked for again: once the window has passed, at the latest."""
    if reason is not ReasonCode.REEMIT_RATE_LIMIT:
        return {}
    return {"retry-after": str(min(int(asked.runner.settings.reemit_window_s) + 1, _WINDOW_S))}
