"""Answers: what the stored truth of a run amounts to, for a caller."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sr_domain.record import revisions
from sr_domain.record.layout import Layout, run_of
from sr_domain.record.ledger import Event, Ledger, RecordFault, check_ledger
from sr_domain.record.states import RunState
from sr_domain.run.outcome import Outcome
from sr_domain.run.root_faults import standing_fault
from sr_ports import REASONS, ObjectStore, ReasonCode

if TYPE_CHECKING:
    from sr_domain.plan.request import RunRequest
    from sr_domain.run.ports import Ports


def settled(ledger: Ledger) -> bool:
    """Whether nothing is left to do for the run: final, and READY published."""
    state = ledger.state
    if state is None or not state.final:
        return False
    if state is not RunState.READY:
        return True
    accepted = ledger.first("RUN_ACCEPTED")
    supersedes = accepted is not None and accepted.details["intent"]["supersedes"] is not None
    owed = not supersedes or ledger.first("SUPERSEDE_PUBLISHED") is not None
    return owed and ledger.first("READY_PUBLISHED") is not None


def successor_of(ledger: Ledger) -> str | None:
    """The run that superseded this one first, if any. One that only claimed its place has not done so yet."""
    link = _link(ledger)
    return None if link is None else str(link["successor"])


def successors(store: ObjectStore, layout: Layout, ledger: Ledger) -> tuple[str, ...]:
    """The chain of successors, the newest last, as the records say; needs no authority.

    A record that is gone or damaged ends the chain, and so does a ring, which nobody can make by
    requests alone.
    """
    chain: list[str] = []
    link = _link(ledger)
    while link is not None and (successor := str(link["successor"])) not in chain:
        chain.append(successor)
        view = run_of(str(link.get("facts_view_ref")))
        layout = layout if view is None else view[0]
        blob = store.read(layout.record(successor))
        link = None if blob is None else _link(check_ledger(successor, blob.data))
    return tuple(chain)


def late_successors(store: ObjectStore, layout: Layout, run_id: str) -> tuple[str, ...]:
    """Who superseded a READY run. Most records say nothing of it, and are not parsed; nor is a damaged one."""
    blob = store.read(layout.record(run_id))
    if blob is None or b'"SUPERSEDED_BY"' not in blob.data:
        return ()
    ledger = check_ledger(run_id, blob.data)
    return successors(store, layout, ledger) if isinstance(ledger, Ledger) else ()


def _link(ledger: Ledger | RecordFault) -> Mapping[str, Any] | None:
    events = ledger.all("SUPERSEDED_BY") if isinstance(ledger, Ledger) else []
    return events[0].details if events else None


def refs(layout: Layout, run_id: str, ledger: Ledger | None = None) -> dict[str, str]:
    """Keys of the artifacts that a run in this state has."""
    found = {"record_ref": layout.record(run_id), "status_ref": layout.status(run_id)}
    if ledger is None:
        return found
    if ledger.first("PLAN_COMMITTED"):
        found["plan_ref"] = layout.plan(run_id)
    if ledger.state is RunState.READY:
        found["facts_view_ref"] = layout.facts(run_id)
        found["ready_signal_ref"] = layout.ready(run_id)
    if ledger.state is RunState.QUARANTINED:
        found["quarantine_ref"] = layout.quarantine(run_id)
    return found


def ledger_outcome(layout: Layout, ledger: Ledger, *, is_new: bool = False) -> Outcome:
    """A record's state as an answer."""
    event = standing_fault(ledger) or ledger.state_event
    details: Mapping[str, Any] = {} if event is None else event.details
    code = details.get("reason_code")
    return Outcome(
        run_id=ledger.run_id,
        state=ledger.state,
        platform_run_id=layout.platform_run_id,
        reason_code=None if code is None else ReasonCode(code),
        message=_message(details),
        is_new=is_new,
        published=ledger.first("READY_PUBLISHED") is not None,
        unpublished=unpublished(ledger),
        missing=tuple(details.get("missing", ())),
        superseded_by=() if (successor := successor_of(ledger)) is None else (successor,),
        refs=refs(layout, ledger.run_id, ledger),
    )


