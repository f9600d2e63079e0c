"""Explain: why a run is where it is, from its record. A tree for people, JSON for machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, assert_never

import attrs

from sr_domain.encoding.times import format_instant
from sr_domain.evidence.arrival import arrived
from sr_domain.evidence.oracle import MANIFEST
from sr_domain.evidence.run_receipt import RECEIPT
from sr_domain.plan.sealed import OutputPart, SealedGate, SealedPlan
from sr_domain.queries.altered import Altered, first_altered
from sr_domain.queries.vouched import Hashed, hashed
from sr_domain.record.details import FAILED, Rest, RootUnreadable
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Ledger
from sr_domain.record.proofs import Found
from sr_domain.record.read import Attempt, Record
from sr_domain.record.resting import WorkerAtFault
from sr_domain.record.states import RunState
from sr_domain.run.admission_rules import admitted
from sr_domain.run.altered import set_aside_step
from sr_domain.run.answers import successors, unpublished
from sr_domain.run.bound import index_store
from sr_domain.run.context import Context
from sr_domain.run.deadline import deadline_of
from sr_domain.run.lookup import recorded, told_of_more
from sr_domain.run.outcome import NextStep, remedy_of
from sr_domain.run.ports import Ports
from sr_domain.run.store_identity import KnownStore
from sr_ports import REASONS, BadInput, Fault, ReasonCode, Unreachable

_LOG_LINES = 5


@attrs.frozen
class Item:
    """A gate or output. `verdict`: PASS, PROVEN, MISSING, CONFLICT, FAIL, OPTIONAL_MISSING or UNKNOWN.

    `hashed`: of an output, whether laws hashed its very bytes or gates only vouch for it; None where that is not known.
    """

    id: str
    verdict: str
    digest: str | None = None
    expected: str | None = None
    size: int | None = None
    files: int | None = None
    law: str | None = None
    provided_by: str | None = None
    path: str | None = None
    detail: str = ""
    hashed: bool | None = None


@attrs.frozen
class Explanation:
    """Everything the record has to say. `seconds_left`: to the evidence deadline, None when it does not matter.

    `changed`: the first paths of an engine root that was still being written.
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
    root = record.named_root if record.started is None else record.root
    chain = successors(ports.store, layout, ledger)
    gates, outputs = _items(ports, record, _arrived(ports, record))
    holder = None if state is not None and state.final else _holder(ports, ledger.run_id)
    return Explanation(
        run_id=ledger.run_id,
        state=None if state is None else state.value,
        reason_code=code,
        detail=detail,
        meaning=REASONS[ReasonCode(code)].meaning if code else "",
        next=_recover(ledger) if beyond else _next(ledger, code, chain[-1] if chain else None, fault, altered),
        deadline_utc=None if deadline is None else format_instant(deadline),
        seconds_left=left,
        engine_run_root=root,
        gates=gates,
        outputs=outputs,
        attempts=tuple(_attempt(ports, one) for one in record.attempts if one.end is not None),
        problems=() if rest is None else rest.problems,
        superseded_by=chain[0] if chain else None,
        newest_run_id=chain[-1] if chain else None,
        holder=holder,
        changed=() if rest is None else rest.changed,
    )


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


def _recover(ledger: Ledger) -> NextStep:
    before = "restore the store from backup; to go on without what is lost: "
    return NextStep("recover", ledger.run_id, before=before, after=" --accept-loss --reason R")


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
    run_id = _engine_run_id(record)
    read = hashed(ports, plan, record.root, run_id) if record.decided else {}
    judge = ItemMaker(record.rest, record.found, now, record.root_fault, read)
    gates = tuple(judge.gate(look) for gate in plan.gates for look in gate.looks(run_id))
    outputs = tuple(judge.output(part) for output in plan.outputs for part in output.parts(run_id))
    return gates, (*judge.beside(), *outputs)


def _engine_run_id(record: Record) -> str:
    """What ``{run_id}`` is in the paths of the plan: as it was decided, else the run's own."""
    decided = None if record.decision is None else record.decision.details.decision
    return record.ledger.run_id if decided is None or decided.engine_run_id is None else decided.engine_run_id


