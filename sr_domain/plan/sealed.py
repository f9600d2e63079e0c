"""The sealed plan: everything a run needs for life, frozen into its record.

A later change of policy or pack changes nothing for the run (spec: behaviour, "Plan").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from sr_domain.encoding.parts import plain
from sr_domain.plan.policy import MemberDigests, PolicyRev
from sr_domain.plan.request import Strategy
from sr_ports import VerificationMethod
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class SealedOutput(Compared):
    """An intended output with its paths resolved, relative to the engine root.

    `path`: what its locator says. `paths`: what is read (one a day for ``{utc_day}``).
    `locator_pins`, `instance_pins`: names of pins; the latter empty unless instance-scoped.
    `scope_missing`: what its scope names and its partitions do not give.
    """

    output_id: str
    path: str
    paths: tuple[str, ...]
    locator_pins: tuple[str, ...]
    instance_pins: tuple[str, ...] = ()
    scope_missing: tuple[str, ...] = ()
    optional: bool = False
    traffic: bool = False
    gates: tuple[str, ...] = ()
    schema_ref: str | None = None
    dictionary_ref: str | None = None


@attrs.frozen(eq=False, repr=False)
class SealedGate(Compared):
    """A required gate with its paths resolved, relative to the engine root."""

    gate_id: str
    flag_path: str
    bundle_root: str
    method: VerificationMethod
    index_path: str | None = None
    scope_pins: tuple[str, ...] = ("manifest_fingerprint",)
    upstream: tuple[str, ...] = ()
    authorizes: tuple[str, ...] = ()


@attrs.frozen(eq=False, repr=False)
class SealedPlan(Compared):
    """A compiled plan. `plan_hash`: 64 hex, over what was decided and no clock reading."""

    plan_hash: str
    policy_rev: PolicyRev
    pack_digest: str
    strategy: Strategy
    outputs: tuple[SealedOutput, ...]
    gates: tuple[SealedGate, ...]
    attempt_limit: int
    retry_backoff_seconds: float
    member_digests: MemberDigests

    @property
    def intended_outputs(self) -> list[str]:
        return [output.output_id for output in self.outputs]

    @property
    def required_gates(self) -> list[str]:
        return [gate.gate_id for gate in self.gates]

    def document(self) -> dict[str, Any]:
        """JSON form, for the record."""
        node: dict[str, Any] = plain(attrs.asdict(self))
        return node

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> SealedPlan:
        """The value a record's JSON form stands for."""
        return cls(
            plan_hash=node["plan_hash"],
            policy_rev=PolicyRev(**node["policy_rev"]),
            pack_digest=node["pack_digest"],
            strategy=Strategy(node["strategy"]),
            outputs=tuple(SealedOutput(**_tuples(one)) for one in node["outputs"]),
            gates=tuple(
                SealedGate(**{**_tuples(one), "method": VerificationMethod(**_tuples(one["method"]))})
                for one in node["gates"]
            ),
            attempt_limit=node["attempt_limit"],
            retry_backoff_seconds=node["retry_backoff_seconds"],
            member_digests=MemberDigests(node["member_digests"]),
        )


def _tuples(node: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in node.items()}
