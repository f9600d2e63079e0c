"""Contracts: every artifact is checked before it is committed or believed (spec: wire).

The JSON Schemas in ``contracts/`` are the one source; the build compiles them to the
modules that are imported here on demand. A contract that a later revision of the rules changed
has a module for each of its shapes; a document is held against that of its own revision.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import cache
from math import isfinite
from typing import Any

import attrs

from sr_domain import _contracts
from sr_ports import ReasonCode, SrError
from sr_ports.compared import Compared

MAX_DEPTH = 64
MAX_BITS = 512
SHOWN = 60
"""Characters of a name or value that an error shows."""


@attrs.frozen(eq=False, repr=False)
class Problem(Compared):
    """The first thing in a document that breaks its contract. `path`: dotted, empty for the whole."""

    contract: str
    path: str
    what: str


class Misfit(Exception):
    """Raised by the compiled contracts alone. `definition`: what the contract says of the place, abridged."""

    def __init__(self, name: str, value: Any, definition: Mapping[str, Any], rule: str) -> None:
        super().__init__(name, rule)
        self.name = name
        self.value = value
        self.definition = definition
        self.rule = rule


class ContractViolation(SrError):
    """A document does not fit its contract; whatever was to be done with it is not done."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(ReasonCode.CONTRACT_VIOLATION, f"{problem.contract}: {problem.what}")
        self.problem = problem

    def __reduce__(self) -> tuple[type[ContractViolation], tuple[Problem]]:
        return (ContractViolation, (self.problem,))


def validate(contract: str, document: Any, revision: int | None = None) -> None:
    """Raise `ContractViolation` unless the document fits the contract of that name. `revision`: as for `problem`."""
    found = problem(contract, document, revision)
    if found is not None:
        raise ContractViolation(found)


def problem(contract: str, document: Any, revision: int | None = None) -> Problem | None:
    """What breaks the contract of that name, or is no JSON at all; None when the document fits.

    `revision`: of the rules that the document was written by; None: its newest shape.
    """
    try:
        _validator(module_of(contract, revision))(document)
    except Misfit as misfit:
        path = _clipped(misfit.name.removeprefix("data").removeprefix("."))
        return Problem(contract, path, f"{path or _title(contract)} {_sentence(misfit)}")
    if _is_json(document):
        return None
    path, what = _alien(document, "", MAX_DEPTH) or ("", "is not JSON")
    return Problem(contract, path, f"{path or _title(contract)} {what}")


def module_of(contract: str, revision: int | None = None) -> str:
    """The compiled module of a contract as it stood at a revision; None: its newest shape."""
    changes = [one for one in _contracts.REVISED.get(contract, ()) if revision is None or one <= revision]
    return f"{contract}_r{max(changes)}" if changes else contract


@cache
def _validator(module_name: str) -> Callable[[Any], Any]:
    module = importlib.import_module(f"sr_domain._contracts.{module_name}")
    check: Callable[[Any], Any] = module.validate
    return check


def _title(contract: str) -> str:
    return contract.replace("_", " ")


def _sentence(misfit: Misfit) -> str:
    """The violation in words, to follow the field's name; never much of its value."""
    told, value = misfit.definition, misfit.value
    match misfit.rule:
        case "required":
            return f"lacks {', '.join(sorted(set(told['required']) - set(value)))}"
        case "additionalProperties":
            extra = sorted(_clipped(str(key)) for key in set(value) - set(told.get("properties", ())))
            return f"has unknown fields: {', '.join(extra[:5])}"
        case "enum":
            return f"must be one of {', '.join(map(str, told['enum']))}, not {_shown(value)}"
        case "const":
            return f"must be {told['const']}, not {_shown(value)}"
        case "uniqueItems":
            return "names something twice"
        case "minItems" | "maxItems" as rule if "description" not in told:
            bound = "at least" if rule == "minItems" else "at most"
            return f"must have {bound} {told[rule]} entries, not {len(value)}"
        case "type" if told.get("type") == "string" and isinstance(value, bool | int | float):
            return f"must be {told.get('description') or 'text'}; {unquoted(value)}"
        case _:
            return f"must be {told.get('description') or _type(told)}, not {_shown(value)}"


def unquoted(value: object) -> str:
    """What to say of a number or boolean where text belongs, as its document wrote it where that is known."""
    if isinstance(value, bool):
        return f"{str(value).lower()} without quotes is read as a boolean: put it in quotes"
    written = "it" if isinstance(value, int) and value.bit_length() > MAX_BITS else str(value)
    return f"{getattr(value, 'spelled', written)} without quotes is read as a number: put it in quotes"


_TYPES = {
    "object": "an object",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "boolean": "true or false",
}


def _type(told: Mapping[str, Any]) -> str:
    named = told.get("type", "as its contract says")
    return " or ".join(_TYPES.get(one, one) for one in ([named] if isinstance(named, str) else named))


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        return "a number far larger"
    return _clipped(repr(value))


def _clipped(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def _is_json(document: Any) -> bool:
    """Whether the document is of JSON's own types throughout, and within the depth that readers take.

    Written for speed: every artifact of every run passes here.
    """
    level = [document]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for node in level:
            kind = type(node)
            if kind is str:
                if not node.isascii() and not _is_text(node):
                    return False
            elif kind is dict:
                for key in node:
                    if type(key) is not str or not (key.isascii() or _is_text(key)):
                        return False
                below += node.values()
            elif kind is list:
                below += node
            elif isinstance(node, dict | list):
                return False  # a subclass may say one thing and be another
            elif not _is_scalar(node):
                return False
        if not below:
            return True
        level = below
    return all(map(_is_scalar, level))


def _is_text(value: Any) -> bool:
    """Text that UTF-8 can carry: no lone surrogates."""
    if not isinstance(value, str):
        return False
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_scalar(value: Any) -> bool:
    return _is_text(value) or value is None or isinstance(value, int) or (isinstance(value, float) and isfinite(value))


def _alien(node: Any, path: str, depth: int) -> tuple[str, str] | None:
    """The first place that is no JSON, and why."""
    if depth == 0 and isinstance(node, dict | list):
        return _clipped(path), f"is nested deeper than {MAX_DEPTH}"
    if isinstance(node, dict):
        odd = next((key for key in node if not _is_text(key)), None)
        if odd is not None:
            return path, f"has the key {_shown(odd)}, which is not text"
        inside = [(f"{path}.{key}" if path else str(key), value) for key, value in node.items()]
    elif isinstance(node, list):
        inside = [(f"{path}[{at}]", value) for at, value in enumerate(node)]
    else:
        return None if _is_scalar(node) else (_clipped(path), f"must be a JSON value, not {_shown(node)}")
    return next((found for where, value in inside if (found := _alien(value, where, depth - 1))), None)