class ItemMaker:
    """Looks up what the record says of each gate and output."""

    def __init__(
        self,
        rest: Rest | None,
        found: Found | None,
        now: Mapping[str, str],
        fault: RootUnreadable | None = None,
        read: Hashed | None = None,
    ) -> None:
        self._now, self._fault, self._hashed = now, fault, read or {}
        self._conflicts = {} if rest is None else {one.subject: one for one in reversed(rest.conflicts)}
        self._failures = {} if rest is None else {one.subject: one for one in reversed(rest.failures)}
        self._missing = frozenset(() if rest is None else rest.missing)
        self._lacks = {} if rest is None else {one.subject: one for one in reversed(rest.lacks)}
        self._gates = {} if found is None else {(one.gate_id, one.day): one.digest for one in found.gates}
        self._outputs = {} if found is None else {(one.output_id, one.day): one for one in found.outputs}
        self._laws = {} if found is None else found.laws
        self._decided = found is not None

    def gate(self, look: SealedGate) -> Item:
        """What became of a gate, on one day where it is judged once a day."""
        name, path, law = look.subject, look.bundle_root, look.method.kind
        bad = self._faulty(name, path, law)
        if bad is not None:
            return bad
        digest = self._gates.get((look.gate_id, look.day))
        if digest is None:
            return Item(name, "UNKNOWN", law=law, path=path, detail=self._unjudged(name))
        by = self._laws.get(look.gate_id, {})
        who = f"{by.get('distribution')} {by.get('version')}"
        return Item(name, "PASS", digest, digest, law=law, provided_by=who, path=path)

    def _unjudged(self, name: str) -> str:
        """Why a gate's law gave no judgement."""
        fault = self._fault
        return fault.reason_code if isinstance(fault, WorkerAtFault) and name in fault.subjects else ""

    def output(self, part: OutputPart) -> Item:
        """What became of an output, or of one day of it."""
        name, path = part.output.output_id, part.path
        bad = self._faulty(name, path, None)
        if (
            bad is not None
            and bad.verdict == "MISSING"
            and part.day is not None
            and bad.path != path
            and part.day not in str(bad.path)
        ):
            # Another day is missing. Where one is, no day of the output is read.
            return Item(name, "UNKNOWN", path=path, detail=f"not proven while {bad.path} is missing")
        if bad is not None:
            return bad
        # Revision 1 proved all days of an output as one.
        proof = self._outputs.get((name, part.day)) or self._outputs.get((name, None))
        if proof is None:
            absent = part.output.optional and self._decided
            return Item(name, "OPTIONAL_MISSING" if absent else "UNKNOWN", path=path)
        read = self._hashed.get((name, part.day))
        return Item(
            name, "PROVEN", proof.digest, size=proof.size, files=proof.files, path=proof.path or path, hashed=read
        )

    def beside(self) -> Iterator[Item]:
        """The engine's run receipt and the pack manifest, where something is wrong with them."""
        for name in (RECEIPT, MANIFEST):
            bad = self._faulty(name, name, None)
            if bad is not None:
                yield bad

    def _faulty(self, name: str, path: str, law: str | None) -> Item | None:
        conflict, failure = self._conflicts.get(name), self._failures.get(name)
        if conflict is not None:
            return Item(
                name,
                "CONFLICT",
                conflict.actual,
                conflict.expected,
                law=law,
                path=conflict.path or path,
                detail=f"{conflict.code}: {conflict.detail}",
            )
        if failure is not None:
            return Item(name, "FAIL", law=law, path=path, detail=f"{failure.code}: {failure.detail}")
        if name not in self._missing:
            return None
        lack, now = self._lacks.get(name), self._now.get(name, "")
        if lack is not None:
            path, now = lack.path or path, "; ".join(filter(None, (lack.detail, now)))
        return Item(name, "MISSING", law=law, path=path, detail=now)


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
