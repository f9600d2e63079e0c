"""What telemetry says of each kind of event: phase, outcome, severity and a sentence for people."""

from __future__ import annotations

import attrs

TELEMETRY_LOST = "TELEMETRY_LOST"


@attrs.frozen
class EventKind:
    """How events of one kind are told.

    `phase`: INGRESS, AUTHORITY, PLAN, ENGINE, EVIDENCE, COMMIT or REEMIT. `story`: a few words for people.
    `outcome`: OK, WAITING, SKIPPED (nothing had to be done), RETRY (comes later by itself or with
    `sr resume`), CONFLICT or FAILED. `severity`: DEBUG, INFO, WARN or ERROR. `governance`: see `ObsEvent`.
    """

    phase: str
    story: str
    outcome: str = "OK"
    severity: str = "INFO"
    governance: bool = False


def _fact(phase: str, story: str) -> EventKind:
    return EventKind(phase, story, governance=True)


def _bad(phase: str, story: str, outcome: str = "FAILED") -> EventKind:
    return EventKind(phase, story, outcome, "WARN")


EVENTS: dict[str, EventKind] = {
    # requests and admission
    "RUN_REQUEST_RECEIVED": EventKind("INGRESS", "request received"),
    "RUN_REQUEST_REFUSED": _bad("INGRESS", "request refused, nothing written"),
    "RUN_REQUEST_DUPLICATE": EventKind("INGRESS", "the same request again", "SKIPPED"),
    "EQUIVALENCE_COLLISION": _bad("INGRESS", "the key is bound to another intent", "CONFLICT"),
    "AUTH_DENIED": _bad("INGRESS", "denied"),
    "RUN_ACCEPTED": EventKind("AUTHORITY", "admitted"),
    "LEASE_BUSY": EventKind("AUTHORITY", "in flight elsewhere", "WAITING"),
    "LEASE_TAKEN": EventKind("AUTHORITY", "taking over from an earlier holder"),
    "LEASE_RELEASE_FAILED": _bad("AUTHORITY", "the lease could not be given up; it lapses", "RETRY"),
    # plan
    "PLAN_COMMITTED": EventKind("PLAN", "plan committed"),
    "GOV_POLICY_REV": _fact("PLAN", "policy revision on record"),
    "GOV_PLAN_HASH": _fact("PLAN", "plan hash on record"),
    # engine
    "ENGINE_ROOT_OVERRIDDEN": EventKind("ENGINE", "the profile's engine root is used instead of the request's"),
    "ENGINE_ATTEMPT_LAUNCH_REQUESTED": EventKind("ENGINE", "starting the engine"),
    "ENGINE_ATTEMPT_FINISHED": EventKind("ENGINE", "the engine ended"),
    "ENGINE_ATTEMPT_DETAIL": _bad("ENGINE", "why the engine's attempt failed"),
    "ENGINE_ATTEMPT_ABANDONED": _bad("ENGINE", "an attempt was left open by a dead holder"),
    "ENGINE_OUTPUT": EventKind("ENGINE", "engine output", severity="DEBUG"),
    "ATTEMPT_LIMIT_EXCEEDED": _bad("ENGINE", "attempt limit exceeded"),
    # evidence
    "EVIDENCE_STARTED": EventKind("EVIDENCE", "reading evidence"),
    "EVIDENCE_PROGRESS": EventKind("EVIDENCE", "evidence progress"),
    "ENGINE_ROOT_UNREADABLE": _bad("EVIDENCE", "the engine root could not be read; the run rests", "RETRY"),
    "EVIDENCE_WAITING": EventKind("EVIDENCE", "evidence is incomplete, waiting", "WAITING"),
    "EVIDENCE_COMPLETE": EventKind("EVIDENCE", "every gate passed, every output proven"),
    # commit
    "READY_COMMITTED": EventKind("COMMIT", "READY committed"),
    "READY_PUBLISHED": EventKind("COMMIT", "READY published"),
    "READY_PUBLISH_FAILED": _bad("COMMIT", "READY could not be published yet", "RETRY"),
    "GOV_BUNDLE_HASH": _fact("COMMIT", "bundle hash on record"),
    "GOV_LAW_PROVENANCE": _fact("COMMIT", "laws and their plugins on record"),
    "RUN_FAILED": _bad("COMMIT", "failed"),
    "RUN_QUARANTINED": _bad("COMMIT", "quarantined", "CONFLICT"),
    "SUPERSEDE_CLAIMED": EventKind("COMMIT", "a newer run is about to supersede this one"),
    "SUPERSEDE_REFUSED": _bad("COMMIT", "the run it names cannot be superseded"),
    "SUPERSEDED_BY": EventKind("COMMIT", "superseded by a newer run"),
    "SUPERSEDE_PUBLISHED": EventKind("COMMIT", "the record of the superseded run and the control bus have it"),
    "SUPERSEDE_PUBLISH_FAILED": _bad("COMMIT", "the superseding could not be published yet", "RETRY"),
    # re-emit
    "REEMIT_REQUESTED": EventKind("REEMIT", "re-emit requested"),
    "REEMIT_DRY_RUN": EventKind("REEMIT", "re-emit, dry run", "SKIPPED"),
    "REEMIT_BUSY": EventKind("REEMIT", "the same re-emit is under way", "WAITING"),
    "REEMIT_PUBLISHED": EventKind("REEMIT", "published again, same message id"),
    "REEMIT_FAILED": _bad("REEMIT", "re-emit failed"),
    "GOV_REEMIT_KEY": _fact("REEMIT", "re-emit key on record"),
    # telemetry itself
    TELEMETRY_LOST: _bad("COMMIT", "a sink missed events"),
}


def kind_of(kind: str) -> EventKind:
    """How events of this kind are told; for one that no release before this knew, in the words of its name."""
    return EVENTS.get(kind) or EventKind("COMMIT", kind.lower().replace("_", " "))
