"""reemit, quarantine, session: what the on-call operator needs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from sr_adapters.cli import exits, output
from sr_adapters.cli.errors import Tree, as_typed, remedy_here, tell
from sr_adapters.cli.lists import age
from sr_adapters.cli.naming import run_argument
from sr_adapters.cli.session import ACTOR_HELP, Session, bare_command, state_text
from sr_ports import ReasonCode

if TYPE_CHECKING:
    from sr_domain import Reemit
    from sr_domain.run.outcome import Outcome


@click.command("reemit")
@run_argument()
@click.option("--kind", type=click.Choice(["READY_ONLY", "TERMINAL_ONLY", "BOTH"]), required=True)
@click.option("--reason", metavar="R", help="Why; goes on record.")
@click.option("--actor", metavar="A", help=ACTOR_HELP)
@click.option("--dry-run", is_flag=True, help="Say what would be published; publish nothing.")
@click.option("--superseded", is_flag=True, help="Also READY of a run that another has corrected.")
@click.pass_obj
def reemit_command(
    session: Session, run_id: str, kind: str, reason: str | None, actor: str | None, dry_run: bool, superseded: bool
) -> int:
    """Publish READY or a terminal fact again, from truth; nothing is recomputed or changed."""
    from sr_domain import Reemit

    who = session.actor(actor)
    done = session.runner.reemit(run_id, kind, reason=reason, actor=who, dry_run=dry_run, superseded=superseded)
    code = done.reason_code
    exit_code = exits.DONE if code is None else exits.exit_for(code)
    step = done.next if isinstance(done, Reemit) else None
    if session.as_json:
        spelled = {} if step is None else {"next": session.spelled(step, code, bare_command)}
        told = done.document() if isinstance(done, Reemit) else _refused(done, dry_run=dry_run)
        session.json({**told, **spelled, "exit_code": exit_code})
    elif isinstance(done, Reemit) and code is None:
        session.say(_reemitted(done))
    if code is None:
        session.tell_superseded(done.run_id, done.superseded_by)
    elif isinstance(done, Reemit):
        tell(code, f"run {done.run_id}: {done.message}", None if step is None else session.spelled(step, code))
    else:
        tell(code, session.denial(done, "reemit"))
    return exit_code


def _refused(denial: Outcome, *, dry_run: bool) -> dict[str, Any]:
    """The answer to an actor who may not re-emit, in the shape of every other answer to a re-emit."""
    told = denial.document()
    return {name: told[name] for name in ("run_id", "reason_code", "message", "remedy", "actor")} | {"dry_run": dry_run}


def _reemitted(done: Reemit) -> str:
    if done.dry_run:
        return f"dry run: would publish {', '.join(done.would_publish) or 'nothing: not applicable'}"
    return f"published {', '.join(done.published)} of run {done.run_id} again, same message id"


@click.group("quarantine", cls=Tree)
def quarantine_command() -> None:
    """Runs whose evidence contradicts itself. Nothing here changes anything."""


@quarantine_command.command("list")
@click.pass_obj
def list_quarantined(session: Session) -> int:
    """Every quarantined run, of every platform run."""
    records = session.runner.quarantined()
    if session.as_json:
        session.json({"quarantine": session.rows(records)})
    elif records:
        now = session.now()
        session.table(["run", "reason", "key", "age", "conflicts", "since"], [_row(one, now) for one in records])
    else:
        session.say("Nothing is in quarantine.")
    return session.troubles(records)


def _row(record: Mapping[str, Any], now: datetime) -> list[Any]:
    from sr_domain.encoding.times import parse_instant

    since = record.get("ts_utc")
    past = "" if since is None else age(parse_instant(str(since)), now)
    return [record["run_id"], record.get("reason"), record.get("run_equivalence_key"), past, _count(record), since]


def _count(record: Mapping[str, Any]) -> int | None:
    return None if "trouble" in record else len(record.get("conflicts", ()))


@quarantine_command.command("show")
@run_argument()
@click.pass_obj
def show_quarantined(session: Session, run_id: str) -> int:
    """One run's quarantine record: every conflict, expected and actual, first file at fault."""
    record = session.runner.quarantine(run_id)
    run_id = session.run_id(run_id)
    if session.as_json:
        session.artifact(record)
        return exits.DONE
    session.say(f"{state_text('QUARANTINED')} run {run_id}: {record['reason']}, since {record['ts_utc']}")
    for conflict in record.get("conflicts", ()):
        session.say(f"{conflict['subject']}: {conflict['code']}")
        session.pairs([(name, conflict.get(name)) for name in ("expected", "actual", "path", "detail")])
        changes = conflict.get("changes") or {}
        session.pairs([(name, ", ".join(changes.get(name, ()))) for name in ("added", "removed", "changed")])
    session.say(*(f"missing: {name}" for name in record.get("missing", ())), f"next: {as_typed(_step(record))}")
    return exits.DONE


def _step(record: Mapping[str, Any]) -> str:
    """What to do about a quarantined run: what the first conflict asks for."""
    from sr_domain.record.states import RunState
    from sr_domain.run.outcome import remedy_of

    codes = [one["code"] for one in record.get("conflicts", ()) if one.get("code") in ReasonCode.__members__]
    code = ReasonCode(codes[0] if codes else record["reason"])
    return remedy_here(code, remedy_of(code, RunState.QUARANTINED, record["run_id"]))


@click.group("session", cls=Tree)
def session_command() -> None:
    """The platform run in which requests are admitted."""


@session_command.command("new", short_help="Begin a new platform run; prints its export line.")
@click.pass_obj
def new_session(session: Session) -> int:
    """Begin a new platform run: makes it the one of this runtime root, and prints the export line for others."""
    import os

    made = session.local.ports.platform.begin()
    export = f"export PLATFORM_RUN_ID={made}"
    session.json({"platform_run_id": made, "export": export}) if session.as_json else session.say(export)
    if os.environ.get("PLATFORM_RUN_ID"):
        output.tell("note: this shell has PLATFORM_RUN_ID set, which goes first: type the line above")
    return exits.DONE
