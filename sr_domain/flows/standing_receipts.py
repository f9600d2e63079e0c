"""Instance receipts that stand in the way of a run's own: what is wrong with them, and who rests on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from sr_domain.artifacts.revision_2 import claim
from sr_domain.artifacts.revisions import today
from sr_domain.encoding.canonical import sha256_hex
from sr_domain.encoding.strict_json import strict_loads
from sr_domain.evidence.digests import FileDigest
from sr_domain.evidence.verdict import Proven
from sr_domain.record.layout import Layout
from sr_domain.record.proofs import Failure
from sr_domain.run.held_run import HeldRun
from sr_ports import BadInput, Blob, EvidenceFault, ReasonCode
from sr_ports.compared import Compared

if TYPE_CHECKING:
    from sr_domain.flows.rests_on import Resting

MARK = "being_set_aside"
"""The one key of the document that stands in a receipt's place while an operator looks whether a run rests on it."""
_MOST = 1 << 20
"""Bytes of what may be a receipt at all."""
_NAMED = 1 << 20
"""Bytes of the names of files that go on record where two receipts differ."""


@attrs.frozen(eq=False, repr=False)
class Standing(Compared):
    """What stands at `key` and does not prove what `one` proves.

    `stood`: the receipt that stands; None where it is none, and `wrong` says why.
    """

    one: Proven
    key: str
    blob: Blob
    stood: Mapping[str, Any] | None = None
    wrong: str = ""


def against(one: Proven, key: str, blob: Blob) -> Standing | None:
    """What stands at `key`, if it is not the receipt of this proof; None when it proves the same."""
    if one.receipt is None or today().same_receipt(one.receipt, blob.data):
        return None
    stood = _json(blob.data)
    if isinstance(stood, dict) and MARK in stood:
        return Standing(
            one, key, blob, wrong="another is being set aside there, or its sr recover died: sr resume ends that"
        )
    if isinstance(stood, dict) and "target_digest" not in stood:
        return Standing(one, key, blob, wrong="it names no digest")
    misfit = today().problem("instance_receipt", stood)
    return Standing(one, key, blob, stood) if misfit is None else Standing(one, key, blob, wrong=misfit.what)


def against_earlier(one: Proven, key: str, path: str, blob: Blob) -> Standing | None:
    """As `against`, of the receipt that revision 1 wrote of this very day; one over other days is none of it."""
    stood = _json(blob.data)
    target = stood.get("target_ref") if isinstance(stood, dict) else None
    same_day = isinstance(target, dict) and target.get("path") == path
    return against(one, key, blob) if same_day else None


@attrs.frozen(eq=False, repr=False)
class Judged(Compared):
    """`failures`: they end the run. `orphans`, with their failures: receipts that no decision rests on."""

    failures: tuple[Failure, ...] = ()
    orphans: tuple[tuple[Standing, Failure], ...] = ()


def judged(run: HeldRun, found: Sequence[Standing]) -> Judged:
    """Drift where a decision rests on what stands, an orphan where none does, nor can: on what is no receipt.

    The records are looked through for receipts alone, and once for all of them.
    """
    drifted = {one.key: one.blob.data for one in found if one.stood is not None}
    resting = _resting_on(run, drifted) if drifted else {}
    failures: list[Failure] = []
    orphans: list[tuple[Standing, Failure]] = []
    for one in found:
        if one.stood is None:
            orphans.append((one, _junk(one)))
        elif resting[one.key]:
            failures.append(_drift(run, one, one.stood, resting[one.key]))
        else:
            orphans.append((one, _orphan(run, one, one.stood)))
    return Judged(tuple(failures), tuple(orphans))


def _resting_on(run: HeldRun, drifted: Mapping[str, bytes]) -> dict[str, Resting]:
    from sr_domain.flows.rests_on import resting_on

    return resting_on(run.ports, run.layout, drifted, tell=run.telemetry.progress, check=run.held.check)


