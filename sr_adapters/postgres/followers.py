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

    from sr_adapters.postgres.settings import PostgresSettings
    from sr_ports.hooks import Wiring


class PostgresFollowerStore:
    """`FollowerStore` in a schema of a Postgres database; its tables are made on first use.

    A claim ends `ttl_s` after it was last renewed, by the server's clock: nobody can tell that its holder is gone.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, group: str, owner: str, *, ttl_s: float) -> Lease | None:
        call = uuid4()
        values = {"group": check_group(group), "owner": owner, "ttl": ttl_s, "call": call, "again": None}
        for fence, left_s in self._database.rows(sql.CLAIM, values, again={**values, "again": call}):
            return Lease(group, owner, fence, left_s)
        return None

    def renew(self, claim: Lease, *, ttl_s: float) -> Lease:
        for (left_s,) in self._database.rows(sql.RENEW, {**_this(claim), "ttl": ttl_s}):
            return attrs.evolve(claim, expires_in_s=left_s)
        raise LeaseLost(claim.resource, claim.fence)

    def release(self, claim: Lease) -> None:
        self._database.rows(sql.RELEASE, _this(claim))

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
        self._database.close()


def build(wiring: Wiring[PostgresSettings]) -> PostgresFollowerStore:
    """The store beside a profile's authority. Raises `BadInput(PROFILE_INVALID)`."""
    return PostgresFollowerStore(Database.wired(wiring.settings, sql.FOLLOWERS))


def _this(claim: Lease) -> dict[str, Any]:
    return {"group": claim.resource, "owner": claim.owner, "fence": claim.fence}
