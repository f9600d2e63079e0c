"""An event in words and as a document, without secrets: what every sink shows of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sr_adapters.observability.lengths import lasted
from sr_adapters.shown import in_line
from sr_domain.record import events as e
from sr_ports import ObsEvent
from sr_ports.suspect import suspect

_ENCODE = json.JSONEncoder(ensure_ascii=False).encode
COMPONENT = "scenario_runner"
_PUBLISHED: Mapping[str, str] = {
    e.READY_PUBLISHED.name: "PUBLISHED",
    e.READY_PUBLISH_FAILED.name: "FAILED",
    e.SUPERSEDE_PUBLISHED.name: "PUBLISHED",
    e.SUPERSEDE_PUBLISH_FAILED.name: "FAILED",
    e.REEMIT_PUBLISHED.name: "PUBLISHED",
    e.REEMIT_DRY_RUN.name: "NOT_PUBLISHED",
    e.REEMIT_FAILED.name: "FAILED",
}
"""What became of a publication, of the kinds that tell it."""


def narrative(event: ObsEvent) -> str:
    """One line for a newcomer: when, which phase, which run, what. Nothing in it moves a cursor."""
    run = str(event.pins.get("run_id", ""))[:8]
    of = f"run {run}  " if run else ""
    line = in_line(f"{event.ts_utc[11:19]} {event.phase:<9} {of}{event.message}")
    if not suspect(line):
        return line
    from sr_ports.masking import redact

    return redact(line)


def line(event: ObsEvent) -> str:
    """The event as one JSON line, without secrets."""
    node = _whole(event)
    text = _ENCODE(node)
    return _ENCODE(_masked(node)) if suspect(text) else text


def document(event: ObsEvent) -> Mapping[str, Any]:
    """The event as a document, without secrets."""
    node = _whole(event)
    return _masked(node) if suspect(_ENCODE(node)) else node


def _masked(node: Mapping[str, Any]) -> Any:
    from sr_ports.masking import redacted

    return redacted(node)


def _whole(event: ObsEvent) -> dict[str, Any]:
    node = {
        "version": event.version,
        "component": COMPONENT,
        "ts_utc": event.ts_utc,
        "event_kind": event.event_kind,
        "phase": event.phase,
        "outcome": event.outcome,
        "severity": event.severity,
        "run_id": event.pins.get("run_id"),
        "event_id": event.event_id,
        "pins": dict(event.pins),
        "policy_rev": None if event.policy_rev is None else dict(event.policy_rev),
        "attempt_id": event.attempt_id,
        "message": event.message,
        "details": dict(event.details),
        **event.refs,
        "publish_status": _PUBLISHED.get(event.event_kind),
    }
    if event.spans:
        node["durations_s"] = {name: round(lasted(event, name), 6) for name in event.spans}
    return {key: value for key, value in node.items() if value is not None}
