"""Superseding a run: the correction of a READY run is a new run (spec: behaviour, IP6).

A run has one successor. Of several that would be it, the first whose evidence is complete
claims the place in the old run's own record, compare-and-swap, before its READY is decided;
the others end FAILED and say who was first. A claim counts until its run fails.
"""

from __future__ import annotations

from typing import Any

import attrs

from sr_domain.artifacts.documents import control_fact
from sr_domain.artifacts.revisions import rules_at
from sr_domain.encoding.ids import superseded_message_id
from sr_domain.encoding.times import format_instant
from sr_domain.plan.request import RunRequest
from sr_domain.record import details, events, supersede_details
from sr_domain.record.kinds import Draft
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Ledger
from sr_domain.record.read import Record
from sr_domain.record.spans import PUBLISH
from sr_domain.record.states import RunState
from sr_domain.run.answers import successor_of
from sr_domain.run.append_aside import append_aside, read_record
from sr_domain.run.held_run import HeldRun
from sr_domain.run.lookup import home_of, record_elsewhere
from sr_domain.run.ports import Ports
from sr_domain.run.tracing import traced
from sr_ports import BadInput, Fault, ReasonCode, Unreachable
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class SupersedeRefused(Compared):
    """Why the run named cannot be superseded."""

    code: ReasonCode
    detail: str
    supersedes: str

    @property
    def event(self) -> Draft:
        """For telemetry."""
        return events.SUPERSEDE_REFUSED(supersede_details.SupersedeRefused(self.code, self.detail, self.supersedes))


def claimant_of(ports: Ports, layout: Layout, ledger: Ledger) -> str | None:
    """The run that has taken the place of successor: announced, or claimed by one that has not failed."""
    announced = successor_of(ledger)
    if announced is not None:
        return announced
    for claim in reversed(Record(ledger).all(events.SUPERSEDE_CLAIMED)):
        claimant = claim.details.successor
        state = read_record(ports, home_of(ports, claimant, layout), claimant)[0].state
        if state is None or not state.terminal:
            return claimant
    return None


def check_supersedes(ports: Ports, layout: Layout, request: RunRequest) -> SupersedeRefused | None:
    """Whether the request's `supersedes` may stand; None when it may. Reads only."""
    old = request.supersedes
    if old is None:
        return None
    ledger = record_elsewhere(ports, old, layout)
    if ledger.state is None:
        return SupersedeRefused(ReasonCode.SUPERSEDES_NOT_FOUND, f"run {old} does not exist here", old)
    if ledger.state is not RunState.READY and Record(ledger).lost is None:
        return SupersedeRefused(ReasonCode.SUPERSEDES_NOT_READY, f"run {old} is {ledger.state.value}", old)
    claimant = claimant_of(ports, layout, ledger)
    return None if claimant in (None, request.run_id) else _taken(old, claimant)


def _taken(old: str, claimant: str | None) -> SupersedeRefused:
    return SupersedeRefused(ReasonCode.SUPERSEDES_TAKEN, f"run {old} was superseded by {claimant}", old)


def place_taken(run: HeldRun) -> SupersedeRefused | None:
    """Before receipts are written: that another run has the place already; None where it may be claimed. Reads."""
    refused = check_supersedes(run.ports, run.layout, run.request)
    if refused is None or refused.code is not ReasonCode.SUPERSEDES_TAKEN:
        return None
    run.telemetry.event(refused.event)
    return refused


def claim_place(run: HeldRun) -> SupersedeRefused | None:
    """Before READY is decided: take the place of the old run's one successor; None when this run has it."""
    old, ports = run.request.supersedes, run.ports
    if old is None:
        return None
    home = home_of(ports, old, run.layout)
    claim = events.SUPERSEDE_CLAIMED(supersede_details.Claim(run.run_id))
    ledger = append_aside(
        ports,
        home,
        old,
        claim,
        actor=run.actor,
        policy_rev=run.policy_rev,
        unless=lambda ledger: claimant_of(ports, home, ledger) is not None,
    )
    claimant = claimant_of(ports, home, ledger)
    if claimant == run.run_id:
        return None
    refused = _taken(old, claimant)
    run.telemetry.event(refused.event)
    return refused


def _fact(run: HeldRun, old: str) -> dict[str, Any]:
    """What the bus is told, by the rules of this run's decision. Raises `ContractViolation`, `Fault`."""
    decided = run.history.decision
    if decided is None:
        raise Fault(ReasonCode.RECORD_INVALID, f"run {run.run_id} has no decision, and cannot supersede")
    rules = rules_at(decided.event)
    payload = rules.run_superseded(run.layout, old, decided, run.request.notes)
    rules.validate("run_superseded", payload)
    return payload


def _traced(run: HeldRun) -> dict[str, str]:
    """The fact is part of the successor's trace."""
    committed = run.history.committed
    return {} if committed is None else traced(run.ports.telemetry, run.run_id, committed.event.event_id, PUBLISH)


def announce_successor(run: HeldRun) -> None:
    """Once READY: the old record names its successor, and the bus says so. Repeatable.

    The fact speaks of the old run, so it goes to the old run's home: whoever reads that run's READY
    there must find beside it that it counts no more. Its envelope names both runs.
    """
    old = run.request.supersedes
    if old is None or run.history.supersede_published is not None:
        return
    home = home_of(run.ports, old, run.layout)
    successor = supersede_details.Successor(run.run_id, run.layout.facts(run.run_id))
    link, fact_of_it = events.SUPERSEDED_BY(successor), events.GOV_SUPERSEDED(successor)
    append_aside(run.ports, home, old, link, fact_of_it, actor=run.actor, policy_rev=run.policy_rev)
    payload = _fact(run, old)
    message_id = superseded_message_id(old, run.run_id)
    fact = control_fact(
        run.settings.topic,
        "RUN_SUPERSEDED",
        message_id,
        payload,
        layout=home,
        run_id=old,
        at=format_instant(run.now()),
        more={**run.known_store.attributes(), "superseded_by": run.run_id, **_traced(run)},
    )
    try:
        run.ports.bus.publish(fact)
    except (Unreachable, BadInput) as error:
        run.record(events.SUPERSEDE_PUBLISH_FAILED(details.Refused(error.code, error.what)))
        return
    run.record(events.SUPERSEDE_PUBLISHED(supersede_details.SupersedePublished(old, message_id)))
