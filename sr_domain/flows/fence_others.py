"""Fencing out whoever works on another run of the platform run, held or asleep, before a receipt is replaced."""

from __future__ import annotations

import contextlib

from sr_domain.flows.accepted_loss import others
from sr_domain.record.details import LeaseTaken
from sr_domain.record.events import LEASE_TAKEN
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Ledger
from sr_domain.record.read import Record
from sr_domain.run.append_aside import append_aside, read_record
from sr_domain.run.held_run import HeldRun
from sr_ports import Lease, LeaseLost, SrError


def fence_others(run: HeldRun) -> str | None:
    """Another run that is held now; None where none is, and none can decide by what was seen before this call.

    The lease of each run that has not ended is taken for a moment, and the fence of its record raised: a holder that
    sleeps, its lease lapsed, then appends nothing any more. Raises `LeaseLost`, `Unreachable`, `Fault(RECORD_INVALID)`.
    """
    busy = run.ports.pool.map(
        lambda run_id: _fenced(run, run_id), others(run.ports, run.layout, run.run_id, _store(run))
    )
    return next((one for one in busy if one is not None), None)


def _store(run: HeldRun) -> str:
    return run.known_store.identity().store_id


def _fenced(run: HeldRun, run_id: str) -> str | None:
    """The run, where it is held; None where nobody can decide it but by a look that is yet to come."""
    run.held.check()
    authority, ledger = run.ports.authority, read_record(run.ports, run.layout, run_id)[0]
    lease = authority.acquire(
        run_id, run.lease.owner, ttl_s=run.settings.lease_ttl_s, above=ledger.fence, store_id=_store(run)
    )
    if lease is None:
        return run_id
    try:
        _raise_fence(run, run.layout, run_id, lease)
    except LeaseLost:  # somebody took it since
        return run_id
    finally:
        with contextlib.suppress(SrError):  # it lapses by itself
            authority.release(lease)
    return None


def _raise_fence(run: HeldRun, layout: Layout, run_id: str, lease: Lease) -> None:
    """A record that has no event yet, or came to its end, is left as it is: nothing was seen for it, or all is said."""
    append_aside(
        run.ports,
        layout,
        run_id,
        LEASE_TAKEN(LeaseTaken(lease.fence)),
        actor=run.actor,
        policy_rev=run.policy_rev,
        unless=_nothing_to_come,
        fence=lease.fence,
    )


def _nothing_to_come(ledger: Ledger) -> bool:
    """Whether no receipt was seen for the run yet, or its decision is made."""
    return ledger.state is None or ledger.state.final or Record(ledger).decided
