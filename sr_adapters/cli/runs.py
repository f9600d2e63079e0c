"""submit, status, list, show, facts, resume."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from sr_adapters.answers import versioned
from sr_adapters.cli import exits, output, signals
from sr_adapters.cli.errors import remedy_here
from sr_adapters.cli.outcomes import answer, remedy_of
from sr_adapters.cli.request_flags import request_flags
from sr_adapters.cli.session import Session, seconds, shown_state, state_text
from sr_domain.record.states import RunState
from sr_ports import ReasonCode

if TYPE_CHECKING:
    from sr_domain.queries.timeline import Timeline
    from sr_domain.run.outcome import Outcome
    from sr_domain.run.trouble import Trouble

_POLL_S = 0.5
_SLOWER, _MOST_S = 1.5, 30.0
"""A root that is being written is looked at ever less often: each look reads all of it, and is on the record."""


@click.command("submit")
@request_flags
@click.option("--actor", metavar="A", help="Who asks; default: the request's invoker.")
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
    outcome = session.runner.submit(request, actor=actor)
    outcome = _follow(session, outcome, wait_s)
    return answer(session, outcome)


def _follow(session: Session, outcome: Outcome, wait_s: float | None) -> Outcome:
    """Resume a run that waits, or watch one that is in flight, until it is final or time is up."""
    deadline, pause_s = time.monotonic() + (wait_s or 0), _POLL_S
    while not _rests(outcome) and (left := deadline - time.monotonic()) > 0:
        if session.narrates:
            output.countdown(f"{outcome.state or 'OPEN'}: {left:.0f} s left to wait ")
        time.sleep(min(pause_s, left))
        signals.check()
        outcome = session.runner.resume(outcome.run_id)
        unstable = outcome.reason_code == ReasonCode.EVIDENCE_UNSTABLE
        pause_s = min(pause_s * _SLOWER, _MOST_S) if unstable else _POLL_S
    return outcome


def _rests(outcome: Outcome) -> bool:
    return exits.exit_for_outcome(outcome) != exits.WAITING


@click.command("status")
@click.argument("run_id")
@click.pass_obj
def status_command(session: Session, run_id: str) -> int:
    """Where a run is. Exit code: 0 READY, 3 not finished, 4 FAILED, 5 QUARANTINED, 8 unknown."""
    return answer(session, session.runner.status(run_id))


_STATES = [state.value for state in RunState]


@click.command("list")
@click.option("--state", type=click.Choice(_STATES), metavar="STATE", help=f"Runs in this state: {', '.join(_STATES)}.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@click.option("--ready", is_flag=True, help="READY runs of every platform run, from the object store alone.")
@click.pass_obj
def list_command(session: Session, state: str | None, limit: int, ready: bool) -> int:
    """The runs known here, by ascending run id; with --ready by platform run, the newest first."""
    if ready:
        if state not in (None, RunState.READY):
            raise click.UsageError("--ready lists READY runs: leave --state out")
        return _list_ready(session, limit)
    rows = session.runner.runs(state=state, limit=limit)
    if session.as_json:
        session.json({"runs": session.rows(rows)})
    elif rows:
        session.table(["run", "state", "reason", "updated"], [_listed(row) for row in rows])
    else:
        session.say(_none_known(session, state))
    return session.troubles(rows)


def _none_known(session: Session, state: str | None) -> str:
    if state is not None:
        return f"No run known here is {state}."
    if next(iter(session.runner.recorded_runs()), None) is not None:
        every = session.command("list", "--ready")
        return f"No runs in this platform run yet. The READY runs of every platform run: {every}"
    return "No runs here yet. Start one with: sr submit REQUEST, or sr demo"


def _list_ready(session: Session, limit: int) -> int:
    rows, more = session.runner.ready_runs(limit=limit)
    if session.as_json:
        session.json({"runs": session.rows(rows), "more": more})
        return session.troubles(rows)
    if rows:
        shown = [[*_listed(row)[:2], row.get("platform_run_id"), row.get("updated_at_utc")] for row in rows]
        session.table(["run", "state", "platform run", "updated"], shown)
    count = f"{len(rows)} READY run{'' if len(rows) == 1 else 's'} shown, of the newest platform run first"
    told = count if rows else "No run of this store is READY."
    session.say(f"{told}; there may be more: raise --limit" if more else told)
    return session.troubles(rows)


def _listed(row: Mapping[str, Any]) -> list[Any]:
    state = shown_state(row.get("state"), row.get("superseded_by"))
    return [row.get("run_id"), state, row.get("reason_code"), row.get("updated_at_utc")]


@click.command("show")
@click.argument("run_id")
@click.pass_obj
def show_command(session: Session, run_id: str) -> int:
    """A run's record as a timeline: what happened when, how long it took, and in whose hands."""
    import attrs

    told = session.runner.timeline(run_id)
    if session.as_json:
        session.json(attrs.asdict(told))
        return exits.DONE
    _timeline(session, told)
    return exits.DONE


