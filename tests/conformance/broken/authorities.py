"""Authorities that break a law each, made from the sound one in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import attrs
import pytest

from sr_adapters.memory.authority import MemoryAuthority
from sr_adapters.runtime.clock import ManualClock
from sr_ports import (
    Admission,
    Binding,
    Due,
    DueClaim,
    Found,
    IndexedRun,
    IndexNote,
    Lease,
    NotFound,
    ReasonCode,
    Unreachable,
)
from sr_ports.authority import AT_ONCE, NO_STORE
from sr_ports.conformance.authority import AuthorityLaws
from tests.conformance.broken.making import suites


class Sound(MemoryAuthority):
    """As it is, but that a handle is of its own kind, and that it has one service at a time."""

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        super().__init__(now)
        self.services: list[object] = []

    @contextmanager
    def sole_service(self) -> Iterator[None]:
        if self.services:
            raise Unreachable(ReasonCode.SERVICE_BUSY, "another one serves")
        self.services.append(self)
        try:
            yield
        finally:
            self.services.clear()

    def handle(self) -> Any:
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        return other


class RacyAdmit(Sound):
    def admit(self, binding: Binding, *, location: str | None = None) -> Admission:
        if location is not None or self._state.by_key.get((binding.store_id, binding.run_equivalence_key)):
            return super().admit(binding, location=location)
        row = IndexedRun(binding.run_id, binding.platform_run_id, "OPEN", settled=False, updated_at=self.now())
        self._state.bind(binding, row)
        return Admission(binding, is_new=True)


class LastIntentWins(Sound):
    def admit(self, binding: Binding, *, location: str | None = None) -> Admission:
        answer = super().admit(binding, location=location)
        return attrs.evolve(answer, binding=binding)


class RacyAcquire(Sound):
    def acquire(
        self, resource: str, owner: str, *, ttl_s: float, above: int = 0, store_id: str = NO_STORE
    ) -> Lease | None:
        if self.holder(resource, store_id=store_id) is not None:
            return None
        free, self._state.slots = self._state.slots, dict(self._state.slots)
        slot = self._state.slots.get((store_id, resource))
        if slot is not None:
            slot.ends_at = None
        del free
        return super().acquire(resource, owner, ttl_s=ttl_s, above=above, store_id=store_id)


class WorkersClock(Sound):
    """The time is whatever the worker that asks takes it for."""

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        del now
        super().__init__(lambda: datetime.fromtimestamp(time.time(), UTC))


class WorkersCalendar(Sound):
    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        del now
        super().__init__(lambda: datetime.now(UTC))


class FencesBeginAnew(Sound):
    def release(self, lease: Lease, *, note: IndexNote | None = None, run_id: str | None = None) -> None:
        super().release(lease, note=note, run_id=run_id)
        self._state.slots.pop((lease.store_id, lease.resource), None)


class FencesKnowNoFloor(Sound):
    def acquire(
        self, resource: str, owner: str, *, ttl_s: float, above: int = 0, store_id: str = NO_STORE
    ) -> Lease | None:
        return super().acquire(resource, owner, ttl_s=ttl_s, store_id=store_id)


class RenewsWhatIsOver(Sound):
    def renew(self, lease: Lease, *, ttl_s: float) -> Lease:
        slot = self._state.slots.get((lease.store_id, lease.resource))
        if slot is not None and slot.fence == lease.fence and slot.owner == lease.owner:
            slot.ends_at = self._state.now() + timedelta(seconds=ttl_s)
        return super().renew(lease, ttl_s=ttl_s)


class ReleasesAnything(Sound):
    def release(self, lease: Lease, *, note: IndexNote | None = None, run_id: str | None = None) -> None:
        slot = self._state.slots.get((lease.store_id, lease.resource))
        if slot is not None:
            slot.ends_at = None


class NotesWithoutALease(Sound):
    def release(self, lease: Lease, *, note: IndexNote | None = None, run_id: str | None = None) -> None:
        row = self._state.index.get((run_id or "", lease.store_id))
        if note is not None and row is not None:
            told = attrs.evolve(row, state=note.state, settled=note.settled, tail=note.tail or row.tail)
            self._state.index[row.run_id, row.store_id] = told
        super().release(lease)


class UnsettlesAgain(Sound):
    def release(self, lease: Lease, *, note: IndexNote | None = None, run_id: str | None = None) -> None:
        super().release(lease, note=note, run_id=run_id)
        row = self._state.index.get((run_id or "", lease.store_id))
        if note is not None and row is not None:
            self._state.index[row.run_id, row.store_id] = attrs.evolve(row, settled=note.settled)


class AbsentRaises(Sound):
    def find(self, run_id: str, *, location: str | None = None, store_id: str | None = None) -> Found:
        found = super().find(run_id, location=location, store_id=store_id)
        if not found.bindings:
            raise NotFound.__new__(NotFound)
        return found


class DueAtOnceWhenAdmitted(Sound):
    def admit(self, binding: Binding, *, location: str | None = None) -> Admission:
        answer = super().admit(binding, location=location)
        run = binding.run_id, binding.store_id
        if answer.is_new:
            self._state.index[run] = attrs.evolve(self._state.index[run], due_at=self.now())
        return answer


class DueThoughSettled(Sound):
    def release(self, lease: Lease, *, note: IndexNote | None = None, run_id: str | None = None) -> None:
        super().release(lease, note=note, run_id=run_id)
        row = self._state.index.get((run_id or "", lease.store_id))
        if note is not None and row is not None:
            self._state.index[row.run_id, row.store_id] = attrs.evolve(row, due_at=self._state.after(note.due))


class KnowsNoLastInstant(Sound):
    def release(self, lease: Lease, *, note: IndexNote | None = None, run_id: str | None = None) -> None:
        told = None if note is None else attrs.evolve(note, due=attrs.evolve(note.due, by=None))
        super().release(lease, note=told, run_id=run_id)


class GivesWhatIsWorkedOn(Sound):
    def _worked_on(self, row: IndexedRun) -> bool:
        return False


class DueByTheWorkersClock(WorkersCalendar):
    """The law of what is due, broken as that of leases is."""


class GivesToEverybody(Sound):
    def _claimed(self, row: IndexedRun, for_s: float) -> DueClaim:
        claim = super()._claimed(row, for_s)
        self._state.index[row.run_id, row.store_id] = row
        return claim


class ClaimsForEver(Sound):
    def _claimed(self, row: IndexedRun, for_s: float) -> DueClaim:
        claim = super()._claimed(row, for_s)
        self._state.index[row.run_id, row.store_id] = attrs.evolve(row, due_at=None)
        return claim


class GivesAnyStoresRuns(Sound):
    def claim_due(self, *, limit: int, for_s: float, store_id: str) -> Sequence[DueClaim]:
        stores = {row.store_id for row in self._state.index.values()} | {store_id}
        given = [one for name in sorted(stores) for one in super(GivesAnyStoresRuns, self).claim_due(
            limit=limit, for_s=for_s, store_id=name)]  # fmt: skip
        return given[: max(limit, 0)]


class GivesTheNewestFirst(Sound):
    def claim_due(self, *, limit: int, for_s: float, store_id: str) -> Sequence[DueClaim]:
        given = super().claim_due(limit=1_000, for_s=for_s, store_id=store_id)[::-1]
        for one in given[max(limit, 0) :]:
            self.postpone(one, AT_ONCE)
        return given[: max(limit, 0)]


class TwoReadOneClaim(Sound):
    """What is due is read, and claimed later."""

    def claim_due(self, *, limit: int, for_s: float, store_id: str) -> Sequence[DueClaim]:
        before = dict(self._state.index)
        given = super().claim_due(limit=limit, for_s=for_s, store_id=store_id)
        self._state.index.update({(one.run_id, one.store_id): before[one.run_id, one.store_id] for one in given})
        time.sleep(0.02)
        for one in given:
            row = self._state.index[one.run_id, one.store_id]
            self._state.index[one.run_id, one.store_id] = attrs.evolve(row, due_at=self._state.after(Due(for_s)))
        return given


class PostponesAnything(Sound):
    def postpone(self, claim: DueClaim, due: Due) -> None:
        self._state.claims[claim.run_id, claim.store_id] = claim.token
        if (claim.run_id, claim.store_id) in self._state.index:
            super().postpone(claim, due)


class PostponesNothing(Sound):
    def postpone(self, claim: DueClaim, due: Due) -> None:
        """It is due again when the claim lapses."""


class ServesEverybody(Sound):
    @contextmanager
    def sole_service(self) -> Iterator[None]:
        yield


class NeverLetsGo(Sound):
    @contextmanager
    def sole_service(self) -> Iterator[None]:
        if self.services:
            raise Unreachable(ReasonCode.SERVICE_BUSY, "another one serves")
        self.services.append(self)
        yield


class Suite(AuthorityLaws):
    __test__ = False
    kind: ClassVar[Callable[..., Sound]]

    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock(datetime(2026, 1, 31, 13, 42, tzinfo=UTC))

    @pytest.fixture
    def authority(self, clock: ManualClock) -> Sound:
        return type(self).kind(clock.now)

    @pytest.fixture
    def reopen(self, authority: Sound) -> Callable[[], Sound]:
        return authority.handle

    @pytest.fixture
    def lapse(self, clock: ManualClock) -> Callable[[float], None]:
        return clock.sleep


class TestSound(Suite):
    """The twin."""

    __test__ = True
    kind = Sound


BROKEN = (
    (RacyAdmit, "A1"), (LastIntentWins, "A1"), (AbsentRaises, "A1"), (RacyAcquire, "A2"), (WorkersClock, "A2"),
    (WorkersCalendar, "A2"), (FencesBeginAnew, "A3"), (FencesKnowNoFloor, "A3"), (RenewsWhatIsOver, "A4"),
    (ReleasesAnything, "A5"), (NotesWithoutALease, "A7"), (UnsettlesAgain, "A7"), (DueAtOnceWhenAdmitted, "A12"),
    (DueThoughSettled, "A12"), (KnowsNoLastInstant, "A12"), (GivesWhatIsWorkedOn, "A12"), (DueByTheWorkersClock, "A12"),
    (GivesToEverybody, "A13"), (ClaimsForEver, "A13"), (GivesAnyStoresRuns, "A13"), (GivesTheNewestFirst, "A13"),
    (TwoReadOneClaim, "A13"), (PostponesAnything, "A14"), (PostponesNothing, "A14"), (ServesEverybody, "A15"),
    (NeverLetsGo, "A15"),
)  # fmt: skip
globals().update(suites(Suite, BROKEN))
