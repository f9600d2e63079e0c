"""Replacing orphan receipts by a run's own; no two runs decide of one scope with other bytes (docs/protocol.md).

Between what stood and the run's own a mark stands in the place, which is a receipt of nobody. So whoever decides on
what stood had seen it before the mark came: he is held, or has decided, when records are looked at, or is fenced out.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence

import attrs

from sr_domain.encoding.canonical import exact_json, sha256_hex
from sr_domain.flows.accepted_loss import busy
from sr_domain.flows.fence_others import fence_others
from sr_domain.flows.rests_on import Resting, rests_on_another
from sr_domain.flows.standing_receipts import MARK, Standing
from sr_domain.record.events import GOV_LOSS_ACCEPTED
from sr_domain.record.losses import LossAccepted
from sr_domain.run.held_run import HeldRun
from sr_ports import Blob, Fault, ReasonCode, SrError
from sr_ports.compared import Compared

_LONGEST = 4096
"""Bytes of what may be a mark at all."""
_WHY = "put back: another run may rest on what stood"


@attrs.frozen(eq=False, repr=False)
class _Marked(Compared):
    """`stood`: what a mark took the place of at `key`; `mark`: as it stands; `own`: what is to follow."""

    key: str
    stood: bytes
    mark: Blob
    own: bytes


def replace_receipts(run: HeldRun, orphans: Sequence[Standing], *, reason: str) -> Resting | None:
    """Keep what stands, and put the run's own receipts in its place; None once they are there.

    Else whose decisions rest on other receipts of these places, whatever stood there: then all stands again.

    Raises `BadInput(LEASE_BUSY)` where another run is held by now, with all standing again; `Fault(TRUTH_ALTERED)`
    where somebody else changed one meanwhile; `LeaseLost`, `Unreachable`: what is marked then, `roll_back` puts back.
    """
    marked: list[_Marked] = []
    try:
        marked.extend(_mark(run, one, reason) for one in orphans)
        held = fence_others(run)
        others = _on_another(run, marked) if held is None else None
        for each in marked:
            run.held.check()
            if held is None and others is None:
                _swap(run, each.key, each.mark, each.own)
            else:
                _put_back(run, each)
    except BaseException:  # putting back is always right: nobody decides on a mark
        for each in marked:
            with contextlib.suppress(SrError):
                run.ports.store.replace(each.key, each.stood, etag=each.mark.etag)
        raise
    if held is not None:
        raise busy(f"run {held} began meanwhile, and may rest on what stood at {marked[0].key}: it stands there again")
    return others


def _on_another(run: HeldRun, marked: Sequence[_Marked]) -> Resting | None:
    """Whose decisions rest on a receipt of other bytes in one of these places; None where no decision does."""
    own = {one.key: one.own for one in marked}
    found = rests_on_another(run.ports, run.layout, own, tell=run.telemetry.progress, check=run.held.check)
    return next((one for one in found.values() if one), None)


def roll_back(run: HeldRun) -> None:
    """Put back what stood wherever a mark of this run's still stands: whoever set it there died. Raises as `_swap`."""
    losses = (one.details for one in run.history.all(GOV_LOSS_ACCEPTED))
    kept = {
        one.set_aside_digest: one for one in losses if one.set_aside_ref and "/instance_receipts/" in one.artifact_ref
    }
    for key in dict.fromkeys(one.artifact_ref for one in kept.values()):
        mark = run.ports.store.read(key)
        digest = None if mark is None else _marks(run, mark.data)
        if mark is None or digest not in kept or kept[digest].artifact_ref != key:
            continue
        ref = str(kept[digest].set_aside_ref)
        stood = run.ports.store.read(ref)
        if stood is None or sha256_hex(stood.data) != digest:
            raise Fault(ReasonCode.TRUTH_ALTERED, f"{ref} does not hold the bytes that it is named for")
        _put_back(run, _Marked(key, stood.data, mark, b""))


def _mark(run: HeldRun, one: Standing, reason: str) -> _Marked:
    """Keep what stands, put both digests on the record, and put this holder's mark in its place."""
    digest, own = sha256_hex(one.blob.data), exact_json(one.one.receipt)
    kept = run.layout.set_aside(one.key, digest)
    if run.write_bytes(kept, one.blob.data) != one.blob.data:
        raise Fault(ReasonCode.TRUTH_ALTERED, f"{kept} holds other bytes than those it is named for")
    run.record(GOV_LOSS_ACCEPTED(LossAccepted(reason, one.key, kept, digest, sha256_hex(own))))
    run.held.check()
    # No two holders have a mark alike: one that sleeps replaces none but its own.
    mark = exact_json({MARK: {"run_id": run.run_id, "fence": run.lease.fence, "kept_at": kept, "sha256": digest}})
    return _Marked(one.key, one.blob.data, _swap(run, one.key, one.blob, mark), own)


def _marks(run: HeldRun, data: bytes) -> str | None:
    """The sha256 of what a mark of this run's stands for; None for anything else."""
    try:
        told = json.loads(data)[MARK] if len(data) < _LONGEST else {}
        return str(told["sha256"]) if told["run_id"] == run.run_id else None
    except (ValueError, TypeError, LookupError, RecursionError):
        return None


def _put_back(run: HeldRun, one: _Marked) -> None:
    run.record(GOV_LOSS_ACCEPTED(LossAccepted(_WHY, one.key, digest=sha256_hex(one.stood))))
    _swap(run, one.key, one.mark, one.stood)


def _swap(run: HeldRun, key: str, standing: Blob, data: bytes) -> Blob:
    stored = run.ports.store.replace(key, data, etag=standing.etag)
    if stored is None:
        what = f"{key} was changed by somebody else while it was being set aside"
        raise Fault(ReasonCode.TRUTH_ALTERED, what, "look again, then run the command again")
    return Blob(data, stored.etag)
