"""Contracts: every artifact is checked before it is committed or believed (spec: wire).

The JSON Schemas in ``contracts/`` are the one source; the build compiles them to the
modules that are imported here on demand.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from typing import Any

import attrs

from sr_ports import ReasonCode, SrError


@attrs.frozen
class Problem:
    """The first thing in a document that breaks its contract. `path`: dotted, empty for the whole."""

    contract: str
    path: str
    what: str


class ContractViolation(SrError):
    """A document does not fit its contract; whatever was to be done with it is not done."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(ReasonCode.CONTRACT_VIOLATION, f"{problem.contract}: {problem.what}")
        self.problem = problem

    def __reduce__(self) -> tuple[type[ContractViolation], tuple[Problem]]:
        return (ContractViolation, (self.problem,))


def validate(contract: str, document: Any) -> None:
    """Raise `ContractViolation` unless the document fits the contract of that name."""
    found = problem(contract, document)
    if found is not None:
        raise ContractViolation(found)


def problem(contract: str, document: Any) -> Problem | None:
    """What breaks the contract of that name; None when the document fits."""
    from fastjsonschema import JsonSchemaValueException

    try:
        _validator(contract)(document)
    except JsonSchemaValueException as error:
        path = str(error.name or "data").removeprefix("data").removeprefix(".")
        return Problem(contract, path, _sentence(path or contract.replace("_", " "), error))
    return None


@cache
def _validator(contract: str) -> Callable[[Any], Any]:
    module = importlib.import_module(f"sr_domain._contracts.{contract}")
    check: Callable[[Any], Any] = module.validate
    return check


def _sentence(path: str, error: Any) -> str:
    """The violation in words, naming the field and never showing much of its value."""
    definition = error.definition if isinstance(error.definition, dict) else {}
    shown = _shown(error.value)
    match error.rule:
        case "required":
            absent = sorted(set(definition.get("required", ())) - set(error.value))
            return f"{path} lacks {', '.join(absent)}"
        case "additionalProperties" if isinstance(error.value, dict):
            extra = sorted(str(key)[:60] for key in set(error.value) - set(definition.get("properties", ())))
            return f"{path} has unknown fields: {', '.join(extra[:5])}"
        case "enum":
            return f"{path} must be one of {', '.join(map(str, definition.get('enum', ())))}, not {shown}"
        case _ if "description" in definition:
            return f"{path} must be {definition['description']}, not {shown}"
        case "type":
            return f"{path} must be of type {definition.get('type')}, not {shown}"
        case _:
            rule = str(error.message).removeprefix(str(error.name)).strip()
            return f"{path} {rule}"


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."  # noqa: PLR2004
