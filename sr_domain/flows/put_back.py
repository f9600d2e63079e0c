"""What a run set aside for a receipt of its own is looked at again before the run decides (docs/protocol.md).

After the look at leases and before the swap another run may have begun, proven the receipt that stood, and looked at
it for the last time. It is held then, or has decided: leases are looked at first, so that none slips through between.
"""

from __future__ import annotations

from collections.abc import Iterable

from sr_domain.encoding.canonical import sha256_hex
from sr_domain.flows.accepted_loss import at_work
from sr_domain.flows.rests_on import resting_on
from sr_domain.flows.set_aside import set_aside
from sr_domain.record.events import GOV_LOSS_ACCEPTED
from sr_domain.run.held_run import HeldRun
from sr_ports import Blob, Fault, ReasonCode

_WHY = "put back: another run may rest on what stood"


def put_back(run: HeldRun, keys: Iterable[str]) -> list[str]:
    """The keys at which what this run set aside stands again, because a run rests on it or may come to.

    It is asked before each decision, so that a crash after a swap forgets nothing. Raises as `set_aside` does.
    """
    losses = (one.details for one in run.history.all(GOV_LOSS_ACCEPTED))
    last = {one.artifact_ref: (one.digest, one.set_aside_ref) for one in losses if one.set_aside_ref is not None}
    swapped = {key: _read(run, key) for key in keys if key in last}
    ours = {key: blob for key, blob in swapped.items() if sha256_hex(blob.data) == last[key][0]}
    if not ours:
        return []
    stood = {key: _read(run, last[key][1]).data for key in ours}
    busy = at_work(run.ports, run.layout, run.run_id, run.known_store.identity().store_id) is not None
    resting = resting_on(run.ports, run.layout, stood, tell=run.telemetry.progress, check=run.held.check)
    back = [key for key in ours if busy or resting[key]]
    for key in back:
        set_aside(run, key, ours[key], stood[key], reason=_WHY)
    return back


def _read(run: HeldRun, key: str) -> Blob:
    blob = run.ports.store.read(key)
    if blob is None:
        raise Fault(ReasonCode.TRUTH_MISSING, f"{key} was there and is gone")
    return blob
