"""Which of the bindings of a run id is meant."""

from __future__ import annotations

from sr_ports import AuthorityStore, Binding


def bound(authority: AuthorityStore, run_id: str) -> Binding | None:
    """What the authority has bound to a run id; None for nothing."""
    return next(iter(authority.find(run_id).bindings), None)
