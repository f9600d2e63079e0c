"""Port: admission and leases. Who a key belongs to, and who may write now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

import attrs

from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class Binding(Compared):
    """A key bound to its run, for ever. `intent`: canonical JSON of what was asked for.

    `settled`: for `find` to tell: the index was told that nothing is left to do for the run. False says nothing.
    """

    run_equivalence_key: str
    run_id: str
    intent_fingerprint: str
    intent: str
    platform_run_id: str
    settled: bool = False


@attrs.frozen(eq=False, repr=False)
class Admission(Compared):
    """The binding that stands for the key, and whether this call made it.

    `settled`: the index was told that nothing is left to do for the run.
    """

    binding: Binding
    is_new: bool
    settled: bool = False


@attrs.frozen(eq=False, repr=False)
class Lease(Compared):
    """A bounded right to write. `fence` rises with every acquisition; `expires_in_s`: seconds
    left by the authority's clock when this value was made."""

    resource: str
    owner: str
    fence: int
    expires_in_s: float


@attrs.frozen(eq=False, repr=False)
class IndexedRun(Compared):
    """A row of the rebuildable index: never truth. `settled`: nothing is left to do for the run."""

    run_id: str
    platform_run_id: str
    state: str
    settled: bool
    updated_at: datetime


@attrs.frozen(eq=False, repr=False)
class IndexNote(Compared):
    """What the index should say of a run from now on."""

    state: str
    settled: bool


class AuthorityStore(Protocol):
    """Admission and leases, with time by the store's own clock, never a worker's.

    Laws, for any number of processes at once:

    A1  `admit` binds a key once: of any number of callers with one key exactly one gets
        ``is_new``, and all get the same binding, for ever, also after a restart.
    A2  At any instant at most one unexpired lease exists for a resource.
    A3  Fences for a resource strictly rise, across holders, releases, expiry and restarts,
        and every new fence is greater than `above`.
    A4  A lease that lapsed, was released or was superseded cannot be renewed: `LeaseLost`.
    A5  `release` ends only the very lease given; for any other it changes nothing.
    A6  An unreachable store raises `Unreachable`; it never says yes or no by guess.
    A7  A new binding is unsettled, state ``OPEN``, until a release notes otherwise; a run
        noted settled never becomes unsettled again, and `admit` says so; `find` may.
    """

    def admit(self, binding: Binding) -> Admission:
        """Bind the key, or return the binding that already stands (whatever its intent)."""

    def find(self, run_id: str) -> Binding | None:
        """The binding of a run; None when no key was ever bound to it here."""

    def acquire(self, resource: str, owner: str, *, ttl_s: float, above: int = 0) -> Lease | None:
        """Claim `resource` for `ttl_s` seconds; None while another lease is unexpired."""

    def renew(self, lease: Lease, *, ttl_s: float) -> Lease:
        """Extend a lease that still stands to `ttl_s` seconds from now; same fence. Raises `LeaseLost`."""

    def release(self, lease: Lease, *, note: IndexNote | None = None, run_id: str | None = None) -> None:
        """Give the lease up, and note the run's state in the index in the same round trip.

        The note is written only while the lease stands. Without `note` nothing is noted.
        """

    def holder(self, resource: str) -> Lease | None:
        """The unexpired lease on `resource`, if any; for people, not for decisions."""

    def runs(
        self,
        *,
        states: Sequence[str] | None = None,
        unsettled_only: bool = False,
        limit: int = 100,
        after: str | None = None,
    ) -> Sequence[IndexedRun]:
        """Rows of the index in ascending run id, at most `limit`, after run id `after`."""

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


@runtime_checkable
class Noting(Protocol):
    """An authority that may have something to say of how its answers came about."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What a reader should know, each in one sentence."""
