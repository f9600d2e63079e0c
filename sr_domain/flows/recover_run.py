"""Recover a run whose record lost events: it goes on only where it was never READY (spec: "Truth behind the index").

Order: authorise, the run's lease, the record, what each side knows beyond it, the loss on record, go on or end.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import attrs

from sr_domain.encoding.canonical import sha256_hex
from sr_domain.encoding.times import parse_instant
from sr_domain.flows.denial import denied_on_record
from sr_domain.flows.index import find, serve, taken_in
from sr_domain.flows.recover import accepted_reason
from sr_domain.flows.resume import go_on
from sr_domain.flows.submit import bound_request
from sr_domain.record import revisions
from sr_domain.record.events import GOV_LOSS_ACCEPTED, TRUTH_LOST
from sr_domain.record.kinds import Draft
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Ledger, RecordFault, check_ledger
from sr_domain.record.losses import LossAccepted, TruthLost
from sr_domain.record.read import Record
from sr_domain.record.states import RunState
from sr_domain.run.altered import AlteredArtifact
from sr_domain.run.answers import denied, in_flight, ledger_outcome
from sr_domain.run.append_aside import pins_on
from sr_domain.run.beyond import Heard, hear, index_row, standing
from sr_domain.run.bound import bound, own
from sr_domain.run.context import Context
from sr_domain.run.derived import Derived
from sr_domain.run.lookup import traced
from sr_domain.run.noted import tail_of
from sr_domain.run.outcome import Outcome
from sr_domain.run.rights import allows, check_caller
from sr_domain.run.rolled_back import index_beyond
from sr_domain.run.served import check_served
from sr_domain.run.swap import swap
from sr_domain.run.telemetry import RunTelemetry
from sr_ports import Binding, Blob, Fault, Held, Identity, IndexedRun, IndexNote, Lease, LeaseLost, ReasonCode, SrError

_ENDS = tuple(one.value for one in RunState if one.final)
_SKEW = timedelta(minutes=5)
"""By how much the clocks of a worker and of a bus may differ."""


def recover_run(context: Context, run: str, *, reason: str, actor: Identity) -> Outcome:
    """Accept that the record of `run` (its id or a ref) lost what others know, and go on or end it.

    Where nothing is lost it goes on as `resume` does. It goes on where it can be known that it was never READY, and
    where the record still has the decision that all else follows from; else it ends FAILED with `TRUTH_LOST`. What
    cannot be asked counts as READY. An actor without the right gets an `Outcome` that says so; so does whoever comes
    while another works on the run. Raises `NotFound`; `BadInput(USAGE)` without a reason; `Fault(TRUTH_ALTERED)` where
    nothing is lost and an artifact stands that is not the record's; `Fault(TRUTH_LOST)` where the record says READY
    and the bus another; `Unreachable`, `LeaseLost`.
    """
    check_caller(context.settings, actor)
    told = accepted_reason(reason)
    place = traced(context, run)
    context, layout, run_id = context.at(place.layout.platform_run_id), place.layout, place.run_id
    ports = context.ports
    if not allows(context.settings, "recover", actor):
        return _denied(context, layout, run_id, actor)
    indexed, store_id = _serve(context, run_id)
    ttl_s, above = context.settings.lease_ttl_s, _fence(context, layout, run_id)
    lease = ports.authority.acquire(run_id, ports.ids.new_id(), ttl_s=ttl_s, above=above, store_id=store_id)
    if lease is None:
        return in_flight(ports, layout, run_id)
    note = None
    try:
        with ports.heartbeat.keep(lease, lambda one: ports.authority.renew(one, ttl_s=ttl_s)) as held:
            row = index_row(ports, run_id) if indexed else None
            ended = _Loss.read(context, layout, row, lease, held, told, actor).settled()
            note = None if ended is None else IndexNote(RunState.FAILED.value, True, tail_of(ended))
    finally:
        with contextlib.suppress(SrError):  # it lapses by itself
            ports.authority.release(lease, note=note, run_id=run_id)
    return go_on(context, layout.record(run_id), actor) if ended is None else ledger_outcome(layout, ended)


def _denied(context: Context, layout: Layout, run_id: str, actor: Identity) -> Outcome:
    """Unauthorized: on the run's record where that can be read, and nowhere else."""
    try:
        return denied_on_record(context, layout, run_id, actor, "recover")
    except Fault:
        return denied(layout, run_id, actor.actor, "recover")


def _serve(context: Context, run_id: str) -> tuple[bool, str]:
    """Whether the index knew the run before this store was served, and the store's identity. Raises as `submit` does.

    A row of the first release is this store's from now on. What is bound again from the record alone knows no more.
    """
    known, found = context.known_store, find(context, run_id)
    known.standing(again=True)
    check_served(known, found.places)
    binding = own(found, known.store_id)
    if binding is not None:
        taken_in(context, binding, found)
    return binding is not None, serve(context, found.places)


