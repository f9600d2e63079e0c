"""What the service is asked for: one value for each operation, from which routes and OpenAPI document are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from sr_adapters.http.actors import Action, Actor
from sr_adapters.http.answer import Answer

if TYPE_CHECKING:
    from sr_adapters.http.service import Service
    from sr_domain.run.outcome import Outcome
    from sr_domain.runner import ScenarioRunner


@attrs.frozen
class Parameter:
    """A parameter of a query. `schema`: JSON Schema of its text's meaning."""

    name: str
    text: str
    schema: Mapping[str, Any]


@attrs.frozen
class Asked:
    """One request, as an operation sees it. `run`: the name in its path. `body`: its document; None for none."""

    service: Service
    actor: Actor
    run: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any = None

    @property
    def runner(self) -> ScenarioRunner:
        """The runner for this request's work, which ends early when the service is stopped."""
        return self.service.runner

    def flag(self, name: str) -> bool:
        """A parameter that is true or false; false where it was left out."""
        return self.query.get(name) == "true"


@attrs.frozen
class Operation:
    """What may be asked for. `contract`: of its answer. `body`: the contract of its request's body, `""` for none.

    `statuses`: what it answers beside errors. `media`: of the answer.
    """

    name: str
    method: str
    path: str
    text: str
    action: Action
    contract: str
    parameters: Sequence[Parameter] = ()
    body: str = ""
    body_needed: bool = True
    statuses: Sequence[int] = (200,)
    media: str = "application/json"
    errors: Sequence[int] = ()


@attrs.frozen
class Reading(Operation):
    """Takes no run on: answered at once, from truth. `answer`: makes the answer, in a thread."""

    answer: Callable[[Asked], Answer] = attrs.field(kw_only=True)


@attrs.frozen
class Working(Operation):
    """Takes a run on. `work`: does it, in a thread of the runs. `told`: the answer to an outcome.

    `run_id`: which run it will be, for whoever does not wait to its end.
    """

    work: Callable[[Asked], Outcome] = attrs.field(kw_only=True)
    told: Callable[[Asked, Outcome], Answer] = attrs.field(kw_only=True)
    run_id: Callable[[Asked], str] = attrs.field(kw_only=True)
