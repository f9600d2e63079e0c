"""Explain: why a run is where it is, from its record. A tree for people, JSON for machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

import attrs

from sr_domain.encoding.times import format_instant
from sr_domain.evidence.arrival import arrived
from sr_domain.plan.sealed import SealedPlan
from sr_domain.queries.altered import Altered, first_altered
from sr_domain.queries.explain_items import Item, ItemMaker
from sr_domain.queries.sentence import sentence
from sr_domain.queries.vouched import hashed
from sr_domain.record.details import Rest, RootUnreadable
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Ledger
from sr_domain.record.read import Attempt, Record
from sr_domain.record.states import FAILED, RunState
from sr_domain.run.admission_rules import admitted
from sr_domain.run.altered import set_aside_step
from sr_domain.run.answers import successors, unpublished
from sr_domain.run.bound import index_store
from sr_domain.run.context import Context
from sr_domain.run.deadline import deadline_of
from sr_domain.run.lookup import recorded, told_of_more
from sr_domain.run.outcome import NextStep, remedy_of
from sr_domain.run.ports import Ports
from sr_domain.run.rolled_back import recover_step
from sr_domain.run.store_identity import KnownStore
from sr_ports import REASONS, BadInput, Fault, ReasonCode, Unreachable

_LOG_LINES = 5


@attrs.frozen
class Explanation:
    """Everything the record has to say. `seconds_left`: to the evidence deadline, None when it does not matter.

    `changed`: the first paths of an engine root that was still being written. `sentence`: where the run is and the
    first thing at fault, for people; what every page about the run opens with.
    """

    run_id: str
    state: str | None
    reason_code: str | None
    detail: str
    meaning: str
    next: NextStep
    deadline_utc: str | None
    seconds_left: float | None
    engine_run_root: str | None
    gates: tuple[Item, ...]
    outputs: tuple[Item, ...]
    attempts: tuple[Mapping[str, Any], ...]
    problems: tuple[Mapping[str, Any], ...] = ()
    superseded_by: str | None = None
    newest_run_id: str | None = None
    holder: str | None = None
    changed: tuple[str, ...] = ()
    sentence: str = ""

    def document(self) -> dict[str, Any]:
        """JSON form, for machines."""
        return attrs.asdict(self)


def explain_run(context: Context, run: str) -> Explanation:
    """The explanation of the run of this name, and whether the authority knows more of it. Raises as `record_of`."""
    place, ledger = recorded(context, run)
    beyond = told_of_more(context, place, ledger)
    return explain(context.ports.at(place.layout.platform_run_id), place.layout, ledger, beyond)


def explain(ports: Ports, layout: Layout, ledger: Ledger, beyond: Fault | None = None) -> Explanation:
    """The explanation of one run. Reads logs, looks where it waits, writes nothing. Raises `Unreachable`.

    `beyond`: that others know of more than its record.
    """
    record, state = Record(ledger), ledger.state
    fault, rest = record.root_fault, record.rest
    code, detail = _why(ledger, fault or rest)
    altered = first_altered(ports.store, layout, ledger)
    if altered is not None:
        code, detail = ReasonCode.TRUTH_ALTERED.value, altered.what
    if beyond is not None:
        code, detail = beyond.code.value, beyond.what
    deadline, left = deadline_of(record), None
    if deadline is not None and state is not None and not state.final:
        left = (deadline - ports.clock.now()).total_seconds()
    chain = successors(ports.store, layout, ledger)
    gates, outputs = _items(ports, record, _arrived(ports, record))
    newest = chain[-1] if chain else None
    holder = None if state is not None and state.final else _holder(ports, ledger.run_id)
    told = Explanation(
        run_id=ledger.run_id,
        state=None if state is None else state.value,
        reason_code=code,
        detail=detail,
        meaning=REASONS[ReasonCode(code)].meaning if code else "",
        next=recover_step(ledger.run_id) if beyond else _next(ledger, code, newest, fault, altered),
        deadline_utc=None if deadline is None else format_instant(deadline),
        seconds_left=left,
        engine_run_root=record.named_root if record.started is None else record.root,
        gates=gates,
        outputs=outputs,
        attempts=tuple(_attempt(ports, one) for one in record.attempts if one.end is not None),
        problems=() if rest is None else rest.problems,
        superseded_by=chain[0] if chain else None,
        newest_run_id=newest,
        holder=holder,
        changed=() if rest is None else rest.changed,
    )
    return attrs.evolve(told, sentence=sentence(ledger, told))


def _why(ledger: Ledger, why: RootUnreadable | Rest | None) -> tuple[str | None, str]:
    """Why the run is where it is: reason code and sentence. What the bus has not taken comes first."""
    owed = unpublished(ledger)
    if owed is not None:
        return owed["reason_code"], owed["detail"]
    return (None, "") if why is None else (why.reason_code, why.detail or "")


def _holder(ports: Ports, run_id: str) -> str | None:
    """Who works on the run now, for people; unknown while the authority is away."""
    try:
        lease = ports.authority.holder(run_id, store_id=index_store(ports.authority, KnownStore(ports)))
    except Unreachable as error:
        return f"whether somebody holds it cannot be told now: {error.what}"
    return None if lease is None else f"{lease.owner}, {lease.expires_in_s:.0f} s left"


def _next(
    ledger: Ledger,
    code: str | None,
    newest: str | None,
    fault: RootUnreadable | None,
    altered: Altered | None,
) -> NextStep:
    """What to do: first about what stands and is not the record's, then about a root that could not be read."""
    if altered is not None:
        return set_aside_step(ledger.run_id, altered.key)
    if fault is not None:
        return NextStep("resume", ledger.run_id, before=f"{fault.remedy}; ")
    return _next_by_state(ledger, code, newest)


