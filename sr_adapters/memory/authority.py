"""An authority inside one process: the port's laws without any store."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import attrs

from sr_ports import Admission, Binding, Fault, IndexedRun, IndexNote, Lease, LeaseLost, ReasonCode

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
    """What all handles of one authority share; every use holds `lock`."""

    now: Now
    lock: threading.Lock = attrs.field(factory=threading.Lock)
    by_key: dict[str, Binding] = attrs.field(factory=dict)
    by_run: dict[str, Binding] = attrs.field(factory=dict)
    index: dict[str, IndexedRun] = attrs.field(factory=dict)
    slots: dict[str, _Slot] = attrs.field(factory=dict)


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

    def admit(self, binding: Binding) -> Admission:
        state = self._state
        with state.lock:
            standing = state.by_key.get(binding.run_equivalence_key)
            if standing is not None:
                return Admission(standing, is_new=False, settled=state.index[standing.run_id].settled)
            if binding.run_id in state.by_run:
                raise Fault(ReasonCode.INTERNAL, f"run {binding.run_id} is bound to another key")
            state.by_key[binding.run_equivalence_key] = state.by_run[binding.run_id] = binding
            state.index[binding.run_id] = IndexedRun(
                binding.run_id, binding.platform_run_id, "OPEN", settled=False, updated_at=state.now()
            )
            return Admission(binding, is_new=True)

    def find(self, run_id: str) -> Binding | None:
        with self._state.lock:
            found = self._state.by_run.get(run_id)
            return None if found is None else attrs.evolve(found, settled=self._state.index[run_id].settled)

    def acquire(self, resource: str, owner: str, *, ttl_s: float, above: int = 0) -> Lease | None:
        state = self._state
        with state.lock:
            if self._standing(resource) is not None:
                return None
            last = state.slots.get(resource)
            fence = max(above, last.fence if last else 0) + 1
            state.slots[resource] = _Slot(owner, fence, state.now() + timedelta(seconds=ttl_s))
            return Lease(resource, owner, fence, ttl_s)

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
            if note is not None and run_id in state.index:
                row = state.index[run_id]
                state.index[run_id] = attrs.evolve(
                    row, state=note.state, settled=row.settled or note.settled, updated_at=state.now()
                )

    def holder(self, resource: str) -> Lease | None:
        with self._state.lock:
            slot = self._standing(resource)
            if slot is None or slot.ends_at is None:
                return None
            left = (slot.ends_at - self._state.now()).total_seconds()
            return Lease(resource, slot.owner, slot.fence, left)

    def runs(
        self,
        *,
        states: Sequence[str] | None = None,
        unsettled_only: bool = False,
        limit: int = 100,
        after: str | None = None,
    ) -> Sequence[IndexedRun]:
        with self._state.lock:
            rows = [self._state.index[run_id] for run_id in sorted(self._state.index)]
        wanted = (
            row
            for row in rows
            if (states is None or row.state in states)
            and not (unsettled_only and row.settled)
            and (after is None or row.run_id > after)
        )
        return tuple(itertools.islice(wanted, limit))

    def now(self) -> datetime:
        return self._state.now()

    def describe(self) -> str:
        return "memory: inside this process"

    def close(self) -> None:
        """Nothing to let go of."""

    def _standing(self, resource: str) -> _Slot | None:
        """The unexpired lease's slot, judged and used under one hold of the lock."""
        slot = self._state.slots.get(resource)
        stands = slot is not None and slot.ends_at is not None and slot.ends_at > self._state.now()
        return slot if stands else None

    def _own(self, lease: Lease) -> _Slot | None:
        slot = self._standing(lease.resource)
        return slot if slot and (slot.owner, slot.fence) == (lease.owner, lease.fence) else None
