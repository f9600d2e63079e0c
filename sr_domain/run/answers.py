"""Answers: what the stored truth of a run amounts to, for a caller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, assert_never

import attrs

from sr_domain.record.events import (
    ENGINE_ROOT_CORRECTED,
    READY_PUBLISH_FAILED,
    READY_PUBLISHED,
    SUPERSEDE_PUBLISH_FAILED,
    SUPERSEDE_PUBLISHED,
    SUPERSEDED_BY,
)
from sr_domain.record.layout import Layout, run_of
from sr_domain.record.ledger import Ledger, RecordFault, check_ledger, read_tail
from sr_domain.record.read import Record
from sr_domain.record.states import RunState
from sr_domain.run.noted import ends_in, line_stands
from sr_domain.run.outcome import Outcome
from sr_ports import REASONS, Binding, Fault, ObjectStore, ReasonCode

_CORRECTED = f'"{ENGINE_ROOT_CORRECTED.name}"'.encode()

if TYPE_CHECKING:
    from sr_domain.plan.request import RunRequest
    from sr_domain.record.details import Accepted, Rest
    from sr_domain.record.read import Entry
    from sr_domain.record.supersede_details import Successor
    from sr_domain.run.ports import Ports


def settled(ledger: Ledger) -> bool:
    """Whether nothing is left to do for the run: final, and READY published."""
    state = ledger.state
    if state is None or not state.final:
        return False
    if state.terminal:
        return True
    record = Record(ledger)
    return record.published and (record.supersedes is None or record.has(SUPERSEDE_PUBLISHED))


def successor_of(ledger: Ledger) -> str | None:
    """The run that superseded this one first, if any. One that only claimed its place has not done so yet."""
    link = _link(ledger)
    return None if link is None else link.successor


def successors(store: ObjectStore, layout: Layout, ledger: Ledger) -> tuple[str, ...]:
    """The chain of successors, the newest last, as the records say; needs no authority.

    A record that is gone or damaged ends the chain, and so does a ring, which nobody can make by
    requests alone.
    """
    chain: list[str] = []
    link = _link(ledger)
    while link is not None and link.successor not in chain:
        chain.append(link.successor)
        view = run_of(link.facts_view_ref or "")
        layout = layout if view is None else view[0]
        blob = store.read(layout.record(link.successor))
        link = None if blob is None else _link(check_ledger(link.successor, blob.data))
    return tuple(chain)


def late_successors(store: ObjectStore, layout: Layout, run_id: str) -> tuple[str, ...]:
    """Who superseded a READY run. Most records say nothing of it, and are not parsed; nor is a damaged one."""
    blob = store.read(layout.record(run_id))
    if blob is None or not speaks_of_successor(blob.data):
        return ()
    ledger = check_ledger(run_id, blob.data)
    return successors(store, layout, ledger) if isinstance(ledger, Ledger) else ()


def speaks_of_successor(record: bytes) -> bool:
    """Whether a record may say that its run was superseded; False where it surely does not."""
    return f'"{SUPERSEDED_BY.name}"'.encode() in record


def _link(ledger: Ledger | RecordFault) -> Successor | None:
    return Record(ledger).successor if isinstance(ledger, Ledger) else None


def refs(layout: Layout, run_id: str, ledger: Ledger | None = None) -> dict[str, str]:
    """Keys of the artifacts that a run in this state has."""
    found = {"record_ref": layout.record(run_id), "status_ref": layout.status(run_id)}
    if ledger is None:
        return found
    if ledger.state is RunState.READY or Record(ledger).planned:
        found["plan_ref"] = layout.plan(run_id)
    match ledger.state:
        case RunState.READY:
            found["facts_view_ref"] = layout.facts(run_id)
            found["ready_signal_ref"] = layout.ready(run_id)
        case RunState.QUARANTINED:
            found["quarantine_ref"] = layout.quarantine(run_id)
        case None | RunState.FAILED | RunState.WAITING_EVIDENCE:
            pass
        case RunState.OPEN | RunState.PLANNED | RunState.EXECUTING | RunState.VERIFYING:
            pass
        case _:
            assert_never(ledger.state)
    return found


def ledger_outcome(layout: Layout, ledger: Ledger, *, is_new: bool = False) -> Outcome:
    """A record's state as an answer."""
    record = Record(ledger)
    fault, rest = record.root_fault, record.rest
    why = fault or rest
    return Outcome(
        run_id=ledger.run_id,
        state=ledger.state,
        platform_run_id=layout.platform_run_id,
        reason_code=None if why is None else ReasonCode(why.reason_code),
        message=_failed_engine(record, rest) or _rested(rest) if fault is None else fault.detail,
        is_new=is_new,
        published=record.published,
        unpublished=unpublished(ledger),
        missing=() if fault is not None or rest is None else rest.missing,
        in_the_way=None if fault is not None else _orphaned(rest),
        superseded_by=() if (successor := successor_of(ledger)) is None else (successor,),
        refs=refs(layout, ledger.run_id, ledger),
    )


_PUBLICATIONS = (
    ("READY", READY_PUBLISH_FAILED, READY_PUBLISHED),
    ("RUN_SUPERSEDED", SUPERSEDE_PUBLISH_FAILED, SUPERSEDE_PUBLISHED),
)


