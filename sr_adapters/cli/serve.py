"""serve: the always-on service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sr_adapters.cli import exits, output
from sr_adapters.cli.session import Session, counted
from sr_ports import BadInput, ReasonCode

if TYPE_CHECKING:
    from sr_plugins.wiring.service import Served


@click.command("serve")
@click.option("--host", metavar="H", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", metavar="P", type=click.IntRange(0, 65_535), default=8080, show_default=True, help="0: any.")
@click.pass_obj
def serve_command(session: Session, host: str, port: int) -> int:
    """The service: the same use cases over HTTP, for as long as the process lives. Needs the extra [service].

    SIGTERM ends it: it answers whoever waits, lets runs in flight finish (service.grace_seconds), and puts down the
    others (service.stop_seconds), which any worker resumes.
    """
    check_installed()
    return serve_at(session, host, port)


def check_installed() -> None:
    """Return where the service's libraries are here. Raises `BadInput(EXTRA_MISSING)`."""
    try:
        import jinja2  # noqa: F401 - the console's

        import sr_adapters.http.server  # noqa: F401 - whether its libraries are here
    except ImportError as error:
        what = f"sr serve needs libraries that are not installed ({error.name})"
        raise BadInput(ReasonCode.EXTRA_MISSING, what, "pip install 'scenario-runner[service]'") from error


def serve_at(session: Session, host: str, port: int) -> int:
    """Serve the session's profile there until a signal. Raises as `wire_service` and `listening`."""
    from sr_plugins.wiring.service import wire_service

    served = wire_service(session.loaded, policy=session.policy, narrate=session.narrates)
    with served.runner:
        return _serve(served, host, port)


def _serve(served: Served, host: str, port: int) -> int:
    from sr_adapters.console.site import console
    from sr_adapters.http.app import create_app
    from sr_adapters.http.server import listening, serve, shown
    from sr_adapters.http.service import Service
    from sr_plugins.uses.background import Background
    from sr_plugins.uses.sole_service import sole_service

    runner = served.runner
    proven = runner.ports.authenticator is not None
    with sole_service(runner.ports.authority), listening(host, port, proven=proven) as place:
        service = Service(runner, served.profile, Background(runner))
        line = f"serving {shown(place)} (profile {served.profile.name})"
        left = serve(create_app(service, console(service)), service, [place], lambda _: output.tell(line))
    told = (
        "" if not left else f"; {counted(left, 'call')} would not end: what is left is resumable once its lease is out"
    )
    output.tell(f"stopped{told}")
    if left:
        output.disown()
        output.story_last()
        import os

        os._exit(exits.DONE)  # a thread that will not end must not keep the process
    return exits.DONE
