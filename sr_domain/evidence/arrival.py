"""Whether evidence has come: looks at an engine root, reads no bytes of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from sr_domain.evidence.bundle import whole_bundle
from sr_domain.evidence.oracle import MANIFEST
from sr_domain.evidence.outputs import OutputFiles, find_output
from sr_domain.evidence.run_receipt import RECEIPT, run_id_in
from sr_domain.plan.sealed import OutputPart, SealedGate, SealedPlan
from sr_ports import EngineRoot, EngineRoots, EvidenceFault


def something_there(roots: EngineRoots, plan: SealedPlan, uri: str, run_id: str) -> bool:
    """Whether the root holds any evidence of this plan: a passed flag, or an output's file.

    `run_id`: what ``{run_id}`` is where the root has no receipt.
    """
    with roots.open(uri) as root:
        if not root.exists():
            return False
        own = run_id_in(root, run_id) if plan.needs_receipt else run_id
        return any(_is_there(root.stat, look.flag_path) for gate in plan.gates for look in gate.looks(own)) or any(
            _is_there(_part_there, root, part) for output in plan.outputs for part in output.parts(own)
        )


def arrived(roots: EngineRoots, plan: SealedPlan, uri: str, missing: Collection[str], run_id: str) -> Iterator[str]:
    """What of the missing may have come since: by a look, not by reading evidence. Raises `Unreachable`.

    Whatever is not named here is certainly still missing. `run_id`: as for `something_there`.
    """
    with roots.open(uri) as root:
        own = run_id_in(root, run_id) if plan.needs_receipt else run_id
        for name in (RECEIPT, MANIFEST):  # the manifest is named where it is there, and not as today's rules have it
            if name in missing and _is_there(root.stat, name):
                yield name
        for look in (look for gate in plan.gates for look in gate.looks(own)):
            if look.subject in missing and _is_there(_bundle_there, root, look):
                yield look.subject
        for output in plan.outputs:
            if output.output_id in missing and all(_is_there(_part_there, root, part) for part in output.parts(own)):
                yield output.output_id


def _bundle_there(root: EngineRoot, gate: SealedGate) -> bool:
    """Flag and bundle. Where the gate names an index, what else lies in its folder may be no evidence."""
    if root.stat(gate.flag_path) is None:
        return False
    index = gate.index_path is not None and root.stat(gate.index_path) is not None
    return index or bool(root.list(gate.bundle_root, whole_bundle(gate.method)))


def _part_there(root: EngineRoot, part: OutputPart) -> bool:
    return isinstance(find_output(root, part.path), OutputFiles)


def _is_there(look: Callable[..., object], *place: object) -> bool:
    try:
        return bool(look(*place))
    except EvidenceFault:
        return True  # whatever leaves its root is there, and is for the evidence to judge
