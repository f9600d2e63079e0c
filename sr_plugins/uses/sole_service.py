"""The one service that some authorities have at a time."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from sr_ports import AuthorityStore, SoleService


def sole_service(authority: AuthorityStore) -> AbstractContextManager[None]:
    """Hold the authority as its one service, where it has one at a time; nothing for one that replicas share.

    Raises `Unreachable(SERVICE_BUSY)` on entering, where another process holds it.
    """
    return authority.sole_service() if isinstance(authority, SoleService) else nullcontext()
