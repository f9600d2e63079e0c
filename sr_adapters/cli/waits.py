"""status and wait: where a run is, now, as it changes, or once it is READY. Nothing is written."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from sr_adapters.answers import versioned
from sr_adapters.cli import exits, output, signals
from sr_adapters.cli.naming import run_argument
from sr_adapters.cli.outcomes import answer, remedy_of
from sr_adapters.cli.session import Session

if TYPE_CHECKING:
    from sr_domain.run.outcome import Outcome

_POLL_S, _SLOWER, _MOST_S = 0.2, 1.5, 10.0
_KEY = "key:"


@click.command("status")
@run_argument()
@click.option("--watch", is_flag=True, help="Look again until it is final, and tell each change.")
@click.option("--every", type=click.FloatRange(0.05, 86_400), default=2.0, show_default=True, help="Seconds between.")
@click.pass_obj
def status_command(session: Session, run_id: str, watch: bool, every: float) -> int:
    """Where a run is. Exit code: 0 READY, 3 not finished, 4 FAILED, 5 QUARANTINED, 8 unknown."""
    outcome = session.runner.status(run_id)
    if not watch:
        return answer(session, outcome)
    told = None
    while exits.exit_for_outcome(outcome) == exits.WAITING and not session.unheard:
        if told != (told := (outcome.state, outcome.reason_code)):
            _news(session, outcome)
        time.sleep(every)
        signals.check()
        outcome = session.runner.status(run_id)
    if session.as_json:
        _news(session, outcome)
        return exits.exit_for_outcome(outcome)
    return answer(session, outcome)


def _news(session: Session, outcome: Outcome) -> None:
    """A run's state while it is watched; with --json one document a line."""
    if session.as_json:
        code = exits.exit_for_outcome(outcome)
        session.json_line(versioned({**outcome.document(), **remedy_of(outcome), "exit_code": code}))
        return
    reason = "" if outcome.reason_code is None else f"  {outcome.reason_code}"
    session.say(f"{outcome.state or 'OPEN'} run {outcome.run_id}{reason}")


@click.command("wait")
@run_argument()
@click.option("--timeout", "timeout_s", type=click.FloatRange(min=0), metavar="S", help="Seconds; default: for ever.")
@click.pass_obj
def wait_command(session: Session, run_id: str, timeout_s: float | None) -> int:
    """Wait until a run is READY, without working on it: the sensor for cron, make and schedulers.

    A key may be waited for before it is submitted. Exit code: 0 READY, 3 when time is up, 4 FAILED, 5 QUARANTINED,
    8 for a run that is not there.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    pause_s = _POLL_S
    while True:
        outcome = _look(session, run_id)
        left = None if deadline is None else deadline - time.monotonic()
        if _done(outcome) or (left is not None and left <= 0):
            break
        if session.narrates:
            where = "not there yet" if outcome is None else outcome.state or "OPEN"
            output.countdown(f"{where}: {'waiting' if left is None else f'{left:.0f} s left to wait'} ")
        time.sleep(pause_s if left is None else min(pause_s, left))
        signals.check()
        pause_s = min(pause_s * _SLOWER, _MOST_S)
    return answer(session, session.runner.status(run_id) if outcome is None else outcome)


def _done(outcome: Outcome | None) -> bool:
    return outcome is not None and exits.exit_for_outcome(outcome) != exits.WAITING


def _look(session: Session, run_id: str) -> Outcome | None:
    """Where it is; None for a key that nobody has submitted yet."""
    from sr_ports import NotFound

    try:
        return session.runner.status(run_id)
    except NotFound:
        if not run_id.startswith(_KEY):
            raise
        return None