def _drift(run: HeldRun, one: Standing, stood: Mapping[str, Any], resting: Resting) -> Failure:
    """Same scope, other bytes: what stood and who rests on it, what was refused, and which files differ."""
    by, was, now = f"by {resting}", _digest(stood), one.one.proof.digest
    if was != now:
        what = f"this scope was proven with digest {was} {by}, now it has digest {now}"
    else:
        what = f"this scope was proven with the same bytes {by}, but its receipt differs in {_differing(one, stood)}"
    changes = {**_changes(run, one, stood), "resting": list(resting.named), "resting_count": resting.count}
    return Failure(one.one.proof.output_id, ReasonCode.INSTANCE_RECEIPT_DRIFT, what, changes)


def _orphan(run: HeldRun, one: Standing, stood: Mapping[str, Any]) -> Failure:
    """A receipt in the way that no decision rests on: planted, or left by a crash."""
    was, now = _digest(stood), one.one.proof.digest
    differs = f"states digest {was}, the evidence has {now}" if was != now else f"differs in {_differing(one, stood)}"
    what = f"no decision rests on the receipt that stands for this scope, and it {differs}: {one.key}"
    return Failure(one.one.proof.output_id, ReasonCode.INSTANCE_RECEIPT_ORPHAN, what, _changes(run, one, stood))


def _junk(one: Standing) -> Failure:
    """What is no receipt says nothing of the evidence, and ends no run."""
    what = f"what stands in the place of this scope's receipt is none: {one.wrong}: {one.key}"
    sides: dict[str, Any] = {"stood": {}, "added": [], "removed": [], "changed": []}
    return Failure(one.one.proof.output_id, ReasonCode.INSTANCE_RECEIPT_ORPHAN, what, {**sides, **_places(one)})


def _places(one: Standing) -> dict[str, Any]:
    """What was refused, and where and as what the one stands."""
    refused = dict(one.one.receipt or {})
    return {"refused": refused, "receipt_ref": one.key, "stood_digest": sha256_hex(one.blob.data)}


def _differing(one: Standing, stood: Mapping[str, Any]) -> str:
    before, after = claim(stood), claim(one.one.receipt or {})
    return ", ".join(sorted(name for name in after if before[name] != after[name]))


def _digest(receipt: Mapping[str, Any]) -> str:
    return str(receipt["target_digest"]["hex"])


def _changes(run: HeldRun, one: Standing, stood: Mapping[str, Any]) -> dict[str, Any]:
    """Both sides, where and as what the one stands, and which files differ as far as both part lists are known."""
    from sr_domain.run.part_changes import part_changes  # which a run with nothing in its way never needs

    old, content = _parts(run, one.key, stood), one.one.content
    new = content.files if content.listed else ()
    try:
        told = part_changes(old, new, most=_NAMED)
    except EvidenceFault:  # of its own name, and still no part list
        told = part_changes((), new, most=_NAMED)
    return {"stood": dict(stood), **_places(one), **told}


def _parts(run: HeldRun, key: str, stood: Mapping[str, Any]) -> Iterable[FileDigest]:
    """The files of a standing receipt; none where its part list is not the one that it states.

    Of the keys that a receipt may name, only those where a part list may be are read.
    """
    from sr_domain.run.part_lists import PartList, part_list_at

    digest, ref = _digest(stood), stood.get("bundle_manifest_ref")
    found = part_list_at(run.ports.store, ref, digest) if ref in _manifests(run.layout, key, digest) else None
    return found if isinstance(found, PartList) else ()


def _manifests(layout: Layout, key: str, digest: str) -> tuple[str, str]:
    """Where the part list of a receipt at `key` may be: today, and in the first release."""
    return layout.part_list(digest), f"{key.rpartition('/')[0]}/bundle_manifest.json"


def _json(data: bytes) -> Any:
    """The JSON value; None for what is none, or larger than a receipt is."""
    try:
        return strict_loads(data, what="what stands", max_bytes=_MOST)
    except BadInput:
        return None
