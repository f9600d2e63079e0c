"""What a record says, typed: the one way in which flows and queries read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic

import attrs

from sr_domain.record import events
from sr_domain.record.kinds import D, EventKind, supersedes_in
from sr_domain.record.ledger import Event, Ledger
from sr_domain.record.states import ABANDONED, RUNNING, SUCCEEDED
from sr_ports.compared import Compared

if TYPE_CHECKING:
    from sr_domain.record import details as d
    from sr_domain.record import engine_details as e
    from sr_domain.record import supersede_details as s
    from sr_domain.record.losses import TruthLost
    from sr_domain.record.proofs import Found

_RESTS = (
    events.EVIDENCE_WAITING,
    events.RECEIPT_ORPHANED,
    events.RUN_FAILED,
    events.RUN_QUARANTINED,
    events.TRUTH_LOST,
)
"""What a run waits by, or ends by without READY."""

WORKER_FAULTS: tuple[EventKind[Any], ...] = (
    events.ENGINE_ROOT_UNREADABLE,
    events.ENGINE_HELD_BACK,
    events.WORKER_AT_FAULT,
)
"""What a run rests by where it was: faults of a worker or of the moment, which end nothing."""


@attrs.frozen(eq=False, repr=False)
class Entry(Compared, Generic[D]):
    """A recorded event, its details typed."""

    event: Event
    details: D

    @property
    def ts_utc(self) -> str:
        """When it was recorded."""
        return self.event.ts_utc


@attrs.frozen(eq=False, repr=False)
class Attempt(Compared):
    """An engine attempt. `finished`, `abandoned`: how it ended; both None while it is open."""

    launched: Entry[e.AttemptName]
    finished: Entry[e.AttemptFinished] | None
    abandoned: Entry[e.AttemptName] | None
    why: str
    """Why it failed, in a sentence; empty where nothing more is known."""

    @property
    def outcome(self) -> str:
        """RUNNING, ABANDONED, or as it finished."""
        if self.finished is not None:
            return self.finished.details.outcome
        return RUNNING if self.abandoned is None else ABANDONED

    @property
    def end(self) -> Event | None:
        """The event that ended it."""
        ended = self.finished or self.abandoned
        return None if ended is None else ended.event


@attrs.frozen(eq=False, repr=False)
class Record(Compared):
    """A sound record, as what it says. Raises `Fault(RECORD_INVALID)` where details lack what their kind has."""

    ledger: Ledger

    def all(self, kind: EventKind[D]) -> tuple[Entry[D], ...]:
        """Every event of this kind, in order."""
        found = self.ledger.all(kind.name)
        return tuple(Entry(event, kind.details.of(event.details)) for event in found) if found else ()

    def first(self, kind: EventKind[D]) -> Entry[D] | None:
        """The first event of this kind, if one was recorded."""
        event = self.ledger.first(kind.name)
        return None if event is None else Entry(event, kind.details.of(event.details))

    def has(self, kind: EventKind[Any]) -> bool:
        """Whether an event of this kind was recorded."""
        return self.ledger.first(kind.name) is not None

    @property
    def accepted(self) -> Entry[d.Accepted] | None:
        """The admission."""
        return self.first(events.RUN_ACCEPTED)

    @property
    def supersedes(self) -> str | None:
        """The run that this one corrects, by its admission. Asked of most runs: typed details are not made for it."""
        accepted = self.ledger.first(events.RUN_ACCEPTED.name)
        return None if accepted is None else supersedes_in(accepted.details)

    @property
    def intent(self) -> Mapping[str, Any] | None:
        """The intent that the run was admitted with; where its admission was lost, as the index had it."""
        accepted, lost = self.accepted, self.lost
        if accepted is not None:
            return accepted.details.intent
        return None if lost is None else lost.details.intent

    @property
    def lost(self) -> Entry[TruthLost] | None:
        """The end of a run whose record lost what others knew of it."""
        return self.first(events.TRUTH_LOST)

    @property
    def torn(self) -> str | None:
        """A kind that is there without those that go on record with it, which no append leaves; None for none."""
        kinds = {event.event_kind for event in self.ledger.events}
        return next(
            (one.name for one in events.EVENTS.values() if one.name in kinds and not one.together <= kinds), None
        )

    @property
    def overridden(self) -> bool:
        """Whether the profile's engine root was used instead of the request's."""
        return self.has(events.ENGINE_ROOT_OVERRIDDEN)

    @property
    def plan(self) -> Entry[d.Planned] | None:
        """The plan that the run has for life."""
        return self.first(events.PLAN_COMMITTED)

    @property
    def planned(self) -> bool:
        """Whether the run has its plan."""
        return self.has(events.PLAN_COMMITTED)

    @property
    def started(self) -> Entry[d.EvidenceStarted] | None:
        """That evidence is read."""
        return self.first(events.EVIDENCE_STARTED)

    @property
    def root(self) -> str | None:
        """Where evidence is read; None before that begins, and where a facts view was adopted."""
        started = self.started
        if started is None:
            return None
        corrected = self.all(events.ENGINE_ROOT_CORRECTED)[-1:]
        late = [one.details.engine_run_root for one in corrected if one.event.seq > started.event.seq]
        return late[0] if late else started.details.engine_run_root

    @property
    def named_root(self) -> str | None:
        """The engine root that the run was admitted with, or that a resubmission corrected it to."""
        corrected, accepted = self.all(events.ENGINE_ROOT_CORRECTED), self.accepted
        if corrected:
            return corrected[-1].details.engine_run_root
        return None if accepted is None else accepted.details.engine_run_root

    @property
    def roots_left(self) -> frozenset[str]:
        """The engine roots that resubmissions corrected."""
        left = (one.details.left for one in self.all(events.ENGINE_ROOT_CORRECTED))
        return frozenset(one for one in left if one is not None)

    @property
    def decision(self) -> Entry[d.Decided] | None:
        """The decision that the run becomes READY."""
        return self.first(events.EVIDENCE_COMPLETE)

    @property
    def decided(self) -> bool:
        """Whether the run can only become READY."""
        return self.has(events.EVIDENCE_COMPLETE)

    @property
    def committed(self) -> Entry[d.Committed] | None:
        """READY."""
        return self.first(events.READY_COMMITTED)

    @property
    def published(self) -> bool:
        """Whether the control bus has READY."""
        return self.has(events.READY_PUBLISHED)

    @property
    def supersede_published(self) -> Entry[s.SupersedePublished] | None:
        """The run that this one superseded has it on its record, and the control bus has it."""
        return self.first(events.SUPERSEDE_PUBLISHED)

    @property
    def successor(self) -> s.Successor | None:
        """The run that superseded this one first. One that only claimed its place has not done so yet."""
        link = self.first(events.SUPERSEDED_BY)
        return None if link is None else link.details

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every engine attempt, in the order of their launches."""
        finished = {one.details.attempt_id: one for one in self.all(events.ENGINE_ATTEMPT_FINISHED)}
        abandoned = {one.details.attempt_id: one for one in self.all(events.ENGINE_ATTEMPT_ABANDONED)}
        why = {one.details.attempt_id: one.details.detail for one in self.all(events.ENGINE_ATTEMPT_DETAIL)}
        launched = ((one, one.details.attempt_id) for one in self.all(events.ENGINE_ATTEMPT_LAUNCH_REQUESTED))
        return tuple(Attempt(one, finished.get(at), abandoned.get(at), why.get(at, "")) for one, at in launched)

    @property
    def engine_made(self) -> str | None:
        """The root that an engine attempt of the run's own made, once one succeeded."""
        ended = (one.details for one in self.all(events.ENGINE_ATTEMPT_FINISHED))
        return next((one.engine_run_root for one in ended if one.outcome == SUCCEEDED), None)

    @property
    def rested(self) -> Entry[d.Rest] | None:
        """Where the run came to wait, or ended without READY; None in every other state."""
        event = self.ledger.state_event
        kind = None if event is None else next((one for one in _RESTS if one.name == event.event_kind), None)
        return None if event is None or kind is None else Entry(event, kind.details.of(event.details))

    @property
    def rest(self) -> d.Rest | None:
        """Why the run waits or ended without READY; None in every other state."""
        rested = self.rested
        return None if rested is None else rested.details

    @property
    def contradicted(self) -> Entry[d.Rest] | None:
        """The end of a run that owes a quarantine record: it keeps conflicts."""
        state, rested = self.ledger.state, self.rested
        owed = state is not None and state.terminal and rested is not None and rested.details.conflicts
        return rested if owed else None

    @property
    def found(self) -> Found | None:
        """What passed, by the decision or where the run rests; None before evidence was judged."""
        from sr_domain.record.proofs import Found

        decided, rest = self.decision, self.rest
        if decided is not None:
            return Found() if decided.details.decision is None else decided.details.decision.found
        return None if rest is None else rest.found

    @property
    def root_fault(self) -> d.RootUnreadable | None:
        """The fault of its engine or root, or of a worker, for which a run rests; None once its state moved on."""
        last, state = self.last_fault, self.ledger.state_event
        return last.details if last is not None and (state is None or state.seq < last.event.seq) else None

    @property
    def last_fault(self) -> Entry[d.RootUnreadable] | None:
        """The last time that the run rested by a fault of a worker or of the moment."""
        faults = [one for kind in WORKER_FAULTS for one in self.all(kind)]
        return max(faults, key=lambda one: one.event.seq, default=None)

    @property
    def refused_artifact(self) -> d.ArtifactRefused | None:
        """The artifact that stands and is not the record's, for which the run rests; None once the run went on.

        It goes on when the bytes were set aside, and where any milestone or a new try to publish follows.
        """
        refused = self.all(events.ARTIFACT_REFUSED)
        if not refused:
            return None
        last, at = refused[-1].details, refused[-1].event.seq
        gone_on = [event.seq for event in self.ledger.events if event.milestone is not None]
        gone_on += [one.event.seq for one in self.all(events.READY_PUBLISH_FAILED)]
        given_up = self.all(events.GOV_LOSS_ACCEPTED)
        gone_on += [one.event.seq for one in given_up if one.details.artifact_ref == last.artifact_ref]
        return None if any(seq > at for seq in gone_on) else last

    @property
    def failures(self) -> tuple[Entry[d.Refused], ...]:
        """Every time that the control bus did not take READY or the superseding, in order."""
        both = self.all(events.READY_PUBLISH_FAILED) + self.all(events.SUPERSEDE_PUBLISH_FAILED)
        return tuple(sorted(both, key=lambda one: one.event.seq))
