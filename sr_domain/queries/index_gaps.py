"""What the records of a store have and its index does not: an authority that was lost, or restored from a backup."""

from __future__ import annotations

from collections.abc import Iterator

from sr_domain.record.layout import Layout
from sr_domain.run.append_aside import read_record
from sr_domain.run.bound import index_store
from sr_domain.run.platform_runs import index_rows, platform_runs, recorded_runs
from sr_domain.run.ports import Ports
from sr_domain.run.store_identity import KnownStore

NEWEST = 3
"""How many platform runs are looked at: what an older backup of an authority lacks lies in the newest."""


def unindexed(ports: Ports) -> Iterator[str]:
    """Ids of runs that were admitted, as their records say, and that the authority does not know in this store.

    For an authority that all platform runs share; only the newest of them are looked at. A record is read only where
    the index has no row. Raises `Unreachable`.
    """
    store_id = index_store(ports.authority, KnownStore(ports))
    for name in platform_runs(ports.store)[:NEWEST]:
        layout, rows = Layout(name), index_rows(ports.authority, store_id)
        row = next(rows, None)
        for run_id in recorded_runs(ports, layout):
            while row is not None and row.run_id < run_id:
                row = next(rows, None)
            known = row is not None and row.run_id == run_id
            if not known and read_record(ports, layout, run_id)[0].state is not None:
                yield run_id
