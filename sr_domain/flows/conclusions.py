"""What a verdict on evidence puts on record: why a run waits or fails, or what it decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sr_domain.evidence.judges import judge_of
from sr_domain.evidence.provided_law import RunsIn
from sr_domain.evidence.verdict import Evidence, Failed, Waiting
from sr_domain.plan.sealed import SealedPlan
from sr_domain.record.details import Rest
from sr_domain.record.proofs import Conflict, Decision, Failure, Found, Judge
from sr_domain.run.held_run import HeldRun


def orphaned(orphans: Sequence[Failure], found: Found) -> Rest:
    """Why the run rests, and what passed nevertheless."""
    first, others = orphans[0], sorted({one.subject for one in orphans[1:]})
    more = f"; and {len(orphans) - 1} more, of {', '.join(others)}" if others else ""
    return Rest(first.code, f"{first.subject}: {first.detail}{more}", failures=tuple(orphans), found=found)


def waiting(verdict: Waiting, evidence: Evidence, found: Found) -> Rest:
    """Why the run waits, and what passed nevertheless."""
    return Rest(
        verdict.code,
        verdict.detail,
        missing=verdict.missing,
        found=found,
        lacks=tuple(sorted(evidence.lacks, key=lambda one: (one.subject, one.path))),
        changed=evidence.unstable.paths,
    )


def failed(verdict: Failed, evidence: Evidence, found: Found) -> Rest:
    """Why the run fails, and what passed nevertheless. Drift keeps both sides, as a conflict does."""
    drifted = (one for one in evidence.failures if one.changes is not None)
    return Rest(
        verdict.code,
        verdict.detail,
        failures=evidence.failures,
        conflicts=tuple(Conflict(one.subject, one.code, one.detail, changes=one.changes) for one in drifted),
        missing=tuple(sorted(set(evidence.missing))),
        found=found,
        lacks=tuple(sorted(evidence.lacks, key=lambda one: (one.subject, one.path))),
        changed=evidence.unstable.paths,
    )


def decision(run: HeldRun, plan: SealedPlan, evidence: Evidence, versions: str | None) -> Decision:
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
            yield judge_of(gate, provided, lambda _: run.held.check())
