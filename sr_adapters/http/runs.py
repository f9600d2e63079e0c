"""Runs that are taken on: submit, resume, retry, recover, re-emit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sr_adapters.http.actors import Action
from sr_adapters.http.answer import Answer
from sr_adapters.http.operations import Asked, Operation, Working, flag
from sr_adapters.http.outcomes import reemitted, told
from sr_ports import BadInput, ReasonCode

if TYPE_CHECKING:
    from sr_domain.run.outcome import Outcome

ASYNC = flag("async", "answer 202 as soon as the run is on the record, and work on")


def _submit(asked: Asked) -> Outcome:
    return asked.runner.submit(asked.body, actor=asked.actor)


def _duplicate(asked: Asked) -> Outcome | None:
    return asked.runner.answered(asked.body, actor=asked.actor)


def _bound_by_key(asked: Asked) -> str | None:
    from sr_domain.encoding.ids import run_id_for

    key = asked.body.get("run_equivalence_key") if isinstance(asked.body, dict) else None
    return run_id_for(key) if isinstance(key, str) else None


def _resume(asked: Asked) -> Outcome:
    return asked.runner.resume(asked.run, actor=asked.actor, force=asked.body.get("force", False))


def _retry(asked: Asked) -> Outcome:
    return asked.runner.retry(asked.run, asked.body.get("request"), actor=asked.actor)


def _retried(asked: Asked, outcome: Outcome) -> Answer:
    return told(outcome, asked_for=asked.runner.run_id(asked.run))


def _recover(asked: Asked) -> Outcome:
    body, runner, actor = asked.body, asked.runner, asked.actor
    artifact, receipt, reason = body.get("artifact"), body.get("receipt"), body["reason"]
    if artifact is not None and receipt is not None:
        what = "the request names an artifact and a receipt"
        raise BadInput(ReasonCode.REQUEST_INVALID, what, "name one, or neither for a record that lost events")
    if artifact is not None:
        return runner.recover_artifact(asked.run, artifact, reason=reason, actor=actor)
    if receipt is not None:
        return runner.recover_receipt(asked.run, receipt, reason=reason, actor=actor)
    return runner.recover_run(asked.run, reason=reason, actor=actor)


def _reemit(asked: Asked) -> Any:
    body, runner = asked.body, asked.runner
    if runner.run_id(asked.run) != body["run_id"]:
        what = f"the request is about run {body['run_id']}, and its path names another"
        raise BadInput(ReasonCode.REQUEST_INVALID, what, "name one run")
    return runner.reemit(
        body["run_id"],
        body["reemit_kind"],
        reason=body.get("reason"),
        actor=asked.actor,
        dry_run=body.get("dry_run", False),
        superseded=asked.flag("superseded"),
    )


def _named(asked: Asked) -> str | None:
    return asked.run


def _unknown(_: Asked) -> str | None:
    return None


def _outcome(_: Asked, outcome: Outcome) -> Answer:
    return told(outcome)


OPERATIONS: tuple[Operation, ...] = (
    Working(
        "submit", "POST", "/v1/runs", "Submit a run request and take its run as far as it goes now.",
        Action.SUBMIT, "outcome", (ASYNC,), "run_request", statuses=(200, 201, 202), errors=(409,),
        work=_submit, told=_outcome, run_id=_bound_by_key, at_once=_duplicate,
    ),
    Working(
        "resume", "POST", "/v1/runs/{run}/resume", "Finish what waits or was left by a crash.",
        Action.RESUME, "outcome", (ASYNC,), "resume_request", body_needed=False, statuses=(200, 202),
        work=_resume, told=_outcome, run_id=_named,
    ),
    Working(
        "retry", "POST", "/v1/runs/{run}/retry", "Ask again after a failure, under the next free key.",
        Action.SUBMIT, "outcome", (), "retry_request", body_needed=False, statuses=(200, 201, 202), errors=(409,),
        work=_retry, told=_retried, run_id=_unknown,
    ),
    Working(
        "recover", "POST", "/v1/runs/{run}/recover", "Set aside what stands where truth should, and go on.",
        Action.RECOVER, "outcome", (), "recover_request", statuses=(200, 202),
        work=_recover, told=_outcome, run_id=_named,
    ),
    Working(
        "reemit", "POST", "/v1/runs/{run}/reemit", "Publish READY or a terminal fact again, from truth.",
        Action.REEMIT, "reemit", (flag("superseded", "also READY of a run that another has corrected"),),
        "reemit_request", errors=(409,),
        work=_reemit, told=reemitted, run_id=_unknown,
    ),
)  # fmt: skip
