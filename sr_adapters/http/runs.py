"""Runs: submit one, look where one is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sr_adapters.http.actors import Action
from sr_adapters.http.answer import Answer
from sr_adapters.http.operations import Asked, Operation, Parameter, Reading, Working
from sr_adapters.http.outcomes import OK, told

if TYPE_CHECKING:
    from sr_domain.run.outcome import Outcome

ASYNC = Parameter(
    "async", "answer 202 as soon as the run is on the record", {"type": "string", "enum": ["true", "false"]}
)


def _submit(asked: Asked) -> Outcome:
    return asked.runner.submit(asked.body, actor=asked.actor.name)


def _run_id(asked: Asked) -> str:
    from sr_domain.encoding.ids import run_id_for

    return run_id_for(str(asked.body["run_equivalence_key"]))


def _status(asked: Asked) -> Answer:
    return told(asked.runner.status(asked.run), status=OK)


OPERATIONS: tuple[Operation, ...] = (
    Working(
        "submit",
        "POST",
        "/v1/runs",
        "Submit a run request and take it as far as it goes now.",
        Action.SUBMIT,
        "outcome",
        parameters=(ASYNC,),
        body="run_request",
        statuses=(200, 201, 202),
        errors=(409,),
        work=_submit,
        told=lambda _, outcome: told(outcome),
        run_id=_run_id,
    ),
    Reading(
        "status", "GET", "/v1/runs/{run}", "Where a run is.", Action.READ, "outcome", errors=(404,), answer=_status
    ),
)
