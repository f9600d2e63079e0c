"""A facts view against its run's record, and against what must stand beside it."""

from __future__ import annotations

from collections.abc import Iterator

from sr_domain.artifacts.attestation import fault_in
from sr_domain.artifacts.revisions import rules_at
from sr_domain.encoding.canonical import sha256_hex
from sr_domain.queries.audit import Auditor, Finding, record_finding
from sr_domain.queries.verifier import Verifier
from sr_domain.queries.view import View
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Ledger, RecordFault, check_ledger
from sr_domain.record.read import Record
from sr_ports import Fault, ObjectStore, ReasonCode, SignatureChecker


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
    if decided is None or record.committed is None:
        yield view.altered("the record says nothing of READY")
    elif decided.details.facts_view_digest != sha256_hex(view.data):
        yield view.altered("it is not the view that the record decided")
    yield from Auditor(store, view.layout, ledger).derived()


def beside(store: ObjectStore, view: View) -> Iterator[Finding]:
    """What must stand beside a view whose record is not there: plan, READY signal, status."""
    layout, run_id = view.layout, view.run_id
    for key in (layout.plan(run_id), layout.ready(run_id), layout.status(run_id)):
        if store.stat(key) is None:
            yield Finding(ReasonCode.TRUTH_MISSING, key, "it is not there")


def attested(verifier: Verifier, view: View, ledger: Ledger) -> Iterator[Finding]:
    """The view and its record are what the holder of the key signed, where a key was given."""
    checker, decided = verifier.signed_by, Record(ledger).decision
    if checker is None or decided is None:
        return
    key = view.layout.attestation(view.run_id)
    standing = verifier.store.read(key)
    if standing is None:
        yield Finding(ReasonCode.ATTESTATION_MISSING, key, "it is not there")
        return
    statement = rules_at(decided.event).statement(view.layout, view.facts, sha256_hex(view.data), decided.ts_utc)
    wrong = fault_in(standing.data, statement) or _refusal(checker, standing.data)
    if wrong is not None:
        yield Finding(ReasonCode.ATTESTATION_INVALID, key, wrong)
    else:
        verifier.progress(f"attestation: signed by {checker.keyid}")


def unattested(verifier: Verifier, view: View) -> Iterator[Finding]:
    """A key was given, and there is no record to hold the attestation against."""
    if verifier.signed_by is not None:
        what = "what was signed cannot be told without the record"
        yield Finding(ReasonCode.ATTESTATION_INVALID, view.layout.attestation(view.run_id), what)


def _refusal(checker: SignatureChecker, envelope: bytes) -> str | None:
    """Why a checker does not accept an envelope; None when it does."""
    try:
        checker.check(envelope)
    except Fault as fault:
        return fault.what
    return None
