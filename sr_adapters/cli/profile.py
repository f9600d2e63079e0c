"""profile: check one, and its JSON Schema."""

from __future__ import annotations

import click

from sr_adapters.cli import exits
from sr_adapters.cli.errors import Tree, tell
from sr_adapters.cli.session import Session, counted


@click.group("profile", cls=Tree)
def profile_command() -> None:
    """Wiring profiles: which adapter serves which port."""


@profile_command.command("check")
@click.argument("file", required=False)
@click.pass_obj
def check(session: Session, file: str | None) -> int:
    """Everything that is wrong with FILE, a profile's name or path; default: this command line's. No server is asked.

    Each fault with its key, the nearest known key and what to do. Exit code 5 when an error was found. A library that
    is not installed here is a warning.
    """
    import attrs

    from sr_plugins.uses.profile_check import check_profile

    named = file or session.profile
    faults = check_profile(named)
    errors = [one for one in faults if one.severity == "error"]
    if session.as_json:
        session.json({"profile": named, "errors": len(errors), "findings": [attrs.asdict(one) for one in faults]})
    else:
        if faults:
            rows = [(one.severity, one.code, one.key, one.what, one.remedy) for one in faults]
            session.table(["severity", "code", "key", "what", "what to do"], rows)
        told = f"{counted(len(errors), 'error')}, {counted(len(faults) - len(errors), 'warning')}"
        session.say(f"{named}: {told}")
    if errors:
        more = f" ({counted(len(errors) - 1, 'more error')})" if len(errors) > 1 else ""
        tell(errors[0].code, f"{named}: {errors[0].what}{more}", errors[0].remedy)
    return exits.FAULT if errors else exits.DONE


@profile_command.command("schema")
@click.pass_obj
def schema(session: Session) -> int:
    """The JSON Schema of profiles, with the settings of every adapter that is installed; secrets are writeOnly.

    For editors: sr profile schema > profile.schema.json
    """
    import contextlib

    from sr_plugins.wiring.schema import profile_schema
    from sr_plugins.wiring.wire import survey
    from sr_ports import BadInput

    host = survey(session.any_profile())
    for port, name in list(host.offered):
        with contextlib.suppress(BadInput):  # of two that give one name neither can be used
            host.find(port, name)  # only then are the settings of an adapter known
    session.json(profile_schema(host))
    return exits.DONE
