"""Telling where a run is, or why it was refused, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sr_adapters.cli import exits
from sr_adapters.cli.errors import remedy_here, running, tell
from sr_adapters.cli.session import Session, ref_lines, shown_state, state_text

if TYPE_CHECKING:
    from sr_domain.record.details import Standing
    from sr_domain.run.outcome import Outcome

_NEXT = {exits.DONE: "facts", **dict.fromkeys((exits.WAITING, exits.FAILED, exits.FAULT, exits.UNREACHABLE), "explain")}
"""The command that tells more, by how a run stands."""


def answer(session: Session, outcome: Outcome) -> int:
    """Tell an outcome; its exit code."""
    return finish(session, outcome.document(), outcome)


def finish(session: Session, document: dict[str, Any], outcome: Outcome) -> int:
    """Tell an outcome, with what else belongs to the document; its exit code."""
    code = exits.exit_for_outcome(outcome)
    reason, refused = outcome.reason_code, outcome.state is None or outcome.actor is not None
    if session.as_json:
        session.json({**document, **remedy_of(outcome), "exit_code": code})
    elif refused:
        session.say(f"{click.style('REFUSED', fg='red', bold=True)}: no run was admitted, and none was changed")
    else:
        _tell_where(session, outcome, code)
    if reason is not None and code != exits.DONE:
        what = f"run {outcome.run_id}: {outcome.message or reason.value}"
        if outcome.actor is not None:
            what = session.denial(outcome)
        tell(reason, what, outcome.remedy)
    return code


def worked(session: Session, outcome: Outcome, code: int) -> int:
    """The exit code of a command that worked on a run, which was told; telemetry hears what is not settled now."""
    if outcome.stands_out:
        tell_standing(session)
    return code


def tell_standing(session: Session, before: Standing | None = None) -> Standing | None:
    """Telemetry hears what is still not settled, where that is not as `before`; None where it cannot be known."""
    try:
        return session.runner.tell_standing(before)
    except Exception:  # noqa: BLE001 - what runs came to is told, whatever became of counting them (mission, law 10)
        return None


def remedy_of(outcome: Outcome) -> dict[str, Any]:
    """An answer's remedies, as the command that gives it should say them."""
    why, code = outcome.unpublished, outcome.reason_code
    told: dict[str, Any] = {} if code is None else {"remedy": remedy_here(code, outcome.remedy)}
    if why is not None:
        told["unpublished"] = {**why, "remedy": remedy_here(why["reason_code"], why["remedy"])}
    return told


def _unpublished(outcome: Outcome) -> str:
    """Which fact the control bus has not taken yet, and why."""
    why = outcome.unpublished
    if why is None:
        return "not published yet: the control bus has not been told"
    what = "not published yet" if why["kind"] == "READY" else f"{why['kind']} not published yet"
    return f"{what}: {why['reason_code']}: {why['detail']}; {remedy_here(why['reason_code'], why['remedy'])}"


def _tell_where(session: Session, outcome: Outcome, code: int) -> None:
    """Where a run is, for people, and the command that tells more."""
    run_id, state = outcome.run_id, shown_state(outcome.state, outcome.superseded_by)
    if outcome.in_flight:
        session.say(f"IN FLIGHT run {run_id}: another worker holds it, {state} when last told")
    else:
        known = " (already known)" if running() == "submit" and not outcome.is_new and code != exits.WAITING else ""
        session.say(f"{state_text(state)} run {run_id}{known}")
    if code == exits.DONE and outcome.message:
        session.say(f"  {outcome.message}")
    session.pairs([*_succession(outcome), *ref_lines(outcome.document())])
    if code == exits.DONE and (outcome.unpublished or not outcome.published):
        later = "try again later" if running() == "resume" else f"{session.command('resume', run_id)} tells the bus"
        session.say(f"  {_unpublished(outcome)}: {later}")
    if code in _NEXT:
        session.say(f"  next: {session.command(_NEXT[code], (run_id, *outcome.superseded_by)[-1])}")


def _succession(outcome: Outcome) -> list[tuple[str, str]]:
    """Which runs came after a superseded one: the next, and the last of the chain."""
    chain = outcome.superseded_by
    newest = [("newest run", chain[-1])] if len(chain) > 1 else []
    return [("superseded by", chain[0]), *newest] if chain else []
