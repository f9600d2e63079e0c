"""Where a run is, in one sentence that answers first: for explain, the console and the report. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, assert_never

from sr_domain.evidence.oracle import MANIFEST
from sr_domain.evidence.run_receipt import RECEIPT
from sr_domain.record.details import Rest
from sr_domain.record.ledger import Ledger
from sr_domain.record.proofs import Conflict
from sr_domain.record.read import Record
from sr_domain.record.states import RunState
from sr_ports import ReasonCode

if TYPE_CHECKING:
    from sr_domain.queries.explain import Explanation
    from sr_domain.queries.explain_items import Item

_DIGEST = re.compile(r"[0-9a-f]{64}")
_SHORT = 8
_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
_THOUSAND = 1000


def sentence(ledger: Ledger, told: Explanation) -> str:
    """Where the run is and why, with the first thing at fault. Times are UTC, to the minute; digests are cut."""
    if told.reason_code in _TRUTH:
        return f"Not to be relied on: {_ended(told.detail)}"
    fault = Record(ledger).root_fault
    if fault is not None and ledger.state is not None and not ledger.state.final:
        return f"{_words(ledger.state)}, and resting since {_since(Record(ledger))}: {_ended(fault.detail)}"
    match ledger.state:
        case None:
            return "Never admitted: its record holds no admission."
        case RunState.READY:
            return _ready(ledger, told)
        case RunState.QUARANTINED:
            return f"Quarantined since {_at(ledger)}: {_contradiction(Record(ledger).rest, told.meaning)}"
        case RunState.FAILED:
            return f"Failed at {_at(ledger)}: {_failure(Record(ledger).rest, told)}"
        case RunState.WAITING_EVIDENCE:
            return f"Waiting since {_at(ledger)}: {_lacking(told)}"
        case RunState.OPEN | RunState.PLANNED | RunState.EXECUTING | RunState.VERIFYING:
            held = "nobody holds it, resume takes it on" if told.holder is None else f"held by {told.holder}"
            return f"{_words(ledger.state)} since {_at(ledger)}: {held}."
        case _:
            assert_never(ledger.state)


_TRUTH = (ReasonCode.TRUTH_ALTERED, ReasonCode.TRUTH_ROLLED_BACK, ReasonCode.TRUTH_MISSING)


def _ready(ledger: Ledger, told: Explanation) -> str:
    record = Record(ledger)
    outputs = [one for one in told.outputs if one.verdict == "PROVEN"]
    size, absent = sum(one.size or 0 for one in outputs), len(told.outputs) - len(outputs)
    proven = f"{counted(len({one.id for one in outputs}), 'output')}, {sized(size)}, every byte read"
    parts = [f"READY since {_at(ledger)}: {counted(len(told.gates), 'gate')} passed, {proven}"]
    parts += [f"{counted(absent, 'optional output')} absent"] * bool(absent)
    said = f"{', '.join(parts)}."
    if told.superseded_by is not None:
        return f"Superseded by run {told.superseded_by[:_SHORT]}: read that one. {said}"
    if not record.published:
        why = f": {told.reason_code}" if told.reason_code else ""
        return f"{said} The control bus has not been told yet{why}."
    return said


def _contradiction(rest: Rest | None, meaning: str) -> str:
    conflicts = () if rest is None else rest.conflicts
    told = [_differs(one) for one in conflicts[:1]] or [_ended(meaning)]
    told += [f"{counted(len(conflicts) - 1, 'more conflict')}."] * (len(conflicts) > 1)
    return " ".join(told)


def _differs(one: Conflict) -> str:
    """What one conflict says: both digests and the first file at fault, or its own sentence."""
    at = f" First file at fault: {one.path}." if one.path else ""
    if one.expected is None or one.actual is None or one.expected == one.actual:
        return f"{one.subject}: {_ended(shortened(one.detail))}{at}"
    sides = ("states", "its bundle gives") if one.code is ReasonCode.GATE_DIGEST_MISMATCH else ("was", "is now")
    return f"{one.subject} {sides[0]} {shortened(one.expected)}, {sides[1]} {shortened(one.actual)}.{at}"


def _failure(rest: Rest | None, told: Explanation) -> str:
    """Why it failed, and the first thing that is named for it."""
    named = [] if rest is None else [*_named(rest)]
    return _ended("; ".join([told.meaning or "no reason is on its record", *map(shortened, named[:1])]))


def _named(rest: Rest) -> Iterator[str]:
    yield from (f"{one.subject}: {one.detail}" for one in rest.failures)
    yield from (f"{one['subject']}: {one['detail']}".rstrip(": ") for one in rest.problems)
    yield from filter(None, [rest.detail])


def _lacking(told: Explanation) -> str:
    missing = [one for one in (*told.gates, *told.outputs) if one.verdict == "MISSING"]
    until = "" if told.deadline_utc is None else f" Unless it comes by {minute(told.deadline_utc)}, the run fails."
    if told.changed:
        return f"the engine root is still being written, first {told.changed[0]}.{until}"
    if not missing:
        return f"{_ended(told.detail or told.meaning)}{until}"
    kinds = _kinds(told.gates, "gate"), _kinds(told.outputs, "output")
    named = f"{missing[0].id}" + (f" ({missing[0].path})" if missing[0].path else "")
    return shortened(f"{' and '.join(filter(None, kinds)) or 'evidence'} missing, first {named}.{until}")


def _kinds(items: Sequence[Item], what: str) -> str:
    own = [one for one in items if one.id not in _BESIDE]
    missing = sum(one.verdict == "MISSING" for one in own)
    return f"{missing} of {counted(len(own), what)}" if missing else ""


_BESIDE = (RECEIPT, MANIFEST)


def _words(state: RunState) -> str:
    return {
        RunState.OPEN: "Admitted",
        RunState.PLANNED: "Planned",
        RunState.EXECUTING: "Engine started",
        RunState.VERIFYING: "Evidence being read",
        RunState.WAITING_EVIDENCE: "Waiting for evidence",
    }.get(state, state.value)


def _since(record: Record) -> str:
    last = record.last_fault
    return "an unknown time" if last is None else minute(last.ts_utc)


def _at(ledger: Ledger) -> str:
    event = ledger.state_event
    return "an unknown time" if event is None else minute(event.ts_utc)


def minute(instant: str) -> str:
    """An instant of a record to the minute: ``2026-01-31 13:42 UTC``."""
    return f"{instant[:10]} {instant[11:16]} UTC"


def counted(number: int, what: str) -> str:
    """How many of something, for people: 1 gate, 2 gates."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def sized(size: int) -> str:
    """Bytes, for people, by thousands: 131 kB."""
    value, at = float(size), 0
    while value >= _THOUSAND - 0.5 and at < len(_UNITS) - 1:
        value, at = value / _THOUSAND, at + 1
    if at == 0:
        return f"{size} byte{'' if size == 1 else 's'}"
    return f"{value:.3g} {_UNITS[at]}"


def shortened(text: str) -> str:
    """The text with its digests cut to 8 characters."""
    return _DIGEST.sub(lambda found: f"{found[0][:_SHORT]}…", text)


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
