"""The run request: parsed once, strictly, into values that cannot be wrong."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

import attrs

from sr_domain.encoding.canonical import digest_of, exact_json
from sr_domain.encoding.contracts import problem
from sr_domain.encoding.ids import run_id_for, scenario_id_for
from sr_domain.encoding.names import LONGEST_NAME, ONE_SPELLING, lower_hex, misspelling
from sr_domain.encoding.parts import present
from sr_domain.encoding.times import format_instant, parse_instant
from sr_ports import BadInput, ReasonCode
from sr_ports.compared import Compared
from sr_ports.suspect import suspect

_SHOWN = 60
# A scenario name becomes a path segment and a part of joined hash input: nothing in it may
# be a separator, a wildcard or a template brace.
_NAME = re.compile(r"[^/\\{}*?\[\]|\x00-\x1f\x7f]+")


class Strategy(enum.StrEnum):
    """How evidence comes about (spec: behaviour, "Plan")."""

    AUTO = "AUTO"
    FORCE_INVOKE = "FORCE_INVOKE"
    FORCE_REUSE = "FORCE_REUSE"


@attrs.frozen(eq=False, repr=False)
class Window(Compared):
    """The half-open time window [start, end), aware UTC, and the zone it was meant in."""

    start: datetime
    end: datetime
    tz: str


@attrs.frozen(eq=False, repr=False)
class RunRequest(Compared):
    """A request for a run of a sealed world. `output_ids`: sorted and unique; None when none were named."""

    run_equivalence_key: str
    manifest_fingerprint: str
    parameter_hash: str
    seed: int
    scenario_id: str
    window: Window
    scenario_set: tuple[str, ...] | None = None
    output_ids: tuple[str, ...] | None = None
    supersedes: str | None = None
    requested_strategy: Strategy | None = None
    engine_run_root: str | None = None
    request_id: str | None = None
    invoker: str | None = None
    notes: str | None = None

    @cached_property
    def run_id(self) -> str:
        return run_id_for(self.run_equivalence_key)

    def document(self) -> dict[str, Any]:
        """The request as its contract spells it, normalised; parsing it gives this value again."""
        scenario: dict[str, Any] = (
            {"scenario_id": self.scenario_id}
            if self.scenario_set is None
            else {"scenario_set": list(self.scenario_set)}
        )
        optional = {
            "output_ids": None if self.output_ids is None else list(self.output_ids),
            "supersedes": self.supersedes,
            "requested_strategy": None if self.requested_strategy is None else self.requested_strategy.value,
            "engine_run_root": self.engine_run_root,
            "request_id": self.request_id,
            "invoker": self.invoker,
            "notes": self.notes,
        }
        return {
            "run_equivalence_key": self.run_equivalence_key,
            "manifest_fingerprint": self.manifest_fingerprint,
            "parameter_hash": self.parameter_hash,
            "seed": self.seed,
            "scenario": scenario,
            "window": {
                "window_start_utc": format_instant(self.window.start),
                "window_end_utc": format_instant(self.window.end),
                "window_tz": self.window.tz,
            },
            **present(optional),
        }

    def intent(self) -> dict[str, Any]:
        """What was asked for, and nothing about how or by whom (spec: behaviour, "Identity")."""
        return {
            "manifest_fingerprint": self.manifest_fingerprint,
            "parameter_hash": self.parameter_hash,
            "seed": self.seed,
            "scenario_id": self.scenario_id,
            "window_start_utc": format_instant(self.window.start),
            "window_end_utc": format_instant(self.window.end),
            "window_tz": self.window.tz,
            "output_ids": None if self.output_ids is None else list(self.output_ids),
            "supersedes": self.supersedes,
        }

    @cached_property
    def fingerprint(self) -> str:
        """The intent fingerprint, 64 hex."""
        return digest_of(self.intent())

    def canonical(self) -> str:
        """The normalised document as JSON text, seed exact."""
        return exact_json(self.document()).decode()


def parse_request(document: Any, known_timezone: Callable[[str], bool], revision: int | None = None) -> RunRequest:
    """Check a request against its contract and make a value of it. Raises `BadInput(REQUEST_INVALID)`.

    `revision`: of the rules that a recorded request was admitted by; None for a new one.
    """
    document = lower_hex(document, "manifest_fingerprint", "parameter_hash", "supersedes")
    fault = problem("run_request", document, revision)
    if fault is not None:
        raise _invalid(fault.what)
    scenario = document["scenario"]
    names = scenario.get("scenario_set")
    for name in [scenario["scenario_id"]] if names is None else names:
        if not _NAME.fullmatch(name) or name in (".", "..") or name != name.strip():
            raise _invalid(
                f"scenario name {name[:60]!r} must be plain text without / \\ {{ }} * ? [ ] | or control characters"
            )
    optional = {key: document.get(key) for key in ("supersedes", "engine_run_root", "request_id", "invoker", "notes")}
    strategy, outputs = document.get("requested_strategy"), document.get("output_ids")
    return RunRequest(
        run_equivalence_key=document["run_equivalence_key"],
        manifest_fingerprint=document["manifest_fingerprint"],
        parameter_hash=document["parameter_hash"],
        seed=document["seed"],
        scenario_id=scenario["scenario_id"] if names is None else scenario_id_for(names),
        scenario_set=None if names is None else tuple(sorted(set(names))),
        window=_window(document["window"], known_timezone),
        output_ids=None if outputs is None else tuple(sorted(set(outputs))),
        requested_strategy=None if strategy is None else Strategy(strategy),
        **optional,
    )


def misspelt(request: RunRequest) -> BadInput | None:
    """The refusal of a request one of whose names, or its root, may mean two things; None when each means one.

    For admission alone: a run that an earlier release admitted keeps its names.
    """
    scenario = [("scenario.scenario_id", request.scenario_id)]
    members = [(f"scenario.scenario_set[{at}]", name) for at, name in enumerate(request.scenario_set or ())]
    named = [
        ("run_equivalence_key", request.run_equivalence_key),
        *(scenario if request.scenario_set is None else members),
        ("invoker", request.invoker),
        ("request_id", request.request_id),
    ]
    root = request.engine_run_root
    if root is not None and root.startswith("~"):
        what = "request: engine_run_root begins with ~, whose home that is differs from worker to worker"
        return BadInput(ReasonCode.REQUEST_INVALID, what, "write the path in full")
    return next((wrong for where, name in named if name and (wrong := _misspelt(f"request: {where}", name))), None)


def check_actor(actor: str | None) -> None:
    """Refuse an actor whose name could be taken for another's, or fits no record. Raises `BadInput(USAGE)`."""
    if actor is None:
        return
    if not 0 < len(actor) <= LONGEST_NAME:
        what = f"actor has {len(actor)} characters, and a name has 1 to {LONGEST_NAME}"
        raise BadInput(ReasonCode.USAGE, what, "name the actor as the lists of auth in the profile do")
    wrong = _misspelt("actor", actor, ReasonCode.USAGE)
    if wrong is not None:
        raise wrong


