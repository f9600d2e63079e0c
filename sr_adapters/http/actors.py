"""Who asks, and what he may do: the one way of every caller (`sr_domain.run.rights`), for requests."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import unquote

from sr_domain.run.rights import ACTOR_HEADER, allows, identity_of
from sr_ports import BadInput, Identity, ReasonCode

if TYPE_CHECKING:
    from sr_domain.run.ports import Settings
    from sr_ports import Authenticator

Pairs = Iterable[tuple[str, str]]


class Action(enum.Enum):
    """What a request does, for the lists of who may. A submission may correct a run, which its flow looks at again."""

    READ = ("read",)
    SUBMIT = ("submit", "supersede")
    RESUME = ("resume",)
    REEMIT = ("reemit",)
    RECOVER = ("recover",)

    @property
    def word(self) -> str:
        """As a denial says it."""
        return str(self.value[0])


class Actors:
    """Tells who asks and what he may. `authenticator`: None with auth `disabled`."""

    def __init__(self, settings: Settings, authenticator: Authenticator | None) -> None:
        self._settings, self._authenticator = settings, authenticator

    @property
    def proves(self) -> bool:
        """Whether who asks has to prove it."""
        return self._authenticator is not None

    def of(self, headers: Pairs) -> Identity:
        """Who asks. Raises `BadInput(AUTH_UNPROVEN)`, `Unreachable(AUTH_UNREACHABLE)`.

        What no header can carry of a claimed name is escaped there as in a URL.
        """
        return identity_of(self._authenticator, [(name, _read(name, value)) for name, value in headers])

    def may(self, actor: Identity, action: Action) -> bool:
        """Whether he may do something of the kind."""
        return any(allows(self._settings, one, actor) for one in action.value)


def _read(name: str, value: str) -> str:
    if name.lower() != ACTOR_HEADER:
        return value
    try:
        return unquote(value.encode("latin-1").decode(), errors="strict")
    except UnicodeError as error:
        raise BadInput(ReasonCode.PARAMETER_INVALID, f"the header {ACTOR_HEADER} is not UTF-8 text") from error
