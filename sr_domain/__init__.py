"""The pure core of Scenario Runner: what is true, and what comes next.

No file, socket, thread, environment or clock is reachable from here but through a port.
An embedder needs these names, and ports of its own (spec: surface, "Python").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sr_ports.lazy import lazy_names

if TYPE_CHECKING:
    from sr_domain.audit import Audit
    from sr_domain.explain import Explanation
    from sr_domain.ledger import Event
    from sr_domain.outcome import Outcome
    from sr_domain.pack import GateSpec, InterfacePack, OutputSpec
    from sr_domain.policy import MemberDigests, Policy, PolicyRev, ReusePolicy, UngatedOutputs
    from sr_domain.ports import Ports, ProvidedLaw, Settings
    from sr_domain.preview import PlanReport
    from sr_domain.reemit import Reemit
    from sr_domain.request import RunRequest
    from sr_domain.runner import ScenarioRunner
    from sr_domain.states import RunState
    from sr_domain.timeline import Timeline
    from sr_domain.verify import Verification

_HOME = {
    "Audit": "audit",
    "Event": "ledger",
    "Explanation": "explain",
    "GateSpec": "pack",
    "InterfacePack": "pack",
    "MemberDigests": "policy",
    "Outcome": "outcome",
    "OutputSpec": "pack",
    "PlanReport": "preview",
    "Policy": "policy",
    "PolicyRev": "policy",
    "Ports": "ports",
    "ProvidedLaw": "ports",
    "Reemit": "reemit",
    "ReusePolicy": "policy",
    "RunRequest": "request",
    "RunState": "states",
    "ScenarioRunner": "runner",
    "Settings": "ports",
    "Timeline": "timeline",
    "UngatedOutputs": "policy",
    "Verification": "verify",
}

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, _HOME)

__all__ = [
    "Audit", "Event", "Explanation", "GateSpec", "InterfacePack", "MemberDigests", "Outcome", "OutputSpec",
    "PlanReport", "Policy", "PolicyRev", "Ports", "ProvidedLaw", "Reemit", "ReusePolicy", "RunRequest",
    "RunState", "ScenarioRunner", "Settings", "Timeline", "UngatedOutputs", "Verification",
]  # fmt: skip
