"""What is stored of complete evidence, before the decision is recorded: part lists, instance receipts, object versions.

A receipt says proven, so only a run whose evidence is complete writes one, and none while a receipt of one of
its outputs stands in the way. Each is written once; what else may come of it is `standing_receipts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import attrs

from sr_domain.encoding.canonical import exact_json, sha256_hex
from sr_domain.evidence.digests import part_list
from sr_domain.evidence.verdict import Evidence, Proven
from sr_domain.flows.standing_receipts import Standing, against, against_earlier, judged
from sr_domain.record.proofs import Failure
from sr_domain.run.altered import AlteredArtifact
from sr_domain.run.held_run import HeldRun
from sr_domain.run.swap import swap
from sr_ports import BadInput, Blob, Fault, ReasonCode, Unreachable
from sr_ports.compared import Compared

if TYPE_CHECKING:
    from sr_domain.flows.accepted_loss import AcceptedLoss
    from sr_domain.flows.rests_on import Resting


@attrs.frozen(eq=False, repr=False)
class OwnReceipt(Compared):
    """A receipt that proves what this run proves. `etag`: what stands at `key` was read or written under."""

    one: Proven
    key: str
    etag: str


@attrs.frozen(eq=False, repr=False)
class Kept(Compared):
    """`failures`: receipts that stand against the evidence. `orphans`: of those in the way that nobody rests on.

    Where there is either, nothing may be decided. `receipts`: the run's own. `versions_digest`: as of `Decision`.
    """

    failures: tuple[Failure, ...] = ()
    orphans: tuple[Failure, ...] = ()
    receipts: tuple[OwnReceipt, ...] = ()
    versions_digest: str | None = None


def keep_proofs(run: HeldRun, evidence: Evidence, loss: AcceptedLoss | None = None) -> Kept:
    """Store the part lists and receipts of complete evidence; nothing while a receipt stands in the way.

    `loss`: orphans that are to be set aside first. Raises `LeaseLost`, `Unreachable`, `Fault`, and
    `BadInput(LEASE_BUSY)` where orphans are to be set aside while another run is held.
    """
    # One receipt alone leaves no other behind when it is refused: what stands is then asked by writing it.
    places = _places(evidence.proven)
    standing = _standing(run, places) if len(places) > 1 or loss is not None else {}
    refused = _refused(run, _in_the_way(evidence.proven, standing), loss)
    if refused is not None:
        return refused
    written = run.ports.pool.map(lambda one: _keep(run, one, standing), evidence.proven)
    # Somebody may have been quicker since: what stands then is judged as what stood.
    refused = _refused(run, [one for one in written if isinstance(one, Standing)], None)
    if refused is not None:
        return refused
    receipts = tuple(one for one in written if isinstance(one, OwnReceipt))
    return Kept(receipts=receipts, versions_digest=_keep_versions(run, evidence))


def own_receipts_stand(run: HeldRun, receipts: Sequence[OwnReceipt]) -> None:
    """Return only while every receipt that the decision will state stands. Raises `Unreachable`, `Fault`.

    Asked after the lease was renewed: whoever sets a receipt aside does so only while no other run is held.
    """
    stored = run.ports.pool.map(lambda one: run.ports.store.stat(one.key), receipts)
    for one, found in zip(receipts, stored, strict=True):
        if found is None:
            raise Fault(ReasonCode.TRUTH_MISSING, f"{one.key} was there and is gone")
        blob = None if found.etag == one.etag else run.ports.store.read(one.key)
        if blob is not None and against(one.one, one.key, blob) is not None:
            what = f"the receipt of run {run.run_id} at {one.key} was replaced before the run decided"
            raise Unreachable(ReasonCode.INSTANCE_RECEIPT_ORPHAN, what, "run it again: the run continues from truth")


def _refused(run: HeldRun, found: Sequence[Standing], loss: AcceptedLoss | None) -> Kept | None:
    """What stands in the way, judged; None where nothing does, any more."""
    verdict = judged(run, found)
    if verdict.failures:
        return Kept(failures=verdict.failures)
    accepted = [one for one, _ in verdict.orphans if loss is not None and one.one.proof.output_id == loss.output_id]
    if loss is not None and accepted:
        from sr_domain.flows.accepted_loss import refuse_while_others_work
        from sr_domain.flows.replace_receipts import replace_receipts

        refuse_while_others_work(run.ports, run.layout, run.run_id, run.lease.store_id)
        others = replace_receipts(run, accepted, reason=loss.reason)
        if others is not None:
            return _rested_on(run, accepted, others)
    left = tuple(failure for one, failure in verdict.orphans if one not in accepted)
    return Kept(orphans=left) if left else None


def _rested_on(run: HeldRun, stood: Sequence[Standing], others: Resting) -> Kept:
    """What stands again, for a run decided of this scope with other bytes: drift where it rests on the very receipt.

    Raises `BadInput(INSTANCE_RECEIPT_DRIFT)` where it rests on one that stood there before: that is to be restored.
    """
    verdict = judged(run, stood)
    if verdict.failures:
        return Kept(failures=verdict.failures)
    where = ", ".join(one.key for one in stood)
    what = f"{others} rests on another receipt of this scope than the one that stands, and not on this run's: {where}"
    remedy = "restore the receipt that its decision states, or use other pins; sr resume ends this run"
    raise BadInput(ReasonCode.INSTANCE_RECEIPT_DRIFT, what, remedy)


def _standing(run: HeldRun, places: Sequence[str]) -> dict[str, Blob | None]:
    """What stands at these keys."""
    return dict(zip(places, run.ports.pool.map(run.ports.store.read, places), strict=True))


def _in_the_way(proven: Sequence[Proven], standing: Mapping[str, Blob | None]) -> list[Standing]:
    """The receipts that stand for these scopes and prove something else, those of revision 1 among them."""
    found = (one for proof in proven for one in _stands(proof, standing))
    return list({one.key: one for one in found}.values())


def _places(proven: Sequence[Proven]) -> list[str]:
    """Where the receipts of these scopes are to be, or were in the first release."""
    with_receipt = [one for one in proven if one.receipt is not None]
    both = ((one.proof.receipt_ref, one.earlier and one.earlier[0]) for one in with_receipt)
    return sorted({key for keys in both for key in keys if key is not None})


def _stands(one: Proven, standing: Mapping[str, Blob | None]) -> list[Standing]:
    if one.receipt is None or one.proof.receipt_ref is None:
        return []
    key, (whole, path) = one.proof.receipt_ref, one.earlier or ("", "")
    blob, before = standing.get(key), standing.get(whole)
    found = (
        None if blob is None else against(one, key, blob),
        None if before is None else against_earlier(one, whole, path, before),
    )
    return [each for each in found if each is not None]


def _keep(run: HeldRun, one: Proven, known: Mapping[str, Blob | None]) -> OwnReceipt | Standing | None:
    """The part list, then the receipt that names it, where the output has one; or what stands in its way after all.

    `known`: what stood a moment ago; a receipt that proves the same is not written again.
    """
    ref, key = one.proof.manifest_ref, one.proof.receipt_ref
    if ref is not None:
        stands = run.write_named(ref, lambda: part_list(one.content.files))
        if stands is not None and stands != one.content.sha256:
            raise AlteredArtifact(run.run_id, ref, stands, "it is not the part list that it is named for")
    if one.receipt is None or key is None:
        return None
    run.held.check()
    blob = known.get(key)
    if blob is not None and against(one, key, blob) is None:
        return OwnReceipt(one, key, blob.etag)
    stored = run.ports.store.create(key, exact_json(one.receipt))
    if stored is not None:
        return OwnReceipt(one, key, stored.etag)
    blob = run.ports.store.read(key)
    if blob is None:
        raise Fault(ReasonCode.TRUTH_MISSING, f"{key} was there and is gone")
    return against(one, key, blob) or OwnReceipt(one, key, blob.etag)


def _keep_versions(run: HeldRun, evidence: Evidence) -> str | None:
    """Which very objects were hashed, by output and path below the engine root; the digest of what is stored.

    What an attempt left that came to no decision is written over: nothing rests on it.
    """
    versions: dict[str, dict[str, str]] = {}
    for one in evidence.proven:
        folder = f"{one.base}/" if one.base else ""
        named = {folder + file.path: file.version_id for file in one.content.files if file.version_id is not None}
        if named:
            versions.setdefault(one.proof.output_id, {}).update(named)
    if not versions:
        return None
    data, key = exact_json(versions), run.layout.object_versions(run.run_id)

    def change(standing: Blob | None) -> bytes | None:
        run.held.check()
        return None if standing is not None and standing.data == data else data

    swap(run.ports.store, key, None, change)
    return sha256_hex(data)
