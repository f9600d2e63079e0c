"""The metrics of Scenario Runner: what each event counts and measures. Nothing else makes a number of an event.

Labels have few values: reason codes, outcomes, kinds of request, names of sinks.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import attrs

from sr_adapters.observability.lengths import instant, lasted
from sr_domain.record import events as e
from sr_domain.record import spans
from sr_ports import ObsEvent, ReasonCode

BUCKETS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)
"""Upper bounds of histograms, in seconds: a step may take a moment or a day."""


@attrs.frozen
class Metric:
    """A metric. `form`: counter, histogram, gauge, or age: a gauge of the seconds since the time that was measured.

    `begins`: the values of its one label that are there from the beginning, at 0. A rate needs that: what was never
    0 did not grow. One without labels always is.
    """

    name: str
    form: str
    text: str
    labels: tuple[str, ...] = ()
    begins: tuple[str, ...] = ()

    @property
    def first(self) -> Iterator[tuple[str, ...]]:
        """The labels that it begins with; none of a gauge, which nobody has measured yet."""
        if self.form in ("counter", "histogram"):
            yield from ((one,) for one in self.begins) if self.labels else [()]


@attrs.frozen
class Measured:
    """A number for a metric: added to a counter, one more of a histogram, a gauge's value, the time of an age."""

    metric: Metric
    value: float
    labels: tuple[str, ...] = ()


_OUTCOMES = ("SUCCEEDED", "FAILED", "ABANDONED")

REQUESTS = Metric("sr_run_requests_total", "counter", "What was asked of runs.", ("kind",), ("submit", "reemit"))
ACCEPTED = Metric("sr_runs_accepted_total", "counter", "Runs admitted.", ("reason",), ("",))
REJECTED = Metric("sr_runs_rejected_total", "counter", "Requests that admission refused.", ("reason",))
READY = Metric("sr_runs_ready_total", "counter", "Runs that became READY.", ("reason",), ("",))
FAILED = Metric("sr_runs_failed_total", "counter", "Runs that ended FAILED.", ("reason",))
QUARANTINED = Metric("sr_runs_quarantined_total", "counter", "Runs that ended QUARANTINED.", ("reason",))
WAITING = Metric("sr_runs_waiting_total", "counter", "Times that a run came to rest for evidence.", ("reason",))
ATTEMPTS = Metric("sr_engine_attempts_total", "counter", "Engine attempts that ended.", ("outcome",), _OUTCOMES)
ATTEMPT_S = Metric("sr_engine_attempt_duration_seconds", "histogram", "From the launch of an engine to its end.")
EVIDENCE_S = Metric("sr_evidence_wait_duration_seconds", "histogram", "From the first look at evidence to the verdict.")
LATENCY_S = Metric("sr_ready_commit_latency_seconds", "histogram", "From admission to READY on the record.")
PUBLISH_FAILURES = Metric("sr_ready_publish_failures_total", "counter", "READY facts that the bus did not take.")
LEASE_LOST = Metric("sr_lease_lost_total", "counter", "Leases that were lost while their run was worked on.")
EVIDENCE_BYTES = Metric("sr_evidence_bytes_total", "counter", "Bytes read from engine roots as evidence.")
OWED = Metric("sr_outbox_owed", "gauge", "READY runs with something left to publish, when runs were last counted.")
OLDEST = Metric("sr_oldest_waiting_seconds", "age", "How long the run has waited that has waited longest; 0 for none.")
OLDEST_AT = Metric("sr_oldest_waiting_timestamp_seconds", "gauge", "Since when, in seconds since 1970; 0 for none.")
DROPPED = Metric("sr_sink_dropped_total", "counter", "Events that a sink missed.", ("sink",))

METRICS: Mapping[str, Metric] = {one.name: one for one in tuple(globals().values()) if isinstance(one, Metric)}
"""Every metric by its name."""

