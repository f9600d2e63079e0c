"""Any history of calls on an authority, beside a plain model of what it must answer."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import attrs
import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from sr_ports.authority import AuthorityStore, Binding, IndexNote, Lease
from sr_ports.errors import LeaseLost

_histories = itertools.count()

RUNS = st.sampled_from(["k1", "k2", "k3"])
RESOURCES = st.sampled_from(["r1", "r2"])
NEWEST = RESOURCES | st.none()
"""A resource whose newest lease is meant, so that leases that stand are met often enough."""
OWNERS = st.sampled_from(["a", "b"])
HANDLES = st.integers(0, 2)
NOTES = st.none() | st.builds(IndexNote, st.sampled_from(["VERIFYING", "READY"]), st.booleans())


@attrs.define
class Model:
    """What must be true: plain dicts, no clock. A lease stands until something ends it."""

    bound: dict[str, Binding] = attrs.field(factory=dict)
    index: dict[str, tuple[str, bool]] = attrs.field(factory=dict)
    fences: dict[str, int] = attrs.field(factory=dict)
    standing: dict[str, tuple[str, int]] = attrs.field(factory=dict)

    def stands(self, lease: Lease) -> bool:
        return self.standing.get(lease.resource) == (lease.owner, lease.fence)

    def note(self, run_id: str, note: IndexNote) -> None:
        if run_id in self.index:
            self.index[run_id] = (note.state, note.settled or self.index[run_id][1])


class AuthorityHistory(RuleBasedStateMachine):
    """Each history has names of its own, so one authority serves them all."""

    leases: Bundle[Lease] = Bundle("leases")

    def __init__(
        self, handles: Sequence[AuthorityStore], lapse: Callable[[float], None], short_s: float, long_s: float
    ) -> None:
        super().__init__()
        self.handles, self.lapse, self.short_s, self.long_s = handles, lapse, short_s, long_s
        self.model = Model()
        self.prefix = f"{next(_histories):08d}-"

    def name(self, word: str) -> str:
        return self.prefix + word

    def newest(self, resource: str) -> Lease:
        """The lease that stands on `resource`, or else the last one that did."""
        named = self.name(resource)
        return Lease(named, *self.model.standing.get(named, ("a", self.model.fences.get(named, 0))), self.long_s)

    @initialize(target=leases)
    def a_lease_that_never_was(self) -> Lease:
        return Lease(self.name("r1"), "a", 1_000_000, self.long_s)

    @rule(run=RUNS, asked=st.sampled_from(["x", "y"]), handle=HANDLES)
    def admit(self, run: str, asked: str, handle: int) -> None:
        run_id = self.name(run)
        binding = Binding(f"key of {run_id}", run_id, asked * 64, f'"{asked}"', "platform_20260131T134200Z")
        answer = self.handles[handle].admit(binding)
        assert answer.is_new == (run_id not in self.model.bound)
        assert answer.binding == self.model.bound.setdefault(run_id, binding)
        self.model.index.setdefault(run_id, ("OPEN", False))

    @rule(
        target=leases, resource=RESOURCES, owner=OWNERS, above=st.integers(0, 9), lapses=st.booleans(), handle=HANDLES
    )
    def acquire(self, resource: str, owner: str, above: int, lapses: bool, handle: int) -> Lease:
        named = self.name(resource)
        ttl_s = self.short_s if lapses else self.long_s
        lease = self.handles[handle].acquire(named, owner, ttl_s=ttl_s, above=above)
        if named in self.model.standing:
            assert lease is None
            return self.newest(resource)
        assert lease is not None
        assert (lease.resource, lease.owner) == (named, owner)
        assert lease.fence > max(above, self.model.fences.get(named, 0))
        self.model.fences[named] = lease.fence
        if lapses:
            self.lapse(self.short_s * 1.5)
        else:
            self.model.standing[named] = (owner, lease.fence)
        return lease

    @rule(lease=leases, newest=NEWEST, lapses=st.booleans(), handle=HANDLES)
    def renew(self, lease: Lease, newest: str | None, lapses: bool, handle: int) -> None:
        lease = self.newest(newest) if newest else lease
        ttl_s = self.short_s if lapses else self.long_s
        try:
            renewed = self.handles[handle].renew(lease, ttl_s=ttl_s)
        except LeaseLost:
            assert not self.model.stands(lease)
            return
        assert self.model.stands(lease)
        assert (renewed.resource, renewed.owner, renewed.fence) == (lease.resource, lease.owner, lease.fence)
        if lapses:
            self.lapse(self.short_s * 1.5)
            del self.model.standing[lease.resource]

    @rule(lease=leases, newest=NEWEST, note=NOTES, run=RUNS, handle=HANDLES)
    def release(self, lease: Lease, newest: str | None, note: IndexNote | None, run: str, handle: int) -> None:
        lease = self.newest(newest) if newest else lease
        self.handles[handle].release(lease, note=note, run_id=self.name(run))
        if not self.model.stands(lease):
            return
        del self.model.standing[lease.resource]
        if note is not None:
            self.model.note(self.name(run), note)

    @invariant()
    def every_handle_says_what_the_model_says(self) -> None:
        for handle, word in zip(self.handles, ("r1", "r2"), strict=False):
            held = handle.holder(self.name(word))
            assert (held and (held.owner, held.fence)) == self.model.standing.get(self.name(word))
        rows = self.handles[-1].runs(after=self.prefix)
        assert {row.run_id: (row.state, row.settled) for row in rows} == self.model.index
        unsettled = self.handles[0].runs(after=self.prefix, unsettled_only=True)
        assert {row.run_id for row in unsettled} == {run for run, (_, done) in self.model.index.items() if not done}


def check_against_model(
    handles: Sequence[AuthorityStore], lapse: Callable[[float], None], short_s: float, long_s: float
) -> None:
    """Play histories over `handles` (at least three, one authority) and compare every answer."""

    class History(AuthorityHistory):
        def __init__(self) -> None:
            super().__init__(handles, lapse, short_s, long_s)

    run_state_machine_as_test(
        History,
        settings=settings(
            max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )
