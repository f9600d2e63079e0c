"""submit and resume: what takes a run on."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from sr_adapters.answers import versioned
from sr_adapters.cli import exits, output, signals
from sr_adapters.cli.errors import as_typed, remedy_here
from sr_adapters.cli.far import local_only
from sr_adapters.cli.naming import run_argument
from sr_adapters.cli.outcomes import answer, remedy_of, tell_standing, worked
from sr_adapters.cli.request_flags import request_flags
from sr_adapters.cli.session import ACTOR_HELP, Session
from sr_ports import ReasonCode

if TYPE_CHECKING:
    from sr_domain.run.outcome import Outcome
    from sr_domain.run.trouble import Trouble
    from sr_plugins.uses.looks import Looks

_POLL_S = 0.5
_SLOWER, _MOST_S = 1.5, 30.0
"""A root that is being written is looked at ever less often: each look reads all of it, and is on the record."""
_NO_RUN = "-"
"""In the place of a run's id: what the look itself met."""


@click.command("submit")
@request_flags
@click.option("--actor", metavar="A", help=f"{ACTOR_HELP} Without proof the request's invoker goes before.")
@click.option(
    "--wait", "wait_s", type=click.FloatRange(min=0), metavar="SECONDS", help="Follow a run that waits or is in flight."
)
@click.pass_obj
def submit_command(
    session: Session,
    request: dict[str, Any],
    actor: str | None,
    wait_s: float | None,
) -> int:
    """Submit a run request and take it as far as it goes now.

    REQUEST is a YAML or JSON file, or - for standard input; flags stand in its place, or for its fields.
    """
    outcome = session.runner.submit(request, actor=session.actor(actor))
    outcome = _follow(session, outcome, wait_s, actor)
    return worked(session, outcome, answer(session, outcome))


def _follow(session: Session, outcome: Outcome, wait_s: float | None, actor: str | None) -> Outcome:
    """Resume a run that waits, or watch one that is in flight, until it is final or time is up."""
    deadline, pause_s = time.monotonic() + (wait_s or 0), _POLL_S
    while not _rests(outcome) and (left := deadline - time.monotonic()) > 0:
        if session.narrates:
            output.countdown(f"{outcome.state or 'OPEN'}: {left:.0f} s left to wait ")
        time.sleep(min(pause_s, left))
        signals.check()
        outcome = session.runner.resume(outcome.run_id, actor=session.actor(actor))
        unstable = outcome.reason_code == ReasonCode.EVIDENCE_UNSTABLE
        pause_s = min(pause_s * _SLOWER, _MOST_S) if unstable else _POLL_S
    return outcome


def _rests(outcome: Outcome) -> bool:
    return exits.exit_for_outcome(outcome) != exits.WAITING


@click.command("resume")
@run_argument("run_ids", nargs=-1, metavar="[RUN]...")
@click.option("--all", "all_runs", is_flag=True, help="Every run with something left to do.")
@click.option("--watch", is_flag=True, help="As --all, again and again, until interrupted; several may watch at once.")
@click.option(
    "--every", type=click.FloatRange(0.05, 86_400), default=5.0, show_default=True, help="Seconds between looks."
)
@click.option("--rebuild-index", is_flag=True, help="First bind again, from the records, what the authority lost.")
@click.option("--force", is_flag=True, help="Also where too many engine attempts were abandoned: one more.")
@click.pass_obj
def resume_command(
    session: Session,
    run_ids: tuple[str, ...],
    all_runs: bool,
    watch: bool,
    every: float,
    rebuild_index: bool,
    force: bool,
) -> int:
    """Finish what waits or was left by a crash."""
    if (force and not run_ids) or (sum((bool(run_ids), all_runs, watch)) != 1 and not (rebuild_index and not run_ids)):
        raise click.UsageError("give run ids, or --all, or --watch; --force goes with run ids")
    if rebuild_index and session.server is not None:
        raise local_only("resume --rebuild-index")
    if not run_ids:
        session.require("resume")  # of a run that is named, its record takes the denial
    unbound = _rebuild(session, only=not (all_runs or watch)) if rebuild_index else exits.DONE
    if rebuild_index and not (all_runs or watch):
        return unbound
    if len(run_ids) == 1:
        outcome = session.runner.resume(run_ids[0], actor=session.actor(), force=force)
        return worked(session, outcome, answer(session, outcome))
    if watch:
        return _watch(session, every)
    runner = session.runner
    rows, code = resume_each(session, run_ids or chain(runner.unsettled(), runner.lost()), force=force)
    if all_runs or rows:
        tell_standing(session)
    if session.as_json:
        session.json({"runs": rows})
    elif rows:
        names = ("run_id", "state", "reason_code", "message")
        session.table(["run", "state", "reason", "message"], [[row.get(name) for name in names] for row in rows])
        session.say(*_steps(rows))
    else:
        session.say("Nothing to resume: every run known here is settled.")
    return exits.worst([unbound, code])


