"""Who asks, and what he may do (spec: surface, auth; behaviour, "Admission", 1)."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

import attrs

from sr_domain.plan.request import check_actor
from sr_domain.run.rights import may
from sr_ports import Authenticator, BadInput, ReasonCode, SrError

if TYPE_CHECKING:
    from sr_domain.run.ports import Settings

ACTOR = "x-sr-actor"
"""The header that says who asks where nobody has to prove it; what no header can carry is escaped as in a URL."""
LOCAL = "local"


class Action(enum.Enum):
    """What a request does, for the lists of who may."""

    READ = "read"
    SUBMIT = "submit"
    REEMIT = "reemit"
    RECOVER = "recover"


@attrs.frozen
class Actor:
    """Who asks. `name`: None where nobody has to say. `proof`: ``claimed``, or the authenticator's mode."""

    name: str | None
    proof: str = "claimed"

    @property
    def or_local(self) -> str:
        """The name; that of whoever needs none."""
        return self.name or LOCAL


class Actors:
    """Tells who asks and what he may. `authenticator`: None with auth `disabled`."""

    def __init__(self, settings: Settings, authenticator: Authenticator | None) -> None:
        self._authenticator = authenticator
        self._allowed = {
            Action.READ: (settings.readers,),
            Action.SUBMIT: (settings.submitters, settings.superseders),
            Action.REEMIT: (settings.reemitters,),
            Action.RECOVER: (settings.recoverers,),
        }

    @property
    def proves(self) -> bool:
        """Whether who asks has to prove it."""
        return self._authenticator is not None

    def of(self, headers: Mapping[str, str]) -> Actor:
        """Who asks. Raises `SrError(AUTH_REQUIRED)`, `BadInput`, `Unreachable`."""
        if self._authenticator is None:
            return _claimed(headers.get(ACTOR))
        identity = self._authenticator.authenticate(headers)
        if identity is None:
            raise SrError(
                ReasonCode.AUTH_REQUIRED, "this service wants to know who asks, and the request proves nobody"
            )
        return Actor(identity.actor, identity.mode)

    def may(self, actor: Actor, action: Action) -> bool:
        """Whether he may do something of the kind. A request that corrects a run is looked at once more by its flow."""
        return any(may(one, actor.or_local) for one in self._allowed[action])


def _claimed(told: str | None) -> Actor:
    """Who says that he asks. Raises `BadInput` for a name that could be taken for another's."""
    if not told:
        return Actor(None)
    try:
        name = unquote(told.encode("latin-1").decode(), errors="strict")
    except UnicodeError as error:
        raise BadInput(ReasonCode.PARAMETER_INVALID, f"the header {ACTOR} is not UTF-8 text") from error
    check_actor(name)
    return Actor(name)
