"""The engine's invocation, as it follows from a request."""

from __future__ import annotations

from typing import Any

from sr_domain.encoding.parts import present
from sr_domain.plan.compile import pins_of
from sr_domain.plan.request import RunRequest


def invocation_of(request: RunRequest, root: str | None, invoker: str | None = None) -> dict[str, Any]:
    """What an engine is given for a request (spec: wire, "engine invocation"). `root`: where it is to write, None
    where the invoker chooses; `invoker`: who asked, None for nobody named."""
    pins = pins_of(request)
    binding = (
        {"scenario_id": request.scenario_id}
        if request.scenario_set is None
        else {"scenario_set": list(request.scenario_set)}
    )
    optional = {
        "request_id": request.request_id,
        "invoker": invoker,
        "notes": request.notes,
        "engine_run_root": root,
    }
    return {
        "manifest_fingerprint": pins["manifest_fingerprint"],
        "parameter_hash": pins["parameter_hash"],
        "seed": pins["seed"],
        "run_id": request.run_id,
        "scenario_binding": binding,
        **present(optional),
    }
