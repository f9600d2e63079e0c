"""Whether a law hashed an output's very bytes, or a gate only vouches for them: by the engine root as it stands."""

from __future__ import annotations

from collections.abc import Mapping

from sr_domain.evidence.coverage import hashed_by
from sr_domain.evidence.outputs import OutputFiles, find_output
from sr_domain.plan.sealed import SealedPlan
from sr_domain.run.ports import Ports
from sr_ports import BadInput, EngineRoot, EvidenceFault, Unreachable

Hashed = Mapping[tuple[str, str | None], bool]
"""By output and day."""


def hashed(ports: Ports, plan: SealedPlan, uri: str | None, run_id: str) -> Hashed:
    """Of each output, and day of it, whether laws read all its files. What cannot be told is left out.

    `run_id`: what ``{run_id}`` is in the paths of the plan.
    """
    if uri is None:
        return {}
    try:
        with ports.roots.open(uri) as root:
            return _hashed(ports, root, plan, run_id)
    except (Unreachable, EvidenceFault, BadInput):
        return {}


def _hashed(ports: Ports, root: EngineRoot, plan: SealedPlan, run_id: str) -> Hashed:
    read: set[str] = set()
    untold: set[str] = set()
    for gate in plan.gates:
        law = ports.laws.get(gate.method.kind)
        for look in gate.looks(run_id):
            found = None if law is None else hashed_by(root, look, law)
            untold |= {gate.gate_id} if found is None else set()
            read |= found or frozenset()
    told: dict[tuple[str, str | None], bool] = {}
    for output in plan.outputs:
        for part in output.parts(run_id):
            files = find_output(root, part.path)
            whole = isinstance(files, OutputFiles) and all(fact.path in read for fact in files.facts)
            if whole or (isinstance(files, OutputFiles) and not untold):
                told[(output.output_id, part.day)] = whole
    return told
