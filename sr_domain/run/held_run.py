"""A run under this worker's lease: the only hand that writes its truth.

Pattern, everywhere: decide in the ledger (compare-and-swap, fenced), then write artifacts
that are pure functions of what the ledger says. Whoever takes over can write them again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from sr_domain.artifacts.documents import run_status
from sr_domain.encoding.canonical import exact_json
from sr_domain.encoding.contracts import validate
from sr_domain.plan.request import RunRequest
from sr_domain.record.details import LeaseTaken
from sr_domain.record.events import LEASE_TAKEN
from sr_domain.record.kinds import Draft
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Event, Ledger, read_ledger
from sr_domain.record.read import Record
from sr_domain.record.states import RunState
from sr_domain.run.answers import settled
from sr_domain.run.ports import Ports, Settings
from sr_domain.run.telemetry import Narrator
from sr_ports import Fault, Held, Lease, LeaseLost, OutcomeUnknown, ReasonCode

_CAS_TRIES = 8


@attrs.frozen
class Unheld:
    """No heartbeat yet: nothing may be written."""

    @property
    def lost(self) -> bool:
        return True

    def check(self) -> None:
        raise Fault(ReasonCode.INTERNAL, "a run was written to outside its heartbeat")


@attrs.define
class HeldRun:
    """One run, one lease, and the record as this holder knows it.

    `policy_rev`: stamped on events until the plan's own is known. `decided`: the facts view
    this holder has decided, so that it need not be derived from the record a second time.
    """

    ports: Ports
    settings: Settings
    request: RunRequest
    layout: Layout
    lease: Lease
    actor: str
    narrate: Narrator
    policy_rev: Mapping[str, str]
    ledger: Ledger
    record_etag: str | None = None
    status_etag: str | None = None
    held: Held = Unheld()
    staged: tuple[Draft, ...] = ()
    decided: bytes | None = None

    @property
    def run_id(self) -> str:
        return self.request.run_id

    @property
    def history(self) -> Record:
        """What the record says so far."""
        return Record(self.ledger)

    def now(self) -> datetime:
        return self.ports.clock.now()

    def load(self) -> None:
        """Read the record as it stands now."""
        blob = self.ports.store.read(self.layout.record(self.run_id))
        self.ledger = Ledger(self.run_id) if blob is None else read_ledger(self.run_id, blob.data)
        self.record_etag = None if blob is None else blob.etag

    def renew(self) -> None:
        """Check and renew the lease with the authority itself. Raises `LeaseLost`."""
        self.held.check()
        self.lease = self.ports.authority.renew(self.lease, ttl_s=self.settings.lease_ttl_s)

    def stage(self, *drafts: Draft) -> None:
        """Events that are to be on record before anything that follows from them is written.

        They go with the next `record`, in one append.
        """
        self.staged += drafts

    def record(self, *drafts: Draft, now: datetime | None = None) -> None:
        """Append what was staged and these events, compare-and-swap.

        Milestones that are there already add nothing. Raises `LeaseLost` when the lease is
        gone, or when somebody else has moved the run on since this holder read its record.
        """
        drafts, self.staged = (*self.staged, *drafts), ()
        based_on = self.ledger.state_event
        for _ in range(_CAS_TRIES):
            self.held.check()
            before, stamp = self.ledger, now or self.now()
            grown = before.append(
                drafts, fence=self.lease.fence, actor=self.actor, policy_rev=self.policy_rev, now=stamp
            )
            if grown.data == before.data:
                return
            if self._swap(grown):
                for event in grown.events[len(before.events) :]:
                    self.narrate.event(event)
                return
            self.load()
            self._refuse_if_moved(based_on)
        raise OutcomeUnknown(f"the record of run {self.run_id} changed {_CAS_TRIES} times while it was appended to")

    def _refuse_if_moved(self, based_on: Event | None) -> None:
        """What this holder is about to write follows from a state that is no longer the run's."""
        if self.ledger.state_event != based_on:
            raise LeaseLost(self.run_id, self.lease.fence, ReasonCode.FENCED)

    def _swap(self, grown: Ledger) -> bool:
        key, store = self.layout.record(self.run_id), self.ports.store
        if self.record_etag is None:
            stored = store.create(key, grown.data)
        else:
            stored = store.replace(key, grown.data, etag=self.record_etag)
        if stored is None:
            return False
        self.ledger, self.record_etag = grown, stored.etag
        return True

    def write_once(self, contract: str, key: str, document: Mapping[str, Any]) -> None:
        """Commit an artifact that follows from the record; it may stand already, as the very same bytes.

        Raises `ContractViolation` before anything is written, `LeaseLost` when the lease is
        gone, `Fault(TRUTH_ALTERED)` when something else stands there.
        """
        validate(contract, document)
        data = exact_json(document)
        if self.write_bytes(key, data) != data:
            raise Fault(ReasonCode.TRUTH_ALTERED, f"{key} is not what the record of its run says")

    def write_bytes(self, key: str, data: bytes) -> bytes:
        """Write once; the bytes that stand are returned."""
        self.held.check()
        if self.ports.store.create(key, data) is not None:
            return data
        blob = self.ports.store.read(key)
        if blob is None:
            raise Fault(ReasonCode.TRUTH_MISSING, f"{key} was there and is gone")
        return blob.data

    def write_status(self, ledger: Ledger | None = None) -> None:
        """Bring the status up to what the record derives. It only moves forward."""
        document = run_status(self.layout, ledger or self.ledger)
        if document is None:
            return
        validate("run_status", document)
        key, data, store = self.layout.status(self.run_id), exact_json(document), self.ports.store
        for _ in range(_CAS_TRIES):
            self.held.check()
            if self.status_etag is None:
                stored = store.create(key, data)
            else:
                stored = store.replace(key, data, etag=self.status_etag)
            if stored is not None:
                self.status_etag = stored.etag
                return
            blob = store.read(key)
            if blob is None:
                self.status_etag = None
                continue
            if blob.data == data or _ahead(blob.data, RunState(document["state"])):
                self.status_etag = blob.etag
                return
            self.status_etag = blob.etag
        raise OutcomeUnknown(f"the status of run {self.run_id} kept changing")

    def write_status_if_moved(self, expected: Ledger) -> None:
        """Write the status again when the record came to say something else than expected."""
        if run_status(self.layout, expected) != run_status(self.layout, self.ledger):
            self.write_status()


def _ahead(data: bytes, state: RunState) -> bool:
    """Whether the stored status is final already and another than this one."""
    try:
        stored = RunState(json.loads(data)["state"])
    except (ValueError, KeyError, TypeError):
        return False
    if stored.final and state.final and stored is not state:
        raise Fault(ReasonCode.TRUTH_ALTERED, f"the status says {stored.value}, the record says {state.value}")
    return stored.final and not state.final


def take_over(run: HeldRun) -> None:
    """Fence out whoever held the run before: raise the record's fence to this lease's.

    A settled record takes nothing more from any holder, so there is nobody to fence out.
    """
    if run.history.accepted is None or settled(run.ledger):
        return
    if run.ledger.fence < run.lease.fence:
        run.record(LEASE_TAKEN(LeaseTaken(run.lease.fence)))
