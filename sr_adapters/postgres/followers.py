"""Progress of followers in Postgres, beside the authority's tables."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING
from uuid import uuid4

import attrs

from sr_adapters.followers import key_hash, progress, read, written
from sr_adapters.postgres import follower_statements as sql
from sr_adapters.postgres.database import Database
from sr_ports import Lease, LeaseLost, Progress, SetAside, check_group

if TYPE_CHECKING:
    from typing import Any

    from sr_adapters.postgres.follower_guard import Guard
    from sr_adapters.postgres.settings import PostgresSettings
    from sr_ports.hooks import Wiring


class PostgresFollowerStore:
    """`FollowerStore` in a schema of a Postgres database; its tables are made on first use.

    A claim ends with the session of the process that has it, and at the latest `ttl_s` after it was last renewed, by
    the server's clock: where the machine went with the process, nobody else can tell.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._guards: dict[tuple[str, int], Guard] = {}

    def claim(self, group: str, owner: str, *, ttl_s: float) -> Lease | None:
        guard, call = self._database.guard(check_group(group)), uuid4()
        values = {"group": group, "owner": owner, "ttl": ttl_s, "call": call, "again": None, "guarded": guard.held()}
        try:
            for fence, left_s in self._database.rows(sql.CLAIM, values, again={**values, "again": call}):
                self._guards[group, fence] = guard
                return Lease(group, owner, fence, left_s)
        except BaseException:
            guard.close()
            raise
        guard.close()
        return None

    def renew(self, claim: Lease, *, ttl_s: float) -> Lease:
        guard = self._guards.get((claim.resource, claim.fence))
        values = {**_this(claim), "ttl": ttl_s, "guarded": guard is not None and guard.held()}
        for (left_s,) in self._database.rows(sql.RENEW, values):
            return attrs.evolve(claim, expires_in_s=left_s)
        self._let_go(claim)
        raise LeaseLost(claim.resource, claim.fence)

    def release(self, claim: Lease) -> None:
        self._database.rows(sql.RELEASE, _this(claim))
        self._let_go(claim)

    def _let_go(self, claim: Lease) -> None:
        guard = self._guards.pop((claim.resource, claim.fence), None)
        if guard is not None:
            guard.close()

    def load(self, group: str) -> Progress:
        for positions, as_of_utc in self._database.rows(sql.LOAD, {"group": check_group(group)}):
            return progress(json.loads(positions), as_of_utc)
        return Progress()

    def save(
        self, claim: Lease, progress: Progress, *, done: Sequence[str] = (), aside: Sequence[SetAside] = ()
    ) -> None:
        values = {
            **_this(claim),
            "positions": json.dumps(dict(progress.positions)),
            "as_of": progress.as_of_utc,
            "done": [key_hash(key) for key in done],
            "aside": [written(one) for one in aside],
        }
        if not self._database.rows(sql.SAVE, values):
            raise LeaseLost(claim.resource, claim.fence)

    def dealt_with(self, group: str, keys: Collection[str]) -> frozenset[str]:
        hashes = {key_hash(key): key for key in keys}
        if not hashes:
            return frozenset()
        found = self._database.rows(sql.DEALT_WITH, {"group": check_group(group), "keys": list(hashes)})
        return frozenset(hashes[bytes(kept)] for (kept,) in found)

    def set_aside(self, group: str, *, limit: int = 100) -> Sequence[SetAside]:
        found = self._database.rows(sql.ASIDE, {"group": check_group(group), "limit": limit})
        return tuple(read(document) for (document,) in found)

    def describe(self) -> str:
        return f"postgres: {self._database.described}"

    def close(self) -> None:
        while self._guards:
            self._guards.popitem()[1].close()
        self._database.close()


def build(wiring: Wiring[PostgresSettings]) -> PostgresFollowerStore:
    """The store beside a profile's authority. Raises `BadInput(PROFILE_INVALID)`."""
    return PostgresFollowerStore(Database.wired(wiring.settings, sql.FOLLOWERS))


def _this(claim: Lease) -> dict[str, Any]:
    return {"group": claim.resource, "owner": claim.owner, "fence": claim.fence}
