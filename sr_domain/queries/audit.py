"""Audit: nothing in a run's truth was altered, and every part follows from the record.

Timestamps are never compared with a clock: they are only part of what the chain binds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

import attrs

from sr_domain.artifacts.revisions import rules_of
from sr_domain.encoding.canonical import exact_json
from sr_domain.queries.auditor import Auditor
from sr_domain.queries.finding import Finding, Weight, unfinished
from sr_domain.record.events import SUPERSEDED_BY
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Ledger, RecordFault, check_ledger
from sr_domain.record.read import Record
from sr_domain.run.beyond import index_row
from sr_domain.run.context import Context
from sr_domain.run.derived import Derived
from sr_domain.run.derived_artifact import DerivedArtifact
from sr_domain.run.lookup import home, home_of
from sr_domain.run.ports import Ports
from sr_domain.run.rolled_back import index_beyond
from sr_domain.run.swap import swap
from sr_ports import Blob, Fault, IndexedRun, ReasonCode, Unreachable

_LOOKS = 5
"""How often a run that moves on while it is audited is looked at again."""


@attrs.frozen
class Audit:
    """What an audit of one run found, the first fault first; no `findings` when all is as it was written.

    `unfinished`: what a worker is at, or a crash left. `lost`: what stands of a history whose loss was accepted.
    `not_asked`: who could not be asked what they know of it, and why.
    """

    run_id: str
    state: str | None
    findings: tuple[Finding, ...]
    unfinished: tuple[Finding, ...] = ()
    lost: tuple[Finding, ...] = ()
    not_asked: tuple[str, ...] = ()

    @classmethod
    def of(cls, run_id: str, state: str | None, found: Iterable[Finding], not_asked: Iterable[str] = ()) -> Self:
        """What was found, each by its weight."""
        told = tuple(found)
        faults, left, lost = (tuple(one for one in told if one.weight is weight) for weight in Weight)
        return cls(run_id, state, faults, left, lost, tuple(not_asked))

    def document(self) -> dict[str, Any]:
        """JSON form, for machines; what is not there is left out, save the faults."""
        more = {"unfinished": self.unfinished, "lost": self.lost}
        return {
            "run_id": self.run_id,
            "state": self.state,
            "ok": not self.findings,
            "findings": [one.document() for one in self.findings],
            **{name: [one.document() for one in found] for name, found in more.items() if found},
            **({"not_asked": list(self.not_asked)} if self.not_asked else {}),
        }


def audit_run(context: Context, run_id: str) -> Audit:
    """Audit the run where it is at home. Raises `NotFound` for one that nobody knows."""
    place = home(context, run_id)
    return audit(context.ports.at(place.layout.platform_run_id), place.layout, place.run_id)


def audit(ports: Ports, layout: Layout, run_id: str) -> Audit:
    """Check chain, order, fences, artifacts, refs and status of one run; `ports` of its platform run.

    A run that moves on meanwhile is looked at again. Raises `Unreachable`, and `Fault(REVISION_UNKNOWN)` for a run
    that a newer release wrote.
    """
    key = layout.record(run_id)
    for _ in range(_LOOKS):
        blob = ports.store.read(key)
        done = _audit(ports, layout, run_id, blob)
        now = ports.store.read(key) if done.findings else blob
        if (None if now is None else now.etag) == (None if blob is None else blob.etag):
            return done
    return Audit.of(run_id, done.state, [unfinished(key, "it grew while it was audited")], done.not_asked)


def _audit(ports: Ports, layout: Layout, run_id: str, blob: Blob | None) -> Audit:
    key, not_asked = layout.record(run_id), list[str]()
    ledger = Ledger(run_id) if blob is None else check_ledger(run_id, blob.data)
    try:
        row = index_row(ports, run_id)
    except Unreachable as error:
        row = None
        not_asked.append(f"index: {error.what}")
    if isinstance(ledger, RecordFault):
        return Audit.of(run_id, None, [record_finding(key, ledger)], not_asked)
    if blob is None:
        return Audit.of(run_id, None, _without_record(ports, layout, run_id, row), not_asked)
    state = None if ledger.state is None else ledger.state.value
    beside = (*_cut(layout, ledger, row), *_successor(ports, layout, ledger, not_asked))
    auditor = Auditor(ports.store, layout, ledger, None if row is None else row.settled)
    return Audit.of(run_id, state, (*beside, *auditor.findings()), not_asked)


def _without_record(ports: Ports, layout: Layout, run_id: str, row: IndexedRun | None) -> Iterator[Finding]:
    """A run whose record is not there. Where no worker came to write one and nothing else stands, a crash left it."""
    key, empty = layout.record(run_id), Ledger(run_id)
    artifacts = DerivedArtifact.each(Derived(layout, empty))
    stands = [one.key for one in artifacts if ports.store.stat(one.key) is not None]
    beyond = index_beyond(row, empty)
    told = "; ".join(("the record is not there", *filter(None, [beyond]), *(f"{one} stands" for one in stands)))
    if beyond is not None:
        yield Finding(ReasonCode.TRUTH_ROLLED_BACK, key, told)
    elif row is not None and not stands:
        yield unfinished(key, "its key is bound, and its record still to be written")
    else:
        yield Finding(ReasonCode.TRUTH_MISSING, key, told)


def record_finding(key: str, fault: RecordFault) -> Finding:
    """The finding that a fault of a record is. Raises `Fault(REVISION_UNKNOWN)` where it is no fault of the record."""
    what = f"line {fault.line}: {fault.what}"
    if fault.code is ReasonCode.REVISION_UNKNOWN:
        raise Fault(fault.code, f"{key}, {what}")
    return Finding(fault.code, key, what)


def _cut(layout: Layout, ledger: Ledger, row: IndexedRun | None) -> Iterator[Finding]:
    """Whether events at the end of the record are gone: the chain cannot tell, what stands beside it can."""
    key, torn = layout.record(ledger.run_id), Record(ledger).torn
    if torn is not None:
        yield Finding(ReasonCode.RECORD_INVALID, key, f"its tail is cut: {torn} without what goes with it")
    beyond = index_beyond(row, ledger)
    if beyond is not None:
        state = "nothing of an admission" if ledger.state is None else ledger.state.value
        yield Finding(ReasonCode.TRUTH_ROLLED_BACK, key, f"its tail is cut: it says {state}; {beyond}")


def _successor(ports: Ports, layout: Layout, ledger: Ledger, not_asked: Sequence[str]) -> Iterator[Finding]:
    """Whether the run that this one superseded says so; its home is the index's to tell."""
    announced = Record(ledger).supersede_published
    if announced is not None and not not_asked:
        old = announced.details.supersedes
        where = home_of(ports, old, layout)
        links = Record(_sound(ports, where.record(old), old)).all(SUPERSEDED_BY)
        if ledger.run_id not in [link.details.successor for link in links]:
            what = f"it is cut or altered: run {ledger.run_id} superseded it, and it does not say so"
            yield Finding(ReasonCode.RECORD_INVALID, where.record(old), what)


def _sound(ports: Ports, key: str, run_id: str) -> Ledger:
    """The record at `key`; an empty one for one that is gone or not sound, which its own audit tells."""
    blob = ports.store.read(key)
    found = Ledger(run_id) if blob is None else check_ledger(run_id, blob.data)
    return found if isinstance(found, Ledger) else Ledger(run_id)


def repair_status(context: Context, run_id: str) -> bool:
    """Write the status that the record derives, and nothing else; whether anything was written.

    A record that is itself at fault repairs nothing. Raises `NotFound`.
    """
    ports, place = context.ports, home(context, run_id)
    layout, run_id = place.layout, place.run_id
    blob = ports.store.read(layout.record(run_id))
    ledger = None if blob is None else check_ledger(run_id, blob.data)
    document = rules_of(ledger).run_status(layout, ledger) if isinstance(ledger, Ledger) else None
    if document is None:
        return False
    key, data = layout.status(run_id), exact_json(document)

    def repaired(standing: Blob | None) -> bytes | None:
        return None if standing is not None and standing.data == data else data

    return swap(ports.store, key, ports.store.read(key), repaired) is not None