def _steps(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What to do next: for each reason once, as it is typed for the first run that has it."""
    first: dict[str, str] = {}
    for row in rows:
        if row.get("remedy"):
            first.setdefault(row["reason_code"], row["remedy"])
    yield from (f"  {reason}: {as_typed(remedy)}" for reason, remedy in first.items())


def _rebuild(session: Session, *, only: bool) -> int:
    """Bind again what the authority lost; the exit code. `only`: nothing else will be answered."""
    troubles: list[Trouble] = []
    made = session.local.rebuild_index(troubles.append)
    rows = [{"run_id": one.run_id, "trouble": one.document()} for one in troubles]
    for one in troubles:
        session.traceback(one.error)
    if not session.as_json:
        session.say(f"index: {made} runs bound again from their records")
    elif only:
        session.json({"rebuilt": made, "not_rebuilt": session.rows(rows)})
    return session.troubles(rows)


def resume_each(session: Session, run_ids: Iterable[str], *, force: bool = False) -> tuple[list[dict[str, Any]], int]:
    """Resume runs one by one; no run's trouble is another's. What came of each, and the worst exit code.

    `force`: as of `ScenarioRunner.resume`.
    """
    from sr_domain.run.trouble import each

    def work(run_id: str) -> Outcome:
        return session.runner.resume(run_id, actor=session.actor(), force=force)

    return _told(session, each(run_ids, work))


def _told(session: Session, done: Iterable[tuple[str, Outcome | Trouble]]) -> tuple[list[dict[str, Any]], int]:
    from sr_domain.run.trouble import Trouble

    codes, rows = [], []
    for _, one in done:
        if isinstance(one, Trouble):
            codes.append(exits.exit_for_error(one.error))
            rows.append(trouble_row(session, one))
        else:
            codes.append(exits.exit_for_outcome(one))
            rows.append(versioned({**one.document(), **remedy_of(one)}))
    return rows, exits.worst(codes)


def trouble_row(session: Session, trouble: Trouble) -> dict[str, Any]:
    """A run's row where its work raised; with -v, the traceback of a bug on stderr."""
    session.traceback(trouble.error)
    told = trouble.document()
    remedy = remedy_here(told["reason_code"], told["remedy"])
    return versioned({"run_id": trouble.run_id, "state": None, **told, "remedy": remedy})


def _watch(session: Session, every: float) -> int:
    """Look for ever; a store or authority that is away is waited for. With --json, one document a line."""
    last: dict[str, Any] = {}
    (output.tell if session.as_json else output.answer)(f"watching every {every:g} s; interrupt to end")
    standing, looks = None, None
    while True:
        rows, looks = _look(session, looks)
        for row in rows:
            told = (row.get("state"), row.get("reason_code"))
            if last.get(row["run_id"]) != told:
                last[row["run_id"]] = told
                session.json_line(row) if session.as_json else session.say(_news(row))
        standing = tell_standing(session, standing) or standing
        signals.check()
        time.sleep(every)


def _look(session: Session, looks: Looks | None) -> tuple[list[dict[str, Any]], Looks | None]:
    """One look, and how to look from then on. What the list of runs itself raises is a row without a run.

    `looks`: at what is due; None at first: then at every run with something left to do, and at what has no record any
    more. All records are listed for that, so one whole look has to do. A service is asked for what is left each time.
    """
    from sr_domain.run.trouble import each, trouble_of
    from sr_plugins.uses.looks import Looks

    done: list[tuple[str, Outcome | Trouble]] = []
    try:
        runner = session.runner
        if looks is None:
            runs = chain(runner.unsettled(), runner.lost())
            done += each(runs, lambda run_id: runner.resume(run_id, actor=session.actor()))
            looks = None if session.server is not None else Looks(session.local)
        else:
            done += looks.each(session.identity)
    except Exception as error:  # noqa: BLE001 - a watch outlives whatever one look met
        done.append((_NO_RUN, trouble_of(_NO_RUN, error)))
    return _told(session, done)[0], looks


def _news(row: Mapping[str, Any]) -> str:
    told = f"{row['run_id']}  {row.get('state') or ''}  {row.get('reason_code') or ''}"
    return told if row.get("state") else f"{told}  {row.get('message', '')}"
