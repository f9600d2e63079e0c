"""Reading truth back: status, record, facts, quarantine. Writes nothing, mints nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Any

import attrs

from sr_domain.encoding.canonical import sha256_hex
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Ledger
from sr_domain.record.read import Record
from sr_domain.record.states import RunState
from sr_domain.run.answers import late_successors, ledger_outcome, settled, successors
from sr_domain.run.append_aside import read_record
from sr_domain.run.bound import index_store
from sr_domain.run.context import Context
from sr_domain.run.lookup import home, parse_truth, record_of, recorded, told_of_more
from sr_domain.run.outcome import Outcome, remedy_of
from sr_domain.run.platform_runs import authorities, ids_below, platform_runs, recorded_runs
from sr_domain.run.trouble import Trouble, each
from sr_ports import Fault, IndexedRun, NotFound, ReasonCode


def status(context: Context, run: str) -> Outcome:
    """Where a run is, as its record says, and which runs superseded it. `run`, here and below: its id or a ref.

    Also whether the authority knows more of it than its record; and of a run that has something left to do whether
    something stands that is not its record's.
    """
    place, ledger = recorded(context, run)
    layout, store = place.layout, context.ports.store
    outcome = attrs.evolve(ledger_outcome(layout, ledger), superseded_by=successors(store, layout, ledger))
    fault = told_of_more(context, place, ledger)
    if fault is not None:
        return attrs.evolve(outcome, reason_code=fault.code, message=fault.what)
    doubtful = not settled(ledger) or Record(ledger).refused_artifact is not None
    if not doubtful:
        return outcome
    from sr_domain.queries.altered import first_altered  # most runs are settled

    altered = first_altered(store, layout, ledger)
    if altered is None:
        return outcome
    return attrs.evolve(outcome, reason_code=ReasonCode.TRUTH_ALTERED, message=altered.what)


def facts(context: Context, run: str) -> dict[str, Any]:
    """A run's facts view, as its record decided it. Raises `NotFound(FACTS_VIEW_MISSING)` while there is none,
    `Fault`: `TRUTH_ALTERED` for another that stands there, `TRUTH_ROLLED_BACK` where the record lost its decision."""
    place, ledger = recorded(context, run)
    layout, run_id = place.layout, place.run_id
    blob = context.ports.store.read(layout.facts(run_id))
    if blob is None:
        state = "not admitted" if ledger.state is None else ledger.state.value
        raise NotFound(ReasonCode.FACTS_VIEW_MISSING, f"run {run_id} has no facts view: it is {state}", "see sr status")
    _refuse_lost(ledger, layout.facts(run_id), "a READY")
    fault = None if Record(ledger).decided else told_of_more(context, place, ledger)
    if fault is not None:
        raise fault
    return _own(layout, ledger, layout.facts(run_id), blob.data)


def planned(context: Context, run: str) -> dict[str, Any]:
    """The plan that a run has for life, as its record sealed it. Raises `NotFound(PLAN_MISSING)` while there is none,
    `Fault`: `TRUTH_ALTERED` for another that stands there, `TRUTH_MISSING` where it is gone."""
    place, ledger = recorded(context, run)
    layout, run_id = place.layout, place.run_id
    if not Record(ledger).planned:
        state = "not admitted" if ledger.state is None else ledger.state.value
        raise NotFound(ReasonCode.PLAN_MISSING, f"run {run_id} has no plan: it is {state}")
    key = layout.plan(run_id)
    blob = context.ports.store.read(key)
    if blob is None:
        raise Fault(ReasonCode.TRUTH_MISSING, f"{key} is not there", f"sr resume {run_id} writes it again")
    return _own(layout, ledger, key, blob.data)


def _refuse_lost(ledger: Ledger, key: str, what: str) -> None:
    """Return for an artifact of a history that its record has. Raises `Fault(TRUTH_LOST)`. `what`: the history."""
    if Record(ledger).lost is not None:
        told = f"{key} is LOST: it is of {what} that the record of run {ledger.run_id} has lost"
        raise Fault(ReasonCode.TRUTH_LOST, told, remedy_of(ReasonCode.TRUTH_LOST, ledger.state, ledger.run_id))


def _own(layout: Layout, ledger: Ledger, key: str, data: bytes) -> dict[str, Any]:
    """The artifact at `key`, found to be its record's. Raises `Fault(TRUTH_ALTERED)`."""
    from sr_domain.run.altered import AlteredArtifact
    from sr_domain.run.derived import Derived
    from sr_domain.run.derived_artifact import DerivedArtifact

    document = parse_truth(data, key)
    if not DerivedArtifact.at(key, Derived(layout, ledger)).is_own(data):
        raise AlteredArtifact(ledger.run_id, key, sha256_hex(data))
    return document


def runs(context: Context, *, state: str | None, limit: int, after: str | None = None) -> list[Mapping[str, Any]]:
    """The runs that the authority knows, by ascending id, each with what its status says.

    With no platform run, and an authority that belongs to one: of every platform run of the store.
    A run whose status cannot be read has what the index says, and its ``trouble``.
    """
    states = None if state is None else (state,)
    entries: list[_Entry] = []
    for platform_run_id, authority in authorities(context.ports):
        store_id = index_store(authority, context.known_store)
        rows = authority.runs(states=states, limit=limit, after=after, store_id=store_id)
        entries += [(row.run_id, partial(known_row, context, row)) for row in rows]
        if platform_run_id is not None and not rows and not authority.runs(limit=1):
            entries += _without_index(context, Layout(platform_run_id), state=state, limit=limit, after=after)
    return [told() for _, told in sorted(entries, key=lambda entry: entry[0])[:limit]]


_Entry = tuple[str, Callable[[], Mapping[str, Any]]]
"""A run's id and what gives its row: only the rows that are shown cost a read."""


