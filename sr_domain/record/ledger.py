"""The run record: an append-only, hash-chained, fenced ledger (spec: behaviour, "The record").

Pure: bytes in, bytes out. Whoever stores it swaps the whole object, compare-and-swap.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

import attrs

from sr_domain.encoding.bounds import MAX_STORED, OVER_LONG, as_text, crowded, is_long, line_of, lines_of
from sr_domain.encoding.canonical import exact_json, sha256_hex
from sr_domain.encoding.times import format_instant
from sr_domain.record import revisions
from sr_domain.record.actors import with_proof
from sr_domain.record.events import kind_of
from sr_domain.record.kinds import Draft
from sr_domain.record.states import RunState
from sr_ports import Fault, Identity, LeaseLost, ReasonCode
from sr_ports.compared import Compared

GENESIS = "0" * 64

_ID = b'"event_id":"'
_SHORT, _LONG = 32, 64
_LONG_RECORD = f"the record takes more than {MAX_STORED} bytes as text"
_LONG_SINCE = 2
"""The revision of the rules since which an event's id is a whole digest."""


@attrs.frozen(eq=False, repr=False)
class Event(Compared):
    """A recorded event, as the wire spells it. `prev_hash`: sha256 of the line before.

    `event_id`: the sha256 of its own line with an empty `event_id`, in a record of revision 1 its first 32
    hex: the chain binds every event but the last, and this binds the last as well.
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
        return kind_of(self.event_kind).milestone(self.details)

    @property
    def revision(self) -> int | None:
        """The revision of the rules that it names (see `revisions.named`); None for kinds that name none."""
        return revisions.named(self.event_kind, self.details)

    def document(self) -> dict[str, Any]:
        """JSON form."""
        return {field.name: getattr(self, field.name) for field in attrs.fields(Event)}

    def line(self) -> bytes:
        """The event's line, without its newline."""
        return exact_json(self.document())


@attrs.frozen(eq=False, repr=False)
class Ledger(Compared):
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
        for event in reversed(self.events):
            if kind_of(event.event_kind).after is not None:
                return event
        return None

    @cached_property
    def state(self) -> RunState | None:
        """The state the record derives; None before RUN_ACCEPTED."""
        for event in reversed(self.events):
            state = kind_of(event.event_kind).state
            if state is not None:
                return state
        return None

    @property
    def revision(self) -> int:
        """The revision of the rules that the record came to: it never falls."""
        return self._named or revisions.FIRST

    @property
    def _named(self) -> int | None:
        """The highest revision that an event names; None before any names one."""
        named = (event.revision for event in self.events)
        return max((one for one in named if type(one) is int), default=None)

    @cached_property
    def _by_kind(self) -> Mapping[str, list[Event]]:
        """The events of each kind, in order: a record is asked for many kinds."""
        found: dict[str, list[Event]] = {}
        for event in self.events:
            found.setdefault(event.event_kind, []).append(event)
        return found

    def first(self, kind: str) -> Event | None:
        """The first event of this kind, if one was recorded."""
        found = self._by_kind.get(kind)
        return found[0] if found else None

    def all(self, kind: str) -> Sequence[Event]:
        """Every event of this kind, in order."""
        return self._by_kind.get(kind, ())

    def append(
        self,
        drafts: Iterable[Draft],
        *,
        fence: int,
        actor: str | Identity,
        policy_rev: Mapping[str, str] | None,
        now: datetime,
    ) -> Ledger:
        """The record with these events behind it; milestones that are there already are skipped.

        `actor`: with how he was proven, or his name alone where that is not known. Raises `LeaseLost(FENCED)` when a
        higher fence has written, and `Fault(RECORD_INVALID)` for a step that the states forbid.
        """
        if fence < self.fence:
            raise LeaseLost(self.run_id, fence, ReasonCode.FENCED)
        events, lines, tail, state = list(self.events), [self.data], self.tail_hash, self.state
        known, ts, named = {event.milestone for event in events}, format_instant(now), self._named
        who, proof = (actor, None) if isinstance(actor, str) else (actor.actor, actor.mode)
        if _width(events[-1] if events else None, named) == _SHORT:
            proof = None  # a record of revision 1 goes on as it began
        for draft in drafts:
            kind, details = draft.event_kind, with_proof(draft.details, events, who, proof)
            event = Event("", kind, self.run_id, len(events), fence, tail, ts, who, policy_rev, details)
            if event.milestone is not None and event.milestone in known:
                continue
            state = _step(self.run_id, state, kind)
            event = draft.at(event)
            named = _came_to(named, event)
            event, line = _sealed(event, _width(events[-1] if events else None, named))
            if is_long(line):
                raise Fault(ReasonCode.OBJECT_TOO_LARGE, f"run {self.run_id} cannot take {kind}: {OVER_LONG}")
            tail = sha256_hex(line)
            lines.append(line + b"\n")
            events.append(event)
            known.add(event.milestone)
        return Ledger(self.run_id, tuple(events), b"".join(lines), tail)


def _came_to(named: int | None, event: Event) -> int | None:
    """The revision that a record came to with an event; None where none was named yet."""
    own = event.revision
    return own if type(own) is int else named


def _width(before: Event | None, named: int | None) -> int:
    """How many hex an event's id has. `named`: the revision that the record came to with it; None before any is named.

    It never falls: no release that writes short ids reads a record that has a long one.
    """
    short = named is not None and named < _LONG_SINCE and (before is None or len(before.event_id) == _SHORT)
    return _SHORT if short else _LONG


