"""What the sqlite family offers: an authority in one file."""

from __future__ import annotations

from collections.abc import Sequence

from sr_ports import Adapter, AuthorityStore, Later, hookimpl


@hookimpl
def sr_authority_stores() -> Sequence[Adapter[AuthorityStore]]:
    settings = Later("sr_adapters.sqlite.settings:SqliteSettings")
    return [Adapter("sqlite", Later("sr_adapters.sqlite.authority:build"), settings=settings)]
