"""Whether evidence has come: looks at an engine root, reads no bytes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from sr_domain.evidence.admitted import Admitted
from sr_domain.evidence.bundle import whole_bundle
from sr_domain.evidence.gates import still_lacks
from sr_domain.evidence.oracle import MANIFEST, read_manifest
from sr_domain.evidence.outputs import OutputFiles, find_output
from sr_domain.evidence.run_receipt import RECEIPT, mismatch, read_receipt, run_id_in
from sr_domain.plan.sealed import OutputPart, SealedGate, SealedPlan
from sr_domain.record.read import Record
from sr_ports import CutShort, EngineRoot, EngineRoots, EvidenceFault, ListingRules


def something_there(roots: EngineRoots, plan: SealedPlan, uri: str, run_id: str) -> bool:
    """Whether the root holds any evidence of this plan: a passed flag, or an output's file.

    `run_id`: what ``{run_id}`` is where the root has no receipt.
    """
    with roots.open(uri) as root:
        try:
            if not root.exists():
                return False
        except EvidenceFault:
            return True  # for the evidence to judge
        own = run_id_in(root, run_id) if plan.needs_receipt else run_id
        return any(_is_there(root.stat, look.flag_path) for gate in plan.gates for look in gate.looks(own)) or any(
            _is_there(_part_there, root, part) for output in plan.outputs for part in output.parts(own)
        )


def arrived(roots: EngineRoots, record: Record, admitted: Admitted) -> Iterator[str]:
    """What of all that a waiting run misses may have come since, by a look: no evidence is read. Raises `Unreachable`.

    Whatever is not named here is certainly still missing. `admitted`: how the run's root is listed: what
    today's rules alone object to has not come.
    """
    rest, planned, uri, run_id = record.rest, record.plan, record.root, record.ledger.run_id
    if rest is None or planned is None or uri is None:
        return
    plan = SealedPlan.of(planned.details.plan)
    missing, lacked = frozenset(rest.missing), {one.subject: one.path for one in rest.lacks}
    with roots.open(uri) as root:
        own = run_id_in(root, run_id) if plan.needs_receipt else run_id
        if RECEIPT in missing and not _receipt_lacks(root, record.intent or {}, admitted):
            yield RECEIPT
        if MANIFEST in missing and not _manifest_lacks(root, admitted):
            yield MANIFEST
        for look in (look for gate in plan.gates for look in gate.looks(own)):
            if look.subject in missing and not _gate_lacks(root, look, lacked.get(look.subject), admitted):
                yield look.subject
        for output in plan.outputs:
            if output.output_id in missing and all(_part_came(root, part, admitted) for part in output.parts(own)):
                yield output.output_id


def _receipt_lacks(root: EngineRoot, intent: Mapping[str, Any], admitted: Admitted) -> bool:
    """Whether a run receipt is still not there or cut short; to a run of an earlier admission, still a wrong one."""
    try:
        receipt = read_receipt(root)
    except CutShort:
        return True
    except EvidenceFault:
        return admitted.late
    return receipt is None or (admitted.late and mismatch(receipt, intent, run_id=False) is not None)


def _manifest_lacks(root: EngineRoot, admitted: Admitted) -> bool:
    try:
        if root.stat(MANIFEST) is not None:
            read_manifest(root)
    except CutShort:
        return True
    except EvidenceFault:
        return admitted.waits(lambda rules: root.stat(MANIFEST, rules))
    return False  # also where it is gone: no manifest is no fault


def _gate_lacks(root: EngineRoot, gate: SealedGate, path: str | None, admitted: Admitted) -> bool:
    """`path`: what the gate lacked; None where an earlier release did not record it."""
    if path is None:
        return not _is_there(_bundle_there, root, gate)

    def look(rules: ListingRules) -> object:
        return root.stat(path, rules, or_folder=True) or root.list(path, whole_bundle(gate.method, rules))

    try:
        look(admitted.now)
    except EvidenceFault:
        return admitted.waits(look)
    return still_lacks(root, gate, path)


def _part_came(root: EngineRoot, part: OutputPart, admitted: Admitted) -> bool:
    try:
        return isinstance(admitted.output(partial(find_output, root, part.path)), OutputFiles)
    except EvidenceFault:
        return True  # for the evidence to judge


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