def unpublished(ledger: Ledger) -> dict[str, str] | None:
    """Which fact the control bus has not taken yet, and why, as the last try went; None where nothing failed."""
    record = Record(ledger)
    for kind, failed, published in _PUBLICATIONS:
        if record.has(failed) and not record.has(published):
            why = record.all(failed)[-1].details
            remedy = REASONS[ReasonCode(why.reason_code)].remedy
            return {"kind": kind, "reason_code": why.reason_code, "detail": why.detail, "remedy": remedy}
    return None


def _failed_engine(record: Record, why: Rest | None) -> str:
    """What ended the last attempt of a run that the engine's failure ended; empty for any other."""
    if why is None or not why.reason_code.startswith("ENGINE_") or not record.attempts:
        return ""
    last = record.attempts[-1]
    same = last.finished is not None and last.finished.details.reason_code == why.reason_code
    return last.why if same else ""


def _rested(why: Rest | None) -> str:
    """Where a run came to rest, in a sentence; empty where it did not."""
    if why is None:
        return ""
    if why.detail:
        return why.detail
    if why.conflicts:
        first, others = why.conflicts[0], len(why.conflicts) - 1
        more = f" and {others} more" if others else ""
        return f"{first.subject}: {first.code}: {first.detail}{more}"
    if not why.missing:
        return ""
    from sr_domain.record.proofs import SOME, named_missing  # most answers name nothing

    return f"missing: {named_missing(why.missing, why.lacks, SOME)}"


def _orphaned(why: Rest | None) -> str | None:
    """The first output whose place an orphan receipt holds; None where the run does not rest for one."""
    if why is None or why.reason_code != ReasonCode.INSTANCE_RECEIPT_ORPHAN:
        return None
    return next((one.subject for one in why.failures if one.code is ReasonCode.INSTANCE_RECEIPT_ORPHAN), None)


def settled_outcome(ports: Ports, layout: Layout, run_id: str, known: Binding) -> Outcome | None:
    """The answer to a duplicate of a run that the index knows as settled, from the end of its record alone.

    None when work may be left, the state is not the index's, or the line that it noted does not stand at its place.
    Raises `Fault` for a record whose end is not sound.
    """
    blob = ports.store.read(layout.record(run_id))
    if blob is None:
        return None
    try:
        tail = read_tail(run_id, blob.data)
    except Fault:
        if known.tail is not None and not line_stands(blob.data, known.tail):
            return None
        raise
    if known.tail is not None and not ends_in(tail, known.tail) and not line_stands(blob.data, known.tail):
        return None
    outcome = ledger_outcome(layout, tail)
    if outcome.state != known.state or not outcome.state.final or not (outcome.state.terminal or outcome.published):
        return None
    if _CORRECTED in blob.data:
        outcome = attrs.evolve(outcome, rerooted=True)
    if not outcome.superseded_by:
        return outcome
    return attrs.evolve(outcome, superseded_by=successors(ports.store, layout, tail))


def in_flight(ports: Ports, layout: Layout, run_id: str) -> Outcome:
    """The answer while another worker holds the run: where its record is, and LEASE_BUSY."""
    blob = ports.store.read(layout.record(run_id))
    state = None if blob is None else read_tail(run_id, blob.data).state
    return Outcome(
        run_id=run_id,
        state=state or RunState.OPEN,
        platform_run_id=layout.platform_run_id,
        reason_code=ReasonCode.LEASE_BUSY,
        message=f"run {run_id} is in flight elsewhere",
        in_flight=True,
        refs=refs(layout, run_id),
    )


def denied(layout: Layout, run_id: str, actor: str, action: str) -> Outcome:
    """The answer to an actor who may not do this."""
    return Outcome(
        run_id=run_id,
        state=RunState.FAILED,
        platform_run_id=layout.platform_run_id,
        reason_code=ReasonCode.AUTH_DENIED,
        message="Unauthorized",
        actor=actor,
        action=action,
    )


def bound_intent(ledger: Ledger) -> Mapping[str, Any] | None:
    """The intent that a record was anchored with; None before RUN_ACCEPTED."""
    return Record(ledger).intent


def asked_for(record: Record, known_timezone: Callable[[str], bool]) -> RunRequest | None:
    """What a run was asked for, as its record has it: its admission, else what was known when truth was lost.

    None where the record has neither. Raises `BadInput(REQUEST_INVALID)`.
    """
    from sr_domain.plan.request import parse_request

    if record.accepted is not None:
        return recorded_request(record.accepted, known_timezone)
    lost = record.lost
    if lost is None or lost.details.request is None:
        return None
    return parse_request(lost.details.request, known_timezone, lost.event.revision)


def recorded_request(accepted: Entry[Accepted], known_timezone: Callable[[str], bool]) -> RunRequest:
    """The request of an admission, by the contract of its day. Raises `BadInput(REQUEST_INVALID)`."""
    from sr_domain.plan.request import parse_request  # most answers need none

    return parse_request(accepted.details.request, known_timezone, accepted.event.revision)
