"""Whether what was decided of a store is as it was written: the records of its identities, and their notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sr_domain.encoding.canonical import sha256_hex
from sr_domain.encoding.contracts import problem
from sr_domain.encoding.strict_json import strict_loads
from sr_domain.queries.finding import Finding
from sr_domain.record.events import GOV_LOSS_ACCEPTED
from sr_domain.record.layout import STORE_NOTES, STORE_RECORDS, store_identity_key
from sr_domain.record.ledger import Ledger, RecordFault, check_ledger
from sr_domain.record.losses import LossAccepted
from sr_domain.record.read import Record
from sr_domain.run.platform_runs import ids_below
from sr_domain.run.store_identity import parsed_identity
from sr_ports import BadInput, Blob, Fault, ObjectStore, ReasonCode

_GONE = "a decision of the store is on record, and its note is gone"
_UNSAID = "by it the store has the identity that stands, and no record says so"


def decision_faults(store: ObjectStore) -> Iterator[Finding]:
    """What is wrong with the record of any identity, or with a note that is on it. Raises `Unreachable`.

    A note that is on no record, and by which no identity came to stand, decided nothing: whoever wrote it died before
    he came to the record.
    """
    on_record = set[str]()
    for store_id in ids_below(store, STORE_RECORDS, ".jsonl"):
        key = f"{STORE_RECORDS}{store_id}.jsonl"
        blob = store.read(key)
        found = Ledger(store_id) if blob is None else check_ledger(store_id, blob.data)
        if isinstance(found, RecordFault):
            yield Finding(found.code, key, f"line {found.line}: {found.what}")
            continue
        try:
            losses = [one.details for one in Record(found).all(GOV_LOSS_ACCEPTED)]
        except Fault as fault:
            yield Finding(fault.code, key, fault.what)
            continue
        on_record |= {str(one.set_aside_ref) for one in losses}
        yield from _misfits(key, found)
        yield from _notes(store, losses)
    standing = store.read(store_identity_key())
    for stored in store.list(STORE_NOTES):
        if stored.key not in on_record and _gave(store, stored.key, standing):
            yield Finding(ReasonCode.TRUTH_MISSING, stored.key, _UNSAID)


def _gave(store: ObjectStore, key: str, standing: Blob | None) -> bool:
    """Whether it is by the note at `key` that the store has another identity, the one that stands."""
    blob = store.read(key)
    if blob is None or standing is None:
        return False
    try:
        note = strict_loads(blob.data, what=key)
        named = note["store_id"], note["successor_store_id"]
        return bool(named[0] != named[1] == parsed_identity(standing).store_id)
    except (BadInput, Fault, TypeError, KeyError):  # what is none gave nothing; of the identity the audit tells
        return False


def _misfits(key: str, ledger: Ledger) -> Iterator[Finding]:
    for number, event in enumerate(ledger.events, 1):
        misfit = problem("run_record_event", event.document())
        if misfit is not None:
            yield Finding(ReasonCode.RECORD_INVALID, key, f"line {number}: {misfit.what}")


def _notes(store: ObjectStore, losses: Iterable[LossAccepted]) -> Iterator[Finding]:
    for loss in losses:
        kept = loss.set_aside_ref
        blob = None if kept is None else store.read(kept)
        if blob is None:
            yield Finding(ReasonCode.TRUTH_MISSING, str(kept), _GONE)
        elif sha256_hex(blob.data) != loss.set_aside_digest:
            yield Finding(ReasonCode.TRUTH_ALTERED, str(kept), "it is not the note that is on record")
