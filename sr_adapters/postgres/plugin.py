"""What the postgres family offers: an authority in a schema of a database, and a store for followers beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sr_ports import Adapter, AuthorityStore, Later, hookimpl

if TYPE_CHECKING:
    from sr_ports import FollowerStore


@hookimpl
def sr_authority_stores() -> Sequence[Adapter[AuthorityStore]]:
    return [
        Adapter(
            "postgres",
            Later("sr_adapters.postgres.authority:build"),
            extra="postgres",
            requires=("psycopg",),
            settings=Later("sr_adapters.postgres.settings:PostgresSettings"),
        )
    ]


@hookimpl
def sr_follower_stores() -> Sequence[Adapter[FollowerStore]]:
    return [
        Adapter(
            "postgres",
            Later("sr_adapters.postgres.followers:build"),
            extra="postgres",
            requires=("psycopg",),
            settings=Later("sr_adapters.postgres.settings:PostgresSettings"),
        )
    ]
