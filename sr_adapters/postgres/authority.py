"""Admission and leases in Postgres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import attrs

from sr_adapters.postgres import statements as sql
from sr_adapters.postgres.database import Database
from sr_adapters.postgres.follower_statements import FOLLOWERS
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
    Tail,
)
from sr_ports.authority import NO_STORE

if TYPE_CHECKING:
    from sr_adapters.postgres.settings import PostgresSettings
    from sr_ports.hooks import Wiring

_TRIES = 3  # the second already sees the row that made the first come back empty


class PostgresAuthority:
    """`AuthorityStore` in one schema of a Postgres database.

    A call whose connection breaks runs once more on a new one. That is safe: admissions and
    leases carry the id of the call that wrote them, so it knows its own first try again, and
    renewing or releasing twice is doing it once.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows = database.rows

    def migrate(self) -> None:
        """Lay the tables or bring them up to date, the followers' too; needs the right to create."""
        self._database.migrate()
        self._database.of(FOLLOWERS).migrate()

    def admit(self, binding: Binding, *, location: str | None = None) -> Admission:
        call = uuid4()
        values = {
            "key": binding.run_equivalence_key.encode(),
            "run_id": binding.run_id,
            "fingerprint": binding.intent_fingerprint,
            "intent": binding.intent,
            "platform": binding.platform_run_id,
            "store": binding.store_id,
            "location": _kept(location),
            "call": call,
        }
        for _ in range(_TRIES):
            for *found, admitted_by, settled in self._rows(sql.ADMIT, values):
                return Admission(_bound(found), is_new=admitted_by == call, settled=settled)
            if location is not None and not self._serves(StorePlace(location, binding.store_id)):
                return Admission(binding, is_new=False, served=False)
        raise Fault(ReasonCode.INTERNAL, f"run {binding.run_id} is bound to another key")

    def find(self, run_id: str, *, location: str | None = None, store_id: str | None = None) -> Found:
        found = self._rows(sql.FIND, {"run_id": run_id, "location": _kept(location), "store": store_id})
        bindings = [_binding(row) for row in found if row[1] is not None]
        bindings.sort(key=lambda one: one.store_id)
        return Found(tuple(bindings), tuple(_place(row[0], row[5]) for row in found if row[1] is None))

    def serve(self, place: StorePlace, *, decided: bool = False) -> Sequence[StorePlace]:
        values = {"location": _kept(place.location), "store": place.store_id}
        if decided:
            self._rows(sql.RETIRE, values)
        for _ in range(_TRIES):
            found = self._rows(sql.SERVE, values)
            if found:
                return tuple(_place(*row) for row in found)
        raise Fault(ReasonCode.INTERNAL, f"{place.location} is served and is not")

    def _serves(self, place: StorePlace) -> bool:
        return place in self.find("", location=place.location, store_id=place.store_id).places

    def claim(self, store_id: str, run_id: str | None = None) -> int:
        return len(self._rows(sql.CLAIM, {"store": store_id, "run_id": run_id}))

    def acquire(
        self, resource: str, owner: str, *, ttl_s: float, above: int = 0, store_id: str = NO_STORE
    ) -> Lease | None:
        call = uuid4()
        values = {
            "resource": resource,
            "store": store_id,
            "owner": owner,
            "above": above,
            "ttl": ttl_s,
            "call": call,
            "retaken": None,
        }
        for fence, left_s in self._rows(sql.ACQUIRE, values, again={**values, "retaken": call}):
            return Lease(resource, owner, fence, left_s, store_id)
        return None

    def renew(self, lease: Lease, *, ttl_s: float) -> Lease:
        for (left_s,) in self._rows(sql.RENEW, {**_this(lease), "ttl": ttl_s}):
            return attrs.evolve(lease, expires_in_s=left_s)
        raise LeaseLost(lease.resource, lease.fence)

    def release(self, lease: Lease, *, note: IndexNote | None = None, run_id: str | None = None) -> None:
        if note is None or run_id is None:
            self._rows(sql.RELEASE, _this(lease))
            return
        seq, event_id = (None, None) if note.tail is None else (note.tail.seq, note.tail.event_id)
        noted = {"state": note.state, "settled": note.settled, "run_id": run_id, "seq": seq, "event_id": event_id}
        self._rows(sql.RELEASE_AND_NOTE, {**_this(lease), **noted, **_due(note.due)})

    def holder(self, resource: str, *, store_id: str = NO_STORE) -> Lease | None:
        for owner, fence, left_s, store in self._rows(sql.HOLDER, {"resource": resource, "store": store_id}):
            return Lease(resource, owner, fence, left_s, store)
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
            "states": None if states is None else list(states),
            "limit": max(limit, 0),
            "store": store_id,
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
            "states": None if states is None else list(states),
            "since": None if since is None else since.isoformat(),
            "limit": max(limit, 0),
            "store": store_id,
        }
        rows = self._indexed(sql.NEWEST, choice)
        if len(rows) < limit:
            return NewestRuns(rows, len(rows))
        ((total,),) = self._rows(sql.COUNT, {name: choice[name] for name in ("states", "since", "store")})
        return NewestRuns(rows, total)

    def _indexed(self, statement: str, choice: Mapping[str, Any]) -> tuple[IndexedRun, ...]:
        return tuple(map(_indexed_run, self._rows(statement, choice)))

    def claim_due(self, *, limit: int, for_s: float, store_id: str) -> Sequence[DueClaim]:
        token = uuid4()
        asked = {"store": store_id, "limit": max(limit, 0), "for": for_s, "token": token}
        found = sorted(self._rows(sql.CLAIM_DUE, asked), key=lambda row: (row[3], row[0]))
        return tuple(DueClaim(run_id, platform, store, token.hex) for run_id, platform, store, _ in found)

    def postpone(self, claim: DueClaim, due: Due) -> None:
        this = {"run_id": claim.run_id, "store": claim.store_id, "token": claim.token}
        self._rows(sql.POSTPONE, {**this, **_due(due)})

    def now(self) -> datetime:
        ((now,),) = self._rows(sql.NOW)
        return _instant(now)

    def describe(self) -> str:
        return f"postgres: {self._database.described}"

    def close(self) -> None:
        self._database.close()


