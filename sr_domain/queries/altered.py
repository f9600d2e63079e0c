"""What stands beside a record and is not the record's: planted, or altered."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Ledger
from sr_domain.record.read import Record
from sr_domain.run.append_aside import ledger_of
from sr_domain.run.derived import Derived
from sr_domain.run.derived_artifact import DerivedArtifact
from sr_ports import Fault, ObjectStore


@attrs.frozen
class Altered:
    """An artifact that stands at `key` and is not what the record derives, and why."""

    key: str
    what: str


def first_altered(store: ObjectStore, layout: Layout, ledger: Ledger) -> Altered | None:
    """The first of a run's artifacts that is not its record's own; None where all are. Raises `Unreachable`.

    What is missing is nobody's fault here, and what stands beside a record that lost its truth is lost, not altered.
    A run may go on meanwhile: it is then judged by its record of now.
    """
    if Record(ledger).lost is not None:
        return None
    if next(_altered(store, layout, ledger), None) is None:
        return None
    now = ledger_of(ledger.run_id, store.read(layout.record(ledger.run_id)))
    return next(_altered(store, layout, now), None)


def _altered(store: ObjectStore, layout: Layout, ledger: Ledger) -> Iterator[Altered]:
    derives = Derived(layout, ledger)
    refused = Record(ledger).refused_artifact
    artifacts = {one.key: one for one in DerivedArtifact.each(derives)}
    if refused is not None and refused.artifact_ref not in artifacts:  # a part list: no record derives it
        artifacts[refused.artifact_ref] = DerivedArtifact.at(refused.artifact_ref, derives)
    for artifact in artifacts.values():
        try:
            own, why = artifact.stands_own(store), "is not what the record of its run says"
        except Fault as fault:
            own, why = False, f"cannot be held against the record of its run: {fault.what}"
        if own is False:
            yield Altered(artifact.key, f"{artifact.key} {why}")
