"""What the service is asked for: one value for each operation, from which routes and OpenAPI document are made."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from sr_adapters.http.actors import Action
from sr_adapters.http.answer import Answer
from sr_ports import BadInput, Identity, ReasonCode, Stopped

if TYPE_CHECKING:
    from sr_adapters.http.service import Service
    from sr_domain.run.outcome import Outcome
    from sr_domain.runner import ScenarioRunner


@attrs.frozen
class Parameter:
    """A parameter of a query. `schema`: JSON Schema of it, and of the texts that say it."""

    name: str
    text: str
    schema: Mapping[str, Any]

    def check(self, word: str) -> None:
        """Return for a text that says a value of the schema. Raises `BadInput(PARAMETER_INVALID)`."""
        told = self.schema
        match told["type"]:
            case "boolean" if word not in ("true", "false"):
                raise unfit(self.name, "must be true or false")
            case "integer" if not (_WHOLE.fullmatch(word) and told["minimum"] <= int(word) <= told["maximum"]):
                raise unfit(self.name, f"must be a whole number from {told['minimum']} to {told['maximum']}")
            case "string" if not told.get("minLength", 0) <= len(word) <= told.get("maxLength", len(word)):
                raise unfit(self.name, f"must have {told.get('minLength', 0)} to {told['maxLength']} characters")
            case "string" if not re.search(told.get("pattern", ""), word):
                raise unfit(self.name, f"must be {self.text}")


_WHOLE = re.compile(r"[0-9]{1,9}")


def flag(name: str, text: str) -> Parameter:
    """A parameter that is true or false."""
    return Parameter(name, text, {"type": "boolean"})


@attrs.frozen
class Asked:
    """One request, as an operation sees it. `run`: the name in its path. `body`: its document; None for none.

    `runner`: for this request's work; its calls end early once `stopped`: the service ends, or nobody waits any more.
    """

    service: Service
    actor: Identity
    run: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    runner: ScenarioRunner
    stopped: Callable[[], bool]
    body: Any = None

    def check(self) -> None:
        """Return while somebody waits for the answer. Raises `Stopped`."""
        if self.stopped():
            raise Stopped

    def flag(self, name: str) -> bool:
        """A parameter that is true or false; false where it was left out."""
        return self.query.get(name) == "true"

    def number(self, name: str, default: int) -> int:
        """A whole number."""
        return int(self.query.get(name, default))


def unfit(name: str, why: str) -> BadInput:
    """That a parameter is not valid."""
    return BadInput(ReasonCode.PARAMETER_INVALID, f"the parameter {name} {why}")


@attrs.frozen
class Operation:
    """What may be asked for. `contract`: of its answer. `body`: the contract of its request's body, `""` for none.

    `other_body`, `other_contract`: where it takes one of two. `statuses`: what it answers beside errors, `errors`
    those that not every operation has. `media`: of the answer. `kept`: its answer never changes, and has an ETag.
    `asks`: whether it asks servers, which may fail.
    """

    name: str
    method: str
    path: str
    text: str
    action: Action | None
    contract: str
    parameters: Sequence[Parameter] = ()
    body: str = ""
    body_needed: bool = True
    other_body: str = ""
    other_contract: str = ""
    statuses: Sequence[int] = (200,)
    errors: Sequence[int] = ()
    media: str = "application/json"
    kept: bool = False
    asks: bool = True

    @property
    def names_run(self) -> bool:
        """Whether its path names a run."""
        return "{run}" in self.path


@attrs.frozen
class Reading(Operation):
    """Takes no run on: answered from truth. `answer`: makes it, in a thread. `long`: it may read for minutes."""

    answer: Callable[[Asked], Answer] = attrs.field(kw_only=True)
    long: bool = attrs.field(default=False, kw_only=True)


@attrs.frozen
class Working(Operation):
    """Takes a run on. `work`: does it, in a thread of the runs. `told`: the answer to an outcome.

    `run_id`: which run it will be, for whoever does not wait to its end; None where only the outcome tells.
    `at_once`: the answer where no run has to be taken on for it; None where one has.
    """

    work: Callable[[Asked], Any] = attrs.field(kw_only=True)
    told: Callable[[Asked, Any], Answer] = attrs.field(kw_only=True)
    run_id: Callable[[Asked], str | None] = attrs.field(kw_only=True)
    at_once: Callable[[Asked], Outcome | None] = attrs.field(default=lambda _: None, kw_only=True)
