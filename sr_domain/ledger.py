"""The run record: an append-only, hash-chained, fenced ledger (spec: behaviour, "The record").

Pure: bytes in, bytes out. Whoever stores it swaps the whole object, compare-and-swap.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import attrs

from sr_domain.canonical import exact_json, sha256_hex
from sr_domain.states import STATE_AFTER, RunState, may_follow
from sr_domain.times import format_instant
from sr_ports import Fault, LeaseLost, ReasonCode

GENESIS = "0" * 64

MILESTONES = frozenset(
    {
        "RUN_ACCEPTED",
        "PLAN_COMMITTED",
        "GOV_POLICY_REV",
        "GOV_PLAN_HASH",
        "ENGINE_ROOT_OVERRIDDEN",
        "ENGINE_ATTEMPT_LAUNCH_REQUESTED",
        "ENGINE_ATTEMPT_FINISHED",
        "ENGINE_ATTEMPT_ABANDONED",
        "ATTEMPT_LIMIT_EXCEEDED",
        "EVIDENCE_STARTED",
        "EVIDENCE_WAITING",
        "EVIDENCE_COMPLETE",
        "READY_COMMITTED",
        "GOV_BUNDLE_HASH",
        "GOV_LAW_PROVENANCE",
        "READY_PUBLISHED",
        "RUN_FAILED",
        "RUN_QUARANTINED",
        "SUPERSEDE_CLAIMED",
        "SUPERSEDED_BY",
        "SUPERSEDE_PUBLISHED",
    }
)
"""Kinds recorded at most once for a run and a subject; every other kind each time it happens."""


@attrs.frozen
class Draft:
    """An event to be. `subject`: tells milestones of one kind apart (an attempt id, a successor)."""

    kind: str
    details: Mapping[str, Any] = attrs.field(factory=dict)
    subject: str = ""


@attrs.frozen
class Event:
    """A recorded event, as the wire spells it. `prev_hash`: sha256 of the line before."""

    event_id: str
    event_kind: str
    run_id: str
    seq: int
    fence: int
    prev_hash: str
    ts_utc: str
    actor: str
    policy_rev: Mapping[str, str] | None
    details: Mapping[str, Any]

    def line(self) -> bytes:
        """The event's line, without its newline."""
        return exact_json({field.name: getattr(self, field.name) for field in attrs.fields(Event)})


@attrs.frozen
class Ledger:
    """A record as it stands: its events and the exact bytes they were read from."""

    run_id: str
    events: tuple[Event, ...] = ()
    data: bytes = b""
    tail_hash: str = GENESIS

    @property
    def fence(self) -> int:
        """The highest fence that has written; 0 for an empty record."""
        return self.events[-1].fence if self.events else 0

    @property
    def state_event(self) -> Event | None:
        """The event that the present state rests on; final states stay."""
        latest = None
        for event in self.events:
            if event.event_kind in STATE_AFTER:
                latest = event
        return latest

    @property
    def state(self) -> RunState | None:
        """The state the record derives; None before RUN_ACCEPTED."""
        event = self.state_event
        return None if event is None else STATE_AFTER[event.event_kind]

    def first(self, kind: str, subject: str = "") -> Event | None:
        """The milestone of this kind and subject, if it was recorded."""
        wanted = milestone_id(self.run_id, kind, subject)
        return next((event for event in self.events if event.event_id == wanted), None)

    def all(self, *kinds: str) -> list[Event]:
        """Every event of these kinds, in order."""
        return [event for event in self.events if event.event_kind in kinds]

    def append(
        self, drafts: Iterable[Draft], *, fence: int, actor: str, policy_rev: Mapping[str, str] | None, now: datetime
    ) -> Ledger:
        """The record with these events behind it; milestones that are there already are skipped.

        Raises `LeaseLost(FENCED)` when a higher fence has written, and `Fault(RECORD_INVALID)`
        for a step that the states forbid.
        """
        if fence < self.fence:
            raise LeaseLost(self.run_id, fence, ReasonCode.FENCED)
        events, lines, tail, state = list(self.events), [self.data], self.tail_hash, self.state
        known = {event.event_id for event in events}
        for draft in drafts:
            event = _event(self.run_id, draft, len(events), fence, tail, format_instant(now), actor, policy_rev)
            if event.event_id in known:
                continue
            state = _step(self.run_id, state, draft.kind)
            line = event.line()
            tail = sha256_hex(line)
            lines.append(line + b"\n")
            events.append(event)
            known.add(event.event_id)
        return Ledger(self.run_id, tuple(events), b"".join(lines), tail)


