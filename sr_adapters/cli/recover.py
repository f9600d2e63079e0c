"""recover: an allowed actor accepts a loss, and a run goes on."""

from __future__ import annotations

import click

from sr_adapters.cli.outcomes import answer
from sr_adapters.cli.session import Session


@click.command("recover")
@click.argument("run_id")
@click.option("--artifact", metavar="KEY", help="An artifact that is not the record's: its key in the object store.")
@click.option("--receipt", metavar="OUTPUT_ID", help="An instance receipt that no decision rests on: its output.")
@click.option("--accept-loss", is_flag=True, help="That what stands, or was lost, counts no more; on record.")
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

    What stood is kept under quarantine/set_aside, by its sha256. With neither --artifact nor --receipt: accept that the
    run's record lost events that the index, the control bus or what stands beside it know of. The run goes on where it
    was never READY; else it ends FAILED (TRUTH_LOST), and sr retry asks again under another key.
    """
    if artifact is not None and receipt is not None:
        raise click.UsageError("give --artifact KEY or --receipt OUTPUT_ID, or neither for a record that lost events")
    if not accept_loss or not reason:
        raise click.UsageError("give --accept-loss and --reason: what is lost counts no more")
    if artifact is None and receipt is None:
        return answer(session, session.runner.recover_run(run_id, reason=reason, actor=actor))
    if artifact is not None:
        return answer(session, session.runner.recover_artifact(run_id, artifact, reason=reason, actor=actor))
    return answer(session, session.runner.recover_receipt(run_id, str(receipt), reason=reason, actor=actor))
