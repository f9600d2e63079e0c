"""Moving a held run on, from truth alone: new, waiting, or left behind by a crash.

Submit, resubmission and resume are all this one procedure. Read it top to bottom.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

import attrs

from sr_domain.encoding.pack_contracts import PackContracts
from sr_domain.encoding.times import format_instant
from sr_domain.evidence.arrival import something_there
from sr_domain.evidence.verdict import Complete, Conflicted, Evidence, Failed, Unjudged, Waiting, classify
from sr_domain.flows.admissible import compiled
from sr_domain.flows.commit import (
    commit_failed,
    commit_quarantined,
    commit_ready,
    decide_ready,
    finish_lost,
    finish_terminal,
    write_missing,
)
from sr_domain.flows.conclusions import decision, failed, orphaned, waiting
from sr_domain.flows.corrected_root import correct_root
from sr_domain.flows.keep_proofs import Kept, keep_proofs, own_receipts_stand
from sr_domain.flows.supersede import SupersedeRefused, announce_successor, claim_place, place_taken
from sr_domain.plan.compile import PlanRefused
from sr_domain.plan.policy import Policy
from sr_domain.plan.request import Strategy
from sr_domain.plan.sealed import SealedPlan
from sr_domain.record import events, revisions
from sr_domain.record.details import (
    Accepted,
    EvidenceStarted,
    PlanHash,
    Planned,
    PolicyRevision,
    Rest,
    RootOverridden,
)
from sr_domain.record.kinds import Draft, EventKind
from sr_domain.record.proofs import Decision, Failure, Found
from sr_domain.record.resting import WorkerAtFault
from sr_domain.record.states import RunState
from sr_domain.run.collect_evidence import collect
from sr_domain.run.context import Context
from sr_domain.run.derived import plan_bytes
from sr_domain.run.held_run import HeldRun, take_over
from sr_domain.run.planned_laws import origins
from sr_domain.run.possible import engine_lacking
from sr_domain.run.root_faults import on_record
from sr_ports import REASONS, Fault, ReasonCode, Unreachable, one_line

if TYPE_CHECKING:
    from sr_domain.flows.accepted_loss import AcceptedLoss
    from sr_ports import EngineInvoker


def _roll_back(run: HeldRun) -> None:
    """Put back what a holder that died had begun to replace."""
    if run.history.has(events.GOV_LOSS_ACCEPTED):
        from sr_domain.flows.replace_receipts import roll_back

        roll_back(run)


def advance(run: HeldRun, context: Context, *, fresh: bool, loss: AcceptedLoss | None = None) -> None:
    """Take the run as far as it can go now. `fresh`: its key was bound just now and no record was there.

    `loss`: what may be set aside on the way. Afterwards the record says READY (published or not), FAILED,
    QUARANTINED or WAITING_EVIDENCE. Raises `LeaseLost`, `Unreachable`: the run stays where it was, resumable.
    """
    # A look that finds what is on record already adds nothing to it, not even that somebody looked.
    take_over(run, late=_waits(run) and loss is None)
    if run.history.lost is not None:
        finish_lost(run)
        return
    _roll_back(run)
    anchored = run.history.accepted
    if anchored is None and not fresh:
        _refuse_under_ready(run)
    accepted = anchor(run, context.policy) if anchored is None else anchored.details
    correct_root(run, accepted)
    state = run.ledger.state
    if state is not None and state.terminal:
        finish_terminal(run)
        return
    plan = committed_plan(run, context, accepted)
    if plan is None:
        return
    run.policy_rev, run.contracts = attrs.asdict(plan.policy_rev), PackContracts(plan.contracts)
    if run.settings.anchor_first and run.staged:  # whoever asked is told that the run is on the record before it ends
        run.record()
    if not run.history.decided and not prove_and_decide(run, plan, accepted, loss):
        return
    commit_ready(run)
    announce_successor(run)
    if state is RunState.READY:  # whoever comes back to it writes again what is gone and follows from the record
        write_missing(run)


def _waits(run: HeldRun) -> bool:
    """Whether the record says that the run waits for evidence."""
    rest = run.history.rest
    return run.ledger.state is RunState.WAITING_EVIDENCE and rest is not None and rest.reason_code in _AWAITED


_AWAITED = frozenset({ReasonCode.EVIDENCE_WAITING, ReasonCode.EVIDENCE_UNSTABLE})


def _refuse_under_ready(run: HeldRun) -> None:
    """A key that was bound before has no record: nobody writes another history under what consumers may read.

    Raises `Fault(TRUTH_MISSING)` where a facts view or READY signal of the run stands.
    """
    for key in (run.layout.facts(run.run_id), run.layout.ready(run.run_id)):
        if run.ports.store.stat(key) is not None:
            raise Fault(ReasonCode.TRUTH_MISSING, f"the record of run {run.run_id} is gone, and {key} stands")


def anchor(run: HeldRun, policy: Policy) -> Accepted:
    """The admission for the record: intent, deadline and engine root, fixed for life."""
    wanted, oracle = run.request.engine_run_root, run.settings.oracle_engine_run_root
    root = oracle or wanted
    deadline = run.ports.authority.now() + timedelta(seconds=policy.evidence_wait_seconds)
    accepted = Accepted(
        run_equivalence_key=run.request.run_equivalence_key,
        platform_run_id=run.layout.platform_run_id,
        intent=run.request.intent(),
        intent_fingerprint=run.request.fingerprint,
        evidence_deadline_utc=format_instant(deadline),
        engine_run_root=_resolved(run, root),
        request=run.request.document(),
        revision=revisions.REVISION,
    )
    run.stage(events.RUN_ACCEPTED(accepted))
    if oracle is not None and wanted is not None and oracle != wanted:
        run.stage(events.ENGINE_ROOT_OVERRIDDEN(RootOverridden(requested=wanted, used=oracle)))
    return accepted


def _resolved(run: HeldRun, root: str | None) -> str | None:
    """The engine root as it is named from any folder: a path in full, a URI as it is."""
    if root is None or "://" in root:
        return root
    with run.ports.roots.open(root) as opened:
        return opened.uri


def committed_plan(run: HeldRun, context: Context, accepted: Accepted) -> SealedPlan | None:
    """The plan this run has for life, compiled now if it has none; None when it can have none."""
    committed = run.history.plan
    if committed is None:
        made = compiled(context, run.request)
        if isinstance(made, PlanRefused):
            if made.lacks_only_laws:
                _rest(run, [Failure(one.subject, one.code, one.detail) for one in made.problems])
                return None
            rev = context.policy.rev
            run.stage(events.GOV_POLICY_REV(PolicyRevision(rev.policy_id, rev.revision, rev.content_digest)))
            problems = tuple(attrs.asdict(problem) for problem in made.problems)
            commit_failed(run, Rest(made.code, made.message, problems))
            return None
        rev = made.policy_rev
        run.stage(
            _plan_committed(run, made, accepted),
            events.GOV_POLICY_REV(PolicyRevision(rev.policy_id, rev.revision, rev.content_digest)),
            events.GOV_PLAN_HASH(PlanHash(made.plan_hash)),
        )
        return made
    return SealedPlan.of(committed.details.plan)


def _plan_committed(run: HeldRun, plan: SealedPlan, accepted: Accepted) -> Draft:
    key = run.layout.plan(run.run_id)
    return events.PLAN_COMMITTED(
        Planned(plan.document(), revisions.REVISION, laws=origins(run.ports.laws, _kinds(plan))),
        lambda event: {
            "run_plan_digest": run.follows(key, plan_bytes(run.layout, accepted.evidence_deadline_utc, event))
        },
    )


def _kinds(plan: SealedPlan) -> set[str]:
    return {gate.method.kind for gate in plan.gates}


def write_plan(run: HeldRun) -> None:
    """The plan artifact, as the record says it; written once, after the record has it."""
    committed = run.history.plan
    if committed is None:
        raise Fault(ReasonCode.RECORD_INVALID, f"run {run.run_id} has no plan on record")
    run.write_derived(run.layout.plan(run.run_id), committed.details.run_plan_digest, run.derives.plan)


def prove_and_decide(run: HeldRun, plan: SealedPlan, accepted: Accepted, loss: AcceptedLoss | None = None) -> bool:
    """Bring evidence about and judge it; True once READY is decided, False when the run rests elsewhere."""
    with on_record(run):
        root = engine_root(run, plan, accepted)
    if isinstance(root, Failed):
        commit_failed(run, Rest(root.code, root.detail))
        return False
    if run.history.started is None:
        run.record(events.EVIDENCE_STARTED(EvidenceStarted(root)))
    # Neither waits for the other: two durable writes in the time of one.
    run.ports.pool.map(lambda write: write(), (lambda: write_plan(run), run.write_status))
    with on_record(run):
        evidence = collect(run, plan, root, reused=run.history.engine_made is None)
    return _conclude(run, plan, evidence, loss)


def _late(run: HeldRun, evidence: Evidence) -> bool:
    """Whether the deadline has come. The authority is asked only where something hangs on it."""
    return evidence.hangs_on_time and run.late()


def _conclude(run: HeldRun, plan: SealedPlan, evidence: Evidence, loss: AcceptedLoss | None) -> bool:
    """Put the verdict on evidence on record; True once READY is decided."""
    late, kept = _late(run, evidence), Kept()
    evidence = evidence.at(late=late)
    verdict = classify(evidence, late=late)
    if isinstance(verdict, Waiting) and _known(run, verdict, evidence, decision(run, plan, evidence, None).found):
        run.telemetry.progress(verdict.detail or "what is missing is still missing")
        return False
    run.record()  # the fence, where it was not raised before: what follows writes
    if isinstance(verdict, Complete):
        taken = place_taken(run)
        if taken is not None:
            return _not_to_supersede(run, taken)
        kept = keep_proofs(run, evidence, loss)
        evidence = attrs.evolve(evidence, failures=kept.failures)
        verdict = classify(evidence, late=late)
    decided = decision(run, plan, evidence, kept.versions_digest)
    if isinstance(verdict, Complete):
        return _complete(run, decided, kept)
    _short_of_ready(run, verdict, evidence, decided.found)
    return False


def _complete(run: HeldRun, decided: Decision, kept: Kept) -> bool:
    """Decide READY, unless an orphan receipt or another successor has the place; True once it is decided."""
    if kept.orphans:
        _wait(run, events.RECEIPT_ORPHANED, orphaned(kept.orphans, decided.found))
        return False
    refused = claim_place(run)
    if refused is not None:
        return _not_to_supersede(run, refused)
    decide_ready(run, decided, lambda: own_receipts_stand(run, kept.receipts))
    return True


def _short_of_ready(
    run: HeldRun, verdict: Waiting | Unjudged | Conflicted | Failed, evidence: Evidence, found: Found
) -> None:
    """Put a verdict on record that is not READY: the run waits, rests, or ends."""
    match verdict:
        case Waiting():
            _wait(run, events.EVIDENCE_WAITING, waiting(verdict, evidence, found))
        case Unjudged(faults):
            _rest(run, faults)
        case Conflicted(conflicts):
            run.renew()
            missing = tuple(sorted(evidence.missing))
            why = Rest(ReasonCode.EVIDENCE_CONFLICT, conflicts=conflicts, missing=missing, found=found)
            commit_quarantined(run, why)
        case Failed():
            run.renew()
            commit_failed(run, failed(verdict, evidence, found))
        case _:
            assert_never(verdict)


def _not_to_supersede(run: HeldRun, refused: SupersedeRefused) -> bool:
    """End a run whose place another has; never READY."""
    run.renew()
    commit_failed(run, Rest(refused.code, refused.detail))
    return False


def _known(run: HeldRun, verdict: Waiting, evidence: Evidence, found: Found) -> bool:
    """Whether the run waits for this already, and its record says nothing newer.

    Whatever changes just now, it is unstable; else it is the very same that is missing.
    """
    standing = run.history.rest
    if not _waits(run) or standing is None or standing.reason_code != verdict.code or run.history.root_fault:
        return False
    unstable = verdict.code is ReasonCode.EVIDENCE_UNSTABLE
    return unstable or standing.document() == waiting(verdict, evidence, found).document()


def _wait(run: HeldRun, kind: EventKind[Rest], why: Rest) -> None:
    """The run rests until somebody looks again. Where it rests so already, nothing is added to its record."""
    standing = run.history.rest
    if standing is None or run.history.root_fault is not None or standing.document() != why.document():
        run.record(kind(why))
    run.write_status()


def _rest(run: HeldRun, faults: Sequence[Failure]) -> None:
    """The run rests where it was, by faults of this worker's. The same ones met again add nothing to its record."""
    code, subjects = faults[0].code, tuple(dict.fromkeys(one.subject for one in faults))
    told = dict.fromkeys(f"{one.subject}: {one.detail}" for one in faults if one.code is code)
    why = WorkerAtFault(code.value, one_line("; ".join(told)), REASONS[code].remedy, subjects)
    run.record(*(() if run.history.root_fault == why else (events.WORKER_AT_FAULT(why),)))
    run.write_status()


