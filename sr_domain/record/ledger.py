"""The run record: an append-only, hash-chained, fenced ledger (spec: behaviour, "The record").

Pure: bytes in, bytes out. Whoever stores it swaps the whole object, compare-and-swap.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import attrs

from sr_domain.encoding.canonical import exact_json, sha256_hex
from sr_domain.encoding.times import format_instant
from sr_domain.record import revisions
from sr_domain.record.states import STATE_AFTER, RunState, may_follow
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
        "ENGINE_ATTEMPT_DETAIL",
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

SUBJECTS: Mapping[str, str] = {
    "ENGINE_ATTEMPT_LAUNCH_REQUESTED": "attempt_id",
    "ENGINE_ATTEMPT_FINISHED": "attempt_id",
    "ENGINE_ATTEMPT_DETAIL": "attempt_id",
    "ENGINE_ATTEMPT_ABANDONED": "attempt_id",
    "EVIDENCE_WAITING": "missing",
    "SUPERSEDE_CLAIMED": "successor",
    "SUPERSEDED_BY": "successor",
}
"""What tells milestones of one kind apart, where a run may have several: a name among the details."""

_ID = b'"event_id":"'
_HEX = 32


@attrs.frozen
class Draft:
    """An event to be. `follows`: what its details say beyond `details`, made from the event once its time is known."""

    kind: str
    details: Mapping[str, Any] = attrs.field(factory=dict)
    follows: Callable[[Event], Mapping[str, Any]] | None = None

    def at(self, event: Event) -> Event:
        """The event, with all its details."""
        return event if self.follows is None else attrs.evolve(event, details={**event.details, **self.follows(event)})


@attrs.frozen
class Event:
    """A recorded event, as the wire spells it. `prev_hash`: sha256 of the line before.

    `event_id`: the first 32 hex of the sha256 of its own line with an empty `event_id`: the chain
    binds every event but the last, and this binds the last as well.
    """

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

    @property
    def milestone(self) -> tuple[str, str] | None:
        """What is recorded once: kind and subject. None for what is recorded each time it happens."""
        if self.event_kind not in MILESTONES:
            return None
        return self.event_kind, str(self.details.get(SUBJECTS.get(self.event_kind, ""), ""))

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

    @property
    def revision(self) -> int:
        """The revision of the rules that the record came to: it never falls."""
        return max((one for event in self.events if (one := _revision(event))), default=revisions.FIRST)

    def first(self, kind: str) -> Event | None:
        """The first event of this kind, if one was recorded."""
        return next((event for event in self.events if event.event_kind == kind), None)

    def all(self, *kinds: str) -> list[Event]:
        """Every event of these kinds, in order."""
        return [event for event in self.events if event.event_kind in kinds]

    def attempt_detail(self, attempt_id: str) -> str:
        """Why an engine attempt failed, in a sentence; empty where nothing more is known."""
        told = (event.details for event in self.all("ENGINE_ATTEMPT_DETAIL"))
        return next((str(one["detail"]) for one in told if one["attempt_id"] == attempt_id), "")

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
        known, ts = {event.milestone for event in events}, format_instant(now)
        for draft in drafts:
            event = Event("", draft.kind, self.run_id, len(events), fence, tail, ts, actor, policy_rev, draft.details)
            if event.milestone is not None and event.milestone in known:
                continue
            state = _step(self.run_id, state, draft.kind)
            event, line = _sealed(draft.at(event))
            tail = sha256_hex(line)
            lines.append(line + b"\n")
            events.append(event)
            known.add(event.milestone)
        return Ledger(self.run_id, tuple(events), b"".join(lines), tail)


def _sealed(event: Event) -> tuple[Event, bytes]:
    """The event with its id, and its line."""
    body = event.line()
    event_id = sha256_hex(body)[:_HEX]
    at = body.rindex(_ID) + len(_ID)  # the last: details, which may hold anything, come before it
    return attrs.evolve(event, event_id=event_id), body[:at] + event_id.encode() + body[at:]


def _is_sealed(line: bytes) -> bool:
    at = line.rindex(_ID) + len(_ID)
    return sha256_hex(line[:at] + line[at + _HEX :])[:_HEX].encode() == line[at : at + _HEX]


def _step(run_id: str, state: RunState | None, kind: str) -> RunState | None:
    after = STATE_AFTER.get(kind)
    if after is None:
        return state
    if not may_follow(state, after):
        raise Fault(ReasonCode.RECORD_INVALID, f"run {run_id} is {state} and cannot take {kind}")
    return after


@attrs.frozen
class RecordFault:
    """The first thing wrong with a record. `line`: from 1.

    `code`: ``TRUTH_ALTERED`` where it says less than it did, ``REVISION_UNKNOWN`` where nothing is
    known to be wrong, but a newer release wrote it.
    """

    line: int
    what: str
    code: ReasonCode = ReasonCode.RECORD_INVALID


def read_ledger(run_id: str, data: bytes) -> Ledger:
    """The record these bytes hold. Raises `Fault` with the code of its first `RecordFault`."""
    ledger = check_ledger(run_id, data)
    if isinstance(ledger, RecordFault):
        raise Fault(ledger.code, f"record of run {run_id}, line {ledger.line}: {ledger.what}")
    return ledger


def check_ledger(run_id: str, data: bytes) -> Ledger | RecordFault:
    """The record, or its first fault: shape, sequence, chain, fences, milestones, states."""
    events: list[Event] = []
    tail, state, seen, revision = GENESIS, None, set[tuple[str, str] | None](), revisions.FIRST
    lines = data.split(b"\n")
    if lines.pop() != b"":
        return RecordFault(len(lines) + 1, "the last line is cut off")
    for number, line in enumerate(lines, 1):
        try:
            event = Event(**json.loads(line))
        except (ValueError, TypeError, RecursionError):
            return RecordFault(number, "not an event")
        newer = revisions.newer(event.event_kind, event.details)
        if newer is not None:  # before anything else: the line itself may follow other rules
            return RecordFault(number, newer, ReasonCode.REVISION_UNKNOWN)
        fault = _fault(run_id, event, line, number - 1, tail, events[-1].fence if events else 0, seen)
        wrong = None if fault else revisions.fault(event.event_kind, event.details, revision)
        if wrong is not None:
            return RecordFault(number, *wrong)
        if fault is None:
            try:
                state = _step(run_id, state, event.event_kind)
            except Fault as error:
                fault = error.what
        if fault is not None:
            return RecordFault(number, fault)
        seen.add(event.milestone)
        events.append(event)
        tail, revision = sha256_hex(line), _revision(event) or revision
    return Ledger(run_id, tuple(events), data, tail)


def _revision(event: Event) -> int | None:
    return revisions.named(event.event_kind, event.details)


def _fault(
    run_id: str, event: Event, line: bytes, seq: int, tail: str, fence: int, seen: set[tuple[str, str] | None]
) -> str | None:
    if event.run_id != run_id:
        return f"belongs to run {str(event.run_id)[:40]}"
    if not _counts(event.seq) or event.seq != seq:
        return f"has seq {event.seq}, expected {seq}"
    if event.prev_hash != tail:
        return "does not follow from the line before: an edit, removal, insertion or reorder"
    if not _counts(event.fence) or event.fence < fence:
        return f"has fence {event.fence} after fence {fence}"
    texts = (event.event_id, event.event_kind)
    if not all(isinstance(text, str) for text in texts) or not isinstance(event.details, dict) or event.line() != line:
        return "is not in canonical form"
    if not _is_sealed(line):
        return "was edited: its event_id is that of other content"
    if event.milestone is not None and event.milestone in seen:
        return f"repeats milestone {event.event_kind}"
    return None


def _counts(value: object) -> bool:
    return type(value) is int and value >= 0
