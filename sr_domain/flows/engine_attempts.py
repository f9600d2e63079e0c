"""Engine attempts: launched, finished or abandoned, always on the record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from sr_domain.encoding.contracts import validate
from sr_domain.encoding.ids import attempt_id_for
from sr_domain.encoding.times import format_instant, parse_instant
from sr_domain.evidence.run_receipt import RECEIPT, mismatch, read_receipt
from sr_domain.flows.abandoned_attempts import abandon_open_attempts, clear_the_way
from sr_domain.flows.publish_root import check_place, out_of_reach, published_root
from sr_domain.plan.compile import pins_of
from sr_domain.plan.sealed import SealedPlan
from sr_domain.record import events
from sr_domain.record.details import Nothing
from sr_domain.record.engine_details import AttemptDetail, AttemptFinished, AttemptLimit, AttemptName
from sr_domain.record.kinds import Draft
from sr_domain.record.read import Attempt, Entry
from sr_domain.record.spans import ATTEMPT
from sr_domain.record.states import FAILED, SUCCEEDED
from sr_domain.run.admission_rules import admitted
from sr_domain.run.held_run import HeldRun
from sr_domain.run.invocation import invocation_of
from sr_domain.run.tracing import traceparent
from sr_ports import EngineCall, EngineInvoker, EngineResult, EvidenceFault, ReasonCode, Unreachable
from sr_ports.compared import Compared

_HOPELESS = frozenset(
    {
        ReasonCode.ENGINE_INVOCATION_INVALID,
        ReasonCode.ENGINE_ROOT_MISSING,
        ReasonCode.ENGINE_RECEIPT_MISSING,
        ReasonCode.ENGINE_RECEIPT_INVALID,
        ReasonCode.ENGINE_RECEIPT_MISMATCH,
    }
)
"""What the next attempt would end with, too: it is not made."""
_WORKERS = frozenset(
    {
        ReasonCode.ENGINE_COMMAND_MISSING,
        ReasonCode.ENGINE_COMMAND_UNUSABLE,
        ReasonCode.ENGINE_COMMAND_TEMPLATE_UNRESOLVED,
    }
)
"""What only this worker is at fault for: no engine was started, and the attempt does not count."""


@attrs.frozen(eq=False, repr=False)
class EngineDone(Compared):
    """An attempt succeeded; the evidence is below this root."""

    engine_run_root: str


@attrs.frozen(eq=False, repr=False)
class EngineFailed(Compared):
    """No attempt is left to make. `reason`: of the last attempt that ended."""

    reason: ReasonCode
    detail: str


def run_engine(run: HeldRun, plan: SealedPlan, root: str | None, invoker: EngineInvoker) -> EngineDone | EngineFailed:
    """Launch attempts until one succeeds or the plan's limit is used up (spec: behaviour, "Attempts")."""
    done = run.history.engine_made
    if done is not None:
        return EngineDone(done)
    abandon_open_attempts(run)
    while True:
        made, last = run.history.attempts, _last_finished(run)
        if last is not None and last.details.reason_code in _HOPELESS:
            return _failed(last, made)
        ended = len(_counted(run))
        if last is not None and ended >= plan.attempt_limit:
            run.record(events.ATTEMPT_LIMIT_EXCEEDED(AttemptLimit(plan.attempt_limit, ended)))
            return _failed(last, made)
        clear_the_way(run, plan, root, invoker)
        if made and plan.retry_backoff_seconds:
            _back_off(run, plan.retry_backoff_seconds)
        result = _attempt(run, len(made) + 1, root, invoker)
        if result is not None:
            return EngineDone(result)


def _counted(run: HeldRun) -> Sequence[Entry[AttemptFinished]]:
    """The attempts whose engine ended or ran into its time limit."""
    return [one for one in run.history.all(events.ENGINE_ATTEMPT_FINISHED) if one.details.reason_code not in _WORKERS]


def _last_finished(run: HeldRun) -> Entry[AttemptFinished] | None:
    return next(reversed(_counted(run)), None)


def _failed(last: Entry[AttemptFinished], made: Sequence[Attempt]) -> EngineFailed:
    why = next(one.why for one in made if one.finished == last) or "failed"
    return EngineFailed(ReasonCode(str(last.details.reason_code)), f"attempt {last.details.attempt_no}: {why}")


def _back_off(run: HeldRun, seconds: float) -> None:
    """Wait what is left of the backoff since the last attempt was launched, in lease-sized steps."""
    last = [one.end.ts_utc for one in run.history.attempts if one.end is not None][-1]
    while not run.held.lost:
        left = seconds - (run.now() - parse_instant(last)).total_seconds()
        if left <= 0:
            return
        run.ports.clock.sleep(min(left, 1.0))
    run.held.check()


def invocation_for(run: HeldRun, root: str | None) -> dict[str, Any]:
    """The engine's invocation document.

    Its invoker is whom the request names, else who submitted it, whoever goes on with the run; a name that
    no request gave is left out where a contract has no room for it.
    """
    accepted = run.history.accepted
    if run.request.invoker is not None or accepted is None:
        return invocation_of(run.request, root, run.request.invoker)
    told, bare = (invocation_of(run.request, root, invoker) for invoker in (accepted.event.actor, None))
    unfit = run.misfit("engine_invocation", told) is not None and run.misfit("engine_invocation", bare) is None
    return bare if unfit else told