def _sealed(event: Event, width: int) -> tuple[Event, bytes]:
    """The event with its id of so many hex, and its line."""
    body = event.line()
    event_id = sha256_hex(body)[:width]
    at = body.rindex(_ID) + len(_ID)  # the last: details, which may hold anything, come before it
    return attrs.evolve(event, event_id=event_id), body[:at] + event_id.encode() + body[at:]


def _is_sealed(event: Event, line: bytes) -> bool:
    """Whether an event's id is that of its own line, in one of the two widths that ids may have."""
    width = len(event.event_id)
    at = line.rindex(_ID) + len(_ID)
    body = line[:at] + line[at + width :]
    return width in (_SHORT, _LONG) and sha256_hex(body)[:width].encode() == line[at : at + width]


def _misfit_width(before: Event | None, event: Event, named: int | None) -> str | None:
    """Why an event's id may not be so long or short; None when it may. Before a revision is named it may be either."""
    width, wanted = len(event.event_id), _width(before, named)
    unsaid = named is None and (before is None or len(before.event_id) == _SHORT)
    return None if width == wanted or unsaid else f"has an event_id of {width} hex, expected {wanted}"


def _step(run_id: str, state: RunState | None, kind: str) -> RunState | None:
    row = kind_of(kind)
    opens = row.opens and state is None
    fits = row.during in (None, state) if row.after is None else opens or row.after.may_follow(state)
    if not fits:
        raise Fault(ReasonCode.RECORD_INVALID, f"run {run_id} is {state} and cannot take {kind}")
    return row.after or state


@attrs.frozen(eq=False, repr=False)
class RecordFault(Compared):
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
    tail, state, seen = GENESIS, None, set[tuple[str, str] | None]()
    named: int | None = None
    grown = crowded(data)
    if grown is not None:
        return RecordFault(1, f"the record {grown}", ReasonCode.OBJECT_TOO_LARGE)
    if data and not data.endswith(b"\n"):
        return RecordFault(data.count(b"\n") + 1, "the last line is cut off")
    held = 0
    for number, line in enumerate(lines_of(data), 1):
        if is_long(line):
            return RecordFault(number, OVER_LONG, ReasonCode.OBJECT_TOO_LARGE)
        held += as_text(line)
        if held > MAX_STORED:
            return RecordFault(number, _LONG_RECORD, ReasonCode.OBJECT_TOO_LARGE)
        event = _parsed(number, line)
        if isinstance(event, RecordFault):
            return event
        fault = _fault(run_id, event, line, number - 1, tail, events[-1].fence if events else 0, seen)
        wrong = None if fault else revisions.fault(event.event_kind, event.details, named or revisions.FIRST)
        if wrong is not None:
            return RecordFault(number, *wrong)
        named = named if fault else _came_to(named, event)
        fault = fault or _misfit_width(events[-1] if events else None, event, named)
        if fault is None:
            try:
                state = _step(run_id, state, event.event_kind)
            except Fault as error:
                fault = error.what
        if fault is not None:
            return RecordFault(number, fault)
        seen.add(event.milestone)
        events.append(event)
        tail = sha256_hex(line)
    return Ledger(run_id, tuple(events), data, tail)


def _parsed(number: int, line: bytes) -> Event | RecordFault:
    """The event of a line, whatever else is wrong with it; why this release can read none."""
    try:
        event = Event(**json.loads(line.decode()))
    except (ValueError, TypeError, RecursionError):
        return RecordFault(number, "not an event")
    newer = revisions.newer(event.event_kind, event.details)
    # Before anything else: the line itself may follow other rules.
    return event if newer is None else RecordFault(number, newer, ReasonCode.REVISION_UNKNOWN)


def read_tail(run_id: str, data: bytes) -> Ledger:
    """The end of a record: from the last event on that tells its state. The whole record where it has no state.

    The last line is held against its id, each before it against the one that follows; the chain before the
    end is for audit and verify to recompute. Raises `Fault`, as `read_ledger`, where the end is not sound.
    """
    events: list[Event] = []
    seq, end, following, tail = data.count(b"\n") - 1, len(data) - 1, "", ""
    while seq >= 0 and data.endswith(b"\n"):
        start = data.rfind(b"\n", 0, end) + 1
        line = data[start:end]
        hashed = sha256_hex(line)
        event = _at(run_id, seq, line, last=not events)
        if event is None or following not in ("", hashed):
            break
        events.append(event)
        tail, following = tail or hashed, event.prev_hash
        if kind_of(event.event_kind).state is not None:
            events.reverse()
            return Ledger(run_id, tuple(events), data[start:], tail)
        end, seq = start - 1, seq - 1
    return read_ledger(run_id, data)


def _at(run_id: str, seq: int, line: bytes, *, last: bool) -> Event | None:
    """The event of a line, of this run and place, that this release knows; None for any other line."""
    try:
        event = Event(**line_of(line))
        known = event.run_id == run_id and event.seq == seq and isinstance(event.event_kind, str)
        known = known and isinstance(event.details, dict) and (not last or _is_sealed(event, line))
    except (ValueError, TypeError, RecursionError):
        return None
    return event if known and revisions.newer(event.event_kind, event.details) is None else None


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
    if not _is_sealed(event, line):
        return "was edited: its event_id is that of other content"
    if event.milestone is not None and event.milestone in seen:
        return f"repeats milestone {event.event_kind}"
    return None


def _counts(value: object) -> bool:
    return type(value) is int and value >= 0
