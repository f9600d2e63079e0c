"""Whether evidence has come: looks at an engine root, reads no bytes of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from sr_domain.evidence.bundle import whole_bundle
from sr_domain.evidence.oracle import MANIFEST
from sr_domain.evidence.outputs import OutputFiles, find_output
from sr_domain.plan.sealed import SealedGate, SealedOutput, SealedPlan
from sr_ports import EngineRoot, EngineRoots, EvidenceFault


def something_there(roots: EngineRoots, plan: SealedPlan, uri: str) -> bool:
    """Whether the root holds any evidence of this plan: a passed flag, or an output's file."""
    with roots.open(uri) as root:
        if not root.exists():
            return False
        return any(_is_there(root.stat, gate.flag_path) for gate in plan.gates) or any(
            _is_there(_output_there, root, output) for output in plan.outputs
        )


def arrived(roots: EngineRoots, plan: SealedPlan, uri: str, missing: Collection[str]) -> Iterator[str]:
    """What of the missing may have come since: by a look, not by reading bytes. Raises `Unreachable`.

    Whatever is not named here is certainly still missing.
    """
    with roots.open(uri) as root:
        if MANIFEST in missing:  # there, and not as today's rules have it
            yield MANIFEST
        for gate in plan.gates:
            if gate.gate_id in missing and _is_there(_bundle_there, root, gate):
                yield gate.gate_id
        for output in plan.outputs:
            if output.output_id in missing and _is_there(_output_there, root, output):
                yield output.output_id


def _bundle_there(root: EngineRoot, gate: SealedGate) -> bool:
    """Flag and bundle. Where the gate names an index, what else lies in its folder may be no evidence."""
    if root.stat(gate.flag_path) is None:
        return False
    index = gate.index_path is not None and root.stat(gate.index_path) is not None
    return index or bool(root.list(gate.bundle_root, whole_bundle(gate.method)))


def _output_there(root: EngineRoot, output: SealedOutput) -> bool:
    return isinstance(find_output(root, output), OutputFiles)


def _is_there(look: Callable[..., object], *place: object) -> bool:
    try:
        return bool(look(*place))
    except EvidenceFault:
        return True  # whatever leaves its root is there, and is for the evidence to judge
