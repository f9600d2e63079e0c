"""retry: the same request once more, after a failure that was mended."""

from __future__ import annotations

import click

from sr_adapters.cli.documents import read_request
from sr_adapters.cli.naming import run_argument
from sr_adapters.cli.outcomes import finish, worked
from sr_adapters.cli.session import ACTOR_HELP, Session


@click.command("retry")
@run_argument()
@click.argument("request_file", metavar="[REQUEST]", required=False)
@click.option("--actor", metavar="A", help=f"{ACTOR_HELP} Without proof the request's invoker goes before.")
@click.pass_obj
def retry_command(session: Session, run_id: str, request_file: str | None, actor: str | None) -> int:
    """Submit what a FAILED or QUARANTINED run was asked for again, under the next free key: KEY.2, KEY.3 and so on.

    A run of that series that goes on or is READY is the answer. REQUEST, a file or - for standard input, is needed
    only where neither the record nor the index has the request; it must ask for the same, and may name another
    engine root. A run that ended TRUTH_LOST is superseded by the new one.
    """
    document = None if request_file is None else read_request(request_file)
    outcome = session.runner.retry(run_id, document, actor=session.actor(actor))
    answer = {**outcome.document(), "retry_of": session.run_id(run_id)}
    return worked(session, outcome, finish(session, answer, outcome))
