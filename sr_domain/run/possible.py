"""Whether a request is possible on this worker, as it is wired: its strategy, and the outputs that its policy names."""

from __future__ import annotations

from sr_domain.plan.compile import PlanRefused
from sr_domain.plan.policy import Policy
from sr_domain.plan.request import RunRequest, Strategy
from sr_domain.run.invocation import invocation_of
from sr_domain.run.ports import Ports
from sr_ports import BadInput, Readiness, ReadinessFor, ReasonCode


def engine_lacking(ports: Ports, request: RunRequest, root: str | None) -> str | None:
    """Why no engine can be started here for this request, for people; None where nothing is known against it."""
    invoker = ports.invoker
    if invoker is None:
        return "no invoker is wired"
    why = invoker.unready() if isinstance(invoker, Readiness) else None
    if why is not None or not isinstance(invoker, ReadinessFor):
        return why
    return invoker.unready_for(invocation_of(request, root))


def strategy_lacking(ports: Ports, request: RunRequest, strategy: Strategy, root: str | None) -> str | None:
    """Why the strategy is impossible here; None where it may come to something. `root`: what the run would use."""
    if strategy is Strategy.FORCE_REUSE:
        return "no engine root is given" if root is None else None
    lacking = engine_lacking(ports, request, root)
    if strategy is Strategy.FORCE_INVOKE:
        return lacking
    return None if root is not None or lacking is None else f"{lacking}, and no engine root is given"


def policy_lacking(policy: Policy, request: RunRequest, refused: PlanRefused) -> BadInput | None:
    """That the policy asks for outputs which the pack lacks, where the request names none itself."""
    unknown = [one.subject for one in refused.problems if one.code is ReasonCode.UNKNOWN_OUTPUT_ID]
    if request.output_ids is not None or not unknown:
        return None
    more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
    what = (
        f"policy {policy.rev.policy_id} asks for outputs (traffic_output_ids) that the profile's interface pack lacks:"
        f" {', '.join(unknown[:_NAMED])}{more}"
    )
    remedy = "name outputs in the request (output_ids, --output), or give a policy of your own, or the pack it is for"
    return BadInput(ReasonCode.POLICY_INVALID, what, remedy)


_NAMED = 5
