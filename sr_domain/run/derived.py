"""What a record derives, as the bytes that are stored: each artifact by the rules of the event it follows from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from sr_domain.artifacts.revisions import rules_at, rules_of
from sr_domain.artifacts.rules import Rules
from sr_domain.artifacts.signed import statement_of
from sr_domain.encoding.bounds import stored_json
from sr_domain.encoding.canonical import exact_json
from sr_domain.record.events import EVIDENCE_COMPLETE, READY_COMMITTED, kind_of
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Event, Ledger
from sr_domain.record.read import Record
from sr_domain.record.revisions import FIRST
from sr_domain.run.append_aside import pins_on
from sr_ports import Fault, ReasonCode
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class Derived(Compared):
    """The artifacts of one record. None where it derives none. Raises `Fault(RECORD_INVALID)` where it lacks a part."""

    layout: Layout
    ledger: Ledger

    @property
    def record(self) -> Record:
        """What the record says."""
        return Record(self.ledger)

    def plan(self) -> bytes | None:
        """The plan artifact."""
        accepted, committed = self.record.accepted, self.record.plan
        if accepted is None or committed is None:
            return None
        return plan_bytes(self.layout, accepted.details.evidence_deadline_utc, committed.event)

    def facts_view(self) -> bytes | None:
        """The facts view. Raises `Fault(TRUTH_ALTERED)` for one that was adopted: its digest alone is on record."""
        decided = self.record.decision
        if decided is None:
            return None
        if decided.details.decision is None:
            what = f"the record has the digest of {self.layout.facts(self.ledger.run_id)}, and cannot give its bytes"
            raise Fault(ReasonCode.TRUTH_ALTERED, what)
        rules = rules_at(decided.event)
        return rules.stored("run_facts_view", self.facts(decided.event.details, rules))

    def facts(self, decision: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
        """The facts view of a decision, in its JSON form, by its own rules; it may be about to go on record."""
        committed = self.record.plan
        if committed is None:
            raise _lacks(self.ledger, "plan")
        return rules.facts_view(self.layout, pins_on(self.ledger), committed.details.plan, decision)

    def statement(self, facts: Mapping[str, Any] | None = None) -> bytes | None:
        """What a signature on READY states. `facts`: the facts view on record; derived where it is not given."""
        decided = self.record.decision
        if decided is None:
            return None
        view = json.loads(self.facts_view() or b"") if facts is None else facts
        return statement_of(self.layout, self.record, view, decided.details.facts_view_digest)

    def ready_signal(self, facts: Mapping[str, Any] | None = None) -> bytes | None:
        """The READY signal. `facts`: the facts view on record; derived where it is not given."""
        committed = self.record.committed
        if committed is None:
            return None
        view = json.loads(self.facts_view() or b"null") if facts is None else facts
        return self.signal_of(view, committed.event)

    def signal_of(self, facts: Mapping[str, Any], committed: Event) -> bytes:
        """The READY signal of a READY_COMMITTED, which may be about to go on record."""
        decided, planned = self.record.decision, self.record.plan
        if decided is None or planned is None:
            raise _lacks(self.ledger, "plan or decision")
        rules = rules_at(committed)
        emitted_at = rules.emitted_at(decided.event, committed)
        plan_hash = planned.details.plan["plan_hash"]
        return rules.stored("ready_signal", rules.ready_signal(self.layout, facts, plan_hash, emitted_at))

    def quarantine(self) -> bytes | None:
        """The quarantine record."""
        ended = self.record.contradicted
        return None if ended is None else quarantine_bytes(self.layout, ended.event)

    def status(self) -> bytes | None:
        """The status, as it should stand now."""
        rules = rules_of(self.ledger)
        document = rules.run_status(self.layout, self.ledger)
        return None if document is None else rules.stored("run_status", document)

    def was_status(self, data: bytes) -> bool:
        """Whether these bytes are a status that the record derived at some point; it may lag behind.

        READY counts from its decision on: the status says it just before the record does.
        """
        try:
            at = stored_json(data)["updated_at_utc"]
        except (ValueError, KeyError, TypeError):
            return False
        return any(exact_json(document) == data for document in self._statuses(at))

    def _statuses(self, at: Any) -> Iterator[Mapping[str, Any]]:
        """Every status of this time that the record came to, and that of the READY that it has decided."""
        events = self.ledger.events
        for seq, event in enumerate(events, 1):
            if event.ts_utc == at and kind_of(event.event_kind).after is not None:
                yield self._status(events[:seq])
            if event.event_kind == EVIDENCE_COMPLETE.name:
                yield self._status((*events[:seq], _to_be_committed(event, str(at))))

    def _status(self, events: tuple[Event, ...]) -> Mapping[str, Any]:
        ledger = Ledger(self.ledger.run_id, events)
        return rules_of(ledger).run_status(self.layout, ledger) or {}


def plan_bytes(layout: Layout, deadline_utc: str, committed: Event) -> bytes:
    """The plan artifact of a PLAN_COMMITTED, which may be about to go on record."""
    rules = rules_at(committed)
    return rules.stored("run_plan", rules.run_plan(layout, deadline_utc, committed))


def quarantine_bytes(layout: Layout, ended: Event) -> bytes:
    """The quarantine record of an end, which may be about to go on record."""
    rules = rules_at(ended)
    return rules.stored("quarantine_record", rules.quarantine_record(layout, ended))


def _to_be_committed(decided: Event, at: str) -> Event:
    """READY as it comes on record after a decision, at a time of the past or of none."""
    named = {} if decided.revision == FIRST else {"revision": decided.revision}
    return attrs.evolve(decided, event_kind=READY_COMMITTED.name, ts_utc=at, details=named)


def _lacks(ledger: Ledger, what: str) -> Fault:
    return Fault(ReasonCode.RECORD_INVALID, f"run {ledger.run_id} has no {what} on record")
