"""Moving a held run on, from truth alone: new, waiting, or left behind by a crash.

Submit, resubmission and resume are all this one procedure. Read it top to bottom.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs

from sr_domain.artifacts.documents import Decision, run_plan
from sr_domain.encoding.times import format_instant, parse_instant
from sr_domain.evidence.arrival import something_there
from sr_domain.evidence.verdict import Complete, Conflicted, Evidence, Failed, Waiting, classify
from sr_domain.flows.collect_evidence import collect
from sr_domain.flows.commit import (
    adopt_facts,
    commit_failed,
    commit_quarantined,
    commit_ready,
    decide_ready,
    finish_terminal,
    read_facts,
)
from sr_domain.flows.engine_attempts import EngineFailed, abandon_open_attempts, finished_root, run_engine
from sr_domain.flows.supersede import announce_successor, claim_place
from sr_domain.plan.compile import PlanRefused, compile_plan
from sr_domain.plan.policy import Policy
from sr_domain.plan.request import Strategy
from sr_domain.plan.sealed import SealedPlan
from sr_domain.record.ledger import Draft
from sr_domain.record.states import RunState
from sr_domain.run.context import Context
from sr_domain.run.held_run import HeldRun, take_over
from sr_domain.run.root_faults import on_record
from sr_ports import Fault, ReasonCode


def advance(run: HeldRun, context: Context, *, fresh: bool) -> None:
    """Take the run as far as it can go now. `fresh`: its key was bound just now and no record was there.

    Afterwards the record says READY (published or not), FAILED, QUARANTINED or
    WAITING_EVIDENCE. Raises `LeaseLost`, `Unreachable`: the run stays where it was, resumable.
    """
    take_over(run)
    anchored = run.ledger.first("RUN_ACCEPTED")
    accepted = anchor(run, context.policy) if anchored is None else anchored.details
    if not fresh and run.ledger.first("EVIDENCE_COMPLETE") is None:
        standing = read_facts(run)
        if standing is not None:
            adopt_facts(run, standing)
    state = run.ledger.state
    if state in (RunState.FAILED, RunState.QUARANTINED):
        finish_terminal(run)
        return
    plan = committed_plan(run, context)
    if plan is None:
        return
    run.policy_rev = attrs.asdict(plan.policy_rev)
    if run.ledger.first("EVIDENCE_COMPLETE") is None and not prove_and_decide(run, plan, accepted):
        return
    commit_ready(run, plan)
    announce_successor(run)


def anchor(run: HeldRun, policy: Policy) -> Mapping[str, Any]:
    """The admission for the record: intent, deadline and engine root, fixed for life."""
    wanted, oracle = run.request.engine_run_root, run.settings.oracle_engine_run_root
    root = oracle or wanted
    deadline = run.now() + timedelta(seconds=policy.evidence_wait_seconds)
    accepted = {
        "run_equivalence_key": run.request.run_equivalence_key,
        "platform_run_id": run.layout.platform_run_id,
        "intent": run.request.intent(),
        "intent_fingerprint": run.request.fingerprint,
        "evidence_deadline_utc": format_instant(deadline),
        "engine_run_root": _resolved(run, root),
        "request": run.request.document(),
    }
    run.stage(Draft("RUN_ACCEPTED", accepted))
    if oracle is not None and wanted is not None and oracle != wanted:
        run.stage(Draft("ENGINE_ROOT_OVERRIDDEN", {"requested": wanted, "used": oracle}))
    return accepted


def _resolved(run: HeldRun, root: str | None) -> str | None:
    """The engine root as it is named from any folder: a path in full, a URI as it is."""
    return root if root is None or "://" in root else run.ports.roots.open(root).uri


def committed_plan(run: HeldRun, context: Context) -> SealedPlan | None:
    """The plan this run has for life, compiled now if it has none; None when it can have none."""
    committed = run.ledger.first("PLAN_COMMITTED")
    if committed is None:
        compiled = compile_plan(run.request, context.policy, context.pack, run.ports.laws)
        if isinstance(compiled, PlanRefused):
            problems = [attrs.asdict(problem) for problem in compiled.problems]
            commit_failed(run, Failed(compiled.code, compiled.message), {"problems": problems})
            return None
        rev = attrs.asdict(compiled.policy_rev)
        run.stage(
            Draft("PLAN_COMMITTED", {"plan": compiled.document()}),
            Draft("GOV_POLICY_REV", rev),
            Draft("GOV_PLAN_HASH", {"plan_hash": compiled.plan_hash}),
        )
        return compiled
    return SealedPlan.of(committed.details["plan"])


def write_plan(run: HeldRun, plan: SealedPlan) -> None:
    """The plan artifact, as the record says it; written once, after the record has it."""
    accepted, committed = run.ledger.first("RUN_ACCEPTED"), run.ledger.first("PLAN_COMMITTED")
    if accepted is None or committed is None:
        raise Fault(ReasonCode.RECORD_INVALID, f"run {run.run_id} has no plan on record")
    run.write_once("run_plan", run.layout.plan(run.run_id), run_plan(run.layout, plan, accepted, committed))


def prove_and_decide(run: HeldRun, plan: SealedPlan, accepted: Mapping[str, Any]) -> bool:
    """Bring evidence about and judge it; True once READY is decided, False when the run rests elsewhere."""
    with on_record(run):
        root = engine_root(run, plan, accepted)
    if isinstance(root, Failed):
        commit_failed(run, root)
        return False
    run.record(Draft("EVIDENCE_STARTED", {"engine_run_root": root}))
    # Neither waits for the other: two durable writes in the time of one.
    run.ports.pool.map(lambda write: write(), (lambda: write_plan(run, plan), run.write_status))
    with on_record(run):
        evidence = collect(run, plan, root)
    verdict = classify(evidence, parse_instant(accepted["evidence_deadline_utc"]), run.now())
    match verdict:
        case Complete():
            refused = claim_place(run)
            if refused is not None:
                run.renew()
                commit_failed(run, Failed(refused.code, refused.detail))
                return False
            decide_ready(run, plan, _decision(run, plan, evidence))
            return True
        case Waiting(missing):
            run.record(Draft("EVIDENCE_WAITING", {**_waiting(missing), **_found(run, plan, evidence)}))
            run.write_status()
        case Conflicted():
            run.renew()
            commit_quarantined(run, verdict, evidence.missing, _found(run, plan, evidence))
        case Failed():
            run.renew()
            commit_failed(run, verdict, {**_failures(evidence), **_found(run, plan, evidence)})
    return False


def _waiting(missing: tuple[str, ...]) -> dict[str, Any]:
    return {"reason_code": ReasonCode.EVIDENCE_WAITING.value, "missing": list(missing)}


def _found(run: HeldRun, plan: SealedPlan, evidence: Evidence) -> dict[str, Any]:
    """What did pass, for whoever asks why the run rests: gates, outputs and laws as a decision has them."""
    found = _decision(run, plan, evidence).document()
    return {"found": {name: found[name] for name in ("gates", "outputs", "laws")}}


def _failures(evidence: Evidence) -> Mapping[str, Any]:
    details: dict[str, Any] = {}
    if evidence.failures:
        details["failures"] = [one.document() for one in evidence.failures]
    drifted = [one.document() for one in evidence.failures if one.changes is not None]
    if drifted:  # drift keeps both sides, as a conflict does
        details["conflicts"] = drifted
    if evidence.missing:
        details["missing"] = sorted(set(evidence.missing))
    return details


def _decision(run: HeldRun, plan: SealedPlan, evidence: Evidence) -> Decision:
    laws = {}
    for gate in plan.gates:
        provided = run.ports.laws[gate.method.kind]
        laws[gate.gate_id] = {
            "kind": gate.method.kind,
            "distribution": provided.distribution,
            "version": provided.version,
        }
    return Decision(
        outputs=tuple(sorted(evidence.outputs, key=lambda one: one.output_id)),
        gates=tuple(sorted(evidence.gates, key=lambda one: one.gate_id)),
        laws=laws,
        notes=tuple(sorted(evidence.notes)),
        oracle_pack_ref=evidence.oracle_pack_ref,
        service_release_id=run.settings.service_release_id,
        environment=run.settings.environment,
        config_revision=run.settings.config_revision,
    )


def engine_root(run: HeldRun, plan: SealedPlan, accepted: Mapping[str, Any]) -> str | Failed:
    """Where the evidence is, by the plan's strategy; the engine is run where that says so."""
    done = finished_root(run)
    if done is not None:
        return done
    anchored, invoker = accepted["engine_run_root"], run.ports.invoker
    attempted = bool(run.ledger.all("ENGINE_ATTEMPT_LAUNCH_REQUESTED"))
    if plan.strategy is Strategy.FORCE_REUSE or run.ledger.first("EVIDENCE_STARTED") is not None:
        reuse = True
    elif plan.strategy is Strategy.FORCE_INVOKE or attempted:
        reuse = False
    else:
        reuse = anchored is not None and (invoker is None or something_there(run.ports.roots, plan, anchored))
    if reuse:
        if anchored is None:
            return Failed(
                ReasonCode.STRATEGY_UNAVAILABLE, f"{plan.strategy.value} needs an engine root and none is given"
            )
        return str(anchored)
    if invoker is None:
        abandon_open_attempts(run)
        what = "no invoker is wired" + ("" if anchored is not None else " and no engine root is given")
        return Failed(ReasonCode.STRATEGY_UNAVAILABLE, f"{plan.strategy.value}: {what}")
    run.record()
    write_plan(run, plan)
    result = run_engine(run, plan, anchored, invoker)
    return Failed(result.reason, result.detail) if isinstance(result, EngineFailed) else result.engine_run_root
