"""Admission and leases in SQLite files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from sr_adapters.sqlite import statements as sql
from sr_adapters.sqlite.beside import Beside
from sr_adapters.sqlite.database import Database
from sr_adapters.sqlite.rows import (
    admission_of,
    binding_of,
    due_parts,
    in_ms,
    indexed_run,
    instant_of,
    noted,
    this_claim,
    this_lease,
    unix_ms,
    values_of,
)
from sr_adapters.sqlite.settings import BUSY_TIMEOUT_S
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
    NotFound,
    ReasonCode,
    StorePlace,
)
from sr_ports.authority import ADMITTED_S, NO_STORE

if TYPE_CHECKING:
    from sr_adapters.sqlite.settings import SqliteSettings
    from sr_ports.hooks import Wiring


class SqliteAuthority:
    """`AuthorityStore` in a SQLite file on a local disk (not on a network share: WAL).

    `path`: the file, or how to learn it, asked on first use; folders are made then.
    `busy_timeout_s`: how long to wait for another process's transaction before `Unreachable`.
    Any number of threads, forked children and processes of one machine may use one file.

    Time is this machine's wall clock as SQLite reads it, whole milliseconds. When that clock
    is set back a standing lease is never cut short; it lasts at most one more of its own time
    from the next try to acquire it. Set forward, leases lapse early: their holders are
    refused by A4 and by the fence.
    """

    def __init__(
        self,
        path: str | Callable[[], str],
        *,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        runtime_root: str | None = None,
    ) -> None:
        """`runtime_root`: below it stores and this file may be moved together (law A9)."""
        self._database = Database(path, busy_timeout_s)
        self._beside = Beside(runtime_root, self._database.place)

    def admit(self, binding: Binding, *, location: str | None = None) -> Admission:
        key = {"key": binding.run_equivalence_key, "store_id": binding.store_id}
        found = self._database.rows(sql.BY_KEY, key)  # a duplicate takes no write lock
        if found:
            return admission_of(found[0], is_new=False)
        values = {**values_of(binding), "location": self._beside.kept(location), "due_in_ms": in_ms(ADMITTED_S)}
        with self._database.writing() as link:
            is_new = link.execute(sql.BIND, values).rowcount == 1
            found = link.execute(sql.BY_KEY, key).fetchall()
            served = location is None or link.execute(sql.SERVED, values).fetchall() != []
        if not found and not served:
            return Admission(binding, is_new=False, served=False)
        if not found:
            raise Fault(ReasonCode.INTERNAL, f"run {binding.run_id} is bound to another key")
        return admission_of(found[0], is_new=is_new)

    def find(self, run_id: str, *, location: str | None = None, store_id: str | None = None) -> Found:
        asked = {"run_id": run_id, "location": self._beside.kept(location), "store_id": store_id}
        found = self._database.rows(sql.FIND, asked)
        bindings = [binding_of(row) for row in found if row[0] is not None]
        if len(bindings) > 1:
            bindings.sort(key=lambda one: one.store_id)
        return Found(tuple(bindings), tuple(self._place(row[1], row[5]) for row in found if row[0] is None))

    def serve(self, place: StorePlace, *, decided: bool = False) -> Sequence[StorePlace]:
        values = {"location": self._beside.kept(place.location), "store_id": place.store_id}
        with self._database.writing() as link:
            if decided:
                link.execute(sql.RETIRE, values)
            link.execute(sql.SERVE, values)
            found = link.execute(sql.PLACES, values).fetchall()
        return tuple(self._place(*row) for row in found)

    def claim(self, store_id: str, run_id: str | None = None) -> int:
        with self._database.writing() as link:
            return link.execute(sql.CLAIM, {"store_id": store_id, "run_id": run_id}).rowcount

    def acquire(
        self, resource: str, owner: str, *, ttl_s: float, above: int = 0, store_id: str = NO_STORE
    ) -> Lease | None:
        named = {"resource": resource, "store_id": store_id}
        for _, _, left_ms, granted_ms, _ in self._database.rows(sql.HELD, named):
            if left_ms <= granted_ms:
                return None  # plainly held: waiters that poll take no write lock
        with self._database.writing() as link:
            wish = {**named, "owner": owner, "above": above, "ttl_ms": in_ms(ttl_s)}
            if link.execute(sql.ACQUIRE, wish).rowcount != 1:
                link.execute(sql.REANCHOR, named)
                return None
            ((fence,),) = link.execute(sql.FENCE, named).fetchall()
        return Lease(resource, owner, fence, ttl_s, store_id)

    def renew(self, lease: Lease, *, ttl_s: float) -> Lease:
        with self._database.writing() as link:
            renewed = link.execute(sql.RENEW, {**this_lease(lease), "ttl_ms": in_ms(ttl_s)}).rowcount
        if renewed != 1:
            raise LeaseLost(lease.resource, lease.fence)
        return attrs.evolve(lease, expires_in_s=ttl_s)

    def release(self, lease: Lease, *, note: IndexNote | None = None, run_id: str | None = None) -> None:
        with self._database.writing() as link:
            released = link.execute(sql.RELEASE, this_lease(lease)).rowcount
            if released == 1 and note is not None:
                link.execute(sql.NOTE, {**noted(note), "run_id": run_id, "store_id": lease.store_id})

    def holder(self, resource: str, *, store_id: str = NO_STORE) -> Lease | None:
        named = {"resource": resource, "store_id": store_id}
        for owner, fence, left_ms, _, store in self._database.rows(sql.HELD, named):
            return Lease(resource, owner, fence, left_ms / 1000, store)
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
        choice = {
            "after": after or "",
            "states": None if states is None else json.dumps(list(states)),
            "limit": max(limit, 0),
            "store_id": store_id,
        }
        return self._indexed(sql.UNSETTLED_RUNS if unsettled_only else sql.RUNS, choice)

    def newest(
        self,
        *,
        states: Sequence[str] | None = None,
        since: datetime | None = None,
        limit: int = 100,
        store_id: str | None = None,
    ) -> NewestRuns:
        choice = {
            "states": None if states is None else json.dumps(list(states)),
            "since": 0 if since is None else unix_ms(since),
            "limit": max(limit, 0),
            "store_id": store_id,
        }
        rows = self._indexed(sql.NEWEST, choice)
        if len(rows) < limit:
            return NewestRuns(rows, len(rows))
        return NewestRuns(rows, sum(number for (number,) in self._database.rows(sql.COUNT, choice)))

    def _indexed(self, statement: str, choice: Mapping[str, Any]) -> tuple[IndexedRun, ...]:
        return tuple(map(indexed_run, self._database.rows(statement, choice)))

    def claim_due(self, *, limit: int, for_s: float, store_id: str) -> Sequence[DueClaim]:
        asked = {"store_id": store_id, "limit": max(limit, 0)}
        if not self._database.rows(sql.DUE, asked):
            return ()  # who looks again and again takes no write lock
        claims = []
        with self._database.writing() as link:
            for run_id, platform, store, _ in link.execute(sql.DUE, asked).fetchall():
                claims.append(DueClaim(run_id, platform, store, os.urandom(16).hex()))
                link.execute(sql.CLAIM_DUE, {**this_claim(claims[-1]), "for_ms": in_ms(for_s)})
        return tuple(claims)

    def postpone(self, claim: DueClaim, due: Due) -> None:
        with self._database.writing() as link:
            link.execute(sql.POSTPONE, {**this_claim(claim), **due_parts(due)})

    def sole_service(self) -> AbstractContextManager[None]:
        from sr_adapters.sqlite.sole import sole

        return sole(self._database.place)

    def now(self) -> datetime:
        with self._database.writing() as link:
            ((now_ms,),) = link.execute(sql.NOW).fetchall()
        return instant_of(now_ms)

    @property
    def notices(self) -> tuple[str, ...]:
        """What a reader should know of how the rows were had."""
        return self._database.notices

    def describe(self) -> str:
        return f"sqlite: {self._database.name}"

    def close(self) -> None:
        self._database.close()

    def _place(self, kept: str, store_id: str) -> StorePlace:
        return StorePlace(self._beside.location(kept), store_id)


class SqlitePerPlatformRun(SqliteAuthority):
    """A `SqliteAuthority` for each platform run, in a file of its own; this one is the current platform run's.

    `file`: where a platform run's file is. `current`: the current platform run, asked on first use; it
    raises `NotFound` while there is none, and so does everything but `of`.
    """

    def __init__(
        self,
        file: Callable[[str], str],
        current: Callable[[], str],
        *,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        runtime_root: str | None = None,
    ) -> None:
        super().__init__(self._own_file, busy_timeout_s=busy_timeout_s, runtime_root=runtime_root)
        self._file, self._current = file, current
        self._busy_timeout_s, self._runtime_root = busy_timeout_s, runtime_root
        self._own: str | None = None
        self._others: dict[str, SqliteAuthority] = {}

    def of(self, platform_run_id: str) -> SqliteAuthority:
        try:
            own = self._own or self._current()
        except NotFound:
            own = None
        if platform_run_id == own:
            return self
        file, root = self._file(platform_run_id), self._runtime_root
        made = SqliteAuthority(file, busy_timeout_s=self._busy_timeout_s, runtime_root=root)
        return self._others.setdefault(platform_run_id, made)

    def sole_service(self) -> AbstractContextManager[None]:
        """Of all platform runs together, whichever is the current one: the lock lies where their files have their root.

        Without a runtime root beside the current platform run's file.
        """
        from sr_adapters.sqlite.sole import sole

        root = self._runtime_root
        return super().sole_service() if root is None else sole(lambda: Path(root, "authority.db"))

    @property
    def notices(self) -> tuple[str, ...]:
        others = [notice for other in list(self._others.values()) for notice in other.notices]
        return (*super().notices, *others)

    def close(self) -> None:
        for other in list(self._others.values()):
            other.close()
        super().close()

    def _own_file(self) -> str:
        self._own = self._current()
        return self._file(self._own)


def build(wiring: Wiring[SqliteSettings]) -> SqliteAuthority:
    """The authority a profile asks for."""
    settings, root = wiring.settings, wiring.runtime_root

    def file(platform_run_id: str) -> str:
        return str(Path(root, "fraud-platform", platform_run_id, "sr", "index", "authority.db"))

    if settings.path is not None:
        return SqliteAuthority(settings.path, busy_timeout_s=settings.busy_timeout_s, runtime_root=root)
    return SqlitePerPlatformRun(file, wiring.platform_run_id, busy_timeout_s=settings.busy_timeout_s, runtime_root=root)
