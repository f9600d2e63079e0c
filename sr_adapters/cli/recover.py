"""recover: an allowed actor accepts a loss, and a run goes on."""

from __future__ import annotations

from collections.abc import Sequence

import click

from sr_adapters.cli import exits
from sr_adapters.cli.far import local_only
from sr_adapters.cli.naming import run_argument
from sr_adapters.cli.outcomes import answer, worked
from sr_adapters.cli.session import ACTOR_HELP, Session


@click.command("recover")
@run_argument(required=False)
@click.option("--artifact", metavar="KEY", help="An artifact that is not the record's: its key in the object store.")
@click.option("--receipt", metavar="OUTPUT_ID", help="An instance receipt that no decision rests on: its output.")
@click.option("--store", is_flag=True, help="Decide which store this is; no run is touched. Needs --as.")
@click.option("--as", "what", type=click.Choice(["moved", "copy", "new"]), help="What the store turned out to be.")
@click.option("--accept-loss", is_flag=True, help="That what stands, or was lost, counts no more; on record.")
@click.option("--reason", metavar="R", help="Why; goes on record.")
@click.option("--actor", metavar="A", help=ACTOR_HELP)
@click.pass_obj
def recover_command(
    session: Session,
    run_id: str | None,
    artifact: str | None,
    receipt: str | None,
    store: bool,
    what: str | None,
    accept_loss: bool,
    reason: str | None,
    actor: str | None,
) -> int:
    """Set aside what stands where a run's truth should, put what belongs there, and go on with the run.

    What stood is kept under quarantine/set_aside, by its sha256. With neither --artifact nor --receipt: accept that the
    run's record lost events that the index, the control bus or what stands beside it know of. The run goes on where it
    was never READY; else it ends FAILED (TRUTH_LOST), and sr retry asks again under another key.
    With --store: the authority serves this store where it is from now on. moved: what it served elsewhere is here now.
    copy, new: it gets another identity, and the keys of the former one are not its own.
    """
    if store and session.server is not None:
        raise local_only("recover --store")
    if store:
        return _store(session, what, run_id or artifact or receipt, accept_loss, reason, actor)
    if run_id is None or what is not None:
        raise click.UsageError("name a run, or give --store --as moved|copy|new")
    if artifact is not None and receipt is not None:
        raise click.UsageError("give --artifact KEY or --receipt OUTPUT_ID, or neither for a record that lost events")
    if not accept_loss or not reason:
        raise click.UsageError("give --accept-loss and --reason: what is lost counts no more")
    if artifact is None and receipt is None:
        outcome = session.runner.recover_run(run_id, reason=reason, actor=session.actor(actor))
    elif artifact is not None:
        outcome = session.runner.recover_artifact(run_id, artifact, reason=reason, actor=session.actor(actor))
    else:
        outcome = session.runner.recover_receipt(run_id, str(receipt), reason=reason, actor=session.actor(actor))
    return worked(session, outcome, answer(session, outcome))


def _store(
    session: Session, what: str | None, more: str | None, accept_loss: bool, reason: str | None, actor: str | None
) -> int:
    if what is None or more is not None:
        raise click.UsageError("--store takes --as moved, copy or new, and no run")
    if not accept_loss or not reason:
        raise click.UsageError("give --accept-loss and --reason: what was known of the store counts no more")
    decided = session.local.recover_store(what, reason=reason, actor=session.actor(actor))
    if session.as_json:
        session.json(decided.document())
        return exits.DONE
    session.say(f"store {decided.store_id} is served at {decided.location} ({decided.decided_as.value})")
    former = decided.former_store_id
    session.pairs([("former identity", None if former == decided.store_id else former), *_retired(decided.retired)])
    return exits.DONE


def _retired(locations: Sequence[str]) -> list[tuple[str, str]]:
    return [("retired", location) for location in locations]