def _fence(context: Context, layout: Layout, run_id: str) -> int:
    blob = context.ports.store.read(layout.record(run_id))
    found = None if blob is None else check_ledger(run_id, blob.data)
    return found.fence if isinstance(found, Ledger) else 0


@attrs.frozen
class _Loss:
    """A run under this lease, its record as it stands, and what the operator said. `damage`: why it cannot be read."""

    context: Context
    layout: Layout
    ledger: Ledger
    blob: Blob | None
    damage: str | None
    row: IndexedRun | None
    lease: Lease
    held: Held
    reason: str
    actor: Identity

    @classmethod
    def read(
        cls,
        context: Context,
        layout: Layout,
        row: IndexedRun | None,
        lease: Lease,
        held: Held,
        reason: str,
        actor: Identity,
    ) -> _Loss:
        run_id = lease.resource
        blob = context.ports.store.read(layout.record(run_id))
        found = Ledger(run_id) if blob is None else check_ledger(run_id, blob.data)
        damage = None
        if isinstance(found, RecordFault):
            if found.code is ReasonCode.REVISION_UNKNOWN:
                raise Fault(found.code, f"record of run {run_id}, line {found.line}: {found.what}")
            damage, found = f"its record is no record of it: line {found.line} {found.what}", Ledger(run_id)
        torn = Record(found).torn
        if torn is not None:
            damage, found = f"its record is cut within what goes on it together: {torn}", Ledger(run_id)
        return cls(context, layout, found, blob, damage, row, lease, held, reason, actor)

    @property
    def record(self) -> Record:
        """What the record says."""
        return Record(self.ledger)

    @property
    def key(self) -> str:
        """Where the record is."""
        return self.layout.record(self.ledger.run_id)

    @property
    def status_key(self) -> str:
        """Where the status is."""
        return self.layout.status(self.ledger.run_id)

    def settled(self) -> Ledger | None:
        """Put the loss on record. The record where the run ended by it; None where it goes on."""
        if self.record.lost is not None:
            self._put_status(self.ledger)
            return self.ledger
        self._finish_status()
        beyond = [one for one in (self.damage, index_beyond(self.row, self.ledger)) if one is not None]
        stands = tuple(standing(self.context.ports.store, self.layout, self.ledger))
        heard = self._hear()
        knows = (*beyond, *filter(None, [heard.other]), *(f"{key} stands" for key in stands))
        if not knows:
            return None
        accepted = self.record.accepted is not None
        if accepted and not beyond and heard.other is None:
            self._refuse_planted(stands[0])
        tells = tuple(one for one in stands if one != self.status_key or self._status_says_ready())
        if not accepted or not self._goes_on(tells, heard):
            return self._end((*knows, *filter(None, [heard.unasked])))
        self._go_on(knows)
        return None

    def _go_on(self, knows: tuple[str, ...]) -> None:
        """The loss on the record, and the status that follows from what is left of it."""
        now, drafts = self.context.ports.clock.now(), [GOV_LOSS_ACCEPTED(self._loss(knows))]
        given_up = list(self._status_given_up(self._grown(drafts, now)))
        grown = self._grown([*drafts, *given_up], now)
        self._write(grown)
        if given_up:
            self._put_status(grown)

    def _finish_status(self) -> None:
        """A status that was given up on record before whoever did it died: what follows is put in its place."""
        blob, losses = self.context.ports.store.read(self.status_key), self.record.all(GOV_LOSS_ACCEPTED)
        given_up = {one.details.set_aside_digest for one in losses if one.details.artifact_ref == self.status_key}
        if blob is not None and sha256_hex(blob.data) in given_up:
            self._put_status(self.ledger)

    def _status_says_ready(self) -> bool:
        blob = self.context.ports.store.read(self.status_key)
        return blob is not None and b'"state":"READY"' in blob.data

    def _hear(self) -> Heard:
        accepted, ports = self.record.accepted, self.context.ports
        since = ports.clock.now() if accepted is None else parse_instant(accepted.ts_utc) - _SKEW
        store_id = self.context.known_store.identity().store_id
        return hear(ports, self.context.settings.topic, self.layout, self.ledger, store_id, since)

    def _refuse_planted(self, key: str) -> None:
        """Nobody knows more than the record: what stands beside it is not its own, and is set aside by its key."""
        blob = self.context.ports.store.read(key)
        if blob is not None:
            raise AlteredArtifact(self.ledger.run_id, key, sha256_hex(blob.data))

    def _goes_on(self, stands: Sequence[str], heard: Heard) -> bool:
        """Whether it was never READY, or can only become the READY that it was; nothing comes of one that ended."""
        state, other = self.ledger.state, heard.other or (f"{stands[0]} stands" if stands else None)
        if state is not None and state.terminal:
            return True
        if state is RunState.READY and other is not None:
            what = f"run {self.ledger.run_id}: {other}, and its record has another READY"
            raise Fault(ReasonCode.TRUTH_LOST, what, "restore the record from backup")
        if other is not None or self.record.decided:
            return other is None
        return self.row is not None and self.row.state not in _ENDS and heard.unasked is None

    def _end(self, knows: tuple[str, ...]) -> Ledger:
        """End the run: on the record that stands, or by the first lines of a new one. Raises `LeaseLost`."""
        now = self.context.ports.clock.now()
        drafts = [TRUTH_LOST(self._lost(knows)), GOV_LOSS_ACCEPTED(self._loss(knows))]
        drafts += self._status_given_up(self._grown(drafts, now))
        ended = self._grown(drafts, now)
        if self.damage is not None and self.blob is not None:
            self._keep(self.key, self.blob.data)
        self._write(ended)
        self._put_status(ended)
        return ended

    def _lost(self, knows: tuple[str, ...]) -> TruthLost:
        detail = "its record lost what others know: " + "; ".join(knows)
        told = TruthLost(ReasonCode.TRUTH_LOST, detail, knows=knows, revision=revisions.REVISION)
        binding = None if self.record.accepted is not None else self._binding()
        if binding is None:
            return told
        request = bound_request(self.context, binding)
        key, intent = request.run_equivalence_key, request.intent()
        return attrs.evolve(told, run_equivalence_key=key, intent=intent, request=request.document())

    def _binding(self) -> Binding | None:
        return bound(self.context.ports.authority, self.ledger.run_id, self.context.known_store)

    def _loss(self, knows: tuple[str, ...]) -> LossAccepted:
        tail = None if self.row is None else self.row.tail
        told = LossAccepted(self.reason, self.key, knows=knows, lost_event_id=None if tail is None else tail.event_id)
        if self.damage is None or self.blob is None:
            return told
        digest = sha256_hex(self.blob.data)
        return attrs.evolve(told, set_aside_ref=self.layout.set_aside(self.key, digest), set_aside_digest=digest)

    def _status_given_up(self, coming: Ledger) -> Iterator[Draft]:
        """The loss of a status that stands and is not the record's; every other artifact stays where it is."""
        key, derives = self.status_key, Derived(self.layout, coming)
        blob, data = self.context.ports.store.read(key), derives.status()
        if blob is None or data is None or derives.was_status(blob.data):
            return
        digest = sha256_hex(blob.data)
        yield GOV_LOSS_ACCEPTED(
            LossAccepted(self.reason, key, self.layout.set_aside(key, digest), digest, sha256_hex(data))
        )

    def _put_status(self, ended: Ledger) -> None:
        """The status that follows, in the place of any that stood: that one is kept. May be done again."""
        key, store = self.status_key, self.context.ports.store
        data = Derived(self.layout, ended).status()

        def put(blob: Blob | None) -> bytes | None:
            self.held.check()
            if blob is not None and blob.data == data:
                return None
            if blob is not None:
                self._keep(key, blob.data)
            return data

        swap(store, key, store.read(key), put)

    def _keep(self, key: str, data: bytes) -> None:
        kept, store = self.layout.set_aside(key, sha256_hex(data)), self.context.ports.store
        self.held.check()
        if store.create(kept, data) is None and getattr(store.read(kept), "data", None) != data:
            raise Fault(ReasonCode.TRUTH_ALTERED, f"{kept} holds other bytes than those it is named for")

    def _grown(self, drafts: Sequence[Draft], now: datetime) -> Ledger:
        return self.ledger.append(
            drafts, fence=self.lease.fence, actor=self.actor, policy_rev=self.context.policy_rev, now=now
        )

    def _write(self, grown: Ledger) -> None:
        """The record in the place of the one that was read, compare-and-swap; telemetry hears of it."""
        ports, store, blob = self.context.ports, self.context.ports.store, self.blob
        self.held.check()
        if blob is None:
            done = store.create(self.key, grown.data)
        else:
            done = store.replace(self.key, grown.data, etag=blob.etag)
        if done is None:
            raise LeaseLost(self.ledger.run_id, self.lease.fence, ReasonCode.FENCED)
        telemetry = RunTelemetry(ports.telemetry, ports.clock, pins_on(grown), self.context.policy_rev)
        telemetry.recorded(grown, self.ledger, self.layout)
