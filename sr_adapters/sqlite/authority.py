"""Admission and leases in SQLite files."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from sr_adapters.sqlite import statements as sql
from sr_adapters.sqlite.database import Database
from sr_adapters.sqlite.settings import BUSY_TIMEOUT_S
from sr_ports import Admission, Binding, Fault, IndexedRun, IndexNote, Lease, LeaseLost, NotFound, ReasonCode

if TYPE_CHECKING:
    from sr_adapters.sqlite.settings import SqliteSettings
    from sr_ports.hooks import Wiring

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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

    def __init__(self, path: str | Callable[[], str], *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self._database = Database(path, busy_timeout_s)

    def admit(self, binding: Binding) -> Admission:
        key = (binding.run_equivalence_key,)
        found = self._database.rows(sql.BY_KEY, key)  # a duplicate takes no write lock
        if found:
            settled, *parts = found[0]
            return Admission(Binding(*parts), is_new=False, settled=bool(settled))
        with self._database.writing() as link:
            is_new = link.execute(sql.BIND, _values(binding)).rowcount == 1
            found = link.execute(sql.BY_KEY, key).fetchall()
        if not found:
            raise Fault(ReasonCode.INTERNAL, f"run {binding.run_id} is bound to another key")
        settled, *parts = found[0]
        return Admission(Binding(*parts), is_new, settled=bool(settled))

    def find(self, run_id: str) -> Binding | None:
        for *parts, settled in self._database.rows(sql.BY_RUN, (run_id,)):
            return attrs.evolve(Binding(*parts), settled=bool(settled))
        return None

    def acquire(self, resource: str, owner: str, *, ttl_s: float, above: int = 0) -> Lease | None:
        for _, _, left_ms, granted_ms in self._database.rows(sql.HELD, (resource,)):
            if left_ms <= granted_ms:
                return None  # plainly held: waiters that poll take no write lock
        wish = {"resource": resource, "owner": owner, "above": above, "ttl_ms": _ms(ttl_s)}
        with self._database.writing() as link:
            if link.execute(sql.ACQUIRE, wish).rowcount != 1:
                link.execute(sql.REANCHOR, (resource,))
                return None
            ((fence,),) = link.execute(sql.FENCE, (resource,)).fetchall()
        return Lease(resource, owner, fence, ttl_s)

    def renew(self, lease: Lease, *, ttl_s: float) -> Lease:
        with self._database.writing() as link:
            renewed = link.execute(sql.RENEW, {**_this(lease), "ttl_ms": _ms(ttl_s)}).rowcount
        if renewed != 1:
            raise LeaseLost(lease.resource, lease.fence)
        return attrs.evolve(lease, expires_in_s=ttl_s)

    def release(self, lease: Lease, *, note: IndexNote | None = None, run_id: str | None = None) -> None:
        with self._database.writing() as link:
            released = link.execute(sql.RELEASE, _this(lease)).rowcount
            if released == 1 and note is not None:
                link.execute(sql.NOTE, (note.state, note.settled, run_id))

    def holder(self, resource: str) -> Lease | None:
        for owner, fence, left_ms, _ in self._database.rows(sql.HELD, (resource,)):
            return Lease(resource, owner, fence, left_ms / 1000)
        return None

    def runs(
        self,
        *,
        states: Sequence[str] | None = None,
        unsettled_only: bool = False,
        limit: int = 100,
        after: str | None = None,
    ) -> Sequence[IndexedRun]:
        choice = {
            "after": after or "",
            "states": None if states is None else json.dumps(list(states)),
            "limit": max(limit, 0),
        }
        found = self._database.rows(sql.UNSETTLED_RUNS if unsettled_only else sql.RUNS, choice)
        return tuple(
            IndexedRun(run_id, platform, state, bool(settled), _instant(updated_ms))
            for run_id, platform, state, settled, updated_ms in found
        )

    def now(self) -> datetime:
        with self._database.writing() as link:
            ((now_ms,),) = link.execute(sql.NOW).fetchall()
        return _instant(now_ms)

    @property
    def notices(self) -> tuple[str, ...]:
        """What a reader should know of how the rows were had."""
        return self._database.notices

    def describe(self) -> str:
        return f"sqlite: {self._database.name}"

    def close(self) -> None:
        self._database.close()


class SqlitePerPlatformRun(SqliteAuthority):
    """A `SqliteAuthority` for each platform run, in a file of its own; this one is the current platform run's.

    `place`: where a platform run's file is. `current`: the current platform run, asked on first use; it
    raises `NotFound` while there is none, and so does everything but `of`.
    """

    def __init__(
        self, place: Callable[[str], str], current: Callable[[], str], *, busy_timeout_s: float = BUSY_TIMEOUT_S
    ) -> None:
        super().__init__(self._own_file, busy_timeout_s=busy_timeout_s)
        self._place, self._current, self._busy_timeout_s = place, current, busy_timeout_s
        self._own: str | None = None
        self._others: dict[str, SqliteAuthority] = {}

    def of(self, platform_run_id: str) -> SqliteAuthority:
        try:
            own = self._own or self._current()
        except NotFound:
            own = None
        if platform_run_id == own:
            return self
        made = SqliteAuthority(self._place(platform_run_id), busy_timeout_s=self._busy_timeout_s)
        return self._others.setdefault(platform_run_id, made)

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
        return self._place(self._own)


def build(wiring: Wiring[SqliteSettings]) -> SqliteAuthority:
    """The authority a profile asks for."""
    settings = wiring.settings

    def place(platform_run_id: str) -> str:
        return str(Path(wiring.runtime_root, "fraud-platform", platform_run_id, "sr", "index", "authority.db"))

    if settings.path is not None:
        return SqliteAuthority(settings.path, busy_timeout_s=settings.busy_timeout_s)
    return SqlitePerPlatformRun(place, wiring.platform_run_id, busy_timeout_s=settings.busy_timeout_s)


def _values(binding: Binding) -> tuple[Any, ...]:
    """What is bound, in the order of the statements."""
    return (
        binding.run_equivalence_key,
        binding.run_id,
        binding.intent_fingerprint,
        binding.intent,
        binding.platform_run_id,
    )


def _this(lease: Lease) -> dict[str, Any]:
    return {"resource": lease.resource, "owner": lease.owner, "fence": lease.fence}


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _instant(unix_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=unix_ms)
