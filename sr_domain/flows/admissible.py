"""What the worker needs for a request, looked at before its key is bound: configuration burns no key.

What is wrong with request and pack themselves is no matter of this: such a run is admitted, and ends by it
(spec: behaviour, "Admission", 2; "Plan").
"""

from __future__ import annotations

from sr_domain.evidence.arrival import something_there
from sr_domain.plan.absent_law import law_remedy
from sr_domain.plan.compile import PlanRefused, Problem, choose_strategy, compile_plan
from sr_domain.plan.request import RunRequest, Strategy
from sr_domain.plan.sealed import SealedPlan
from sr_domain.run.allowed_root import admissible_root, check_letters
from sr_domain.run.context import Context
from sr_domain.run.possible import engine_lacking, policy_lacking, strategy_lacking
from sr_ports import BadInput, ReasonCode

_WORKERS = {ReasonCode.UNKNOWN_HASHING_LAW, ReasonCode.REQUEST_INVALID}
"""Problems of a plan that end no run: a law that is not here, a window that is too long to be expanded."""


def check_admissible(context: Context, request: RunRequest) -> None:
    """Return where this worker could take the run on. Raises `BadInput`: nothing was written, no key was bound."""
    root = _checked_root(context, request)
    plan = compiled(context, request)
    if isinstance(plan, PlanRefused):
        _refuse_workers(context, request, plan)
    else:
        _check_strategy(context, request, plan, root)


def compiled(context: Context, request: RunRequest) -> SealedPlan | PlanRefused:
    """The plan of a request; of the very request that was asked about last, as it was made then."""
    for asked, plan in tuple(context.compiled):
        if asked is request:
            return plan
    made = compile_plan(request, context.policy, context.pack, context.ports.laws)
    context.compiled[:] = [(request, made)]
    return made


def _checked_root(context: Context, request: RunRequest) -> str | None:
    """The root that the run would use; the request's own is on record also where the profile's is used instead."""
    oracle = context.settings.oracle_engine_run_root
    if oracle is not None and request.engine_run_root is not None:
        check_letters(request.engine_run_root)
    root = oracle or request.engine_run_root
    return None if root is None else admissible_root(context, root)


def _refuse_workers(context: Context, request: RunRequest, refused: PlanRefused) -> None:
    """Raises `BadInput` for what only this worker, its policy or the length of the window is at fault for."""
    for code in sorted(_WORKERS):
        problems = tuple(one for one in refused.problems if one.code is code)
        if problems:
            raise BadInput(code, PlanRefused(problems).message, _remedy(context, problems[0]))
    unfit = policy_lacking(context.policy, request, refused)
    if unfit is not None:
        raise unfit


def _remedy(context: Context, problem: Problem) -> str | None:
    if problem.code is not ReasonCode.UNKNOWN_HASHING_LAW:
        return None
    return law_remedy(context.ports.laws, context.pack.gates[problem.subject].method.kind)


def _check_strategy(context: Context, request: RunRequest, plan: SealedPlan, root: str | None) -> None:
    ports, strategy = context.ports, choose_strategy(request, context.policy)
    lacking = strategy_lacking(ports, request, strategy, root)
    if lacking is None and strategy is Strategy.AUTO and root is not None and ports.invoker is not None:
        unready = engine_lacking(ports, request, root)
        if unready is not None and not something_there(ports.roots, plan, root, request.run_id):
            lacking = f"nothing is in the engine root yet, and {unready}"
    if lacking is not None:
        raise BadInput(ReasonCode.STRATEGY_UNAVAILABLE, f"{strategy.value}: {lacking}")
