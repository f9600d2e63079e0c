"""Setting aside what stands in an artifact's place: kept, on record, replaced (spec: behaviour, "Commit order").

Nothing is lost: the bytes that stood are stored under their own digest before anything else is written.
"""

from __future__ import annotations

from sr_domain.encoding.canonical import sha256_hex
from sr_domain.record.events import GOV_LOSS_ACCEPTED
from sr_domain.record.losses import LossAccepted
from sr_domain.run.held_run import HeldRun
from sr_ports import Blob, Fault, ReasonCode


def set_aside(run: HeldRun, key: str, standing: Blob, replacement: bytes | None, *, reason: str) -> None:
    """Keep `standing`, put both digests on the record, and put `replacement` in its place, compare-and-swap.

    `run`: under its lease and heartbeat, its record loaded. `replacement`: None where the record derives
    nothing for the key: then the key is free afterwards. A crash on the way is mended by doing it again.
    Raises `Fault(TRUTH_ALTERED)` where something else stands by then, with nothing overwritten; `LeaseLost`,
    `Unreachable`.
    """
    digest = sha256_hex(standing.data)
    kept = run.layout.set_aside(key, digest)
    if run.write_bytes(kept, standing.data) != standing.data:
        raise Fault(ReasonCode.TRUTH_ALTERED, f"{kept} holds other bytes than those it is named for")
    stands = None if replacement is None else sha256_hex(replacement)
    run.record(GOV_LOSS_ACCEPTED(LossAccepted(reason, key, kept, digest, stands)))
    run.held.check()
    # A key is made free in two steps: no store removes one only while it holds what was read.
    if run.ports.store.replace(key, replacement or b"", etag=standing.etag) is None:
        what = f"{key} was changed by somebody else while it was being set aside"
        raise Fault(ReasonCode.TRUTH_ALTERED, what, "look again, then run the command again")
    if replacement is None:
        run.ports.store.delete(key)
