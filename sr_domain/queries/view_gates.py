"""A view's gates, judged again by the plan on record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from sr_domain.evidence.digests import WholeFiles
from sr_domain.evidence.gates import GateMissing, GateUnjudged, verify_gate
from sr_domain.evidence.judges import LOCAL, named, other_law
from sr_domain.evidence.progress import ReadProgress
from sr_domain.evidence.provided_law import ProvidedLaw
from sr_domain.plan.absent_law import KnowsWhy, absence
from sr_domain.plan.policy import MemberDigests
from sr_domain.plan.sealed import SealedGate, SealedPlan
from sr_domain.plan.templates import DAY, RUN, filled, names
from sr_domain.queries.finding import Finding
from sr_domain.queries.verifier import Proof, Verifier
from sr_domain.queries.view import View
from sr_domain.record.proofs import Conflict, Judge
from sr_ports import EngineRoot, ListingRules, ReasonCode, Unreachable


@attrs.frozen
class GateBytes:
    """Judges gates below an engine root. `enforce`: whether indexed files must have the digests of their index.

    `read`: what the same look has read, and what it reads, no byte of it twice. `judges`: those on record, by gate.
    """

    verifier: Verifier
    root: EngineRoot
    enforce: bool
    rules: ListingRules
    progress: ReadProgress
    read: WholeFiles = attrs.field(factory=WholeFiles)
    judges: Mapping[str, Judge] = attrs.field(factory=dict)

    def proof(self, gates: Iterable[tuple[SealedGate, str | None]]) -> Proof:
        """Every gate, with the digest that its receipt states. Raises `Unreachable`."""
        gates = list(gates)
        found = self.verifier.pool.map(lambda one: self._finding(*one), gates)
        unread = [
            gate.subject
            for (gate, _), one in zip(gates, found, strict=True)
            if one is not None and one.code in WORKERS_FAULTS
        ]
        return Proof(tuple(one for one in found if one is not None), found.count(None), tuple(unread))

    def _finding(self, gate: SealedGate, digest: str | None) -> Finding | None:
        provided = self.verifier.laws.get(gate.method.kind)
        off = self._other_judge(gate, provided)
        if provided is None or off is not None:
            return off
        verdict = verify_gate(
            self.root,
            gate,
            provided,
            enforce_members=self.enforce,
            guard=self.progress,
            rules=self.rules,
            digests=self.read,
            pool=self.verifier.pool,
        )
        match verdict:
            case GateMissing(late=Conflict() as late):
                how = "MOVED" if late.code is ReasonCode.INDEXED_FILE_ABSENT else "ROTTED"
                return Finding(late.code, gate.subject, f"{how}: {late.detail}")
            case GateMissing(path):
                return Finding(ReasonCode.TRUTH_MISSING, gate.subject, f"MOVED: {path} is not there")
            case GateUnjudged(code, detail):
                raise Unreachable(code, f"{gate.subject}: {detail}")
            case Conflict():
                return Finding(verdict.code, gate.subject, f"ROTTED: {verdict.detail}")
            case _ if digest != verdict.digest:
                what = "ROTTED: the bundle is sound, but not the one proven"
                return Finding(ReasonCode.TRUTH_ALTERED, gate.subject, what)
        self.verifier.progress(f"gate {gate.subject}: passes")
        return None

    def _other_judge(self, gate: SealedGate, provided: ProvidedLaw | None) -> Finding | None:
        """Why the law on record cannot be asked: it is not here, or what is here is another."""
        judge = self.judges.get(gate.gate_id)
        if provided is None:
            return self._absent_law(gate, judge)
        if judge is None:
            return None
        differs = other_law(judge, gate, provided, self.progress)
        if differs is None:
            return None
        what = f"{differs}; of the bytes that says nothing"
        return Finding(ReasonCode.LAW_VERSION_CHANGED, gate.subject, what, remedy=_had(judge))

    def _absent_law(self, gate: SealedGate, judge: Judge | None) -> Finding:
        laws, kind = self.verifier.laws, gate.method.kind
        what = f"no plugin provides {absence(laws, kind)}"
        if judge is None:
            return Finding(ReasonCode.UNKNOWN_HASHING_LAW, gate.subject, what)
        remedy = _had(judge)
        if isinstance(laws, KnowsWhy) and laws.left_out(kind, judge.distribution):
            remedy = f"let {judge.distribution} in by plugins.allow, or take it out of plugins.block"
        told = f"{what}; the gate was judged by {named(judge)}"
        return Finding(ReasonCode.UNKNOWN_HASHING_LAW, gate.subject, told, remedy=remedy)


def _had(judge: Judge) -> str:
    """How to have the law on record here."""
    if judge.distribution == LOCAL:
        return f"have plugins.load name the file whose sha256 is {judge.version}"
    return f"install {named(judge)}"


WORKERS_FAULTS = (ReasonCode.UNKNOWN_HASHING_LAW, ReasonCode.LAW_VERSION_CHANGED)
"""By these a gate cannot be judged here, which says nothing of its bytes."""


def enforced(plan: SealedPlan) -> bool:
    """Whether the plan wants every indexed file to have the digest of its index."""
    return plan.member_digests is MemberDigests.ENFORCE


def planned(view: View, plan: SealedPlan) -> Iterator[tuple[SealedGate, str | None]]:
    """The plan's gates where the plan has them, each with its receipt's digest: views whose paths are relative."""
    stated = {one["gate_id"]: _digest(one) for one in view.facts["gate_receipts"]}
    return ((gate, stated.get(gate.gate_id)) for gate in plan.gates)


def received(view: View, root: str, plan: SealedPlan) -> Iterator[tuple[SealedGate, str | None] | Finding]:
    """The gates where the view's receipts have them, each with its digest. `root`: the one that the view names."""
    laws = {gate.gate_id: gate for gate in plan.gates}
    for receipt in view.facts["gate_receipts"]:
        gate_id = str(receipt["gate_id"])
        gate = laws.get(gate_id)
        if gate is None:
            yield Finding(ReasonCode.TRUTH_ALTERED, gate_id, "the plan on record has no such gate")
            continue
        placed = _placed(view, root, gate, receipt.get("artifacts", {}))
        if placed is None:
            yield Finding(ReasonCode.TRUTH_ALTERED, gate_id, f"its receipt names no flag and bundle below {root}")
        else:
            yield placed, _digest(receipt)
    for gate_id in laws.keys() - {one["gate_id"] for one in view.facts["gate_receipts"]}:
        yield Finding(ReasonCode.TRUTH_ALTERED, gate_id, "the view has no receipt of it")


