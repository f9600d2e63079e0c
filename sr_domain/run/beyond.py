"""What others than its record know of a run: the index, the artifacts that stand, the control bus.

A crash leaves a record ahead of all of them, never behind. Where one of them knows more, the record lost something:
it was rolled back, or it is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import attrs

from sr_domain.encoding.bounds import stored_json
from sr_domain.encoding.ids import ready_message_id
from sr_domain.encoding.times import format_instant
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Ledger
from sr_domain.record.read import Record
from sr_domain.record.states import Fact
from sr_domain.run.bound import index_store
from sr_domain.run.derived import Derived
from sr_domain.run.derived_artifact import DerivedArtifact
from sr_domain.run.ports import Ports
from sr_domain.run.store_identity import KnownStore
from sr_ports import Envelope, Fault, IndexedRun, ObjectStore, ReasonCode, Unreachable
from sr_ports.bus import Retaining

_PUBLISHED = frozenset({Fact.READY.value, f"{Fact.READY.value}_REEMIT"})
_NOT_ASKED = frozenset({ReasonCode.BUS_DENIED, ReasonCode.BUS_STREAM_MISSING})
"""What says that a bus cannot be asked by this role; any other trouble passes."""


def index_row(ports: Ports, run_id: str) -> IndexedRun | None:
    """The index's row of a run. It is read in pages by ascending id: this row is the first after the id before."""
    before = f"{max(int(run_id, 16) - 1, 0):032x}"
    rows = ports.authority.runs(after=before, limit=1, store_id=index_store(ports.authority, KnownStore(ports)))
    return next((row for row in rows if row.run_id == run_id), None)


def standing(store: ObjectStore, layout: Layout, ledger: Ledger) -> Iterator[str]:
    """Keys of what stands of a run's READY and is not the record's: view, attestation, READY signal, status."""
    derives, decided = Derived(layout, ledger), ready_on_record(layout, ledger)
    run_id = ledger.run_id
    for key in (layout.facts(run_id), layout.attestation(run_id), layout.ready(run_id), layout.status(run_id)):
        blob = store.read(key)
        if blob is None:
            continue
        try:
            own = DerivedArtifact.at(key, derives).is_own(blob.data) or _says(blob.data, decided)
        except Fault:
            own = False
        if not own:
            yield key


def _says(signal: bytes, message_id: str | None) -> bool:
    """Whether a READY signal is of the READY that its record has decided, and lost the commit of."""
    try:
        document = stored_json(signal)
    except ValueError:
        return False
    return message_id is not None and isinstance(document, dict) and document.get("message_id") == message_id


@attrs.frozen
class ReadyOnBus:
    """A READY that the control bus carries."""

    run_id: str
    platform_run_id: str
    message_id: str

    @property
    def told(self) -> str:
        """The same, in a sentence."""
        return f"the control bus has its READY {self.message_id}"


def ready_in(envelope: Envelope, store_id: str | None) -> ReadyOnBus | None:
    """The READY that an envelope is, of a run in the store of this identity. The first release's name no store."""
    said = envelope.attributes
    if said.get("kind") not in _PUBLISHED or said.get("store_id", store_id) != store_id:
        return None
    return ReadyOnBus(said.get("run_id", ""), said.get("platform_run_id", ""), envelope.message_id)


def ready_on_record(layout: Layout, ledger: Ledger) -> str | None:
    """The message id of the READY that a record has decided; None before."""
    decided = Record(ledger).decision
    if decided is None:
        return None
    return ready_message_id(layout.platform_run_id, ledger.run_id, decided.details.bundle_hash)


@attrs.frozen
class Heard:
    """What the bus says of a run. `other`: a READY that is not the record's. `unasked`: why not all of it was read."""

    other: str | None = None
    own: bool = False
    unasked: str | None = None


def hear(ports: Ports, topic: str, layout: Layout, ledger: Ledger, store_id: str | None, since: datetime) -> Heard:
    """Read the bus back to `since`. Raises `Unreachable` for what passes."""
    wanted, own = ready_on_record(layout, ledger), False
    try:
        for envelope in ports.bus.tail(topic):
            found = ready_in(envelope, store_id)
            if found is None or (found.run_id, found.platform_run_id) != (ledger.run_id, layout.platform_run_id):
                continue
            if found.message_id != wanted:
                return Heard(found.told)
            own = True
        return Heard(own=own, unasked=_kept_since(ports, since))
    except Unreachable as error:
        if error.code not in _NOT_ASKED:
            raise
        return Heard(own=own, unasked=f"the control bus was not asked: {error.what}")


def _kept_since(ports: Ports, since: datetime) -> str | None:
    """Why what the bus has may not reach back so far; None where it does."""
    if not isinstance(ports.bus, Retaining):
        return None  # what is published never leaves it
    kept = ports.bus.kept_since()
    return None if kept <= since else f"the control bus keeps nothing from before {format_instant(kept)}"
