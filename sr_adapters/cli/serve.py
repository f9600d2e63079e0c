"""serve: the always-on service."""

from __future__ import annotations

import click

from sr_adapters.cli import exits, output
from sr_adapters.cli.session import Session


@click.command("serve")
@click.option("--host", metavar="H", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", metavar="P", type=click.IntRange(0, 65_535), default=8080, show_default=True, help="0: any.")
@click.pass_obj
def serve_command(session: Session, host: str, port: int) -> int:
    """The service: the same use cases over HTTP. Needs the extra [service]."""
    from sr_adapters.http.app import create_app
    from sr_adapters.http.server import bound, server
    from sr_adapters.http.service import Service
    from sr_plugins.wiring.service import wire_service

    served = wire_service(session.profile, policy=session.policy, narrate=session.narrates)
    with served.runner:
        service = Service(served.runner, served.profile)
        place = bound(host, port)
        output.tell(f"serving http://{host}:{place.getsockname()[1]} (profile {served.profile.name})")
        server(create_app(service), service).run(sockets=[place])
    return exits.DONE
