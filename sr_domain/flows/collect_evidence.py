"""Collecting evidence: every output digested, every gate verified by its own law.

Reads the engine root through one port and writes nothing (spec: mission, laws 1 and 8). Judging what was
found is `evidence.classify`; what is stored of it once the run is complete, `keep_proofs`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

import attrs

from sr_domain.artifacts.documents import instance_scope
from sr_domain.artifacts.revision_2 import engine_pins, gate_receipt, instance_receipt, locator
from sr_domain.artifacts.revisions import rules_at, today
from sr_domain.evidence.admitted import Admitted, Objected
from sr_domain.evidence.digests import ContentDigest, digest_outputs
from sr_domain.evidence.gates import GateMissing, GatePassed, verify_gate
from sr_domain.evidence.oracle import MANIFEST, oracle_pack
from sr_domain.evidence.outputs import Absent, OutputFiles, find_output
from sr_domain.evidence.progress import ReadProgress
from sr_domain.evidence.run_receipt import RECEIPT, mismatch, read_receipt
from sr_domain.evidence.verdict import Evidence, Proven, absent
from sr_domain.plan.absent_law import absence
from sr_domain.plan.compile import pins_of
from sr_domain.plan.policy import MemberDigests
from sr_domain.plan.sealed import OutputPart, SealedGate, SealedOutput, SealedPlan
from sr_domain.record.proofs import Conflict, Failure, GateProof, OutputProof
from sr_domain.run.held_run import HeldRun
from sr_ports import BadInput, EngineRoot, EvidenceFault, ReasonCode


def collect(run: HeldRun, plan: SealedPlan, uri: str, *, reused: bool) -> Evidence:
    """Everything the root has to say about this plan. Raises `Unreachable`, `LeaseLost`.

    `reused`: the root is of an engine run that SR did not start, which has a run id of its own.
    """
    pins = pins_of(run.request)
    with run.ports.roots.open(uri) as root:
        oracle = _oracle(run, root, pins)
        engine_run_id, receipt = _receipt(run, root, pins) if reused else (None, Evidence())
        look = _Look(
            run=run,
            plan=plan,
            root=root,
            pins=pins,
            engine_run_id=engine_run_id if plan.needs_receipt else None,
            unreceipted=reused and engine_run_id is None,
            progress=ReadProgress(run.telemetry.progress, run.now, run.held.check),
        )
        whole = attrs.evolve(oracle, engine_run_id=look.engine_run_id)
        return _together([whole, receipt, *look.gates(), *look.outputs()])


_LISTS = ("proven", "gates", "missing", "awaited", "conflicts", "failures", "notes")


def _together(parts: Sequence[Evidence]) -> Evidence:
    """All parts as one, in one pass: there may be very many. What is of the whole root is in the first."""
    joined = {name: tuple(chain.from_iterable(getattr(part, name) for part in parts)) for name in _LISTS}
    return Evidence(**joined, oracle_pack_ref=parts[0].oracle_pack_ref, engine_run_id=parts[0].engine_run_id)


def _oracle(run: HeldRun, root: EngineRoot, pins: Mapping[str, Any]) -> Evidence:
    """What the pack manifest says; one that is no plain file is a conflict."""
    try:
        ref, failures = oracle_pack(root, pins, run.settings.oracle_root)
    except EvidenceFault as fault:
        if admitted(run).waits(lambda rules: root.stat(MANIFEST, rules)):
            return Evidence(missing=(MANIFEST,))
        return Evidence(conflicts=(Conflict.from_fault(MANIFEST, fault),))
    return Evidence(oracle_pack_ref=ref, failures=failures)


def _receipt(run: HeldRun, root: EngineRoot, pins: Mapping[str, Any]) -> tuple[str | None, Evidence]:
    """The run id that the receipt of a reused root names, and what is wrong with it: it must be of the run's world.

    To a run that revision 1 admitted, which never looked at it, a wrong receipt is missing.
    """
    try:
        receipt = read_receipt(root, run.misfit)
    except EvidenceFault as fault:
        wrong = Conflict.from_fault(RECEIPT, fault)
    else:
        if receipt is None:
            return None, Evidence()
        other = mismatch(receipt, pins, run_id=False)
        if other is None:
            return str(receipt["run_id"]), Evidence()
        wrong = Conflict(RECEIPT, ReasonCode.ENGINE_RECEIPT_MISMATCH, other, path=RECEIPT)
    late_rule = _admitted_by(run) < today().revision
    return None, Evidence(missing=(RECEIPT,)) if late_rule else Evidence(conflicts=(wrong,))


def _admitted_by(run: HeldRun) -> int:
    """The revision that the run was admitted by."""
    accepted = run.history.accepted
    return today().revision if accepted is None else rules_at(accepted.event).revision


def admitted(run: HeldRun) -> Admitted:
    """How the root is listed for this run: today, and as it was when the run was admitted."""
    accepted = run.history.accepted
    then = today() if accepted is None else rules_at(accepted.event)
    return Admitted(today().listing, then.listing)


@attrs.frozen
class _Look:
    """One look at an engine root. `engine_run_id`: as of `Decision`. `unreceipted`: reused, and without a receipt."""

    run: HeldRun
    plan: SealedPlan
    root: EngineRoot
    pins: Mapping[str, Any]
    engine_run_id: str | None
    unreceipted: bool
    progress: ReadProgress

    @property
    def run_id(self) -> str:
        """What ``{run_id}`` is in paths."""
        return self.engine_run_id or self.run.run_id

    def gates(self) -> list[Evidence]:
        """The verdict on every gate, day by day."""
        looks = [(gate, look) for gate in self.plan.gates for look in gate.looks(self.run_id)]
        return self.run.ports.pool.map(lambda one: self._gate(*one), looks)

    def _gate(self, gate: SealedGate, look: SealedGate) -> Evidence:
        provided = self.run.ports.laws.get(gate.method.kind)
        if provided is None:  # the plan had it: somebody uninstalled it since
            lacking = absence(self.run.ports.laws, gate.method.kind)
            raise BadInput(ReasonCode.UNKNOWN_HASHING_LAW, f"{gate.gate_id} needs the law {lacking}")
        enforce, guard = self.plan.member_digests is MemberDigests.ENFORCE, self.progress
        verdict = admitted(self.run).gate(
            lambda rules: verify_gate(self.root, look, provided, enforce_members=enforce, guard=guard, rules=rules)
        )
        match verdict:
            case GatePassed(digest):
                return self._passed(look, digest)
            case GateMissing():
                awaited = (RECEIPT,) if gate.waits_for_receipt and self.unreceipted else ()
                return Evidence(missing=(look.subject, *awaited))
            case Conflict():
                return Evidence(conflicts=(attrs.evolve(verdict, subject=look.subject),))

    def _passed(self, look: SealedGate, digest: str) -> Evidence:
        pins = engine_pins(look, self.pins, self.engine_run_id)
        misfit = self.run.misfit("gate_receipt", gate_receipt(look, pins, self.root.uri, digest))
        if misfit is not None:
            return Evidence(failures=(Failure(look.subject, ReasonCode.RECEIPT_SCHEMA_INVALID, misfit.what),))
        return Evidence(gates=(GateProof(look.gate_id, digest, look.day),))

    def outputs(self) -> list[Evidence]:
        """Every output found and digested."""
        found: list[tuple[OutputPart, OutputFiles]] = []
        parts: list[Evidence] = []
        for output in self.plan.outputs:
            self.run.held.check()
            try:
                files = self._files(output)
            except EvidenceFault as fault:
                parts.append(_conflict(output, fault))
                continue
            if isinstance(files, Absent):
                parts.append(self._absent(output, files))
            else:
                found += files
        digests = digest_outputs(self.root, [files for _, files in found], self.run.ports.pool, self.progress)
        read = [(part, files, digest) for (part, files), digest in zip(found, digests, strict=True)]
        return parts + self.run.ports.pool.map(lambda one: self._proven(*one), read)

    def _files(self, output: SealedOutput) -> list[tuple[OutputPart, OutputFiles]] | Absent:
        """The files of every day; the first day that has none."""
        found = []
        for part in output.parts(self.run_id):
            files = admitted(self.run).output(partial(find_output, self.root, part.path))
            if isinstance(files, Absent):
                return files
            found.append((part, files))
        return found

    def _absent(self, output: SealedOutput, why: Absent) -> Evidence:
        unnamed = output.waits_for_receipt and self.unreceipted
        if not output.optional or isinstance(why, Objected):
            return Evidence(missing=(output.output_id, *((RECEIPT,) if unnamed else ())))
        return Evidence(awaited=(output.output_id,)) if unnamed else Evidence(notes=(absent(output.output_id),))

    def _proven(self, part: OutputPart, files: OutputFiles, digest: ContentDigest | EvidenceFault) -> Evidence:
        if isinstance(digest, EvidenceFault):
            return _conflict(part.output, digest)
        return self._prove(part, files, digest)

    def _prove(self, part: OutputPart, files: OutputFiles, content: ContentDigest) -> Evidence:
        """A digested output becomes a proof: its locator checked, and its instance receipt where it has one."""
        output, layout = part.output, self.run.layout
        pins = engine_pins(output, self.pins, self.engine_run_id)
        proof = OutputProof(
            output_id=output.output_id,
            digest=content.sha256,
            files=len(content.files),
            size=sum(one.size for one in content.files),
            manifest_ref=None if content.manifest is None else layout.part_list(content.sha256),
            path=files.path,
            day=part.day,
        )
        misfit = self.run.misfit("output_locator", locator(output, pins, self.root.uri, proof))
        if misfit is not None:
            return _failure(output, ReasonCode.LOCATOR_SCHEMA_INVALID, misfit.what)
        notes = () if output.gates else (f"UNGATED_OUTPUT:{output.output_id}",)
        if not output.instance_pins:
            return Evidence(proven=(Proven(proof, content, files.base),), notes=notes)
        if output.scope_missing:
            named = ", ".join(output.scope_missing)
            return _failure(
                output, ReasonCode.INSTANCE_SCOPE_MISSING, f"its scope names {named}, its partitions do not"
            )
        scope, whole = instance_scope(output, pins), None
        if part.day is not None:
            whole = (layout.instance_receipt(output.output_id, scope), part.path)
        proof = attrs.evolve(proof, receipt_ref=layout.instance_receipt(output.output_id, scope, part.day))
        receipt = instance_receipt(output, pins, self.root.uri, proof)
        misfit = self.run.misfit("instance_receipt", receipt)
        if misfit is not None:
            return _failure(output, ReasonCode.INSTANCE_RECEIPT_SCHEMA_INVALID, misfit.what)
        return Evidence(proven=(Proven(proof, content, files.base, receipt, whole),), notes=notes)


def _conflict(output: SealedOutput, fault: EvidenceFault) -> Evidence:
    return Evidence(conflicts=(Conflict.from_fault(output.output_id, fault),))


def _failure(output: SealedOutput, code: ReasonCode, detail: str) -> Evidence:
    return Evidence(failures=(Failure(output.output_id, code, detail),))
