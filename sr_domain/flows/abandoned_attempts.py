"""Attempts whose holder died or gave them up: closed, and surely over before the next one begins.

They do not count against the attempt limit: only an engine that ended or ran into its time limit says anything
about the engine (spec: behaviour, "Attempts").
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from sr_domain.plan.sealed import SealedPlan
from sr_domain.record import events
from sr_domain.record.engine_details import AttemptDetail
from sr_domain.record.read import Attempt
from sr_domain.run.held_run import HeldRun
from sr_ports import EndsAbandoned, EngineInvoker, EvidenceFault, Leftover, ReasonCode, Unreachable


def abandon_open_attempts(run: HeldRun) -> None:
    """Close every launch that has no end: its holder died."""
    for attempt in run.history.attempts:
        if attempt.end is None:
            run.record(events.ENGINE_ATTEMPT_ABANDONED(attempt.launched.details))


def clear_the_way(run: HeldRun, plan: SealedPlan, root: str | None, invoker: EngineInvoker) -> None:
    """Return where the next attempt may begin, after any that was abandoned.

    `root`: the folder that every attempt writes to, None where each has its own. Raises `Unreachable`: too many
    were abandoned in a row, or the last one may still be at work in the very folder.
    """
    abandoned = [one for one in run.history.attempts if one.abandoned is not None]
    _not_too_many(run, plan, abandoned)
    if not abandoned or run.history.attempts[-1].abandoned is None:
        return
    left = _end_what_is_seen(run, abandoned[-1], invoker)
    if root is not None:
        if left:
            what = f"processes of an abandoned attempt still run and could not be ended: {left}"
            raise Unreachable(ReasonCode.ENGINE_STILL_RUNNING, what)
        _stand_still(run, root, plan.settle_seconds)


def _not_too_many(run: HeldRun, plan: SealedPlan, abandoned: Sequence[Attempt]) -> None:
    """Raises `Unreachable(ENGINE_ABANDONED_REPEATEDLY)`, also while the run rests by it; not where more is forced."""
    code = ReasonCode.ENGINE_ABANDONED_REPEATEDLY
    rests = [one.event.seq for one in run.history.all(events.ENGINE_HELD_BACK) if one.details.reason_code == code]
    begun = [one.launched.event.seq for one in run.history.attempts]
    since = rests[-1] if rests else -1
    counted = [one for one in abandoned if one.abandoned is not None and one.abandoned.event.seq > since]
    resting = max(begun, default=0) < since
    forced, run.forced = run.forced, False
    if not forced and (resting or len(counted) >= plan.abandoned_limit):
        what = f"{len(abandoned)} attempts were abandoned (their worker or supervisor died), and none ended since"
        raise Unreachable(code, what)


def _end_what_is_seen(run: HeldRun, attempt: Attempt, invoker: EngineInvoker) -> int:
    """End what this host shows of the attempt, on the record; how many processes are left."""
    if not isinstance(invoker, EndsAbandoned):
        return 0
    name = attempt.launched.details
    found: Leftover = invoker.end_abandoned(run.run_id, name.attempt_no)
    if found.ended or found.left:
        left = f", {found.left} could not be" if found.left else ""
        told = f"{found.ended} of its processes were still there when the run went on, and were ended{left}"
        run.record(events.ENGINE_MISBEHAVED(AttemptDetail(name.attempt_id, told)))
    return found.left


def _stand_still(run: HeldRun, uri: str, seconds: float) -> None:
    """Raises `Unreachable(ENGINE_STILL_RUNNING)` where anything of the root changes within that time."""
    if not seconds:
        return
    run.telemetry.progress(f"the last attempt was abandoned: whether its engine still writes is seen in {seconds:g} s")
    with run.ports.roots.open(uri) as root:
        with contextlib.suppress(EvidenceFault):  # what is no evidence is judged where it is
            if root.exists():
                root.list("")
        run.pause(seconds)
        changed = root.changes()
    if changed:
        more = f" and {changed.count - 1} more" if changed.count > 1 else ""
        what = f"the engine root {uri} still changes ({changed.paths[0]}{more}), after its attempt was abandoned"
        raise Unreachable(ReasonCode.ENGINE_STILL_RUNNING, what)