def unpublished(ledger: Ledger) -> dict[str, str] | None:
    """Which fact the control bus has not taken yet, and why, as the last try went; None where nothing failed."""
    for kind, event in (("READY", "READY"), ("RUN_SUPERSEDED", "SUPERSEDE")):
        failures = ledger.all(f"{event}_PUBLISH_FAILED")
        if failures and ledger.first(f"{event}_PUBLISHED") is None:
            code, detail = failures[-1].details["reason_code"], failures[-1].details["detail"]
            return {"kind": kind, "reason_code": code, "detail": detail, "remedy": REASONS[ReasonCode(code)].remedy}
    return None


def _message(details: Mapping[str, Any]) -> str:
    if details.get("detail"):
        return str(details["detail"])
    conflicts = details.get("conflicts") or ()
    if conflicts:
        first = conflicts[0]
        more = f" and {len(conflicts) - 1} more" if len(conflicts) > 1 else ""
        return f"{first['subject']}: {first['code']}: {first['detail']}{more}"
    missing = details.get("missing") or ()
    return "missing: " + ", ".join(missing) if missing else ""


def settled_outcome(ports: Ports, layout: Layout, run_id: str) -> Outcome | None:
    """The answer to a duplicate of a finished run; None when work may be left."""
    blob = ports.store.read(layout.status(run_id))
    if blob is None:
        return None
    status = json.loads(blob.data)
    state = RunState(status["state"])
    if not state.final:
        return None
    code = status.get("reason_code")
    found = refs(layout, run_id)
    if state is RunState.READY:
        found |= {"plan_ref": layout.plan(run_id), "facts_view_ref": layout.facts(run_id)}
    return Outcome(
        run_id=run_id,
        state=state,
        platform_run_id=layout.platform_run_id,
        reason_code=None if code is None else ReasonCode(code),
        message=REASONS[ReasonCode(code)].meaning if code else "",
        published=state is RunState.READY,
        superseded_by=late_successors(ports.store, layout, run_id) if state is RunState.READY else (),
        refs=found,
    )


def in_flight(ports: Ports, layout: Layout, run_id: str) -> Outcome:
    """The answer while another worker holds the run: its status, and LEASE_BUSY."""
    blob = ports.store.read(layout.status(run_id))
    status = {"state": RunState.OPEN.value} if blob is None else json.loads(blob.data)
    return Outcome(
        run_id=run_id,
        state=RunState(status["state"]),
        platform_run_id=layout.platform_run_id,
        reason_code=ReasonCode.LEASE_BUSY,
        message=f"run {run_id} is in flight elsewhere",
        in_flight=True,
        refs=refs(layout, run_id),
    )


def denied(layout: Layout, run_id: str, actor: str) -> Outcome:
    """The answer to an actor who may not do this."""
    return Outcome(
        run_id=run_id,
        state=RunState.FAILED,
        platform_run_id=layout.platform_run_id,
        reason_code=ReasonCode.AUTH_DENIED,
        message="Unauthorized",
        actor=actor,
    )


def bound_intent(ledger: Ledger) -> Mapping[str, Any] | None:
    """The intent that a record was anchored with; None before RUN_ACCEPTED."""
    accepted = ledger.first("RUN_ACCEPTED")
    intent: Mapping[str, Any] | None = None if accepted is None else accepted.details["intent"]
    return intent


def recorded_request(accepted: Event, known_timezone: Callable[[str], bool]) -> RunRequest:
    """The request of a RUN_ACCEPTED event, by the contract of its day. Raises `BadInput(REQUEST_INVALID)`."""
    from sr_domain.plan.request import parse_request  # most answers need none

    revision = revisions.named(accepted.event_kind, accepted.details)
    return parse_request(accepted.details["request"], known_timezone, revision)