def build(wiring: Wiring[PostgresSettings]) -> PostgresAuthority:
    """The authority a profile asks for. Raises `BadInput(PROFILE_INVALID)`."""
    return PostgresAuthority(Database.wired(wiring.settings))


def _bound(found: Sequence[Any]) -> Binding:
    key, *rest = found
    return Binding(bytes(key).decode(), *rest)


def _kept(location: str | None) -> bytes | None:
    """Kept as a key is: any text, of any length."""
    return None if location is None else location.encode()


def _place(kept: bytes, store_id: str) -> StorePlace:
    return StorePlace(bytes(kept).decode(), store_id)


def _binding(found: Sequence[Any]) -> Binding:
    *parts, state, seq, event_id = found
    return attrs.evolve(_bound(parts), state=state, tail=_tail(seq, event_id))


def _tail(seq: int | None, event_id: str | None) -> Tail | None:
    return None if seq is None or event_id is None else Tail(seq, event_id)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _indexed_run(found: Sequence[Any]) -> IndexedRun:
    run_id, platform, state, settled, updated_at, store, due, *tail = found
    due_at = None if due is None else _instant(due)
    return IndexedRun(run_id, platform, state, settled, _instant(updated_at), store, _tail(*tail), due_at)


def _due(due: Due) -> dict[str, Any]:
    return {"due_in": due.in_s, "due_by": None if due.by is None else due.by.isoformat()}


def _this(lease: Lease) -> dict[str, Any]:
    return {"resource": lease.resource, "store": lease.store_id, "owner": lease.owner, "fence": lease.fence}
