"""What each kind of event says beyond its name: its details, typed (the kinds are in `events`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import attrs

from sr_domain.record.proofs import Conflict, Decision, Failure, Found, Lack, PlannedLaw
from sr_domain.record.values import Value, many, one, value


@value
class Nothing(Value):
    """The kind says it all."""


@value
class Received(Value):
    run_equivalence_key: str
    actor: str


@value
class Refused(Value):
    """Why something was refused, or could not be done."""

    reason_code: str
    detail: str


@value
class Duplicate(Value):
    settled: bool


@value
class Collided(Value):
    fields: str
    """The names of the fields that differ, joined by commas."""


@value
class Denied(Value):
    """`kind`: what was to be published again; None for a submission."""

    kind: str | None = attrs.field(default=None, kw_only=True)
    actor: str
    action: str
    reason_code: str


@value
class Accepted(Value):
    """The admission, fixed for life. `intent`, `request`: JSON forms of the request (plan.request).

    `revision`, here and below: of the rules it was decided by; None from the first release.
    """

    run_equivalence_key: str
    platform_run_id: str
    intent: Mapping[str, Any]
    intent_fingerprint: str
    evidence_deadline_utc: str
    engine_run_root: str | None
    request: Mapping[str, Any]
    revision: int | None = None

    @property
    def supersedes(self) -> str | None:
        """The run that this one is to supersede."""
        old = self.intent["supersedes"]
        return None if old is None else str(old)


@value
class LeaseTaken(Value):
    fence: int


@value
class ReleaseFailed(Value):
    detail: str


# Plan and engine


@value
class Planned(Value):
    """`plan`: JSON form of the sealed plan (plan.sealed). `run_plan_digest`: of the plan artifact, hex64.


    A digest of what follows from a decision is None from the first release, here and below.
    """

    plan: Mapping[str, Any]
    revision: int | None = None
    run_plan_digest: str | None = None
    laws: tuple[PlannedLaw, ...] = attrs.field(default=(), metadata=many(PlannedLaw))


@value
class PolicyRevision(Value):
    policy_id: str
    revision: str
    content_digest: str


@value
class PlanHash(Value):
    plan_hash: str


@value
class RootOverridden(Value):
    requested: str
    used: str


@value
class AttemptName(Value):
    attempt_id: str
    attempt_no: int


SUCCEEDED, FAILED, ABANDONED, RUNNING = "SUCCEEDED", "FAILED", "ABANDONED", "RUNNING"
"""What became of an engine attempt."""


@value
class AttemptFinished(Value):
    """The end of an engine attempt (contract: engine attempt). `outcome`: SUCCEEDED or FAILED."""

    run_id: str
    attempt_id: str
    attempt_no: int
    outcome: str
    started_at_utc: str
    ended_at_utc: str
    duration_ms: int
    invocation: Mapping[str, Any]
    invoker: str | None = None
    reason_code: str | None = None
    engine_run_root: str | None = None
    run_receipt_ref: str | None = None
    logs_ref: Mapping[str, str] | None = None


@value
class AttemptDetail(Value):
    """Why an engine attempt failed, in a sentence."""

    attempt_id: str
    detail: str


@value
class AttemptLimit(Value):
    attempt_limit: int
    attempts: int


# Evidence and outcome


@value
class EvidenceStarted(Value):
    """`engine_run_root`: None where a facts view was found without its decision."""

    engine_run_root: str | None = None


@value
class RootUnreadable(Value):
    reason_code: str
    detail: str
    remedy: str


@value
class Rest(Value):
    """Why a run waits or ended without READY. `found`: what passed nevertheless.

    `problems`: what cannot be planned, as ``code``, ``subject``, ``detail``. `revision`: None also while it
    waits. `quarantine_digest`: of the quarantine record, hex64; None also where none is owed. `lacks`: of what is
    missing, what was looked for and where. `changed`: the first paths of an engine root that was not at rest.
    """

    reason_code: str
    detail: str | None = None
    problems: tuple[Mapping[str, Any], ...] = ()
    failures: tuple[Failure, ...] = attrs.field(default=(), metadata=many(Failure))
    conflicts: tuple[Conflict, ...] = attrs.field(default=(), metadata=many(Conflict))
    missing: tuple[str, ...] = ()
    found: Found | None = attrs.field(default=None, metadata=one(Found))
    revision: int | None = None
    quarantine_digest: str | None = None
    lacks: tuple[Lack, ...] = attrs.field(default=(), metadata=many(Lack))
    changed: tuple[str, ...] = ()


@value
class Decided(Value):
    """READY is decided. `decision`: None where a facts view was adopted, of which only the digest is on record.

    In the JSON form the parts of the decision stand beside the others.
    """

    decision: Decision | None = attrs.field(default=None, metadata=one(Decision))
    adopted: bool | None = None
    revision: int | None = None
    bundle_hash: str = attrs.field(kw_only=True)
    facts_view_digest: str = attrs.field(kw_only=True)

    def document(self) -> dict[str, Any]:
        node = super().document()
        return {**node.pop("decision", {}), **node}

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> Self:
        decision = {"decision": node} if "outputs" in node else {}
        return super().of({**node, **decision})


@value
class Committed(Value):
    """`attestation_ref`: key of the attestation, where one was written. `ready_signal_digest`: hex64."""

    facts_view_ref: str
    bundle_hash: str
    attestation_ref: str | None = None
    revision: int | None = None
    ready_signal_digest: str | None = None


@value
class BundleHash(Value):
    bundle_hash: str


@value
class LawsUsed(Value):
    """`laws`: gate id → ``kind``, ``distribution``, ``version`` of the law that judged it."""

    laws: Mapping[str, Mapping[str, str]]


@value
class Published(Value):
    message_id: str
    topic: str


# Superseding


@value
class Claim(Value):
    successor: str


@value
class Successor(Value):
    successor: str
    facts_view_ref: str | None = None


@value
class SupersedeRefused(Value):
    reason_code: str
    detail: str
    supersedes: str


@value
class SupersedePublished(Value):
    supersedes: str
    message_id: str


# Re-emit; `kind`: what was asked for, of what was published READY or TERMINAL


@value
class ReemitRequested(Value):
    kind: str
    reason: str | None = attrs.field(default=None, kw_only=True)
    dry_run: bool


@value
class ReemitDryRun(Value):
    kind: str
    would_publish: tuple[str, ...]


@value
class ReemitBusy(Value):
    kind: str
    reason_code: str


@value
class ReemitFailed(Value):
    kind: str
    reason_code: str
    detail: str


@value
class ReemitPublished(Value):
    kind: str
    message_id: str


@value
class ReemitKey(Value):
    kind: str
    reemit_key: str


@value
class ArtifactRefused(RootUnreadable):
    """`stands`: sha256 of what stands at `artifact_ref`, hex64."""

    artifact_ref: str
    stands: str


@value
class SinkLoss(Value):
    """`dropped`, `failed`: how many events the sink missed, and how many it could not take."""

    sink: str
    dropped: int
    failed: int
    why: str | None = None