_REASONS = frozenset(code.value for code in ReasonCode)
_LONGEST_NAME = 100
_COUNTED: Mapping[str, Metric] = {
    e.RUN_ACCEPTED.name: ACCEPTED,
    e.RUN_REQUEST_REFUSED.name: REJECTED,
    e.EQUIVALENCE_COLLISION.name: REJECTED,
    e.SUPERSEDE_REFUSED.name: REJECTED,
    e.READY_COMMITTED.name: READY,
    e.RUN_FAILED.name: FAILED,
    e.TRUTH_LOST.name: FAILED,
    e.RUN_QUARANTINED.name: QUARANTINED,
    e.EVIDENCE_WAITING.name: WAITING,
    e.RECEIPT_ORPHANED.name: WAITING,
}
"""What is counted by reason."""
_ITSELF = {e.EQUIVALENCE_COLLISION.name: ReasonCode.EQUIVALENCE_COLLISION.value}
"""The reason of a kind whose events name none."""
_PLAIN: Mapping[str, Metric] = {e.READY_PUBLISH_FAILED.name: PUBLISH_FAILURES, e.LEASE_LOST.name: LEASE_LOST}
_ADMISSIONS = ("submit", "supersede")
"""What is denied when admission denies something."""
_ASKED = {e.RUN_REQUEST_RECEIVED.name: "submit", e.REEMIT_REQUESTED.name: "reemit"}
_LASTED: Mapping[tuple[str, str], Metric] = {
    (e.ENGINE_ATTEMPT_FINISHED.name, spans.ATTEMPT): ATTEMPT_S,
    (e.EVIDENCE_COMPLETE.name, spans.EVIDENCE): EVIDENCE_S,
    (e.RUN_FAILED.name, spans.EVIDENCE): EVIDENCE_S,
    (e.RUN_QUARANTINED.name, spans.EVIDENCE): EVIDENCE_S,
    (e.READY_COMMITTED.name, spans.RUN): LATENCY_S,
}
"""The spans whose length is measured, by the kind of event that ends them."""


def measured(event: ObsEvent) -> Iterator[Measured]:
    """What an event counts and measures."""
    kind, details = event.event_kind, event.details
    if kind in _COUNTED:
        yield Measured(_COUNTED[kind], 1, (_reason(kind, details),))
    if kind in _PLAIN:
        yield Measured(_PLAIN[kind], 1)
    if kind in _ASKED:
        yield Measured(REQUESTS, 1, (_ASKED[kind],))
    if kind == e.AUTH_DENIED.name and details.get("action") in _ADMISSIONS:
        yield Measured(REJECTED, 1, (_reason(kind, details),))
    if kind == e.ENGINE_ATTEMPT_ABANDONED.name:
        yield Measured(ATTEMPTS, 1, ("ABANDONED",))
    if kind == e.ENGINE_ATTEMPT_FINISHED.name:
        yield Measured(ATTEMPTS, 1, (_among(details.get("outcome"), _OUTCOMES),))
    if kind == e.EVIDENCE_READ.name:
        yield Measured(EVIDENCE_BYTES, _number(details.get("bytes")))
    if kind == e.TELEMETRY_LOST.name:
        yield Measured(DROPPED, _number(details.get("dropped")) + _number(details.get("failed")), (_sink(details),))
    if kind == e.RUNS_STANDING.name:
        yield from _standing(details)
    for name in event.spans:
        if (kind, name) in _LASTED:
            yield Measured(_LASTED[kind, name], lasted(event, name))


def _standing(details: Mapping[str, Any]) -> Iterator[Measured]:
    oldest = details.get("oldest_waiting_utc")
    since = 0.0 if oldest is None else instant(oldest)
    yield Measured(OWED, _number(details.get("owed")))
    yield Measured(OLDEST, since)
    yield Measured(OLDEST_AT, since)


def _reason(kind: str, details: Mapping[str, Any]) -> str:
    """The reason code; "" for none, and a word for what no release knows: a label has few values."""
    told = details.get("reason_code") or _ITSELF.get(kind)
    return "" if told is None else _among(told, _REASONS)


def _among(told: object, known: Collection[str]) -> str:
    return told if isinstance(told, str) and str(told) in known else "OTHER"


def _sink(details: Mapping[str, Any]) -> str:
    from sr_ports.masking import redact

    return redact(str(details.get("sink", "")))[:_LONGEST_NAME]


def _number(told: object) -> float:
    """A count; 0 for what is none."""
    plain = isinstance(told, int | float) and not isinstance(told, bool)
    return float(told) if plain and math.isfinite(told) and told >= 0 else 0.0  # type: ignore[arg-type, operator]
