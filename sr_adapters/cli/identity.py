"""Who gives this command line: whom `SR_TOKEN` proves, else the user that the operating system runs it for."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from sr_adapters.cli import output
from sr_ports import BadInput, Identity, ReasonCode

if TYPE_CHECKING:
    from sr_domain.run.ports import Settings
    from sr_domain.runner import ScenarioRunner

TOKEN = "SR_TOKEN"  # noqa: S105 - the name of a variable
_UNNEEDED = "leave --actor out: SR_TOKEN says who asks, else it is this machine's user"


def identity(runner: ScenarioRunner, claim: str | None) -> Identity:
    """The actor of a command. `claim`: what ``--actor`` says; None where it is not given.

    Where the profile wires an authenticator, a token in the environment must prove somebody, and a claim is refused.
    Raises `BadInput(AUTH_UNPROVEN)`, `Unreachable(AUTH_UNREACHABLE)`; no message quotes the token.
    """
    from sr_domain.run.rights import claimed

    token = os.environ.get(TOKEN)
    if not runner.settings.proven:
        return claimed(claim) if claim else os_user()
    if claim is not None:
        what = "--actor is a claim that nobody proves, and auth.mode asks for proof"
        raise BadInput(ReasonCode.AUTH_UNPROVEN, what, _UNNEEDED)
    if token is not None:
        return runner.identify({"Authorization": f"Bearer {token}"})
    user = os_user()
    output.tell(f"note: {TOKEN} is not set: the actor is {user.actor}, this machine's user")
    return user


def denial(actor: str | None, action: str, settings: Settings) -> str:
    """Who was refused what, and who may."""
    from sr_domain.run.rights import listed

    may = ", ".join(sorted(listed(settings, action) or ())) or "nobody"
    named = "auth.submit and auth.supersede" if action == "resume" else f"auth.{action}"
    return f"actor {actor!r} may not {action} ({named}: {may})"


def os_user() -> Identity:
    """The user that the operating system runs this process for: of the process itself, not of the environment."""
    from sr_domain.encoding.names import misspelling
    from sr_domain.run.rights import OS

    number, name = getattr(os, "geteuid", lambda: None)(), ""
    with contextlib.suppress(ImportError, KeyError, OSError):
        if number is None:
            name = os.getlogin()
        else:
            import pwd

            name = pwd.getpwuid(number).pw_name
    return Identity(name if name and misspelling(name) is None else f"uid {number}", OS)
