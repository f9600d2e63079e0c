"""Reading truth back: status, record, facts, quarantine. Writes nothing, mints nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from sr_domain.answers import ledger_outcome, successor_of
from sr_domain.desk import Desk
from sr_domain.layout import Layout
from sr_domain.ledger import Ledger
from sr_domain.ops import home_of, read_record
from sr_domain.outcome import Outcome
from sr_domain.trouble import Trouble, each
from sr_ports import BadInput, Fault, IndexedRun, NotFound, ReasonCode


def home(desk: Desk, run_id: str) -> Layout:
    """Where a run's truth is. Raises `NotFound` when no run was ever submitted here."""
    current = desk.ports.platform.current()
    if current is None:
        raise NotFound(ReasonCode.RUN_NOT_FOUND, f"there is no run {run_id[:64]!r}: nothing was ever submitted here")
    return home_of(desk.ports, run_id, Layout(current))


def check_run_id(run_id: str) -> str:
    """The id, if it has the form of one: 32 lower-case hex characters. Raises `BadInput(USAGE)`."""
    if len(run_id) != 32 or set(run_id) - set("0123456789abcdef"):  # noqa: PLR2004
        raise BadInput(ReasonCode.USAGE, f"{run_id[:64]!r} is not a run id", "give 32 lower-case hex characters")
    return run_id


def record_of(desk: Desk, run_id: str, *, admitted: bool = True) -> tuple[Layout, Ledger]:
    """A run's record. Raises `NotFound(RUN_NOT_FOUND)`, also for one that only tells of actors who were refused.

    `admitted`: False takes such a record too.
    """
    layout = home(desk, check_run_id(run_id))
    ledger, _ = read_record(desk.ports, layout, run_id)
    if not ledger.events or (admitted and ledger.state is None):
        raise NotFound(ReasonCode.RUN_NOT_FOUND, f"there is no run {run_id!r}")
    return layout, ledger


def status(desk: Desk, run_id: str) -> Outcome:
    """Where a run is, as its record says, and which runs superseded it."""
    layout, ledger = record_of(desk, run_id)
    return attrs.evolve(ledger_outcome(layout, ledger), superseded_by=_successors(desk, layout, ledger))


def _successors(desk: Desk, layout: Layout, ledger: Ledger) -> tuple[str, ...]:
    """The chain of successors, the newest last; a ring, which nobody can make by requests alone, ends it."""
    chain: list[str] = []
    while (successor := successor_of(ledger)) is not None and successor not in chain:
        chain.append(successor)
        ledger, _ = read_record(desk.ports, home_of(desk.ports, successor, layout), successor)
    return tuple(chain)


def facts(desk: Desk, run_id: str) -> dict[str, Any]:
    """A run's facts view. Raises `NotFound(FACTS_VIEW_MISSING)` while there is none."""
    layout, ledger = record_of(desk, run_id)
    blob = desk.ports.store.read(layout.facts(run_id))
    if blob is None:
        state = "not admitted" if ledger.state is None else ledger.state.value
        raise NotFound(ReasonCode.FACTS_VIEW_MISSING, f"run {run_id} has no facts view: it is {state}", "see sr status")
    return parse_truth(blob.data, layout.facts(run_id))


def parse_truth(data: bytes, key: str) -> dict[str, Any]:
    """A stored JSON artifact. Raises `Fault(TRUTH_ALTERED)` when it is none."""
    try:
        document = json.loads(data)
    except ValueError as error:
        raise Fault(ReasonCode.TRUTH_ALTERED, f"{key} is not JSON any more") from error
    if not isinstance(document, dict):
        raise Fault(ReasonCode.TRUTH_ALTERED, f"{key} is not a JSON object any more")
    return document


def runs(desk: Desk, *, state: str | None, limit: int, after: str | None = None) -> list[Mapping[str, Any]]:
    """The runs known here, by ascending id, each with what its status says.

    A run whose status cannot be read has what the index says, and its ``trouble``.
    """
    if desk.ports.platform.current() is None:
        return []
    rows = desk.ports.authority.runs(states=None if state is None else [state], limit=limit, after=after)
    by_id = {row.run_id: row for row in rows}
    return [
        {**_indexed(by_id[run_id]), "trouble": done.document()} if isinstance(done, Trouble) else done
        for run_id, done in each(by_id, lambda run_id: _row(desk, by_id[run_id]))
    ]


def _indexed(row: IndexedRun) -> dict[str, Any]:
    return {"run_id": row.run_id, "state": row.state, "platform_run_id": row.platform_run_id}


def _row(desk: Desk, row: IndexedRun) -> Mapping[str, Any]:
    key = Layout(row.platform_run_id).status(row.run_id)
    blob = desk.ports.store.read(key)
    if blob is None:
        return _indexed(row)
    document = parse_truth(blob.data, key)
    return {**document, "platform_run_id": row.platform_run_id, "settled": row.settled}


def quarantined(desk: Desk) -> list[Mapping[str, Any]]:
    """Every quarantine record of the current platform run, by run id.

    One that cannot be read is a row of its run id and its ``trouble``.
    """
    current = desk.ports.platform.current()
    if current is None:
        return []
    layout, prefix = Layout(current), f"{Layout(current).base}/quarantine/"
    names = (stored.key.removeprefix(prefix) for stored in desk.ports.store.list(prefix))
    ids = (name.removesuffix(".json") for name in names if name.endswith(".json") and "/" not in name)
    found: list[Mapping[str, Any]] = []
    for run_id, done in each(ids, lambda run_id: _quarantined(desk, layout, run_id)):
        if isinstance(done, Trouble):
            found.append({"run_id": run_id, "trouble": done.document()})
        elif done is not None:
            found.append(done)
    return found


def _quarantined(desk: Desk, layout: Layout, run_id: str) -> dict[str, Any] | None:
    blob = desk.ports.store.read(layout.quarantine(run_id))
    return None if blob is None else parse_truth(blob.data, layout.quarantine(run_id))


def quarantine(desk: Desk, run_id: str) -> dict[str, Any]:
    """One quarantine record. Raises `NotFound(RUN_NOT_FOUND)`."""
    layout = home(desk, check_run_id(run_id))
    blob = desk.ports.store.read(layout.quarantine(run_id))
    if blob is None:
        raise NotFound(
            ReasonCode.RUN_NOT_FOUND, f"run {run_id} is not in quarantine", "sr quarantine list shows which are"
        )
    return parse_truth(blob.data, layout.quarantine(run_id))
