"""The command template: ``{placeholders}`` filled from the invocation, one argument each."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from string import Formatter
from typing import Any

import attrs

from sr_domain.encoding.ids import scenario_id_for

_COPIED = ("manifest_fingerprint", "parameter_hash", "seed", "run_id", "scenario_id", "request_id")

_KNOWN = (*_COPIED, "scenario_set", "invocation_json", "engine_run_root", "attempt_no", "python")


@attrs.define
class Unresolved(Exception):
    """A part of the template has no value. `part`: what it is, for people."""

    part: str


def placeholder_values(
    invocation: Mapping[str, Any], invocation_json: str, attempt_no: int, engine_run_root: str
) -> dict[str, str]:
    """What each placeholder stands for; a pin that the invocation lacks is absent.

    `invocation_json`: the whole invocation. ``scenario_id`` is the pin, of a set its own; ``scenario_set``
    has a set's names with commas between them.
    """
    values = {name: str(invocation[name]) for name in _COPIED if invocation.get(name) is not None}
    binding = invocation.get("scenario_binding") or {}
    if binding.get("scenario_id") is not None:
        values["scenario_id"] = str(binding["scenario_id"])
    elif binding.get("scenario_set"):
        names = [str(name) for name in binding["scenario_set"]]
        values |= {"scenario_id": scenario_id_for(names), "scenario_set": ",".join(names)}
    return {
        **values,
        "invocation_json": invocation_json,
        "engine_run_root": engine_run_root,
        "attempt_no": str(attempt_no),
        "python": sys.executable,
    }


def render(command: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """The arguments, each template element exactly one. Raises `Unresolved`.

    ``{{`` and ``}}`` are literal braces. A value is never looked into again.
    """
    return [_render_one(element, values) for element in command]


def why_unfit(command: Sequence[str]) -> str | None:
    """What no run could fill in, or no system take as an argument; None where it depends on the run."""
    try:
        whole = render(command, dict.fromkeys(_KNOWN, ""))
    except Unresolved as error:
        return f"the engine command has no value for {error.part}"
    return "the engine command has a NUL character" if any("\0" in one for one in whole) else None


def _render_one(element: str, values: Mapping[str, str]) -> str:
    try:
        parts = list(Formatter().parse(element))
    except ValueError as exc:
        raise Unresolved(f"{element!r} ({exc}; a literal brace is written twice)") from exc
    return "".join(text + _value(name, spec, conversion, values) for text, name, spec, conversion in parts)


def _value(name: str | None, spec: str | None, conversion: str | None, values: Mapping[str, str]) -> str:
    if name is None:
        return ""
    if spec or conversion or name not in values:
        raise Unresolved("{" + name + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "") + "}")
    return values[name]