def milestone_id(run_id: str, kind: str, subject: str = "") -> str:
    """The event id of a milestone: the same whoever records it, whenever."""
    return sha256_hex("|".join(("sr_event", run_id, kind, subject)).encode())[:32]


def _event(  # the parts of a line, in the line's order
    run_id: str, draft: Draft, seq: int, fence: int, tail: str, ts: str, actor: str, rev: Mapping[str, str] | None
) -> Event:
    subject = draft.subject if draft.kind in MILESTONES else f"{draft.subject}#{seq}"
    return Event(
        milestone_id(run_id, draft.kind, subject), draft.kind, run_id, seq, fence, tail, ts, actor, rev, draft.details
    )


def _step(run_id: str, state: RunState | None, kind: str) -> RunState | None:
    after = STATE_AFTER.get(kind)
    if after is None:
        return state
    if not may_follow(state, after):
        raise Fault(ReasonCode.RECORD_INVALID, f"run {run_id} is {state} and cannot take {kind}")
    return after


@attrs.frozen
class RecordFault:
    """The first thing wrong with a record. `line`: from 1."""

    line: int
    what: str


def read_ledger(run_id: str, data: bytes) -> Ledger:
    """The record these bytes hold. Raises `Fault(RECORD_INVALID)` naming the first fault."""
    ledger = check_ledger(run_id, data)
    if isinstance(ledger, RecordFault):
        raise Fault(ReasonCode.RECORD_INVALID, f"record of run {run_id}, line {ledger.line}: {ledger.what}")
    return ledger


def check_ledger(run_id: str, data: bytes) -> Ledger | RecordFault:
    """The record, or its first fault: shape, sequence, chain, fences, milestones, states."""
    events: list[Event] = []
    tail, state, seen = GENESIS, None, set[str]()
    lines = data.split(b"\n")
    if lines.pop() != b"":
        return RecordFault(len(lines) + 1, "the last line is cut off")
    for number, line in enumerate(lines, 1):
        try:
            event = Event(**json.loads(line))
        except (ValueError, TypeError, RecursionError):
            return RecordFault(number, "not an event")
        fault = _fault(run_id, event, line, number - 1, tail, events[-1].fence if events else 0, seen)
        if fault is None:
            try:
                state = _step(run_id, state, event.event_kind)
            except Fault as error:
                fault = error.what
        if fault is not None:
            return RecordFault(number, fault)
        seen.add(event.event_id)
        events.append(event)
        tail = sha256_hex(line)
    return Ledger(run_id, tuple(events), data, tail)


def _fault(run_id: str, event: Event, line: bytes, seq: int, tail: str, fence: int, seen: set[str]) -> str | None:
    checks = (
        (event.run_id == run_id, f"belongs to run {str(event.run_id)[:40]}"),
        (_counts(event.seq) and event.seq == seq, f"has seq {event.seq}, expected {seq}"),
        (event.prev_hash == tail, "does not follow from the line before: an edit, removal, insertion or reorder"),
        (_counts(event.fence) and event.fence >= fence, f"has fence {event.fence} after fence {fence}"),
        (event.event_id not in seen, f"repeats milestone {event.event_kind}"),
        (event.line() == line, "is not in canonical form"),
    )
    return next((what for holds, what in checks if not holds), None)


def _counts(value: object) -> bool:
    return type(value) is int and value >= 0
