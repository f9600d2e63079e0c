"""Port: admission and leases. Who a key belongs to, and who may write now."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final, Protocol, runtime_checkable

import attrs

from sr_ports.compared import Compared

NO_STORE: Final = ""
"""In the place of a store's identity: no store is named. So are the rows and leases of the first release."""
ADMITTED_S: Final = 60.0
"""Seconds after its admission from which a run is due that no release told of: who admitted it has the first turn."""


@attrs.frozen(eq=False, repr=False)
class Tail(Compared):
    """The last event of a run's record, as the index was told at a release."""

    seq: int
    event_id: str


@attrs.frozen(eq=False, repr=False)
class StorePlace(Compared):
    """Where an authority serves a store. `location`: `ObjectStore.location`. `store_id`: the identity found there."""

    location: str
    store_id: str


@attrs.frozen(eq=False, repr=False)
class Binding(Compared):
    """A key bound to its run in a store, for ever. `intent`: canonical JSON of what was asked for.

    `settled`, `state`, `tail`: for `find` to tell, what the index was told at the last release. `settled`: that
    nothing is left to do for the run; False says nothing. `tail` is None where no release told of one.
    """

    run_equivalence_key: str
    run_id: str
    intent_fingerprint: str
    intent: str
    platform_run_id: str
    store_id: str = NO_STORE
    settled: bool = False
    state: str = "OPEN"
    tail: Tail | None = None


@attrs.frozen(eq=False, repr=False)
class Found(Compared):
    """What an authority knows of a run id: `bindings`, of every store, by ascending `store_id`; and of `places`."""

    bindings: tuple[Binding, ...]
    places: tuple[StorePlace, ...]


@attrs.frozen(eq=False, repr=False)
class Admission(Compared):
    """The binding that stands for the key, and whether this call made it.

    `settled`: the index was told that nothing is left to do for the run. `served`: False where the store is not
    served at the location that was given: then nothing was bound, and `binding` is the one that was asked for.
    """

    binding: Binding
    is_new: bool
    settled: bool = False
    served: bool = True


@attrs.frozen(eq=False, repr=False)
class Lease(Compared):
    """A bounded right to write. `fence` rises with every acquisition; `expires_in_s`: seconds
    left by the authority's clock when this value was made. `store_id`: the store that `resource` is of."""

    resource: str
    owner: str
    fence: int
    expires_in_s: float
    store_id: str = NO_STORE


@attrs.frozen(eq=False, repr=False)
class IndexedRun(Compared):
    """A row of the rebuildable index: never truth. `settled`: nothing is left to do for the run.

    `tail`: what the last release told of its record, None where none did. `due_at`: when the run is next worth a look,
    by the authority's clock; None for a settled one, and where the authority is not `Scheduling`.
    """

    run_id: str
    platform_run_id: str
    state: str
    settled: bool
    updated_at: datetime
    store_id: str = NO_STORE
    tail: Tail | None = None
    due_at: datetime | None = None


@attrs.frozen(eq=False, repr=False)
class Due(Compared):
    """When a run is next worth a look: `in_s` seconds after the authority is told, and no later than `by`.

    Both by the authority's clock. `in_s`: 0 for at once. `by`: aware; None for no such instant.
    """

    in_s: float = 0.0
    by: datetime | None = None


AT_ONCE: Final = Due()


@attrs.frozen(eq=False, repr=False)
class IndexNote(Compared):
    """What the index should say of a run from now on. Without `tail` the one that it has stays.

    `due`: when the run is next worth a look, while it is not settled. An authority that is not `Scheduling` keeps none.
    """

    state: str
    settled: bool
    tail: Tail | None = None
    due: Due = AT_ONCE


