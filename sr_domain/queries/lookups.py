"""Reading truth back: status, record, facts, quarantine. Writes nothing, mints nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from sr_domain.record.layout import Layout
from sr_domain.record.states import RunState
from sr_domain.run.answers import late_successors, ledger_outcome, successors
from sr_domain.run.context import Context
from sr_domain.run.lookup import check_run_id, home, parse_truth, record_of
from sr_domain.run.outcome import Outcome
from sr_domain.run.trouble import Trouble, each
from sr_ports import IndexedRun, NotFound, ReasonCode, Unreachable

_PAGE = 200


def status(context: Context, run_id: str) -> Outcome:
    """Where a run is, as its record says, and which runs superseded it."""
    layout, ledger = record_of(context, run_id)
    chain = successors(context.ports.store, layout, ledger)
    return attrs.evolve(ledger_outcome(layout, ledger), superseded_by=chain)


def facts(context: Context, run_id: str) -> dict[str, Any]:
    """A run's facts view. Raises `NotFound(FACTS_VIEW_MISSING)` while there is none."""
    layout, ledger = record_of(context, run_id)
    blob = context.ports.store.read(layout.facts(run_id))
    if blob is None:
        state = "not admitted" if ledger.state is None else ledger.state.value
        raise NotFound(ReasonCode.FACTS_VIEW_MISSING, f"run {run_id} has no facts view: it is {state}", "see sr status")
    return parse_truth(blob.data, layout.facts(run_id))


def runs(context: Context, *, state: str | None, limit: int, after: str | None = None) -> list[Mapping[str, Any]]:
    """The runs that the authority knows, by ascending id, each with what its status says.

    A run whose status cannot be read has what the index says, and its ``trouble``.
    """
    rows = _indexed(context, states=None if state is None else (state,), limit=limit, after=after)
    by_id = {row.run_id: row for row in rows}
    return [
        {**_known(by_id[run_id]), "trouble": done.document()} if isinstance(done, Trouble) else done
        for run_id, done in each(by_id, lambda run_id: _row(context, by_id[run_id]))
    ]


def _known(row: IndexedRun) -> dict[str, Any]:
    return {"run_id": row.run_id, "state": row.state, "platform_run_id": row.platform_run_id}


def _row(context: Context, row: IndexedRun) -> Mapping[str, Any]:
    layout = Layout(row.platform_run_id)
    blob = context.ports.store.read(layout.status(row.run_id))
    if blob is None:
        return _known(row)
    status = parse_truth(blob.data, layout.status(row.run_id))
    ready = status.get("state") == RunState.READY
    chain = late_successors(context.ports.store, layout, row.run_id) if ready else ()
    later = {"superseded_by": chain[0], "newest_run_id": chain[-1]} if chain else {}
    return {**status, "platform_run_id": row.platform_run_id, "settled": row.settled, **later}


def _indexed(
    context: Context, *, states: Sequence[str] | None, limit: int, after: str | None = None
) -> Sequence[IndexedRun]:
    """Rows of the index; none where the authority belongs to a platform run and there is none."""
    try:
        return context.ports.authority.runs(states=states, limit=limit, after=after)
    except NotFound:
        if context.ports.platform.current() is not None:
            raise
        return ()


def quarantined(context: Context) -> list[Mapping[str, Any]]:
    """Every quarantine record of the platform runs that are known here, by run id.

    One that cannot be read is a row of its run id and its ``trouble``.
    """
    found: list[Mapping[str, Any]] = []
    for platform_run_id in sorted(_platform_runs(context)):
        found += _quarantined_in(context, Layout(platform_run_id))
    return sorted(found, key=lambda record: str(record.get("run_id")))


def _quarantined_in(context: Context, layout: Layout) -> Iterator[Mapping[str, Any]]:
    prefix = f"{layout.base}/quarantine/"
    names = (stored.key.removeprefix(prefix) for stored in context.ports.store.list(prefix))
    ids = (name.removesuffix(".json") for name in names if name.endswith(".json") and "/" not in name)
    for run_id, done in each(ids, lambda run_id: _quarantined(context, layout, run_id)):
        if isinstance(done, Trouble):
            yield {"run_id": run_id, "trouble": done.document()}
        elif done is not None:
            yield done


def _platform_runs(context: Context) -> set[str]:
    """The current platform run, and those in which the authority knows runs that may be in quarantine."""
    current = context.ports.platform.current()
    known = set() if current is None else {current}
    states, after, page = [state.value for state in RunState if state.terminal], None, _PAGE
    while page == _PAGE:
        try:
            rows = _indexed(context, states=states, limit=_PAGE, after=after)
        except Unreachable as error:
            if current is None:
                raise
            context.notice(f"the authority was not asked ({error.what}): told of platform run {current} alone")
            break
        known |= {row.platform_run_id for row in rows}
        page, after = len(rows), rows[-1].run_id if rows else None
    return known


def _quarantined(context: Context, layout: Layout, run_id: str) -> dict[str, Any] | None:
    blob = context.ports.store.read(layout.quarantine(run_id))
    return None if blob is None else parse_truth(blob.data, layout.quarantine(run_id))


def quarantine(context: Context, run_id: str) -> dict[str, Any]:
    """One quarantine record. Raises `NotFound(RUN_NOT_FOUND)`."""
    layout = home(context, check_run_id(run_id))
    blob = context.ports.store.read(layout.quarantine(run_id))
    if blob is None:
        raise NotFound(
            ReasonCode.RUN_NOT_FOUND, f"run {run_id} is not in quarantine", "sr quarantine list shows which are"
        )
    return parse_truth(blob.data, layout.quarantine(run_id))
