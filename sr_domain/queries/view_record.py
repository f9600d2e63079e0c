"""A facts view against its run's record, and against what must stand beside it."""

from __future__ import annotations

from collections.abc import Iterator

from sr_domain.encoding.canonical import sha256_hex
from sr_domain.queries.audit import record_finding
from sr_domain.queries.auditor import Auditor
from sr_domain.queries.finding import Finding, lost, unfinished
from sr_domain.queries.view import View
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Ledger, RecordFault, check_ledger
from sr_domain.record.read import Record
from sr_ports import ObjectStore, ReasonCode


def record_of(store: ObjectStore, layout: Layout, run_id: str) -> Ledger | Finding:
    """A run's record, if it is there and sound. Raises `Fault(REVISION_UNKNOWN)`, `Unreachable`."""
    key = layout.record(run_id)
    if (blob := store.read(key)) is None:
        return Finding(ReasonCode.TRUTH_MISSING, key, "the record is not there")
    ledger = check_ledger(run_id, blob.data)
    return record_finding(key, ledger) if isinstance(ledger, RecordFault) else ledger


def follows(store: ObjectStore, view: View, ledger: Ledger) -> Iterator[Finding]:
    """The view is the very one that the record decided; plan, READY signal and status follow from it too."""
    record = Record(ledger)
    decided = record.decision
    own = decided is not None and decided.details.facts_view_digest == sha256_hex(view.data)
    if record.lost is not None:
        yield lost(view.key)
    elif own and record.committed is None:
        yield unfinished(view.key, "READY is decided and not committed yet")
    elif decided is None or record.committed is None:
        yield view.altered("the record says nothing of READY")
    elif not own:
        yield view.altered("it is not the view that the record decided")
    yield from Auditor(store, view.layout, ledger).derived()


def beside(store: ObjectStore, view: View) -> Iterator[Finding]:
    """What must stand beside a view whose record is not there: plan, READY signal, status."""
    layout, run_id = view.layout, view.run_id
    for key in (layout.plan(run_id), layout.ready(run_id), layout.status(run_id)):
        if store.stat(key) is None:
            yield Finding(ReasonCode.TRUTH_MISSING, key, "it is not there")
