"""Structured events about a run, to the telemetry port. Best effort, never truth."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

import attrs

from sr_domain.encoding.times import format_instant
from sr_domain.record import events
from sr_domain.record.events import kind_of
from sr_domain.record.kinds import Happening, attempt_in, scalars
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Ledger
from sr_domain.record.states import RunState
from sr_ports import Clock, ObservabilitySink, ObsEvent
from sr_ports.compared import Compared
from sr_ports.suspect import suspect


@attrs.frozen(eq=False, repr=False)
class RunTelemetry(Compared):
    """Emits events about one run. `pins`: what is known of the run so far. A sink that raises stops nothing."""

    sink: ObservabilitySink
    clock: Clock
    pins: Mapping[str, Any]
    policy_rev: Mapping[str, str] | None = None

    def event(self, happening: Happening, message: str = "", *, severity: str | None = None) -> None:
        """One event; phase, outcome and severity are its kind's, but one with a reason code is never OK.

        `message`: instead of the kind's sentence. `severity`: instead of the kind's own.
        """
        self._emit(self._told(happening, format_instant(self.clock.now()), message, severity))

    def recorded(self, ledger: Ledger, before: Ledger, layout: Layout | None = None) -> None:
        """The events that a record has more than before, each with what ended with it and where it points.

        `layout`: of the run's home; None for a record that is no run's.
        """
        from sr_domain.record.spans import ended_by

        refs = {} if layout is None else _refs(layout, ledger)
        for event in ledger.events[len(before.events) :]:
            spans = ended_by(ledger, event)
            self._emit(self._told(event, event.ts_utc, event_id=event.event_id, spans=spans, refs=refs))
        if layout is not None and _in_clear(ledger.data[len(before.data) :], by_line=True):
            self._suspected(refs["record_ref"])

    def stored(self, ref: str, data: bytes) -> None:
        """Something was written for people to read, at the key `ref`: an alert where it may hold a credential."""
        if _in_clear(data, by_line=False):
            self._suspected(ref)

    def _suspected(self, ref: str) -> None:
        from sr_domain.record.details import Suspected

        told = f"{ref} holds what looks like a credential; change it, for what is written stays"
        self.event(events.CREDENTIAL_SUSPECTED(Suspected(ref)), told)

    def progress(self, told: str) -> None:
        """How far a long step has come."""
        from sr_domain.record.details import Nothing

        self.event(events.EVIDENCE_PROGRESS(Nothing()), told)

    def read(self, size: int, told: str) -> None:
        """An engine root was read: so many bytes, said in a sentence."""
        from sr_domain.record.details import EvidenceRead

        self.event(events.EVIDENCE_READ(EvidenceRead(size)), told)

    def _told(
        self, happening: Happening, at: str, message: str = "", severity: str | None = None, **recorded: Any
    ) -> ObsEvent:
        kind, details = kind_of(happening.event_kind), happening.details
        outcome, usual = kind.told(details)
        return ObsEvent(
            event_kind=kind.name,
            phase=kind.phase,
            outcome=outcome,
            severity=severity or usual,
            ts_utc=at,
            pins=self.pins,
            policy_rev=self.policy_rev,
            attempt_id=attempt_in(details),
            message=message or kind.story(details),
            details=scalars(details),
            governance=kind.governance,
            **recorded,
        )

    def _emit(self, event: ObsEvent) -> None:
        with contextlib.suppress(Exception):  # an embedder's own sink (spec: mission, law 10)
            self.sink.emit(event)


def _in_clear(data: bytes, *, by_line: bool) -> bool:
    """Whether a text has a secret that no mask stands for. `by_line`: each line is a JSON document.

    What stands between quotes is looked at alone: a mask and the quote behind it would be taken for a value.
    """
    text = data.decode("utf-8", "replace")
    if not suspect(text):
        return False
    from sr_ports.masking import redact, redacted

    if not by_line:
        return redact(text) != text
    nodes = [json.loads(line) for line in text.split("\n") if suspect(line)]
    return bool(redacted(nodes) != nodes)


def _refs(layout: Layout, ledger: Ledger) -> dict[str, str]:
    """Where record and status of the run are; its facts view, once it is READY."""
    run_id = ledger.run_id
    refs = {"record_ref": layout.record(run_id), "status_ref": layout.status(run_id)}
    return {**refs, "facts_view_ref": layout.facts(run_id)} if ledger.state is RunState.READY else refs
