"""The catalogue of events: one row for each kind, and nothing else spells an event's name.

A row has its name, the class of its details, its phase and a sentence for people, then what departs from the
usual: recorded each time, brings the run to no state, OK, INFO, names no revision. What the parts mean: `EventKind`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sr_domain.record.kinds import D, EventKind, Kept
from sr_domain.record.states import RunState
from sr_ports.lazy import LaterModule

if TYPE_CHECKING:
    from sr_domain.record import details as d
    from sr_domain.record import engine_details as e
    from sr_domain.record import losses
    from sr_domain.record import reemit_details as again
    from sr_domain.record import resting as r
    from sr_domain.record import supersede_details as s
else:
    d = LaterModule("sr_domain.record.details")  # many classes, of which most commands read none
    e = LaterModule("sr_domain.record.engine_details")
    losses = LaterModule("sr_domain.record.losses")
    again = LaterModule("sr_domain.record.reemit_details")
    r = LaterModule("sr_domain.record.resting")
    s = LaterModule("sr_domain.record.supersede_details")


def _fails(
    name: str, details: type[D], phase: str, sentence: str, kept: Kept = Kept.ALWAYS, **more: Any
) -> EventKind[D]:
    """A kind that tells of a failure."""
    return EventKind(name, details, phase, sentence, kept, outcome="FAIL", severity="WARN", **more)


# requests and admission
RUN_REQUEST_RECEIVED = EventKind("RUN_REQUEST_RECEIVED", d.Received, "INGRESS", "request received", Kept.NOT)
RUN_REQUEST_REFUSED = _fails("RUN_REQUEST_REFUSED", d.Refused, "INGRESS", "request refused, nothing written", Kept.NOT)
RUN_REQUEST_DUPLICATE = EventKind(
    "RUN_REQUEST_DUPLICATE", d.Duplicate, "INGRESS", "the same request again", Kept.NOT, outcome="SKIP"
)
EQUIVALENCE_COLLISION = EventKind(
    "EQUIVALENCE_COLLISION",
    d.Collided,
    "INGRESS",
    "the key is bound to another intent",
    Kept.NOT,
    outcome="CONFLICT",
    severity="WARN",
)
AUTH_DENIED = _fails("AUTH_DENIED", d.Denied, "INGRESS", "denied")
RUN_ACCEPTED = EventKind(
    "RUN_ACCEPTED", d.Accepted, "AUTHORITY", "admitted", Kept.ONCE, after=RunState.OPEN, revised=True
)
LEASE_BUSY = EventKind("LEASE_BUSY", d.Nothing, "AUTHORITY", "in flight elsewhere", Kept.NOT, outcome="WAITING")
LEASE_TAKEN = EventKind("LEASE_TAKEN", d.LeaseTaken, "AUTHORITY", "taking over from an earlier holder")
LEASE_RELEASE_FAILED = EventKind(
    "LEASE_RELEASE_FAILED",
    d.ReleaseFailed,
    "AUTHORITY",
    "the lease could not be given up; it lapses",
    Kept.NOT,
    outcome="RETRY",
    severity="WARN",
)
LEASE_LOST = EventKind(
    "LEASE_LOST", d.Refused, "AUTHORITY", "the lease was lost", Kept.NOT, outcome="RETRY", severity="WARN"
)
RUNS_STANDING = EventKind("RUNS_STANDING", d.Standing, "AUTHORITY", "what is not settled", Kept.NOT)
LOOP_STARTED = EventKind("LOOP_STARTED", d.Looping, "AUTHORITY", "looking for runs that are due", Kept.NOT)
LOOP_STOPPED = EventKind("LOOP_STOPPED", d.Looped, "AUTHORITY", "no longer looking for runs that are due", Kept.NOT)
LOOP_TROUBLED = EventKind(
    "LOOP_TROUBLED", d.Refused, "AUTHORITY", "a look will be made again", Kept.NOT, outcome="RETRY", severity="WARN"
)

# plan
GOV_POLICY_REV = EventKind(
    "GOV_POLICY_REV", d.PolicyRevision, "PLAN", "policy revision on record", Kept.ONCE, governance=True
)
GOV_PLAN_HASH = EventKind("GOV_PLAN_HASH", d.PlanHash, "PLAN", "plan hash on record", Kept.ONCE, governance=True)
PLAN_COMMITTED = EventKind(
    "PLAN_COMMITTED",
    d.Planned,
    "PLAN",
    "plan committed",
    Kept.ONCE,
    after=RunState.PLANNED,
    together=frozenset({GOV_POLICY_REV.name, GOV_PLAN_HASH.name}),
    revised=True,
)

# engine
ENGINE_ROOT_OVERRIDDEN = EventKind(
    "ENGINE_ROOT_OVERRIDDEN",
    d.RootOverridden,
    "ENGINE",
    "the profile's engine root is used instead of the request's",
    Kept.ONCE,
)
ENGINE_ROOT_CORRECTED = EventKind(
    "ENGINE_ROOT_CORRECTED", e.RootCorrected, "ENGINE", "a resubmission named another engine root, which is used now"
)
ENGINE_ATTEMPT_LAUNCH_REQUESTED = EventKind(
    "ENGINE_ATTEMPT_LAUNCH_REQUESTED",
    e.AttemptName,
    "ENGINE",
    "starting the engine",
    Kept.ONCE,
    subject="attempt_id",
    after=RunState.EXECUTING,
)
ENGINE_ATTEMPT_FINISHED = EventKind(
    "ENGINE_ATTEMPT_FINISHED", e.AttemptFinished, "ENGINE", "the engine ended", Kept.ONCE, subject="attempt_id"
)
ENGINE_ATTEMPT_DETAIL = _fails(
    "ENGINE_ATTEMPT_DETAIL",
    e.AttemptDetail,
    "ENGINE",
    "the engine's attempt failed",
    Kept.ONCE,
    subject="attempt_id",
    quotes="detail",
)
ENGINE_ATTEMPT_ABANDONED = _fails(
    "ENGINE_ATTEMPT_ABANDONED",
    e.AttemptName,
    "ENGINE",
    "an attempt was left open by a dead holder",
    Kept.ONCE,
    subject="attempt_id",
)
ENGINE_MISBEHAVED = EventKind(
    "ENGINE_MISBEHAVED",
    e.AttemptDetail,
    "ENGINE",
    "the engine left something behind",
    Kept.ONCE,
    subject="attempt_id",
    severity="WARN",
)
ENGINE_HELD_BACK = EventKind(
    "ENGINE_HELD_BACK",
    d.RootUnreadable,
    "ENGINE",
    "the engine is not started now; the run rests",
    outcome="RETRY",
    severity="WARN",
)
ENGINE_OUTPUT = EventKind("ENGINE_OUTPUT", d.Nothing, "ENGINE", "engine output", Kept.NOT, severity="DEBUG")
ATTEMPT_LIMIT_EXCEEDED = _fails("ATTEMPT_LIMIT_EXCEEDED", e.AttemptLimit, "ENGINE", "attempt limit exceeded", Kept.ONCE)

# evidence
EVIDENCE_STARTED = EventKind(
    "EVIDENCE_STARTED", d.EvidenceStarted, "EVIDENCE", "reading evidence", Kept.ONCE, after=RunState.VERIFYING
)
EVIDENCE_PROGRESS = EventKind("EVIDENCE_PROGRESS", d.Nothing, "EVIDENCE", "evidence progress", Kept.NOT)
EVIDENCE_READ = EventKind("EVIDENCE_READ", d.EvidenceRead, "EVIDENCE", "evidence was read", Kept.NOT)
ENGINE_ROOT_UNREADABLE = EventKind(
    "ENGINE_ROOT_UNREADABLE",
    d.RootUnreadable,
    "EVIDENCE",
    "the engine root could not be read; the run rests",
    outcome="RETRY",
    severity="WARN",
)
WORKER_AT_FAULT = EventKind(
    "WORKER_AT_FAULT",
    r.WorkerAtFault,
    "EVIDENCE",
    "a fault of this worker's, which says nothing of the evidence; the run rests where it was",
    outcome="RETRY",
    severity="WARN",
)
EVIDENCE_WAITING = EventKind(
    "EVIDENCE_WAITING",
    d.Rest,
    "EVIDENCE",
    "evidence is incomplete, waiting",
    after=RunState.WAITING_EVIDENCE,
    outcome="WAITING",
)
RECEIPT_ORPHANED = EventKind(
    "RECEIPT_ORPHANED",
    d.Rest,
    "EVIDENCE",
    "a receipt that no decision rests on stands in the way; the run rests",
    after=RunState.WAITING_EVIDENCE,
    outcome="WAITING",
    severity="WARN",
)
EVIDENCE_COMPLETE = EventKind(
    "EVIDENCE_COMPLETE",
    d.Decided,
    "EVIDENCE",
    "every gate passed, every output proven",
    Kept.ONCE,
    after=RunState.VERIFYING,
    revised=True,
)

# commit
GOV_BUNDLE_HASH = EventKind(
    "GOV_BUNDLE_HASH", d.BundleHash, "COMMIT", "bundle hash on record", Kept.ONCE, governance=True
)
GOV_LAW_PROVENANCE = EventKind(
    "GOV_LAW_PROVENANCE", d.LawsUsed, "COMMIT", "laws and their plugins on record", Kept.ONCE, governance=True
)
READY_COMMITTED = EventKind(
    "READY_COMMITTED",
    d.Committed,
    "COMMIT",
    "READY committed",
    Kept.ONCE,
    after=RunState.READY,
    together=frozenset({GOV_BUNDLE_HASH.name, GOV_LAW_PROVENANCE.name}),
    revised=True,
)
READY_PUBLISHED = EventKind(
    "READY_PUBLISHED", d.Published, "COMMIT", "READY published", Kept.ONCE, during=RunState.READY
)
READY_PUBLISH_FAILED = EventKind(
    "READY_PUBLISH_FAILED", d.Refused, "COMMIT", "READY could not be published yet", outcome="RETRY", severity="WARN"
)
RUN_FAILED = _fails("RUN_FAILED", d.Rest, "COMMIT", "failed", Kept.ONCE, after=RunState.FAILED, revised=True)
RUN_QUARANTINED = EventKind(
    "RUN_QUARANTINED",
    d.Rest,
    "COMMIT",
    "quarantined",
    Kept.ONCE,
    after=RunState.QUARANTINED,
    outcome="CONFLICT",
    severity="WARN",
    revised=True,
)
SUPERSEDE_CLAIMED = EventKind(
    "SUPERSEDE_CLAIMED", s.Claim, "COMMIT", "a newer run is about to supersede this one", Kept.ONCE, subject="successor"
)
SUPERSEDE_REFUSED = _fails(
    "SUPERSEDE_REFUSED", s.SupersedeRefused, "COMMIT", "the run it names cannot be superseded", Kept.NOT
)
SUPERSEDED_BY = EventKind(
    "SUPERSEDED_BY", s.Successor, "COMMIT", "superseded by a newer run", Kept.ONCE, subject="successor"
)
GOV_SUPERSEDED = EventKind(
    "GOV_SUPERSEDED", s.Successor, "COMMIT", "superseding on record", Kept.ONCE, "successor", governance=True
)
SUPERSEDE_PUBLISHED = EventKind(
    "SUPERSEDE_PUBLISHED",
    s.SupersedePublished,
    "COMMIT",
    "the record of the superseded run and the control bus have it",
    Kept.ONCE,
)
SUPERSEDE_PUBLISH_FAILED = EventKind(
    "SUPERSEDE_PUBLISH_FAILED",
    d.Refused,
    "COMMIT",
    "the superseding could not be published yet",
    outcome="RETRY",
    severity="WARN",
)

# re-emit
REEMIT_REQUESTED = EventKind("REEMIT_REQUESTED", again.ReemitRequested, "REEMIT", "re-emit requested")
REEMIT_DRY_RUN = EventKind("REEMIT_DRY_RUN", again.ReemitDryRun, "REEMIT", "re-emit, dry run", outcome="SKIP")
REEMIT_BUSY = EventKind(
    "REEMIT_BUSY", again.ReemitBusy, "REEMIT", "the same re-emit is under way", Kept.NOT, outcome="WAITING"
)
REEMIT_PUBLISHED = EventKind("REEMIT_PUBLISHED", again.ReemitPublished, "REEMIT", "published again, same message id")
REEMIT_FAILED = _fails("REEMIT_FAILED", again.ReemitFailed, "REEMIT", "re-emit failed")
GOV_REEMIT_KEY = EventKind("GOV_REEMIT_KEY", again.ReemitKey, "REEMIT", "re-emit key on record", governance=True)

# truth that was altered
ARTIFACT_REFUSED = EventKind(
    "ARTIFACT_REFUSED",
    d.ArtifactRefused,
    "COMMIT",
    "an artifact stands that is not the record's; the run rests",
    outcome="CONFLICT",
    severity="ERROR",
)
GOV_LOSS_ACCEPTED = EventKind(
    "GOV_LOSS_ACCEPTED", losses.LossAccepted, "COMMIT", "a loss was accepted", severity="WARN", governance=True
)
TRUTH_LOST = EventKind(
    "TRUTH_LOST",
    losses.TruthLost,
    "COMMIT",
    "its record lost what others know; it is READY no more",
    Kept.ONCE,
    after=RunState.FAILED,
    outcome="FAIL",
    severity="ERROR",
    revised=True,
    opens=True,
)

# telemetry itself, and what is for the operator
CREDENTIAL_SUSPECTED = _fails(
    "CREDENTIAL_SUSPECTED", d.Suspected, "COMMIT", "an artifact holds what looks like a credential", Kept.NOT
)
TELEMETRY_LOST = _fails("TELEMETRY_LOST", d.SinkLoss, "COMMIT", "a sink missed events", Kept.NOT)

EVENTS: Mapping[str, EventKind[Any]] = MappingProxyType(
    {kind.name: kind for kind in tuple(globals().values()) if isinstance(kind, EventKind)}
)
"""Every kind by its name."""


def kind_of(name: str) -> EventKind[Any]:
    """The kind of this name; for one that no release before this knew, one told in the words of its name."""
    return EVENTS.get(name) or EventKind(name, d.Nothing, "COMMIT", name.lower().replace("_", " "))
