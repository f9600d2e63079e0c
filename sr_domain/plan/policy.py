"""The policy profile: what an operator decides for all runs made under it."""

from __future__ import annotations

import enum

import attrs

from sr_ports.compared import Compared

SETTLE_SECONDS = 2
ABANDONED_LIMIT = 5
"""Where a policy does not say."""


class ReusePolicy(enum.StrEnum):
    """Whether an engine root that is already there may be used instead of invoking."""

    ALLOW = "ALLOW"
    DENY = "DENY"


class UngatedOutputs(enum.StrEnum):
    """What to do with an intended output that no gate covers."""

    REFUSE = "REFUSE"
    ALLOW = "ALLOW"


class MemberDigests(enum.StrEnum):
    """Whether per-file digests that an index carries are checked as well."""

    IGNORE = "IGNORE"
    ENFORCE = "ENFORCE"


@attrs.frozen(eq=False, repr=False)
class PolicyRev(Compared):
    """Which policy, in which revision, with which content. `content_digest`: hex64."""

    policy_id: str
    revision: str
    content_digest: str


@attrs.frozen(eq=False, repr=False)
class Policy(Compared):
    """A policy profile (spec: surface, "Policy profile").

    `evidence_wait_seconds`, `retry_backoff_seconds`: seconds. `settle_seconds`: for how long nothing may have
    changed in an engine root before a digest that differs is believed. `allowed_laws`: None for all.
    `attempt_limit`: engine attempts that end; `abandoned_limit`: those whose holder died or gave them up.
    """

    rev: PolicyRev
    reuse_policy: ReusePolicy = ReusePolicy.ALLOW
    evidence_wait_seconds: int = 0
    attempt_limit: int = 1
    retry_backoff_seconds: float = 0.0
    traffic_output_ids: tuple[str, ...] = ()
    ungated_outputs: UngatedOutputs = UngatedOutputs.REFUSE
    member_digests: MemberDigests = MemberDigests.IGNORE
    allowed_laws: frozenset[str] | None = None
    settle_seconds: float = SETTLE_SECONDS
    abandoned_limit: int = ABANDONED_LIMIT
