"""The events that telemetry and records have, from the catalogue; and what is measured of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sr_adapters.observability.metrics import METRICS
from sr_adapters.observability.spans import AUTHORITY, INGRESS
from sr_adapters.reference.markdown import code, page, table
from sr_domain.record.events import EVENTS
from sr_domain.record.kinds import OUTCOMES, PHASES, EventKind, Kept
from sr_domain.record.spans import ENDS
from sr_ports.runtime import OBS_EVENT_VERSION

_KEPT = {Kept.ONCE: "once", Kept.ALWAYS: "each time", Kept.NOT: ""}
_INTRO = (
    "What `session.jsonl`, a sink of your own and an OpenTelemetry collector get, an event each. `version` is "
    f"{OBS_EVENT_VERSION}: parts may be added under it, none changes its meaning. An event on the run's record has its "
    "`event_id` there. One that has a reason code is never OK: it is FAIL and WARN where the table says OK."
)
_SPANS = (
    "A run is one trace, whichever processes and releases work on it: the trace id is the run's id. A span's id is the "
    "first 16 hex of sha256(`sr_span|<began>|<name>`), where `began` is the id of the event that began it, of `SR.Run` "
    "the run's id. Times are the record's, so a step that one process began and another ended has its true length: "
    "`durations_s` in `session.jsonl`. `SR.Run` on READY_COMMITTED is the time from request to READY, `EvidenceVerify` "
    f"the wait for evidence. `{INGRESS}` and `{AUTHORITY}` are of the process that took the request, and on no record."
)


def events() -> str:
    """The page."""
    return page(
        "Events",
        _INTRO,
        f"Phases: {', '.join(PHASES)}. Outcomes: {', '.join(OUTCOMES)}. Severities: DEBUG, INFO, WARN, ERROR.",
        table(["event", "phase", "outcome", "severity", "on record", "means"], map(_row, EVENTS.values())),
        "## Spans and durations",
        _SPANS,
        table(["span", "ends with", "began with"], _spans()),
        "## Metrics",
        "Derived from events alone, by the names below, for Prometheus and OTLP alike.",
        table(
            ["metric", "is", "labels", "means"],
            [
                (code(one.name), _FORMS.get(one.form, one.form), ", ".join(one.labels), one.text)
                for one in METRICS.values()
            ],
        ),
    )


_FORMS = {"age": "gauge"}


def _row(kind: EventKind[Any]) -> tuple[str, ...]:
    kept = _KEPT[kind.kept] + (", governance" if kind.governance else "")
    return code(kind.name), kind.phase, kind.outcome, kind.severity, kept, kind.sentence


def _spans() -> Iterator[tuple[str, str, str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for kind, ends in ENDS.items():
        for name, began in ends.items():
            found.setdefault((name, began), []).append(kind)
    for (name, began), kinds in found.items():
        yield code(name), ", ".join(map(code, kinds)), code(began)
