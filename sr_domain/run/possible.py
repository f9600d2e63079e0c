"""Whether a strategy is possible on this worker, as it is wired."""

from __future__ import annotations

from sr_domain.plan.request import Strategy
from sr_domain.run.ports import Ports
from sr_ports import Readiness


def engine_lacking(ports: Ports) -> str | None:
    """Why no engine can be started here, for people; None where nothing is known against it."""
    if ports.invoker is None:
        return "no invoker is wired"
    return ports.invoker.unready() if isinstance(ports.invoker, Readiness) else None


def strategy_lacking(ports: Ports, strategy: Strategy, root: str | None) -> str | None:
    """Why the strategy is impossible here; None where it may come to something. `root`: what the run would use."""
    if strategy is Strategy.FORCE_REUSE:
        return "no engine root is given" if root is None else None
    lacking = engine_lacking(ports)
    if strategy is Strategy.FORCE_INVOKE:
        return lacking
    return None if root is not None or lacking is None else f"{lacking}, and no engine root is given"
