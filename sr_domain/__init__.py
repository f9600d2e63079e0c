"""The pure core of Scenario Runner: what is true, and what comes next.

No file, socket, thread, environment or clock is reachable from here but through a port.
An embedder needs these names, and ports of its own (spec: surface, "Python").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sr_ports.lazy import lazy_names

if TYPE_CHECKING:
    from sr_domain.evidence.provided_law import ProvidedLaw
    from sr_domain.flows.reemit import Reemit
    from sr_domain.plan.pack import GateSpec, InterfacePack, OutputSpec
    from sr_domain.plan.policy import MemberDigests, Policy, PolicyRev, ReusePolicy, UngatedOutputs
    from sr_domain.plan.request import RunRequest
    from sr_domain.queries.audit import Audit
    from sr_domain.queries.explain import Explanation
    from sr_domain.queries.preview import PlanReport
    from sr_domain.queries.timeline import Timeline
    from sr_domain.queries.verify import Verification
    from sr_domain.record.ledger import Event
    from sr_domain.record.states import RunState
    from sr_domain.run.outcome import NextStep, Outcome
    from sr_domain.run.ports import Ports, Settings
    from sr_domain.runner import ScenarioRunner

_HOME = {
    "Audit": "queries.audit",
    "Event": "record.ledger",
    "Explanation": "queries.explain",
    "GateSpec": "plan.pack",
    "InterfacePack": "plan.pack",
    "MemberDigests": "plan.policy",
    "NextStep": "run.outcome",
    "Outcome": "run.outcome",
    "OutputSpec": "plan.pack",
    "PlanReport": "queries.preview",
    "Policy": "plan.policy",
    "PolicyRev": "plan.policy",
    "Ports": "run.ports",
    "ProvidedLaw": "evidence.provided_law",
    "Reemit": "flows.reemit",
    "ReusePolicy": "plan.policy",
    "RunRequest": "plan.request",
    "RunState": "record.states",
    "ScenarioRunner": "runner",
    "Settings": "run.ports",
    "Timeline": "queries.timeline",
    "UngatedOutputs": "plan.policy",
    "Verification": "queries.verify",
}

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, _HOME)

__all__ = [
    "Audit", "Event", "Explanation", "GateSpec", "InterfacePack", "MemberDigests", "NextStep", "Outcome",
    "OutputSpec", "PlanReport", "Policy", "PolicyRev", "Ports", "ProvidedLaw", "Reemit", "ReusePolicy", "RunRequest",
    "RunState", "ScenarioRunner", "Settings", "Timeline", "UngatedOutputs", "Verification",
]  # fmt: skip
