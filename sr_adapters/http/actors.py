"""Who asks, and what he may do (spec: surface, auth; behaviour, "Admission", 1)."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from sr_domain.run.rights import may
from sr_ports import Authenticator, ReasonCode, SrError

if TYPE_CHECKING:
    from sr_domain.run.ports import Settings

ACTOR = "x-sr-actor"
"""The header that says who asks where nobody has to prove it."""


class Action(enum.Enum):
    """What a request does, for the lists of who may."""

    READ = "read"
    SUBMIT = "submit"
    REEMIT = "reemit"
    RECOVER = "recover"


class Unauthenticated(SrError):
    """Nobody proved who asks."""

    def __init__(self) -> None:
        what = "this service wants to know who asks, and the request proves nobody"
        super().__init__(
            ReasonCode.AUTH_DENIED, what, "send Authorization: Bearer with a token (SR_TOKEN of the command line)"
        )


@attrs.frozen
class Actor:
    """Who asks. `name`: None where nobody has to say. `proof`: ``claimed``, or the authenticator's mode."""

    name: str | None
    proof: str = "claimed"


class Actors:
    """Tells who asks and what he may. `authenticator`: None with auth `disabled`."""

    def __init__(self, settings: Settings, authenticator: Authenticator | None) -> None:
        self._settings, self._authenticator = settings, authenticator

    def of(self, headers: Mapping[str, str]) -> Actor:
        """Who asks. Raises `Unauthenticated`, `Unreachable`."""
        if self._authenticator is None:
            return Actor(headers.get(ACTOR) or None)
        identity = self._authenticator.authenticate(headers)
        if identity is None:
            raise Unauthenticated
        return Actor(identity.actor, identity.mode)

    def may(self, actor: Actor, action: Action) -> bool:
        """Whether he may do something of the kind; a request that corrects a run is looked at once more."""
        name, settings = actor.name or "local", self._settings
        allowed = {
            Action.READ: (settings.readers,),
            Action.SUBMIT: (settings.submitters, settings.superseders),
            Action.REEMIT: (settings.reemitters,),
            Action.RECOVER: (settings.recoverers,),
        }[action]
        return any(may(one, name) for one in allowed)
