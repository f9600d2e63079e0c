"""Runs of a list as a table shows them: one record read for each. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from sr_domain.encoding.times import parse_instant
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Ledger, check_ledger
from sr_domain.record.read import Record
from sr_domain.run.context import Context
from sr_ports import ReasonCode, SrError


@attrs.frozen
class RunRow:
    """A run of a list. `gates`, `outputs`: how many passed or are proven, and of how many; None before a plan.

    `took_s`: seconds from admission to where it was settled; None while it goes on. `reason_code`: why it rests or
    ended. `trouble`: why its record could not be read, in a sentence; the row then has what the list knew.
    """

    run_id: str
    state: str | None
    superseded_by: str | None = None
    key: str | None = None
    scenario: str | None = None
    window: tuple[str, str] | None = None
    gates: tuple[int, int] | None = None
    outputs: tuple[int, int] | None = None
    updated_utc: str | None = None
    took_s: float | None = None
    reason_code: str | None = None
    owed: bool = False
    trouble: str | None = None


def run_rows(context: Context, rows: Iterable[Mapping[str, Any]]) -> list[RunRow]:
    """The rows of a listing, each with what its record says."""
    return [_row(context, row) for row in rows]


def _row(context: Context, row: Mapping[str, Any]) -> RunRow:
    own = RunRow(
        run_id=row["run_id"],
        state=row.get("state"),
        superseded_by=row.get("superseded_by"),
        key=row.get("run_equivalence_key"),
        updated_utc=row.get("updated_at_utc"),
        reason_code=row.get("reason_code"),
    )
    trouble = row.get("trouble")
    if trouble is not None:
        return attrs.evolve(own, trouble=f"{trouble['reason_code']}: {trouble['message']}")
    try:
        blob = context.ports.store.read(Layout(row["platform_run_id"]).record(own.run_id))
    except SrError as error:
        return attrs.evolve(own, trouble=f"{error.code.value}: {error.what}")
    found = None if blob is None else check_ledger(own.run_id, blob.data)
    if isinstance(found, Ledger):
        return _told(own, Record(found))
    why = ReasonCode.TRUTH_MISSING.value if found is None else f"{found.code.value}: {found.what}"
    return attrs.evolve(own, trouble=why)


def _told(own: RunRow, record: Record) -> RunRow:
    accepted, intent = record.accepted, record.intent or {}
    gates, outputs = _counts(record)
    start, end = intent.get("window_start_utc"), intent.get("window_end_utc")
    state, last = record.ledger.state, record.ledger.state_event
    over = state is not None and state.final and last is not None and accepted is not None
    return attrs.evolve(
        own,
        key=own.key if accepted is None else accepted.details.run_equivalence_key,
        scenario=intent.get("scenario_id"),
        window=None if start is None or end is None else (start, end),
        gates=gates,
        outputs=outputs,
        updated_utc=own.updated_utc if last is None else last.ts_utc,
        took_s=_seconds(accepted.ts_utc, last.ts_utc) if over and accepted and last else None,
        owed=record.committed is not None and not record.published,
    )


def _counts(record: Record) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    plan, found = record.plan, record.found
    if plan is None:
        return None, None
    gates, outputs = _looks(plan.details.plan["gates"]), _looks(plan.details.plan["outputs"])
    passed, proven = (0, 0) if found is None else (len(found.gates), len(found.outputs))
    return (min(passed, gates), gates), (min(proven, outputs), outputs)


def _looks(parts: Sequence[Mapping[str, Any]]) -> int:
    """How many there are of a plan's gates or outputs, each day for itself."""
    return sum(len(one.get("days") or ()) or 1 for one in parts)


def _seconds(one: str, other: str) -> float:
    return (parse_instant(other) - parse_instant(one)).total_seconds()
