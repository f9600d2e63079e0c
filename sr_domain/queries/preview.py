"""What a request would do, and how two differ; compiled, explained, and nothing written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from sr_domain.plan.compile import PlanRefused, Problem, choose_strategy, compile_plan
from sr_domain.plan.request import RunRequest, Strategy, differences, misspelt, parse_request
from sr_domain.plan.sealed import SealedPlan
from sr_domain.run.context import Context
from sr_domain.run.possible import policy_lacking, strategy_lacking
from sr_ports import ReasonCode


@attrs.frozen
class PlanReport:
    """What `sr plan` shows. `plan`: None when the request cannot be planned; then `problems`."""

    request: RunRequest
    plan: SealedPlan | None
    problems: tuple[Problem, ...]
    strategy: Strategy

    def document(self) -> dict[str, Any]:
        """JSON form, for machines."""
        node: dict[str, Any] = {
            "run_id": self.request.run_id,
            "intent_fingerprint": self.request.fingerprint,
            "strategy": self.strategy.value,
            "problems": [attrs.asdict(one) for one in self.problems],
        }
        if self.plan is not None:
            node |= {
                "plan_hash": self.plan.plan_hash,
                "policy_rev": attrs.asdict(self.plan.policy_rev),
                "intended_outputs": self.plan.intended_outputs,
                "required_gates": self.plan.required_gates,
                "attempt_limit": self.plan.attempt_limit,
                "outputs": [attrs.asdict(one) for one in self.plan.outputs],
                "gates": [attrs.asdict(one) for one in self.plan.gates],
            }
        return node


def plan(context: Context, document: Any) -> PlanReport:
    """Compile a request and explain the plan; writes nothing. Raises `BadInput` where submitting would."""
    request = parse_request(document, context.ports.known_timezone)
    wrong = misspelt(request)
    if wrong is not None:
        raise wrong
    compiled = compile_plan(request, context.policy, context.pack, context.ports.laws)
    strategy = choose_strategy(request, context.policy)
    if isinstance(compiled, PlanRefused):
        unfit = policy_lacking(context.policy, request, compiled)
        if unfit is not None:
            raise unfit
        return PlanReport(request, None, compiled.problems, strategy)
    return PlanReport(request, compiled, _strategy_problems(context, request, strategy), strategy)


def _strategy_problems(context: Context, request: RunRequest, strategy: Strategy) -> tuple[Problem, ...]:
    root = context.settings.oracle_engine_run_root or request.engine_run_root
    lacking = strategy_lacking(context.ports, request, strategy, root)
    return () if lacking is None else (Problem(ReasonCode.STRATEGY_UNAVAILABLE, strategy.value, lacking),)


def plan_diff(context: Context, one: Any, other: Any) -> dict[str, Any]:
    """How two requests differ in intent, closure and plan hash."""
    left, right = plan(context, one), plan(context, other)
    return {
        "same_intent": left.request.intent() == right.request.intent(),
        "same_key": left.request.run_equivalence_key == right.request.run_equivalence_key,
        "intent": differences(left.request.intent(), right.request.intent()),
        "intent_fingerprint": _pair(left.request.fingerprint, right.request.fingerprint),
        "plan_hash": _pair(_hash(left), _hash(right)),
        "strategy": _pair(left.strategy.value, right.strategy.value),
        "intended_outputs": _sets(left, right, "intended_outputs"),
        "required_gates": _sets(left, right, "required_gates"),
    }


def _hash(report: PlanReport) -> str | None:
    return None if report.plan is None else report.plan.plan_hash


def _pair(old: Any, new: Any) -> dict[str, Any]:
    return {"old": old, "new": new, "same": old == new}


def _sets(left: PlanReport, right: PlanReport, name: str) -> dict[str, Sequence[str]]:
    old = set(() if left.plan is None else getattr(left.plan, name))
    new = set(() if right.plan is None else getattr(right.plan, name))
    return {"only_old": sorted(old - new), "only_new": sorted(new - old), "both": sorted(old & new)}
