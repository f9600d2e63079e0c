"""The sealed plan: everything a run needs for life, frozen into its record.

A later change of policy or pack changes nothing for the run (spec: behaviour, "Plan").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from sr_domain.encoding.parts import plain
from sr_domain.plan.policy import ABANDONED_LIMIT, MemberDigests, PolicyRev
from sr_domain.plan.request import Strategy
from sr_domain.plan.templates import DAY, RUN, filled, names
from sr_ports import Params, VerificationMethod
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class OutputPart(Compared):
    """What of an output is digested as one: all of it, or one day of it (``YYYY-MM-DD``).

    `path`: a file, a folder or a glob, relative to the engine root, every token filled.
    """

    output: SealedOutput
    day: str | None
    path: str


@attrs.frozen(eq=False, repr=False)
class SealedOutput(Compared):
    """An intended output. `path`: relative to the engine root, pins filled.

    ``{utc_day}`` and ``{run_id}`` stay in `path`: it is read once for each of `days`, and where the root
    is reused the run id is the engine's own. `engine_run_id`: whether path, partitions or scope name it.
    `locator_pins`, `instance_pins`: names of pins; the latter empty unless instance-scoped.
    `scope_missing`: what its scope names and its partitions do not give.
    """

    output_id: str
    path: str
    locator_pins: tuple[str, ...]
    instance_pins: tuple[str, ...] = ()
    scope_missing: tuple[str, ...] = ()
    days: tuple[str, ...] = ()
    engine_run_id: bool = False
    optional: bool = False
    traffic: bool = False
    gates: tuple[str, ...] = ()
    schema_ref: str | None = None
    dictionary_ref: str | None = None

    @property
    def waits_for_receipt(self) -> bool:
        """Whether its path has the engine's run id."""
        return names(self.path, RUN)

    def parts(self, run_id: str) -> tuple[OutputPart, ...]:
        """What is digested: the whole, or each day. `run_id`: of the engine's run."""
        days = self.days or (None,)
        return tuple(OutputPart(self, day, filled(self.path, run_id=run_id, day=day)) for day in days)

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> SealedOutput:
        """The value a record's JSON form stands for. Revision 1 had every path beside the template of a locator."""
        node = dict(_tuples(node))
        paths = node.pop("paths", None)
        if paths is not None and len(paths) > 1:
            begins = len(node["path"].partition("{" + DAY + "}")[0])
            node["days"] = tuple(path[begins : begins + len("YYYY-MM-DD")] for path in paths)
        return cls(**node)


@attrs.frozen(eq=False, repr=False)
class SealedGate(Compared):
    """A required gate. Paths are relative to the engine root; ``{utc_day}`` and ``{run_id}`` as in `SealedOutput`.

    `day`: the day that a look is of (see `looks`); None in the plan.
    """

    gate_id: str
    flag_path: str
    bundle_root: str
    method: VerificationMethod
    index_path: str | None = None
    scope_pins: tuple[str, ...] = ("manifest_fingerprint",)
    upstream: tuple[str, ...] = ()
    authorizes: tuple[str, ...] = ()
    days: tuple[str, ...] = ()
    engine_run_id: bool = False
    day: str | None = None

    @property
    def subject(self) -> str:
        """How conflicts and missing evidence name it: by its id, and its day where it has one."""
        return self.gate_id if self.day is None else f"{self.gate_id}@{self.day}"

    @property
    def waits_for_receipt(self) -> bool:
        """Whether one of its paths has the engine's run id."""
        return any(names(path, RUN) for path in (self.flag_path, self.bundle_root, self.index_path or ""))

    def looks(self, run_id: str) -> tuple[SealedGate, ...]:
        """The gate as it is judged: once, or once a day, every token filled. `run_id`: of the engine's run."""

        def look(day: str | None) -> SealedGate:
            index = self.index_path
            return attrs.evolve(
                self,
                flag_path=filled(self.flag_path, run_id=run_id, day=day),
                bundle_root=filled(self.bundle_root, run_id=run_id, day=day),
                index_path=None if index is None else filled(index, run_id=run_id, day=day),
                day=day,
            )

        return tuple(map(look, self.days or (None,)))


@attrs.frozen(eq=False, repr=False)
class SealedPlan(Compared):
    """A compiled plan. `plan_hash`: 64 hex, over what was decided and no clock reading.

    `contracts`: the pack's own, as of `PackContracts`: they bind the run for life, as the rest of the plan does.
    `settle_seconds`: as of `Policy`; 0 in a plan of revision 1. `evidence_wait_seconds`: None where an earlier
    release, which did not keep it, made the plan.
    """

    plan_hash: str
    policy_rev: PolicyRev
    pack_digest: str
    strategy: Strategy
    outputs: tuple[SealedOutput, ...]
    gates: tuple[SealedGate, ...]
    attempt_limit: int
    retry_backoff_seconds: float
    member_digests: MemberDigests
    contracts: Mapping[str, Any] = attrs.field(factory=dict)
    settle_seconds: float = 0
    abandoned_limit: int = ABANDONED_LIMIT
    evidence_wait_seconds: int | None = None

    @property
    def needs_receipt(self) -> bool:
        """Whether anything in it depends on the engine's own run id."""
        return any(one.engine_run_id for one in self.outputs) or any(one.engine_run_id for one in self.gates)

    @property
    def intended_outputs(self) -> list[str]:
        return [output.output_id for output in self.outputs]

    @property
    def required_gates(self) -> list[str]:
        return [gate.gate_id for gate in self.gates]

    def document(self) -> dict[str, Any]:
        """JSON form, for the record."""
        node: dict[str, Any] = plain(attrs.asdict(attrs.evolve(self, contracts={})))
        del node["contracts"]
        for one, gate in zip(node["gates"], self.gates, strict=True):  # as the gate map has them, null and all
            one["method"].pop("params")
            one["method"].update({"params": gate.method.params.document()} if gate.method.params else {})
        return {**node, "contracts": dict(self.contracts)} if self.contracts else node  # null is a value in a schema

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> SealedPlan:
        """The value a record's JSON form stands for."""
        return cls(
            plan_hash=node["plan_hash"],
            policy_rev=PolicyRev(**node["policy_rev"]),
            pack_digest=node["pack_digest"],
            strategy=Strategy(node["strategy"]),
            outputs=tuple(map(SealedOutput.of, node["outputs"])),
            gates=tuple(SealedGate(**{**_tuples(one), "method": _method(one["method"])}) for one in node["gates"]),
            attempt_limit=node["attempt_limit"],
            retry_backoff_seconds=node["retry_backoff_seconds"],
            member_digests=MemberDigests(node["member_digests"]),
            contracts=node.get("contracts", {}),
            settle_seconds=node.get("settle_seconds", 0),
            abandoned_limit=node.get("abandoned_limit", ABANDONED_LIMIT),
            evidence_wait_seconds=node.get("evidence_wait_seconds"),
        )


def _method(node: Mapping[str, Any]) -> VerificationMethod:
    return VerificationMethod(**{**_tuples(node), "params": Params(node.get("params", {}))})


def _tuples(node: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in node.items()}
