"""recover: an allowed actor accepts a loss, and a run goes on."""

from __future__ import annotations

import click

from sr_adapters.cli.naming import run_argument
from sr_adapters.cli.outcomes import answer
from sr_adapters.cli.session import Session


@click.command("recover")
@run_argument()
@click.option("--artifact", metavar="KEY", help="An artifact that is not the record's: its key in the object store.")
@click.option("--receipt", metavar="OUTPUT_ID", help="An instance receipt that no decision rests on: its output.")
@click.option("--accept-loss", is_flag=True, help="That what stands counts no more. It is kept, and on record.")
@click.option("--reason", metavar="R", help="Why; goes on record.")
@click.option("--actor", metavar="A", default="local", show_default=True, help="Who accepts it.")
@click.pass_obj
def recover_command(
    session: Session,
    run_id: str,
    artifact: str | None,
    receipt: str | None,
    accept_loss: bool,
    reason: str | None,
    actor: str,
) -> int:
    """Set aside what stands where a run's truth should, put what belongs there, and go on with the run.

    Nothing is lost: what stood is kept under quarantine/set_aside, by its sha256.
    """
    if (artifact is None) == (receipt is None):
        raise click.UsageError("give either --artifact KEY or --receipt OUTPUT_ID")
    if not accept_loss or not reason:
        raise click.UsageError("give --accept-loss and --reason: what stands is taken away from where it is read")
    if artifact is not None:
        return answer(session, session.runner.recover_artifact(run_id, artifact, reason=reason, actor=actor))
    return answer(session, session.runner.recover_receipt(run_id, str(receipt), reason=reason, actor=actor))