def _next_by_state(ledger: Ledger, code: str | None, newest: str | None) -> NextStep:
    run_id = ledger.run_id
    match ledger.state:
        case RunState.READY if newest is not None:
            return NextStep("facts", newest)
        case RunState.READY if not Record(ledger).published:
            return NextStep("resume", run_id)
        case RunState.READY:
            return NextStep("verify", run_id)
        case RunState.QUARANTINED:
            mend = _mend(ledger, code)
            return NextStep("quarantine show", run_id, before=f"{mend}; ", after=" has every conflict whole")
        case RunState.FAILED:
            return NextStep(before=remedy_of(ReasonCode(code), ledger.state, run_id) if code else "")
        case RunState.WAITING_EVIDENCE:
            unstable = code == ReasonCode.EVIDENCE_UNSTABLE
            before = "let whatever writes there finish" if unstable else "complete the engine root"
            return NextStep("resume", run_id, before=f"{before}, then ")
        case None | RunState.OPEN | RunState.PLANNED | RunState.EXECUTING | RunState.VERIFYING:
            return NextStep("resume", run_id)
        case _:
            assert_never(ledger.state)


def _mend(ledger: Ledger, code: str | None) -> str:
    """What the first conflict of a quarantined run asks for."""
    rest = Record(ledger).rest
    first = rest.conflicts[0].code if rest is not None and rest.conflicts else code
    return remedy_of(ReasonCode(str(first)), ledger.state, ledger.run_id)


def _arrived(ports: Ports, record: Record) -> Mapping[str, str]:
    """What a look at the engine root says now of each thing that a waiting run misses."""
    rest = record.rest
    if record.ledger.state is not RunState.WAITING_EVIDENCE or rest is None:
        return {}
    missing = frozenset(rest.missing)
    try:
        came = frozenset(arrived(ports.roots, record, admitted(record)))
    except (Unreachable, BadInput) as error:
        return dict.fromkeys(missing, f"whether it has come cannot be told now: {error.what}")
    return {name: "has come since: resume judges it" if name in came else "still not there" for name in missing}


def _items(ports: Ports, record: Record, now: Mapping[str, str]) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    committed = record.plan
    if committed is None:
        return (), ()
    plan = SealedPlan.of(committed.details.plan)
    run_id = engine_run_id(record)
    read = hashed(ports, plan, record.root, run_id) if record.decided else {}
    judge = ItemMaker(record.rest, record.found, now, record.root_fault, read)
    gates = tuple(judge.gate(look) for gate in plan.gates for look in gate.looks(run_id))
    outputs = tuple(judge.output(part) for output in plan.outputs for part in output.parts(run_id))
    return gates, (*judge.beside(), *outputs)


def engine_run_id(record: Record) -> str:
    """What ``{run_id}`` is in the paths of the plan: as it was decided, else the run's own."""
    decided = None if record.decision is None else record.decision.details.decision
    return record.ledger.run_id if decided is None or decided.engine_run_id is None else decided.engine_run_id


def _attempt(ports: Ports, attempt: Attempt) -> dict[str, Any]:
    """An attempt that ended; what is not known of it is left out."""
    if attempt.finished is None:
        return {"attempt_no": attempt.launched.details.attempt_no, "outcome": attempt.outcome}
    ended = attempt.finished.details
    told = {
        "attempt_no": ended.attempt_no,
        "outcome": ended.outcome,
        "reason_code": ended.reason_code,
        "started_at_utc": ended.started_at_utc,
        "ended_at_utc": ended.ended_at_utc,
        "duration_ms": ended.duration_ms,
        "logs_ref": ended.logs_ref,
        "detail": attempt.why or None,
        "last_lines": _last_lines(ports, ended.logs_ref or {}) if ended.outcome == FAILED else None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _last_lines(ports: Ports, refs: Mapping[str, str]) -> list[str]:
    for name in ("stderr_ref", "stdout_ref"):
        blob = ports.store.read(refs[name]) if name in refs else None
        if blob is not None and blob.data.strip():
            return blob.data.decode("utf-8", "replace").splitlines()[-_LOG_LINES:]
    return []
