"""Who may do what (spec: surface, "Wiring profile", auth).

One way for every caller: `identity_of` makes an identity of a request's headers, `allows` decides on an action, and the
flows themselves ask `allows` again before they write. The command line and the service have no other way in.

Actions are ``submit``, ``supersede`` (a submission that corrects another run), ``reemit``, ``recover``, ``read`` and
``resume``. Each has its list in the profile, but ``resume``: that only finishes what was asked for, and costs an engine
attempt all the same, so where actors are proven it is for those who may submit or supersede.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, TypeGuard

from sr_domain.encoding.names import LONGEST_NAME, misspelling
from sr_domain.plan.request import check_actor
from sr_ports import BadInput, Identity, ReasonCode

if TYPE_CHECKING:
    from sr_domain.run.ports import Settings
    from sr_ports import Authenticator

ROLE = "role:"
"""How an entry of a list of actors begins that means everybody who has a role."""
CLAIMED, OS, SYSTEM = "claimed", "os", "system"
"""Ways in which Scenario Runner itself knows an actor: see `sr_ports.Identity`."""
ACTOR_HEADER = "x-sr-actor"
"""Names the actor where nobody proves who he is: the service then listens on this machine alone."""
_MODE = re.compile(r"[a-z][a-z0-9_-]{0,63}")
"""As the contracts of governance facts and store notes have it."""


def claimed(actor: str) -> Identity:
    """An actor whom somebody named, and nobody proved."""
    return Identity(actor, CLAIMED)


def may(allowed: Collection[str] | None, actor: str, roles: Collection[str] = ()) -> bool:
    """Whether an actor has a right. `allowed`: actors, or roles as ``role:NAME``; None for anybody.

    `roles`: those that an authenticator proved. An actor's own name, whatever it is, is never taken for a role.
    """
    if allowed is None:
        return True
    return (actor in allowed and not actor.startswith(ROLE)) or any(f"{ROLE}{role}" in allowed for role in roles)


def listed(settings: Settings, action: str) -> frozenset[str] | None:
    """Who may do this; None for anybody. Raises `KeyError` for what is no action."""
    if action == "resume":
        either = (settings.submitters, settings.superseders)
        return None if not settings.proven or None in either else frozenset().union(*(one or () for one in either))
    return {
        "submit": settings.submitters,
        "supersede": settings.superseders,
        "reemit": settings.reemitters,
        "recover": settings.recoverers,
        "read": settings.readers,
    }[action]


def allows(settings: Settings, action: str, who: Identity) -> bool:
    """Whether an actor may do this. Where actors are proven a mere claim may nothing, and the program itself goes on
    with what it began. Raises `KeyError` for what is no action."""
    allowed = listed(settings, action)
    if who.mode == SYSTEM:
        return action == "resume" or may(allowed, who.actor)
    return not is_unproven(settings, who) and may(allowed, who.actor, who.roles)


def is_unproven(settings: Settings, who: Identity) -> bool:
    """Whether proof is asked for, and somebody only said who this is."""
    return settings.proven and who.mode == CLAIMED


def check_proven(settings: Settings, who: Identity) -> None:
    """Return for an actor who may be believed. Raises `BadInput(AUTH_UNPROVEN)`, with nothing written."""
    if is_unproven(settings, who):
        what = f"actor {who.actor!r} is a claim that nobody proved, and auth.mode asks for proof"
        raise BadInput(ReasonCode.AUTH_UNPROVEN, what)


def check_caller(settings: Settings, who: Identity) -> None:
    """Return for an actor who may be believed, and whose name may go on record, be it with a denial.

    Raises `BadInput`, with nothing written: USAGE for the name, AUTH_UNPROVEN for a mere claim.
    """
    check_actor(who.actor)
    check_proven(settings, who)


Headers = Mapping[str, str] | Iterable[tuple[str, str]]
"""The headers of a request: by name, or one after the other as they came, so that one that came twice is seen."""


def identity_of(authenticator: Authenticator | None, headers: Headers) -> Identity:
    """Who sends a request with these headers. `authenticator`: None where ``auth.mode`` is ``disabled``.

    With an authenticator no header but the credential counts. Without one the actor is whom ``X-SR-Actor`` names, else
    ``local``, and is `CLAIMED`. Raises `BadInput(AUTH_UNPROVEN)` where nobody is proven, for a credential that came
    twice, and for an actor whose name could be taken for another's; `Unreachable(AUTH_UNREACHABLE)` from the
    authenticator. No message quotes a header.
    """
    given = _by_name(headers)
    if authenticator is None:
        return _named(given.get(ACTOR_HEADER, ["local"]))
    if len(given.get("authorization", ())) > 1:
        raise BadInput(ReasonCode.AUTH_UNPROVEN, "the request has two credentials, and only one may count")
    who = authenticator.authenticate({name: ", ".join(values) for name, values in given.items()})
    if who is None:
        some = "the credential proves nobody" if "authorization" in given else "the request has no credential"
        raise BadInput(ReasonCode.AUTH_UNPROVEN, some)
    if who.mode in (CLAIMED, OS, SYSTEM) or not _MODE.fullmatch(who.mode) or not is_actor(who.actor):
        raise BadInput(ReasonCode.AUTH_UNPROVEN, "the credential proves an actor whose name or proof cannot be taken")
    return who


def _by_name(headers: Headers) -> dict[str, list[str]]:
    """Every value that came under a name, names in lower case."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name.lower(), []).append(value)
    return given


def _named(said: list[str]) -> Identity:
    if len(said) > 1 or not is_actor(said[0]):
        raise BadInput(ReasonCode.AUTH_UNPROVEN, "X-SR-Actor names no actor: it came twice, or its spelling is unfit")
    return claimed(said[0])


def is_actor(name: object) -> TypeGuard[str]:
    """Whether this can be an actor's name: not empty, of one spelling, and of at most `LONGEST_NAME` characters."""
    return isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and misspelling(name) is None
