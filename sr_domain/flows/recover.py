"""Recover: what stands in an artifact's place and is not the record's is set aside, and the run goes on.

Order (spec: behaviour, "Commit order"): authorise, the run's lease, what stands against what the record derives,
who else knows of a READY that the record does not have, set aside, go on.
"""

from __future__ import annotations

import contextlib

import attrs

from sr_domain.flows.accepted_loss import refuse_while_others_work
from sr_domain.flows.denial import denied_on_record
from sr_domain.flows.index import check_known
from sr_domain.flows.known_ready import ready_elsewhere
from sr_domain.flows.resume import locate
from sr_domain.flows.set_aside import set_aside
from sr_domain.flows.work import held_run, work
from sr_domain.plan.compile import pins_of
from sr_domain.plan.request import RunRequest
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Ledger
from sr_domain.record.read import Record
from sr_domain.record.states import RunState
from sr_domain.run.answers import in_flight
from sr_domain.run.append_aside import read_record
from sr_domain.run.context import Context
from sr_domain.run.derived import Derived
from sr_domain.run.derived_artifact import DerivedArtifact
from sr_domain.run.held_run import HeldRun, take_over
from sr_domain.run.outcome import Outcome
from sr_domain.run.rights import allows, check_caller
from sr_ports import BadInput, Binding, Blob, Fault, Identity, ObjectStore, ReasonCode, SrError
from sr_ports.compared import Compared
from sr_ports.masking import redact
from sr_ports.stores import MAX_OBJECT

_LONGEST = 512
"""Characters that a reason may have on record."""


@attrs.frozen(eq=False, repr=False)
class Asked(Compared):
    """What an actor with the right asks for. `context`: for work where the run is. `reason`: as it goes on record.
    `known`: what the index knows of the run."""

    context: Context
    layout: Layout
    request: RunRequest
    known: Binding
    reason: str


def asked_to_recover(context: Context, run: str, *, reason: str, actor: Identity) -> Asked | Outcome:
    """The run that a loss is accepted for; the answer to an actor without the right. Raises `NotFound`, `BadInput`."""
    check_caller(context.settings, actor)
    told = accepted_reason(reason)
    at = locate(context, run)
    if not allows(context.settings, "recover", actor):
        run_id, pins = at.request.run_id, pins_of(at.request)
        return denied_on_record(at.context, at.layout, run_id, actor, "recover", pins=pins)
    return Asked(at.context, at.layout, at.request, at.known, told)


def accepted_reason(reason: str) -> str:
    """The reason as it goes on record. Raises `BadInput(USAGE)` for none."""
    if not reason.strip():
        raise BadInput(ReasonCode.USAGE, "a loss is accepted for a reason, and none is given", "give --reason")
    return redact(reason)[:_LONGEST]


def recover_artifact(context: Context, run: str, key: str, *, reason: str, actor: Identity) -> Outcome:
    """Set aside what stands at `key`, an artifact of the run or a part list, and take the run as far as it goes now.

    `run`: its id or a ref of it. An actor without the right gets an `Outcome` that says so; so does whoever comes
    while another works on the run. What is the record's own is left as it is. Raises `NotFound`; `BadInput(USAGE)`
    for a key of anything else, or where nothing stands, `BadInput(LEASE_BUSY)` for a part list while another run is
    held; `Fault(TRUTH_LOST)` where index, bus or a signature say
    that something was READY which the record does not have; `Fault(TRUTH_ALTERED)`, `Unreachable`, `LeaseLost`.
    """
    asked = asked_to_recover(context, run, reason=reason, actor=actor)
    if isinstance(asked, Outcome):
        return asked
    context, layout, request = asked.context, asked.layout, asked.request
    ports, ledger = context.ports, read_record(context.ports, layout, request.run_id)[0]
    _refuse_rolled_back(asked, ledger, key)
    DerivedArtifact.at(key, Derived(layout, ledger))  # of any other key nothing is touched
    owner, ttl_s, store_id = ports.ids.new_id(), context.settings.lease_ttl_s, context.known_store.identity().store_id
    lease = ports.authority.acquire(request.run_id, owner, ttl_s=ttl_s, above=ledger.fence, store_id=store_id)
    if lease is None:
        return in_flight(ports, layout, request.run_id)
    _hold(context, held_run(context, layout, request, lease, actor), key, asked.reason)
    return work(context, layout, request, actor, known=asked.known)


def _refuse_rolled_back(asked: Asked, ledger: Ledger, key: str) -> None:
    """Return for a record that holds what the index knows. What was READY is lost, anything else was rolled back."""
    try:
        check_known(asked.context, asked.known, ledger)
    except Fault as fault:
        if asked.known.state == RunState.READY and Record(ledger).committed is None and ledger.events:
            what = f"{key} is not set aside: the index has known the run as READY, and its record does not say so"
            raise Fault(ReasonCode.TRUTH_LOST, what) from fault
        raise


def _hold(context: Context, run: HeldRun, key: str, reason: str) -> None:
    """Set the artifact aside under a heartbeat; the lease is given up whatever happens."""
    try:
        with context.ports.heartbeat.keep(run.lease, run.extended) as run.held:
            run.load()
            take_over(run)
            _give_up(run, DerivedArtifact.at(key, run.derives, run.ports.signer), reason)
    finally:
        with contextlib.suppress(SrError):  # it lapses by itself
            context.ports.authority.release(run.lease)


def _give_up(run: HeldRun, artifact: DerivedArtifact, reason: str) -> None:
    own = artifact.stands_own(run.ports.store)
    if own:
        return
    standing = None if own is None else _whole(run.ports.store, artifact.key)
    if standing is None:
        raise BadInput(
            ReasonCode.USAGE, f"nothing stands at {artifact.key}", "a run that goes on writes what is missing"
        )
    replacement = artifact.derived()
    known = ready_elsewhere(run, artifact.key, standing.data)
    if known is not None:
        raise Fault(ReasonCode.TRUTH_LOST, f"{artifact.key} is not set aside: {known}")
    if artifact.shared:
        refuse_while_others_work(run.ports, run.layout, run.run_id, run.lease.store_id)
    set_aside(run, artifact.key, standing, replacement, reason=reason)


def _whole(store: ObjectStore, key: str) -> Blob | None:
    """What stands at `key`. Raises `Fault(OBJECT_TOO_LARGE)` for what is longer than any artifact but a part list."""
    found = store.stat(key)
    if found is not None and found.size > MAX_OBJECT:
        what = f"{key} has {found.size} bytes, and at most {MAX_OBJECT} are set aside"
        raise Fault(ReasonCode.OBJECT_TOO_LARGE, what, "restore it from backup, or move it out of the store by hand")
    return store.read(key)