def _misspelt(where: str, name: str, code: ReasonCode = ReasonCode.REQUEST_INVALID) -> BadInput | None:
    if suspect(name) and _holds_secret(name):
        what = f"{where} holds what looks like a password, a key or a token"
        return BadInput(code, what, "name it otherwise: names go on record, to the engine and to the bus")
    wrong = misspelling(name)
    if wrong is None:
        return None
    shown = repr(name if len(name) <= _SHOWN else name[:_SHOWN] + "...")
    return BadInput(code, f"{where} {shown} {wrong}", ONE_SPELLING)


def _holds_secret(text: str) -> bool:
    from sr_ports.masking import redact

    return redact(text) != text


def _window(node: Mapping[str, str], known_timezone: Callable[[str], bool]) -> Window:
    instants = []
    for key in ("window_start_utc", "window_end_utc"):
        try:
            instants.append(parse_instant(node[key]))
        except ValueError as error:
            raise _invalid(f"window.{key} {node[key][:60]!r} is no instant: {error}") from error
    start, end = instants
    if start >= end:
        raise _invalid(f"window starts at {node['window_start_utc']} but ends at {node['window_end_utc']}")
    if not known_timezone(node["window_tz"]):
        raise _invalid(f"window.window_tz {node['window_tz'][:60]!r} is not a known time zone")
    return Window(start, end, node["window_tz"])


def _invalid(what: str) -> BadInput:
    from sr_ports.masking import redact

    return BadInput(ReasonCode.REQUEST_INVALID, redact(f"request: {what}"))


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Which fields of two intents differ: ``{field: {"old": ..., "new": ...}}``."""
    return {
        key: {"old": old.get(key), "new": new.get(key)} for key in sorted({*old, *new}) if old.get(key) != new.get(key)
    }
