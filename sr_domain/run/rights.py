"""Who may do what (spec: surface, "Wiring profile", auth)."""

from __future__ import annotations

from collections.abc import Collection

ROLE = "role:"
"""How an entry of a list of actors begins that means everybody who has a role."""


def may(allowed: Collection[str] | None, actor: str, roles: Collection[str] = ()) -> bool:
    """Whether an actor has a right. `allowed`: actors, or roles as ``role:NAME``; None for anybody.

    `roles`: those that an authenticator proved. An actor's own name, whatever it is, is never taken for a role.
    """
    if allowed is None:
        return True
    return (actor in allowed and not actor.startswith(ROLE)) or any(f"{ROLE}{role}" in allowed for role in roles)
