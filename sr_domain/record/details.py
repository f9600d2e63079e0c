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
    """A request. What is None could not be read of it.

    `actor_proof`, here and below: how the actor was proven (`Identity.mode`); None from earlier releases.
    """

    run_equivalence_key: str | None = None
    actor: str | None = None
    actor_proof: str | None = None


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
    actor_proof: str | None = None


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


@value
class ArtifactRefused(RootUnreadable):
    """`stands`: sha256 of what stands at `artifact_ref`, hex64."""

    artifact_ref: str
    stands: str


@value
class EvidenceRead(Value):
    """How many bytes one look at an engine root read; where threads counted at once, a few may be missing."""

    bytes: int


@value
class Standing(Value):
    """What is not settled. `owed`: READY runs with something left to publish. `waiting`: runs that wait for evidence.

    `oldest_waiting_utc`: since when the first of them has waited, by the index; None where none does.
    """

    owed: int
    waiting: int
    oldest_waiting_utc: str | None = None


@value
class Looping(Value):
    """`workers`: how many runs are worked on at once. `every_s`: seconds between two looks at what is due."""

    workers: int
    every_s: float


@value
class Looped(Value):
    """`worked`: how many runs were looked at. `left`: how many were still at work when the loop was to be over."""

    worked: int
    left: int


@value
class Suspected(Value):
    """`artifact_ref`: the key of what holds it. What it is stands nowhere."""

    artifact_ref: str


@value
class SinkLoss(Value):
    """`dropped`, `failed`: how many events the sink missed, and how many it could not take."""

    sink: str
    dropped: int
    failed: int
    why: str | None = None
