"""Authorities that break a law each, made from the sound one in memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import attrs
import pytest

from sr_adapters.memory.authority import MemoryAuthority
from sr_adapters.runtime.clock import ManualClock
from sr_ports import Admission, Binding, Found, IndexedRun, IndexNote, Lease, NotFound
from sr_ports.authority import NO_STORE
from sr_ports.conformance.authority import AuthorityLaws
from tests.conformance.broken.making import suites


class Sound(MemoryAuthority):
    """As it is, but that a handle is of its own kind."""

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
    (ReleasesAnything, "A5"), (NotesWithoutALease, "A7"), (UnsettlesAgain, "A7"),
)  # fmt: skip
globals().update(suites(Suite, BROKEN))
