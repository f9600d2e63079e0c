"""The pure core of Scenario Runner: what is true, and what comes next.

No file, socket, thread, environment or clock is reachable from here but through a port.
An embedder needs these names, and ports of its own (spec: surface, "Python").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sr_domain.outcome import Outcome
    from sr_domain.pack import GateSpec, InterfacePack, OutputSpec
    from sr_domain.policy import Policy, PolicyRev
    from sr_domain.ports import Ports, ProvidedLaw, Settings
    from sr_domain.request import RunRequest
    from sr_domain.runner import ScenarioRunner
    from sr_domain.states import RunState

_HOME = {
    "GateSpec": "pack",
    "InterfacePack": "pack",
    "Outcome": "outcome",
    "OutputSpec": "pack",
    "Policy": "policy",
    "PolicyRev": "policy",
    "Ports": "ports",
    "ProvidedLaw": "ports",
    "RunRequest": "request",
    "RunState": "states",
    "ScenarioRunner": "runner",
    "Settings": "ports",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: nobody pays for what they do not touch."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = globals()[name] = getattr(importlib.import_module(f"sr_domain.{_HOME[name]}"), name)
    return value


__all__ = [
    "GateSpec", "InterfacePack", "Outcome", "OutputSpec", "Policy", "PolicyRev", "Ports", "ProvidedLaw",
    "RunRequest", "RunState", "ScenarioRunner", "Settings",
]  # fmt: skip