def _attempt(run: HeldRun, number: int, root: str | None, invoker: EngineInvoker) -> str | None:
    """One attempt, from launch to its recorded end; the engine root when it succeeded.

    Raises `Unreachable(ENGINE_UNAVAILABLE)` where this worker could not start the engine: the run rests. So it does
    where its root could be copied nowhere, and then no attempt is made.
    """
    name = AttemptName(attempt_id_for(run.run_id, number), number)
    check_place(run)
    invocation, started = invocation_for(run, root), run.now()
    run.record(events.ENGINE_ATTEMPT_LAUNCH_REQUESTED(name))
    run.write_status()
    launched = run.history.all(events.ENGINE_ATTEMPT_LAUNCH_REQUESTED)[-1].event
    parent = traceparent(run.ports.telemetry, run.run_id, launched.event_id, ATTEMPT)
    result = _invoke(run, EngineCall(invocation, number, root, parent), invoker)
    run.held.check()  # a lost lease records nothing: whoever took over has closed the attempt
    if result.reason is ReasonCode.ENGINE_CANCELLED:  # nothing is known of how the engine would have ended
        run.record(events.ENGINE_ATTEMPT_ABANDONED(name), *_told(name, result.detail, result.remarks))
        return None
    reason, detail = _verdict(run, result)
    if reason is None:
        result, reason, detail = _published(run, result, number)
    ended = _ended(run, name, invocation, started, result, reason)
    run.record(events.ENGINE_ATTEMPT_FINISHED(ended), *_told(name, detail, result.remarks))
    if reason in _WORKERS:
        raise Unreachable(ReasonCode.ENGINE_UNAVAILABLE, f"attempt {number}: {reason.value}: {detail}")
    return None if reason else result.engine_run_root


def _told(name: AttemptName, detail: str, remarks: Sequence[str]) -> Iterator[Draft]:
    """What goes on record with the end of an attempt: why, and what else its engine did."""
    if detail:
        yield events.ENGINE_ATTEMPT_DETAIL(AttemptDetail(name.attempt_id, detail))
    if remarks:
        yield events.ENGINE_MISBEHAVED(AttemptDetail(name.attempt_id, "; ".join(remarks)))


def _verdict(run: HeldRun, result: EngineResult) -> tuple[ReasonCode | None, str]:
    """Why the attempt failed, None where it succeeded: an engine that ended well has to show its receipt."""
    return (result.reason, result.detail) if result.reason else check_receipt(run, result.engine_run_root)


def _published(run: HeldRun, result: EngineResult, number: int) -> tuple[EngineResult, ReasonCode | None, str]:
    """The result with the root that the record names: a copy, where the profile asks for one."""
    uri = str(result.engine_run_root)
    try:
        copy = published_root(run, uri, number)
    except EvidenceFault as fault:
        return result, fault.code, fault.what
    run.held.check()
    run.root_told = run.root_told or out_of_reach(run, copy)
    return attrs.evolve(result, engine_run_root=copy), None, ""


def _ended(
    run: HeldRun,
    name: AttemptName,
    invocation: Mapping[str, Any],
    started: datetime,
    result: EngineResult,
    reason: ReasonCode | None,
) -> AttemptFinished:
    """How the attempt ended, now, checked against its contract; its output is kept."""
    now = run.now()
    ended = AttemptFinished(
        run_id=run.run_id,
        attempt_id=name.attempt_id,
        attempt_no=name.attempt_no,
        outcome=SUCCEEDED if reason is None else FAILED,
        started_at_utc=format_instant(started),
        ended_at_utc=format_instant(now),
        duration_ms=max(0, round((now - started).total_seconds() * 1000)),
        invocation=invocation,
        invoker=invocation.get("invoker"),
        reason_code=reason,
        engine_run_root=result.engine_run_root,
        run_receipt_ref=None if reason else f"{result.engine_run_root}/{RECEIPT}",
        logs_ref=_keep_logs(run, name.attempt_no, result),
    )
    if reason is not ReasonCode.ENGINE_INVOCATION_INVALID:  # that one is on record as it was, misfit and all
        validate("engine_attempt", ended.document())
    return ended


def _invoke(run: HeldRun, call: EngineCall, invoker: EngineInvoker) -> EngineResult:
    misfit = run.misfit("engine_invocation", call.invocation)
    if misfit is not None:
        what = f"engine_invocation: {misfit.what}"
        return EngineResult(ReasonCode.ENGINE_INVOCATION_INVALID, call.engine_run_root, detail=what)
    return invoker.invoke(
        call,
        cancelled=lambda: run.held.lost,
        progress=lambda line: run.telemetry.event(events.ENGINE_OUTPUT(Nothing()), line),
    )


def _keep_logs(run: HeldRun, number: int, result: EngineResult) -> dict[str, str] | None:
    refs = {}
    for stream, data in (("stdout", result.stdout), ("stderr", result.stderr)):
        if data:
            key = run.layout.attempt_log(run.run_id, number, stream)
            run.write_bytes(key, data)
            run.telemetry.stored(key, data)
            refs[f"{stream}_ref"] = key
    return refs or None


def check_receipt(run: HeldRun, uri: str | None) -> tuple[ReasonCode | None, str]:
    """Whether the engine's receipt is there, fits its contract and names this run's pins."""
    if uri is None:
        return ReasonCode.ENGINE_ROOT_MISSING, "the invoker named no engine root"
    rules = admitted(run.history).then
    try:
        with run.ports.roots.open(uri) as root:
            if not root.exists():
                return ReasonCode.ENGINE_ROOT_MISSING, f"{uri} is not there"
            receipt = read_receipt(root, run.misfit, rules)
    except EvidenceFault as error:
        return ReasonCode.ENGINE_RECEIPT_INVALID, error.what
    if receipt is None:
        return ReasonCode.ENGINE_RECEIPT_MISSING, f"no {RECEIPT} in {uri}"
    wrong = mismatch(receipt, pins_of(run.request), run_id=True)
    return (None, "") if wrong is None else (ReasonCode.ENGINE_RECEIPT_MISMATCH, wrong)