def _placed(view: View, root: str, gate: SealedGate, artifacts: Mapping[str, str]) -> SealedGate | None:
    """The gate where its receipt's artifacts are, relative to the root; None where they are elsewhere."""
    found = {name: view.below(path, root) for name, path in artifacts.items()}
    flag, bundle = found.get("passed_flag_path"), found.get("validation_bundle_root")
    if flag is None or bundle is None or None in found.values():
        return None
    day = next((day for day in gate.days if _is_of(gate.flag_path, day, flag)), None)
    index = found.get("index_path")
    return attrs.evolve(gate, flag_path=flag, bundle_root=bundle.removesuffix("/"), index_path=index, day=day)


def _is_of(template: str, day: str, flag: str) -> bool:
    """Whether a flag's path is the template's of that day, whatever run id the engine gave itself."""
    if names(template, DAY):
        return day in flag
    head, _, tail = filled(template, run_id="\0", day=day).partition("\0")
    return flag == head if not tail and RUN not in template else flag.startswith(head) and flag.endswith(tail)


def _digest(receipt: Mapping[str, Any]) -> str | None:
    """The digest that a gate's receipt states, if any: of another algorithm than sha256 in its notes."""
    stated = receipt.get("digest")
    if stated is not None:
        return str(stated["hex"])
    return str(receipt.get("notes", "")).partition(":")[2] or None
