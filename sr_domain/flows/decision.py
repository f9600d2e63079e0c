"""The decision that is put on record with complete evidence: what was found, and who judged it."""

from __future__ import annotations

from collections.abc import Iterator

from sr_domain.evidence.provided_law import RunsIn
from sr_domain.evidence.verdict import Evidence
from sr_domain.plan.sealed import SealedPlan
from sr_domain.record.proofs import Decision, Judge
from sr_domain.run.held_run import HeldRun


def decision_of(run: HeldRun, plan: SealedPlan, evidence: Evidence, versions: str | None) -> Decision:
    """What the record keeps of the evidence that a run was found READY by. `versions`: of object versions, a digest."""
    return Decision(
        outputs=tuple(sorted(evidence.outputs, key=lambda one: (one.output_id, one.day or ""))),
        gates=tuple(sorted(evidence.gates, key=lambda one: (one.gate_id, one.day or ""))),
        judges=tuple(_judges(run, plan)),
        notes=tuple(sorted({*evidence.notes, *_in_callers_process(run, plan)})),
        oracle_pack_ref=evidence.oracle_pack_ref,
        service_release_id=run.settings.service_release_id,
        environment=run.settings.environment,
        engine_run_id=evidence.engine_run_id,
        object_versions_digest=versions,
    )


def _in_callers_process(run: HeldRun, plan: SealedPlan) -> Iterator[str]:
    """A note for each gate whose law is another's and ran in this very process."""
    for gate in plan.gates:
        provided = run.ports.laws.get(gate.method.kind)
        if provided is not None and provided.runs_in is RunsIn.CALLER:
            yield f"LAW_IN_CALLERS_PROCESS:{gate.gate_id}"


def _judges(run: HeldRun, plan: SealedPlan) -> Iterator[Judge]:
    """Whose law each gate's is; of all gates once all were judged."""
    for gate in sorted(plan.gates, key=lambda one: one.gate_id):
        provided = run.ports.laws.get(gate.method.kind)
        if provided is not None:
            yield Judge(gate.gate_id, gate.method.kind, provided.distribution, provided.version)
