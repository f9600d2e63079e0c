"""A loss that an operator accepted: an orphan receipt of one output may be set aside."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from sr_domain.record.layout import Layout
from sr_domain.run.platform_runs import index_rows
from sr_domain.run.ports import Ports
from sr_ports import BadInput, ReasonCode
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class AcceptedLoss(Compared):
    """`output_id`: whose orphan receipts may be set aside, of every day. `reason`: the operator's."""

    output_id: str
    reason: str


def refuse_while_others_work(ports: Ports, layout: Layout, run_id: str, store_id: str) -> None:
    """Raise `BadInput(LEASE_BUSY)` while any other run of the platform run is held: it may be about to decide."""
    other = at_work(ports, layout, run_id, store_id)
    if other is not None:
        raise busy(f"run {other} of the same platform run is held by a worker, and may rest on what stands")


def busy(what: str) -> BadInput:
    """What is answered while another run may come to rest on what is to be set aside."""
    return BadInput(ReasonCode.LEASE_BUSY, what, "wait until no other run is in flight, then run it again")


def at_work(ports: Ports, layout: Layout, run_id: str, store_id: str) -> str | None:
    """Another run of the platform run that is held now; None where none is."""
    unsettled = others(ports, layout, run_id, store_id)
    return next((one for one in unsettled if ports.authority.holder(one, store_id=store_id) is not None), None)


def others(ports: Ports, layout: Layout, run_id: str, store_id: str) -> Iterator[str]:
    """Ids of the platform run's other runs that are not settled; no other can be held for long."""
    rows = index_rows(ports.authority, store_id, unsettled_only=True)
    there = (row.run_id for row in rows if row.platform_run_id == layout.platform_run_id)
    yield from (one for one in there if one != run_id)