class AuthorityStore(Protocol):
    """Admission and leases, with time by the store's own clock, never a worker's.

    Keys, leases and the index are per object store, told apart by their identities (`store_id`). What names no
    store (`NO_STORE`), as the first release did, is of none yet, and stands in the way of every store.

    Laws, for any number of processes at once:

    A1  `admit` binds a key once in a store: of any number of callers with one key exactly one
        gets ``is_new``, and all get the same binding, for ever, also after a restart.
    A2  At any instant at most one unexpired lease exists for a resource of a store, and none
        is given while one of no store stands on that resource.
    A3  Fences for a resource strictly rise, across holders, releases, expiry and restarts,
        and every new fence is greater than `above`.
    A4  A lease that lapsed, was released or was superseded cannot be renewed: `LeaseLost`.
    A5  `release` ends only the very lease given; for any other it changes nothing.
    A6  An unreachable store raises `Unreachable`; it never says yes or no by guess.
    A7  A new binding is unsettled, state ``OPEN``, without a tail, until a release notes
        otherwise; a run noted settled never becomes unsettled again, and `admit` says so;
        `find` may. What a lease of one store notes changes no row of another.
    A9  A location is served for one store, and a store at one location: of any number of callers
        that contradict each other one is served, for ever, until somebody decides otherwise.
        What lies beside the authority is known by its place relative to it, so that both may be
        moved together.
    A10 While a binding of no store stands for a key, `admit` binds that key in no store and
        answers with that binding. `claim` gives it to a store once.
    """

    def admit(self, binding: Binding, *, location: str | None = None) -> Admission:
        """Bind the key in its store, or return the binding that already stands (whatever its intent).

        `location`: where the store is; a new key is bound only while the store is served there. None asks for no place.
        """

    def find(self, run_id: str, *, location: str | None = None, store_id: str | None = None) -> Found:
        """What is bound to a run id, in any store, and the places that are served.

        With `store_id` the places are only those of that store or at `location`.
        """

    def serve(self, place: StorePlace, *, decided: bool = False) -> Sequence[StorePlace]:
        """Remember where a store is served; afterwards the places of that store or at that location.

        `place` alone: it is served. Anything else stood in its way, and nothing was remembered. `decided`: somebody
        with the right says so: what stands in the way is retired first.
        """

    def claim(self, store_id: str, run_id: str | None = None) -> int:
        """Give the store a run's binding that is of no store, or with None all such bindings; how many were given.

        A key that the store has bound itself is not given.
        """

    def acquire(
        self, resource: str, owner: str, *, ttl_s: float, above: int = 0, store_id: str = NO_STORE
    ) -> Lease | None:
        """Claim `resource` of a store for `ttl_s` seconds; None while another lease is unexpired."""

    def renew(self, lease: Lease, *, ttl_s: float) -> Lease:
        """Extend a lease that still stands to `ttl_s` seconds from now; same fence. Raises `LeaseLost`."""

    def release(self, lease: Lease, *, note: IndexNote | None = None, run_id: str | None = None) -> None:
        """Give the lease up, and note the run's state in the index of its store in the same round trip.

        The note is written only while the lease stands. Without `note` nothing is noted.
        """

    def holder(self, resource: str, *, store_id: str = NO_STORE) -> Lease | None:
        """The unexpired lease on `resource` of a store, else one of no store; for people, not for decisions."""

    def runs(
        self,
        *,
        states: Sequence[str] | None = None,
        unsettled_only: bool = False,
        limit: int = 100,
        after: str | None = None,
        store_id: str | None = None,
    ) -> Sequence[IndexedRun]:
        """Rows of the index in ascending run id, at most `limit`, after run id `after`.

        `store_id`: those of that store and of none; a run id stands once. With None those of every store.
        """

    def now(self) -> datetime:
        """The authority's clock, aware UTC."""

    def describe(self) -> str:
        """Where this authority is, for people; never a secret."""

    def close(self) -> None:
        """Let go of connections; safe to call twice."""


@runtime_checkable
class PerPlatformRun(AuthorityStore, Protocol):
    """An authority that knows the keys of one platform run alone: the current one's, asked on first use.

    Law A8: `of` gives the authority of any platform run, and of the current one itself; whoever asks for
    one platform run gets one set of keys and leases, and none of another's. It makes nothing by itself.
    """

    def of(self, platform_run_id: str) -> AuthorityStore:
        """The authority of that platform run; closed with this one."""


@runtime_checkable
class Migratable(Protocol):
    """An authority with a schema that can be brought up to date before it is used."""

    def migrate(self) -> None:
        """Lay the tables or bring them up to date; twice is as good as once. Raises `BadInput`, `Unreachable`."""


@attrs.frozen(eq=False, repr=False)
class NewestRuns(Compared):
    """Some rows of the index, the newest first. `total`: how many there are of them in all."""

    rows: Sequence[IndexedRun]
    total: int


@runtime_checkable
class Newest(Protocol):
    """An authority that finds what was told last without handing out all that it knows.

    Law A11: the rows are those that `runs` gives of these states and this store, told of at `since` or later; those
    last told of come first, of one instant the higher run id. `total` counts them all.
    """

    def newest(
        self,
        *,
        states: Sequence[str] | None = None,
        since: datetime | None = None,
        limit: int = 100,
        store_id: str | None = None,
    ) -> NewestRuns:
        """At most `limit` rows of the index. `since`: aware."""


@attrs.frozen(eq=False, repr=False)
class DueClaim(Compared):
    """A due run that was given to one caller to look at. `token`: names this very claim, 32 hex characters."""

    run_id: str
    platform_run_id: str
    store_id: str
    token: str


@runtime_checkable
class Scheduling(Protocol):
    """An authority that knows when each run is next worth a look, and shares out those that are.

    A claim is no right to write: that is the lease's, also where a claim lapsed meanwhile. Time is the authority's own.

    Laws:

    A12 A run is due once the time is over that the last note of it gave (`IndexNote.due`), or `postpone` after that;
        before any note `ADMITTED_S` after its admission. `IndexedRun.due_at` says when. Nothing settled is ever due,
        nor is a run while a lease on its id stands in its store or in none.
    A13 `claim_due` gives due runs of the store, and of none, those that are due longest first. A run is given to one
        of any number of callers at once, and to nobody again for `for_s` seconds, unless a note or `postpone` says
        otherwise. A claim needs no giving back: one whose holder died lapses with its time.
    A14 `postpone` changes the run of the very claim that was given last, and only while no note came after it.
    """

    def claim_due(self, *, limit: int, for_s: float, store_id: str) -> Sequence[DueClaim]:
        """At most `limit` runs that are due now, for `for_s` seconds; none for a limit of 0 or less."""

    def postpone(self, claim: DueClaim, due: Due) -> None:
        """Give a claim back: the run is next worth a look when `due` says."""


@runtime_checkable
class SoleService(Protocol):
    """An authority that one service process at a time may use: its clock and its file are one machine's.

    Law A15: of any number of processes one holds it, and no other until that one lets go or is gone, however it ended.
    Who does not hold it may still use the authority for everything else.
    """

    def sole_service(self) -> AbstractContextManager[None]:
        """Hold it for the context. Raises `Unreachable(SERVICE_BUSY)` where another does, and waits for nothing."""


@runtime_checkable
class Noting(Protocol):
    """An authority that may have something to say of how its answers came about."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What a reader should know, each in one sentence."""
