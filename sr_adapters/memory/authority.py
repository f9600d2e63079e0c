"""An authority inside one process: the port's laws without any store."""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import attrs

from sr_ports import (
    Admission,
    Binding,
    Due,
    DueClaim,
    Fault,
    Found,
    IndexedRun,
    IndexNote,
    Lease,
    LeaseLost,
    NewestRuns,
    ReasonCode,
    StorePlace,
)
from sr_ports.authority import ADMITTED_S, NO_STORE

Now = Callable[[], datetime]


def steady_now() -> Now:
    """A clock that starts at the wall clock's reading and then never steps."""
    started, base = datetime.now(UTC), time.monotonic()
    return lambda: started + timedelta(seconds=time.monotonic() - base)


@attrs.define
class _Slot:
    """The newest lease on a resource. `ends_at` None: it was given up."""

    owner: str
    fence: int
    ends_at: datetime | None


@attrs.define
class _State:
    """What all handles of one authority share; every use holds `lock`.

    `by_key` by store and key, `index` by run and store, `slots` by store and resource. `claims`: by run and store, the
    token of the claim that was given last, until a note or a postponement.
    """

    now: Now
    lock: threading.Lock = attrs.field(factory=threading.Lock)
    by_key: dict[tuple[str, str], Binding] = attrs.field(factory=dict)
    index: dict[tuple[str, str], IndexedRun] = attrs.field(factory=dict)
    slots: dict[tuple[str, str], _Slot] = attrs.field(factory=dict)
    places: list[StorePlace] = attrs.field(factory=list)
    claims: dict[tuple[str, str], str] = attrs.field(factory=dict)

    def bind(self, binding: Binding, row: IndexedRun) -> None:
        self.by_key[binding.store_id, binding.run_equivalence_key] = binding
        self.index[binding.run_id, binding.store_id] = attrs.evolve(row, store_id=binding.store_id)

    def told(self, binding: Binding) -> Binding:
        """The binding, and what the index was told of its run."""
        row = self.index[binding.run_id, binding.store_id]
        return attrs.evolve(binding, settled=row.settled, state=row.state, tail=row.tail)

    def after(self, due: Due) -> datetime:
        """The instant that a run is next due."""
        at = self.now() + timedelta(seconds=due.in_s)
        return at if due.by is None else min(at, due.by)

    def touching(self, place: StorePlace) -> tuple[StorePlace, ...]:
        return tuple(one for one in self.places if one.location == place.location or one.store_id == place.store_id)


class MemoryAuthority:
    """`AuthorityStore` in memory, for any number of threads of one process.

    `now`: the authority's clock, aware UTC; by default a steady one. State lives as long as
    any handle made by `handle` does; closing one ends nothing.
    """

    def __init__(self, now: Now | None = None) -> None:
        self._state = _State(now or steady_now())

    def handle(self) -> MemoryAuthority:
        """Another handle on this very authority, as another process would have."""
        other = MemoryAuthority.__new__(MemoryAuthority)
        other._state = self._state
        return other

    def admit(self, binding: Binding, *, location: str | None = None) -> Admission:
        state, key = self._state, binding.run_equivalence_key
        with state.lock:
            standing = state.by_key.get((NO_STORE, key)) or state.by_key.get((binding.store_id, key))
            if standing is not None:
                settled = state.index[standing.run_id, standing.store_id].settled
                return Admission(standing, is_new=False, settled=settled)
            if location is not None and StorePlace(location, binding.store_id) not in state.places:
                return Admission(binding, is_new=False, served=False)
            if (binding.run_id, binding.store_id) in state.index:
                raise Fault(ReasonCode.INTERNAL, f"run {binding.run_id} is bound to another key")
            row = IndexedRun(binding.run_id, binding.platform_run_id, "OPEN", settled=False, updated_at=state.now())
            state.bind(binding, attrs.evolve(row, due_at=state.after(Due(ADMITTED_S))))
            return Admission(binding, is_new=True)

    def find(self, run_id: str, *, location: str | None = None, store_id: str | None = None) -> Found:
        state = self._state
        with state.lock:
            bound = sorted((one for one in state.by_key.values() if one.run_id == run_id), key=lambda one: one.store_id)
            places = [one for one in state.places if store_id in (None, one.store_id) or one.location == location]
            return Found(tuple(map(state.told, bound)), tuple(places))

    def serve(self, place: StorePlace, *, decided: bool = False) -> Sequence[StorePlace]:
        state = self._state
        with state.lock:
            if decided:
                state.places = [one for one in state.places if one not in state.touching(place)]
            if not state.touching(place):
                state.places.append(place)
            return state.touching(place)

    def claim(self, store_id: str, run_id: str | None = None) -> int:
        state = self._state
        with state.lock:
            free = [
                one
                for one in state.by_key.values()
                if one.store_id == NO_STORE
                and run_id in (None, one.run_id)
                and (store_id, one.run_equivalence_key) not in state.by_key
                and (one.run_id, store_id) not in state.index
            ]
            for one in free:
                del state.by_key[NO_STORE, one.run_equivalence_key]
                state.bind(attrs.evolve(one, store_id=store_id), state.index.pop((one.run_id, NO_STORE)))
            return len(free)

    def acquire(
        self, resource: str, owner: str, *, ttl_s: float, above: int = 0, store_id: str = NO_STORE
    ) -> Lease | None:
        state = self._state
        with state.lock:
            if self._standing(resource, store_id) or self._standing(resource, NO_STORE):
                return None
            last = max((slot.fence for (_, named), slot in state.slots.items() if named == resource), default=0)
            fence = max(above, last) + 1
            state.slots[store_id, resource] = _Slot(owner, fence, state.now() + timedelta(seconds=ttl_s))
            return Lease(resource, owner, fence, ttl_s, store_id)

    def renew(self, lease: Lease, *, ttl_s: float) -> Lease:
        state = self._state
        with state.lock:
            slot = self._own(lease)
            if slot is None:
                raise LeaseLost(lease.resource, lease.fence)
            slot.ends_at = state.now() + timedelta(seconds=ttl_s)
            return attrs.evolve(lease, expires_in_s=ttl_s)

    def release(self, lease: Lease, *, note: IndexNote | None = None, run_id: str | None = None) -> None:
        state = self._state
        with state.lock:
            slot = self._own(lease)
            if slot is None:
                return
            slot.ends_at = None
            row = None if run_id is None else state.index.get((run_id, lease.store_id))
            if note is not None and row is not None:
                settled = row.settled or note.settled
                state.claims.pop((row.run_id, row.store_id), None)
                state.index[row.run_id, row.store_id] = attrs.evolve(
                    row,
                    state=note.state,
                    settled=settled,
                    updated_at=state.now(),
                    tail=note.tail or row.tail,
                    due_at=None if settled else state.after(note.due),
                )

    def holder(self, resource: str, *, store_id: str = NO_STORE) -> Lease | None:
        with self._state.lock:
            for store in (store_id, NO_STORE):
                slot = self._standing(resource, store)
                if slot is not None and slot.ends_at is not None:
                    left = (slot.ends_at - self._state.now()).total_seconds()
                    return Lease(resource, slot.owner, slot.fence, left, store)
            return None

    def runs(
        self,
        *,
        states: Sequence[str] | None = None,
        unsettled_only: bool = False,
        limit: int = 100,
        after: str | None = None,
        store_id: str | None = None,
    ) -> Sequence[IndexedRun]:
        with self._state.lock:
            rows = [self._state.index[run] for run in sorted(self._state.index)]
        wanted = (
            row
            for row in rows
            if (states is None or row.state in states)
            and (store_id is None or row.store_id in (store_id, NO_STORE))
            and not (unsettled_only and row.settled)
            and (after is None or row.run_id > after)
        )
        return tuple(itertools.islice(wanted, limit))

    def newest(
        self,
        *,
        states: Sequence[str] | None = None,
        since: datetime | None = None,
        limit: int = 100,
        store_id: str | None = None,
    ) -> NewestRuns:
        every = self.runs(states=states, store_id=store_id, limit=sys.maxsize)
        wanted = [row for row in every if since is None or row.updated_at >= since]
        wanted.sort(key=lambda row: (row.updated_at, row.run_id, row.store_id), reverse=True)
        return NewestRuns(tuple(wanted[: max(limit, 0)]), len(wanted))

    def claim_due(self, *, limit: int, for_s: float, store_id: str) -> Sequence[DueClaim]:
        state = self._state
        with state.lock:
            now = state.now()
            due = sorted(
                (row.due_at, row.run_id, row)
                for row in state.index.values()
                if row.store_id in (store_id, NO_STORE) and row.due_at is not None and row.due_at <= now
            )
            free = (row for *_, row in due if not self._worked_on(row))
            return tuple(self._claimed(row, for_s) for row in itertools.islice(free, max(limit, 0)))

    def _worked_on(self, row: IndexedRun) -> bool:
        return any(self._standing(row.run_id, store) is not None for store in (row.store_id, NO_STORE))

    def _claimed(self, row: IndexedRun, for_s: float) -> DueClaim:
        state, token = self._state, os.urandom(16).hex()
        state.index[row.run_id, row.store_id] = attrs.evolve(row, due_at=state.after(Due(for_s)))
        state.claims[row.run_id, row.store_id] = token
        return DueClaim(row.run_id, row.platform_run_id, row.store_id, token)

    def postpone(self, claim: DueClaim, due: Due) -> None:
        state, run = self._state, (claim.run_id, claim.store_id)
        with state.lock:
            if state.claims.get(run) == claim.token:
                del state.claims[run]
                state.index[run] = attrs.evolve(state.index[run], due_at=state.after(due))

    def now(self) -> datetime:
        return self._state.now()

    def describe(self) -> str:
        return "memory: inside this process"

    def close(self) -> None:
        """Nothing to let go of."""

    def _standing(self, resource: str, store_id: str) -> _Slot | None:
        """The unexpired lease's slot, judged and used under one hold of the lock."""
        slot = self._state.slots.get((store_id, resource))
        stands = slot is not None and slot.ends_at is not None and slot.ends_at > self._state.now()
        return slot if stands else None

    def _own(self, lease: Lease) -> _Slot | None:
        slot = self._standing(lease.resource, lease.store_id)
        return slot if slot and (slot.owner, slot.fence) == (lease.owner, lease.fence) else None
