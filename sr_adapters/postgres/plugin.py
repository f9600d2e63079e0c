"""What the postgres family offers: an authority in a schema of a database."""

from __future__ import annotations

from collections.abc import Sequence

from sr_ports import Adapter, AuthorityStore, Later, hookimpl


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
