"""show and facts: what is stored of a run, as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sr_adapters.cli import exits
from sr_adapters.cli.naming import run_argument
from sr_adapters.cli.session import Session, seconds, shown_state, state_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sr_domain.queries.timeline import Timeline


@click.command("show")
@run_argument()
@click.pass_obj
def show_command(session: Session, run_id: str) -> int:
    """A run's record as a timeline: what happened when, how long it took, and in whose hands."""
    told = session.runner.timeline(run_id)
    if session.as_json:
        session.json(told.document())
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
                one.actor if one.actor_proof is None else f"{one.actor} ({one.actor_proof})",
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
@run_argument()
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
            (one["gate_id"], one["status"], _digest(one), one["artifacts"]["passed_flag_path"])
            for one in facts["gate_receipts"]
        ],
    )
    session.say(*(f"  note: {note}" for note in facts.get("evidence_notes", [])))
    return exits.DONE


def _digest(receipt: Mapping[str, Any]) -> str:
    """A gate's digest; one of another algorithm than sha256 stands in the receipt's notes, with its name."""
    return str(receipt["digest"]["hex"] if "digest" in receipt else receipt.get("notes", ""))