def _timeline(session: Session, told: Timeline) -> None:
    day = told.steps[0].at_utc[:10]
    leases = f"{len(told.holders)} lease{'s' * (len(told.holders) != 1)}"
    head = f"{len(told.steps)} events in {seconds(told.seconds)} from {told.steps[0].at_utc}, {leases}"
    session.say(f"{state_text(shown_state(told.state, told.superseded_by))} run {told.run_id}: {head}", "")
    session.table(
        ["#", "time (UTC)", "after", "event", "what happened", "by", "details"],
        [
            (
                one.seq,
                _clock(one.at_utc, day),
                seconds(one.after_s or None),
                one.event_kind,
                one.story,
                one.actor,
                one.gist,
            )
            for one in told.steps
        ],
    )
    session.say("")
    session.table(
        ["lease", "held by", "from", "to", "for", "events"],
        [
            (one.fence, one.actor, _clock(one.from_utc, day), _clock(one.to_utc, day), seconds(one.seconds), one.events)
            for one in told.holders
        ],
    )
    if told.attempts:
        session.say("")
        names = ("attempt_no", "outcome", "reason_code", "engine_run_root")
        session.table(
            ["attempt", "outcome", "reason", "engine root", "started", "took"],
            [
                (*(one[name] for name in names), _clock(one["started_at_utc"], day), seconds(one["seconds"]))
                for one in told.attempts
            ],
        )


def _clock(instant: str, day: str) -> str:
    """The time of day, to the millisecond; the date too on any other day."""
    whole, _, fraction = instant[11:].rstrip("Z").partition(".")
    date = "" if instant.startswith(day) else f"{instant[:10]} "
    return f"{date}{whole}.{fraction[:3]:0<3}"


@click.command("facts")
@click.argument("run_id")
@click.pass_obj
def facts_command(session: Session, run_id: str) -> int:
    """A run's facts view: the one document that names all a consumer may read."""
    facts = session.runner.facts(run_id)
    chain = session.runner.status(run_id).superseded_by
    run_id = session.run_id(run_id)
    session.tell_superseded(run_id, chain)
    if session.as_json:
        session.artifact(facts)
        return exits.DONE
    session.say(f"facts view of run {run_id}{' (superseded)' if chain else ''}")
    root = facts.get("oracle_pack_ref", {}).get("engine_run_root")
    session.pairs([*facts["pins"].items(), ("bundle_hash", facts["bundle_hash"]), ("engine_run_root", root)])
    roles = facts.get("output_roles", {})
    session.table(
        ["output", "role", "path", "sha256"],
        [
            (one["output_id"], roles.get(one["output_id"]), one["path"], one["content_digest"]["hex"])
            for one in facts["locators"]
        ],
    )
    session.table(
        ["gate", "status", "digest", "flag"],
        [
            (one["gate_id"], one["status"], one["digest"]["hex"], one["artifacts"]["passed_flag_path"])
            for one in facts["gate_receipts"]
        ],
    )
    session.say(*(f"  note: {note}" for note in facts.get("evidence_notes", [])))
    return exits.DONE


@click.command("resume")
@click.argument("run_ids", nargs=-1, metavar="[RUN_ID]...")
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
    unbound = _rebuild(session, only=not (all_runs or watch)) if rebuild_index else exits.DONE
    if rebuild_index and not (all_runs or watch):
        return unbound
    if len(run_ids) == 1:
        return answer(session, session.runner.resume(run_ids[0], force=force))
    if watch:
        return _watch(session, every)
    rows, code = resume_each(session, run_ids or session.runner.unsettled(), force=force)
    if session.as_json:
        session.json({"runs": rows})
    elif rows:
        names = ("run_id", "state", "reason_code", "message")
        session.table(["run", "state", "reason", "message"], [[row.get(name) for name in names] for row in rows])
    else:
        session.say("Nothing to resume: every run known here is settled.")
    return exits.worst([unbound, code])


def _rebuild(session: Session, *, only: bool) -> int:
    """Bind again what the authority lost; the exit code. `only`: nothing else will be answered."""
    troubles: list[Trouble] = []
    made = session.runner.rebuild_index(troubles.append)
    rows = [{"run_id": one.run_id, "trouble": one.document()} for one in troubles]
    for one in troubles:
        session.traceback(one.error)
    if not session.as_json:
        session.say(f"index: {made} runs bound again from their records")
    elif only:
        session.json({"rebuilt": made, "not_rebuilt": session.rows(rows)})
    return session.troubles(rows)


def resume_each(
    session: Session, run_ids: Iterable[str], *, only_due: bool = False, force: bool = False
) -> tuple[list[dict[str, Any]], int]:
    """Resume runs one by one; no run's trouble is another's. What came of each, and the worst exit code.

    `only_due`: leave out those whose bus is to be given more time. `force`: as of `ScenarioRunner.resume`.
    """
    from sr_domain.run.trouble import Trouble, each

    def work(run_id: str) -> Outcome | None:
        return None if only_due and not session.runner.due(run_id) else session.runner.resume(run_id, force=force)

    codes, rows = [], []
    for _, done in each(run_ids, work):
        if isinstance(done, Trouble):
            codes.append(exits.exit_for_error(done.error))
            rows.append(trouble_row(session, done))
        elif done is not None:
            codes.append(exits.exit_for_outcome(done))
            rows.append(versioned({**done.document(), **remedy_of(done)}))
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
    while True:
        for row in _look(session):
            told = (row.get("state"), row.get("reason_code"))
            if last.get(row["run_id"]) != told:
                last[row["run_id"]] = told
                session.json_line(row) if session.as_json else session.say(_news(row))
        signals.check()
        time.sleep(every)


def _look(session: Session) -> list[dict[str, Any]]:
    """One look at every run that is due. What the list of runs itself raises is a row without a run."""
    from sr_domain.run.trouble import trouble_of

    try:
        return resume_each(session, session.runner.unsettled(), only_due=True)[0]
    except Exception as error:  # noqa: BLE001 - a watch outlives whatever one look met
        return [trouble_row(session, trouble_of("-", error))]


def _news(row: Mapping[str, Any]) -> str:
    told = f"{row['run_id']}  {row.get('state') or ''}  {row.get('reason_code') or ''}"
    return told if row.get("state") else f"{told}  {row.get('message', '')}"
