"""Whoever calls the runner: who that is, and what he may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sr_ports import Identity

if TYPE_CHECKING:
    from sr_domain.run.context import Context
    from sr_domain.run.rights import Headers

Actor = str | Identity | None
"""Who asks: an identity that `Called.identify` made, or a name, which is then a mere claim: where the profile wires an
authenticator claims may nothing (``AUTH_UNPROVEN``). None: whom the request means; of a resume the program itself."""


ITSELF = Identity("resume", "system")
"""The program, where it goes on with what nobody asked for just now."""


class Called:
    """Base of the facade. What it does not decide, `sr_domain.run.rights` does."""

    _context: Context

    def identify(self, headers: Headers) -> Identity:
        """Who sends a request with these headers, as the wired authenticator proves it (`sr_domain.run.rights`).

        Raises `BadInput(AUTH_UNPROVEN)` for nobody, `Unreachable(AUTH_UNREACHABLE)`.
        """
        from sr_domain.run import rights

        return rights.identity_of(self._context.ports.authenticator, headers)

    def allows(self, action: str, who: Identity) -> bool:
        """Whether an actor may ``submit``, ``supersede``, ``reemit``, ``recover``, ``resume`` or ``read``.

        Calls that write decide it again by themselves; whoever shows what is read asks here.
        """
        from sr_domain.run import rights

        return rights.allows(self._context.settings, action, who)


def document_of(request: Any) -> Any:
    """A request as a mapping; what is none stays as it is, to be told."""
    from sr_domain.plan.request import RunRequest

    return request.document() if isinstance(request, RunRequest) else request


def named(actor: Actor) -> Identity | None:
    """The actor of a call; None where it names none."""
    if isinstance(actor, Identity) or not actor:
        return actor or None
    from sr_domain.run.rights import claimed

    return claimed(actor)


def sure(actor: Actor, otherwise: Identity | None = None) -> Identity:
    """The same; where it names none `otherwise`, else a mere ``local``."""
    return named(actor) or otherwise or Identity("local", "claimed")