def engine_root(run: HeldRun, plan: SealedPlan, accepted: Accepted) -> str | Failed:
    """Where the evidence is, by the plan's strategy; the engine is run where that says so."""
    done = run.history.engine_made
    if done is not None:
        return done
    anchored, invoker, roots = run.history.named_root or accepted.engine_run_root, run.ports.invoker, run.ports.roots
    attempted = bool(run.history.attempts)
    if plan.strategy is Strategy.FORCE_REUSE or run.history.started is not None:
        reuse = True
    elif plan.strategy is Strategy.FORCE_INVOKE or attempted:
        reuse = False
    else:
        reuse = anchored is not None and (invoker is None or something_there(roots, plan, anchored, run.run_id))
    if reuse:
        if anchored is None:
            return Failed(
                ReasonCode.STRATEGY_UNAVAILABLE, f"{plan.strategy.value} needs an engine root and none is given"
            )
        return anchored
    lacking = engine_lacking(run.ports, run.request, anchored)
    if invoker is None or lacking is not None:
        from sr_domain.flows.abandoned_attempts import abandon_open_attempts

        abandon_open_attempts(run)
        raise Unreachable(ReasonCode.ENGINE_UNAVAILABLE, f"{plan.strategy.value}: {lacking}")
    return _made(run, plan, anchored, invoker)


def _made(run: HeldRun, plan: SealedPlan, anchored: str | None, invoker: EngineInvoker) -> str | Failed:
    """The root that the engine made, now."""
    from sr_domain.flows.engine_attempts import EngineFailed, run_engine

    run.record()
    write_plan(run)
    result = run_engine(run, plan, anchored, invoker)
    return Failed(result.reason, result.detail) if isinstance(result, EngineFailed) else result.engine_run_root
