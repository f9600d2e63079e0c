"""A run under this worker's lease: the only hand that writes its truth.

Pattern, everywhere: decide in the ledger (compare-and-swap, fenced), then write artifacts
that are pure functions of what the ledger says. Whoever takes over can write them again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import attrs

from sr_domain.artifacts.revisions import today
from sr_domain.encoding.canonical import sha256_hex
from sr_domain.encoding.contracts import Problem
from sr_domain.encoding.pack_contracts import PackContracts
from sr_domain.plan.request import RunRequest
from sr_domain.record.details import LeaseTaken
from sr_domain.record.events import LEASE_TAKEN
from sr_domain.record.kinds import Draft
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Event, Ledger
from sr_domain.record.read import Record
from sr_domain.run.altered import AlteredArtifact
from sr_domain.run.answers import settled
from sr_domain.run.append_aside import ledger_of
from sr_domain.run.deadline import deadline_of
from sr_domain.run.derived import Derived
from sr_domain.run.ports import Ports, Settings
from sr_domain.run.rolled_back import rolled_back
from sr_domain.run.store_identity import KnownStore
from sr_domain.run.swap import swap
from sr_domain.run.telemetry import RunTelemetry
from sr_ports import Blob, Fault, Held, Identity, Lease, LeaseLost, ReasonCode, check_bytes
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class Unheld(Compared):
    """No heartbeat yet: nothing may be written."""

    @property
    def lost(self) -> bool:
        return True

    def check(self) -> None:
        raise Fault(ReasonCode.INTERNAL, "a run was written to outside its heartbeat")


@attrs.define(eq=False, repr=False)
class HeldRun:
    """One run, one lease, and the record as this holder knows it.

    `policy_rev`: stamped on events until the plan's own is known. `record_blob`, `status_blob`: the
    objects as this holder last read or wrote them, None for none. `derived`: by key, the artifacts that
    follow from what this holder decided, so that they need not be derived from the record a second time.
    `contracts`: those of the pack that the plan was made under, none before there is a plan. `forced`: whoever
    asks wants one more engine attempt, however many were abandoned. `named_root`: the engine root that a resubmission
    names, in full; `root_told`: what became of that, for the answer.
    """

    ports: Ports
    settings: Settings
    request: RunRequest
    layout: Layout
    known_store: KnownStore
    lease: Lease
    actor: Identity
    telemetry: RunTelemetry
    policy_rev: Mapping[str, str]
    ledger: Ledger
    record_blob: Blob | None = None
    status_blob: Blob | None = None
    held: Held = Unheld()
    contracts: PackContracts = attrs.field(factory=PackContracts)
    staged: tuple[Draft, ...] = ()
    derived: dict[str, bytes] = attrs.field(factory=dict)
    forced: bool = False
    named_root: str | None = None
    root_told: str = ""

    @property
    def run_id(self) -> str:
        return self.request.run_id

    @property
    def history(self) -> Record:
        """What the record says so far."""
        return Record(self.ledger)

    @property
    def derives(self) -> Derived:
        """What the record derives so far."""
        return Derived(self.layout, self.ledger)

    def now(self) -> datetime:
        return self.ports.clock.now()

    def misfit(self, contract: str, document: Any) -> Problem | None:
        """What breaks today's contract of that name, or the pack's own; None when the document fits both."""
        return today().problem(contract, document) or self.contracts.problem(contract, document)

    def load(self) -> None:
        """Read the record as it stands now."""
        self._know(self.ports.store.read(self.layout.record(self.run_id)))

    def _know(self, blob: Blob | None) -> None:
        self.ledger, self.record_blob = ledger_of(self.run_id, blob), blob

    def pause(self, seconds: float) -> None:
        """Let time pass under the heartbeat, in steps of a second. Raises `LeaseLost`."""
        while seconds > 0:
            self.held.check()
            self.ports.clock.sleep(min(seconds, 1.0))
            seconds -= 1.0
        self.held.check()

    def late(self) -> bool:
        """Whether the evidence deadline has come, by the authority's clock. Raises `Unreachable`."""
        deadline = deadline_of(self.history)
        return deadline is not None and self.ports.authority.now() >= deadline

    def renew(self) -> None:
        """Check and renew the lease with the authority itself. Raises `LeaseLost`."""
        self.held.check()
        self.lease = self.extended(self.lease)

    def extended(self, lease: Lease) -> Lease:
        """The lease with its whole time before it again. Raises `LeaseLost`, `Unreachable`."""
        return self.ports.authority.renew(lease, ttl_s=self.settings.lease_ttl_s)

    def stage(self, *drafts: Draft) -> None:
        """Events that are to be on record before anything that follows from them is written.

        They go with the next `record`, in one append.
        """
        self.staged += drafts

    def record(self, *drafts: Draft, now: datetime | None = None) -> None:
        """Append what was staged and these events, compare-and-swap.

        Milestones that are there already add nothing. Raises `LeaseLost` when the lease is
        gone, or when somebody else has moved the run on since this holder read its record; `Fault(TRUTH_ROLLED_BACK)`
        when it lost what this holder had read or written.
        """
        drafts, self.staged = (*self.staged, *drafts), ()
        based_on, grown = self.ledger.state_event, self.ledger

        def appended(standing: Blob | None) -> bytes | None:
            nonlocal grown
            self.held.check()
            if standing is not self.record_blob:
                self._know_more(standing)
                self._refuse_if_moved(based_on)
            grown = self.ledger.append(
                drafts, fence=self.lease.fence, actor=self.actor, policy_rev=self.policy_rev, now=now or self.now()
            )
            return None if grown.data == self.ledger.data else grown.data

        written = swap(self.ports.store, self.layout.record(self.run_id), self.record_blob, appended)
        if written is not None:
            known, self.ledger, self.record_blob = self.ledger, grown, written
            self.telemetry.recorded(grown, known, self.layout)

    def _know_more(self, blob: Blob | None) -> None:
        """What others appended. A record only grows: of one that lost something the index is told what it had."""
        known, now = self.ledger, ledger_of(self.run_id, blob)
        if not now.data.startswith(known.data):
            what = f"run {self.run_id}: its record lost events while it was worked on, {len(now.events)} of them stand"
            raise rolled_back(self.run_id, what)
        self.ledger, self.record_blob = now, blob

    def _refuse_if_moved(self, based_on: Event | None) -> None:
        """What this holder is about to write follows from a state that is no longer the run's."""
        if self.ledger.state_event != based_on:
            raise LeaseLost(self.run_id, self.lease.fence, ReasonCode.FENCED)

    def follows(self, key: str, data: bytes) -> str:
        """Keep an artifact that follows from what is being decided; its digest, for the decision.

        Raises `Fault(OBJECT_TOO_LARGE)`: nothing is decided whose artifact no store would take.
        """
        check_bytes(key, len(data))
        self.derived[key] = data
        return sha256_hex(data)

    def write_derived(self, key: str, digest: str | None, derive: Callable[[], bytes | None]) -> bytes:
        """An artifact that the record decided, as it stands; derived and written where it is missing.

        `digest`: the record's, hex64; None from an earlier release that put none on it: then what stands
        is held against what `derive` gives. Raises `AlteredArtifact` when something else stands there,
        `Fault(RECORD_INVALID)` when the record gives something else, `LeaseLost` when the lease is gone.
        """
        fresh = self.derived.get(key)
        fresh = fresh if fresh is not None and sha256_hex(fresh) == digest else None
        standing = None if fresh is not None else self.ports.store.read(key)
        if standing is not None:
            kept = standing.data
            digest = digest or sha256_hex(derive() or b"")
        else:
            data = derive() if fresh is None else fresh
            if data is None or digest not in (None, sha256_hex(data)):
                raise Fault(ReasonCode.RECORD_INVALID, f"{key} does not follow from the record of its run")
            kept, digest = self.write_bytes(key, data), sha256_hex(data)
        if sha256_hex(kept) != digest:
            raise AlteredArtifact(self.run_id, key, sha256_hex(kept))
        return kept

    def write_bytes(self, key: str, data: bytes) -> bytes:
        """Write once; the bytes that stand are returned."""
        self.held.check()
        return data if self.ports.store.create(key, data) is not None else self._stands(key)

    def write_named(self, key: str, make: Callable[[], bytes]) -> str | None:
        """Write once what may be long, and is not held; the digest of what stands there already, None for nothing."""
        self.held.check()
        if self.ports.store.create(key, make()) is not None:
            return None
        from sr_domain.run.stored import stored_sha256  # as a rule nothing stands there

        stands = stored_sha256(self.ports.store, key)
        if stands is None:
            raise _gone(key)
        return stands.sha256

    def _stands(self, key: str) -> bytes:
        blob = self.ports.store.read(key)
        if blob is None:
            raise _gone(key)
        return blob.data

    def write_status(self, ledger: Ledger | None = None) -> None:
        """Bring the status up to what the record derives, from any that it derived before.

        Raises `AlteredArtifact` where another stands, which is left as it is; `LeaseLost` where it is
        that of a holder who has moved the run on.
        """
        derived = Derived(self.layout, ledger or self.ledger)
        key, data = self.layout.status(self.run_id), derived.status()
        if data is None:
            return

        def forward(standing: Blob | None) -> bytes | None:
            self.held.check()
            if standing is not None and standing is not self.status_blob:
                if not derived.was_status(standing.data):
                    self._refuse_status(standing)
                self.status_blob = standing
                return None if standing.data == data else data
            return data

        self.status_blob = swap(self.ports.store, key, self.status_blob, forward) or self.status_blob

    def _refuse_status(self, standing: Blob) -> None:
        """A status stands that the record, as this holder knows it, never derived."""
        now = ledger_of(self.run_id, self.ports.store.read(self.layout.record(self.run_id)))
        if now.state_event != self.ledger.state_event:
            raise LeaseLost(self.run_id, self.lease.fence, ReasonCode.FENCED)
        raise AlteredArtifact(self.run_id, self.layout.status(self.run_id), sha256_hex(standing.data))

    def write_status_if_moved(self, expected: Ledger) -> None:
        """Write the status again when the record came to say something else than expected."""
        if Derived(self.layout, expected).status() != Derived(self.layout, self.ledger).status():
            self.write_status()


def _gone(key: str) -> Fault:
    return Fault(ReasonCode.TRUTH_MISSING, f"{key} was there and is gone")


def take_over(run: HeldRun, *, late: bool = False) -> None:
    """Fence out whoever held the run before: raise the record's fence to this lease's.

    A settled record takes nothing more from any holder, so there is nobody to fence out. `late`: only with the first
    thing that this holder has to say; until then it writes nothing, and may come to write nothing at all.
    """
    if run.history.accepted is None or settled(run.ledger):
        return
    if run.ledger.fence < run.lease.fence:
        run.stage(LEASE_TAKEN(LeaseTaken(run.lease.fence)))
        if not late:
            run.record()