def known_row(context: Context, row: IndexedRun) -> Mapping[str, Any]:
    """A run of the index as its status says; what it has where that cannot be read, and its ``trouble``."""
    return _or_trouble(row.run_id, _known(row), partial(_row, context, row))


def _without_index(
    context: Context, layout: Layout, *, state: str | None, limit: int, after: str | None
) -> Iterator[_Entry]:
    """The runs of a platform run whose own index is not on this machine, as their records say."""
    ids = (one for one in recorded_runs(context.ports, layout) if after is None or one > after)
    rows = (as_recorded(context, layout, run_id) for run_id in ids)
    wanted = (row for row in rows if row and (state is None or row["state"] == state))
    for row in islice(wanted, limit):
        yield str(row["run_id"]), partial(dict, row)


def as_recorded(context: Context, layout: Layout, run_id: str) -> Mapping[str, Any]:
    """A run's row as its record says, or its trouble; an empty one for what was never admitted."""
    known = {"run_id": run_id, "state": None, "platform_run_id": layout.platform_run_id}
    return _or_trouble(run_id, known, partial(_recorded_row, context, layout, run_id))


def _recorded_row(context: Context, layout: Layout, run_id: str) -> Mapping[str, Any]:
    from sr_domain.artifacts.revisions import rules_of

    ledger, etag = read_record(context.ports, layout, run_id)
    if etag is None:
        raise Fault(
            ReasonCode.TRUTH_MISSING, f"an artifact of run {run_id} is there, and {layout.record(run_id)} is not"
        )
    status = rules_of(ledger).run_status(layout, ledger)
    if status is None:
        return {}
    chain = successors(context.ports.store, layout, ledger)
    ref = {"facts_view_ref": layout.facts(run_id)} if ledger.state is RunState.READY else {}
    accepted = Record(ledger).accepted
    key = {} if accepted is None else {"run_equivalence_key": accepted.details.run_equivalence_key}
    own = {"platform_run_id": layout.platform_run_id, "settled": settled(ledger), **key}
    return {**status, **own, **ref, **_later(chain)}


def _later(chain: Sequence[str]) -> dict[str, str]:
    return {"superseded_by": chain[0], "newest_run_id": chain[-1]} if chain else {}


def _or_trouble(run_id: str, known: Mapping[str, Any], work: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """A run's row; where it cannot be had, what is known of the run, and its ``trouble``."""
    ((_, done),) = each([run_id], lambda _: work())
    return {**known, "trouble": done.document()} if isinstance(done, Trouble) else done


def _known(row: IndexedRun) -> dict[str, Any]:
    return {"run_id": row.run_id, "state": row.state, "platform_run_id": row.platform_run_id}


def _row(context: Context, row: IndexedRun) -> Mapping[str, Any]:
    layout = Layout(row.platform_run_id)
    blob = context.ports.store.read(layout.status(row.run_id))
    if blob is None:
        return _known(row)
    status = parse_truth(blob.data, layout.status(row.run_id))
    if status.get("state") != row.state:  # somebody works on the run, or the status is nobody's: the record says
        return _recorded_row(context, layout, row.run_id) or _known(row)
    chain = late_successors(context.ports.store, layout, row.run_id) if row.state == RunState.READY else ()
    return {**status, **_known(row), "settled": row.settled, **_later(chain)}


def quarantined(context: Context) -> list[Mapping[str, Any]]:
    """Every quarantine record of every platform run of the store with its run's key, the newest first.

    One that cannot be read is a row of its run id and its ``trouble``, and comes before them.
    """
    found: list[Mapping[str, Any]] = []
    for platform_run_id in platform_runs(context.ports.store):
        found += _quarantined_in(context, Layout(platform_run_id))
    return sorted(found, key=lambda one: ("trouble" in one, str(one.get("ts_utc")), str(one["run_id"])), reverse=True)


def _quarantined_in(context: Context, layout: Layout) -> Iterator[Mapping[str, Any]]:
    ids = ids_below(context.ports.store, f"{layout.base}/quarantine/", ".json")
    for run_id, done in each(ids, lambda run_id: _quarantined(context, layout, run_id)):
        if isinstance(done, Trouble) and done.error.code is ReasonCode.TRUTH_LOST:
            continue  # that it was lost is accepted: the run has failed, and is in quarantine no more
        if isinstance(done, Trouble):
            yield {"run_id": run_id, "trouble": done.document()}
        elif done is not None:
            document, ledger = done
            accepted = Record(ledger).accepted
            key = {} if accepted is None else {"run_equivalence_key": accepted.details.run_equivalence_key}
            yield {**document, **key}


def _quarantined(context: Context, layout: Layout, run_id: str) -> tuple[dict[str, Any], Ledger] | None:
    key = layout.quarantine(run_id)
    blob = context.ports.store.read(key)
    if blob is None:
        return None
    ledger, _ = read_record(context.ports, layout, run_id)
    if not ledger.events:
        with suppress(NotFound):  # then nobody knows more of the run than what stands
            record_of(context, layout.record(run_id))
    _refuse_lost(ledger, key, "a quarantine")
    return _own(layout, ledger, key, blob.data), ledger


def quarantine(context: Context, run: str) -> dict[str, Any]:
    """One quarantine record. Raises `NotFound(RUN_NOT_FOUND)`, and `Fault`: `TRUTH_ALTERED` for what is none, else
    what became of the run's record."""
    place = home(context, run)
    found = _quarantined(context, place.layout, place.run_id)
    if found is None:
        what = f"run {place.run_id} is not in quarantine"
        raise NotFound(ReasonCode.RUN_NOT_FOUND, what, "sr quarantine list shows which are")
    return found[0]
