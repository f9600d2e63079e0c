"""governance: what auditors keep, with what proves it."""

from __future__ import annotations

import click

from sr_adapters.answers import versioned
from sr_adapters.cli import exits
from sr_adapters.cli.errors import Tree, tell
from sr_adapters.cli.session import Session


@click.group("governance", cls=Tree)
def governance_command() -> None:
    """Governance facts: policies, plans, bundles, laws, re-emits, superseding, accepted losses."""


@governance_command.command("export")
@click.option("--since", metavar="T", help="Facts since then: 90s, 30m, 12h, 7d, a day, or an instant in UTC.")
@click.pass_obj
def export(session: Session, since: str | None) -> int:
    """Governance facts of every platform run's records as JSON, a line each, with the digests that prove them.

    A record that is damaged is told on stderr, and the others follow.
    """
    from sr_adapters.cli.instants import instant
    from sr_domain.run.trouble import Trouble

    codes = [exits.DONE]
    for ref, found in session.local.governance_facts(None if since is None else instant(session, since)):
        if isinstance(found, Trouble):
            session.traceback(found.error)
            codes.append(exits.exit_for_error(found.error))
            tell(found.error.code.value, f"{ref}: {found.error.what}", found.error.remedy)
        else:
            for fact in found:
                session.json_line(versioned(fact))
    return exits.worst(codes)
