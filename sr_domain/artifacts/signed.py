"""A decided run as its signature states it, from what the record says. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sr_domain.artifacts.attestation import Ready
from sr_domain.artifacts.revisions import rules_at
from sr_domain.encoding.canonical import sha256_hex
from sr_domain.record.layout import Layout
from sr_domain.record.read import Record
from sr_ports import Fault, ReasonCode


def statement_of(layout: Layout, record: Record, facts: Mapping[str, Any], facts_digest: str) -> bytes:
    """What a signature on READY states of a decided run, by the rules of its decision.

    `facts`: its view; `facts_digest`: of the view's stored bytes. Raises `Fault(RECORD_INVALID)` for a record
    that lacks admission, plan or decision.
    """
    decided = record.decision
    if decided is None:
        raise Fault(ReasonCode.RECORD_INVALID, f"run {record.ledger.run_id} has no decision to be signed")
    decision = sha256_hex(decided.event.line())
    ready = Ready(layout, facts, facts_digest, plan_digest(layout, record), decision, decided.ts_utc)
    return rules_at(decided.event).statement(ready)


def plan_digest(layout: Layout, record: Record) -> str:
    """The digest of the plan's artifact: as the record has it, or of what a plan of revision 1 gives."""
    accepted, committed = record.accepted, record.plan
    if accepted is None or committed is None:
        raise Fault(ReasonCode.RECORD_INVALID, f"run {record.ledger.run_id} has no plan on record")
    if committed.details.run_plan_digest is not None:
        return committed.details.run_plan_digest
    rules = rules_at(committed.event)
    document = rules.run_plan(layout, accepted.details.evidence_deadline_utc, committed.event)
    return sha256_hex(rules.stored("run_plan", document))
