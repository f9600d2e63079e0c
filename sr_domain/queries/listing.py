"""The runs known here, the newest first: a page of the index, narrowed by state, age and key. Writes nothing."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import attrs

from sr_domain.encoding.ids import run_id_for
from sr_domain.encoding.times import parse_instant
from sr_domain.queries.lookups import as_recorded, known_row
from sr_domain.record.layout import Layout
from sr_domain.record.states import RunState
from sr_domain.run.bound import index_store
from sr_domain.run.context import Context
from sr_domain.run.names import before_id, key_of
from sr_domain.run.platform_runs import authorities, ids_below, platform_runs, recorded_runs
from sr_ports import AuthorityStore, IndexedRun, Newest

_PAGE = 10_000
_MORE = 4
"""So many times as many rows are asked for where those that came lie before the page."""
_OF_ONE_RUN = 2
"""Rows that the index has of one run at most: a store's own, and one of none."""
_WILD = frozenset("*?[")


@attrs.frozen
class Asked:
    """Which runs are asked for. `states`: None for any. `since`: last told of then or later, aware UTC.

    `key`: a pattern over run equivalence keys, as a shell's, letters in their case; None for any.
    """

    states: Collection[str] | None = None
    since: datetime | None = None
    key: str | None = None

    def takes(self, row: IndexedRun) -> bool:
        """Whether a row of the index is asked for, its key aside."""
        return (self.states is None or row.state in self.states) and (
            self.since is None or row.updated_at >= self.since
        )

    def names(self, key: str) -> bool:
        """Whether the key is asked for."""
        return self.key is None or fnmatchcase(key, self.key)

    def shows(self, row: Mapping[str, Any]) -> bool:
        """Whether a row is asked for, its state aside. One with a ``trouble`` may be the one that is meant."""
        told = str(row.get("run_equivalence_key", "")), row.get("updated_at_utc")
        old = self.since is not None and (told[1] is None or parse_instant(told[1]) < self.since)
        return "trouble" in row or (self.names(told[0]) and not old)


Place = tuple[datetime, str]
"""Where a row stands in a list: when its run was last told of, aware UTC, and its id."""


@attrs.frozen
class Listing:
    """A page of runs. `rows`: as a status says, with ``run_equivalence_key`` where it is known, the newest first.

    `total`: how many are asked for in all; None where only the page was looked for. `more`: whether there are more.
    `first`, `last`: the places of the first and of the last row, behind which the next page begins; None for an empty
    page.
    """

    rows: tuple[Mapping[str, Any], ...]
    total: int | None
    more: bool
    last: Place | None = None
    first: Place | None = None


@attrs.frozen
class _Entry:
    """A run of the page. `row`: gives its row; only what is shown costs a read."""

    updated_at: datetime
    run_id: str
    row: Callable[[], Mapping[str, Any]]

    @property
    def place(self) -> Place:
        return self.updated_at, self.run_id


def listing(context: Context, asked: Asked, limit: int, after: Place | None = None) -> Listing:
    """At most `limit` runs, those last told of first; only those behind `after`. Raises `Unreachable`.

    With no platform run, and an authority that belongs to one: of every platform run of the store.
    """
    entries: list[_Entry] = []
    total = 0
    for platform_run_id, authority in authorities(context.ports):
        store_id = index_store(authority, context.known_store)
        rows, counted = _rows(authority, asked, store_id, limit + 1, after)
        if platform_run_id is not None and not rows and not authority.runs(limit=1):
            found = list(_from_records(context, Layout(platform_run_id), asked))
            total += len(found)
        else:
            found = _newest(context, authority, rows, asked, limit)
            total += counted if asked.key is None else len(found)
        entries += [one for one in found if after is None or one.place < after]
    page = heapq.nlargest(limit, entries, key=lambda one: one.place)
    counted = asked.key is None or _exact(asked.key)
    first, last = (page[0].place, page[-1].place) if page else (None, None)
    more = len(entries) > len(page)
    return Listing(tuple(one.row() for one in page), total if counted else None, more, last, first)


def _rows(
    authority: AuthorityStore, asked: Asked, store_id: str, limit: int, after: Place | None
) -> tuple[Sequence[IndexedRun], int]:
    """The rows of the index that may be of the page, and how many there are of them in all.

    As many as the page has where the authority finds the newest by itself, one for a key; else every one.
    """
    if asked.key is None and isinstance(authority, Newest):
        return _newest_rows(authority, asked, store_id, limit, after)
    if asked.key is not None and _exact(asked.key):
        run_id = run_id_for(asked.key)
        near = authority.runs(after=before_id(run_id), limit=_OF_ONE_RUN, store_id=store_id)
        rows = [row for row in near if row.run_id == run_id and asked.takes(row)]
    else:
        rows = [row for row in _index(authority, asked, store_id) if asked.takes(row)]
    return [row for row in rows if after is None or (row.updated_at, row.run_id) < after], len(rows)


def _newest_rows(
    authority: Newest, asked: Asked, store_id: str, limit: int, after: Place | None
) -> tuple[Sequence[IndexedRun], int]:
    """The newest rows behind a place. The authority knows no places: a later page asks for those before it, too."""
    states, wanted = None if asked.states is None else tuple(asked.states), limit
    while True:
        found = authority.newest(states=states, since=asked.since, limit=wanted, store_id=store_id)
        rows = [row for row in found.rows if after is None or (row.updated_at, row.run_id) < after]
        if len(rows) >= limit or len(found.rows) >= found.total or len(found.rows) < wanted:
            return rows[:limit], found.total
        wanted *= _MORE


def _exact(pattern: str) -> bool:
    return _WILD.isdisjoint(pattern)


def _index(authority: AuthorityStore, asked: Asked, store_id: str) -> Iterator[IndexedRun]:
    """Every row of the index in the states that are asked for, page after page."""
    after: str | None = None
    states = None if asked.states is None else tuple(asked.states)
    while rows := authority.runs(states=states, limit=_PAGE, after=after, store_id=store_id):
        yield from rows
        if len(rows) < _PAGE:
            return
        after = rows[-1].run_id


def _newest(
    context: Context, authority: AuthorityStore, rows: Sequence[IndexedRun], asked: Asked, limit: int
) -> list[_Entry]:
    """The newest rows whose key is asked for; one more than `limit`, to tell of more."""
    most = limit + 1
    found: list[_Entry] = []
    for row in sorted(rows, key=lambda row: (row.updated_at, row.run_id), reverse=True):
        if len(found) == most:
            break
        key = key_of(authority, row)
        if asked.names(key):
            found.append(_Entry(row.updated_at, row.run_id, partial(_with_key, partial(known_row, context, row), key)))
    return found


def _with_key(row: Callable[[], Mapping[str, Any]], key: str) -> Mapping[str, Any]:
    told = row()
    return {**told, "run_equivalence_key": key} if key else told


def _from_records(context: Context, layout: Layout, asked: Asked) -> Iterator[_Entry]:
    """The runs of a platform run whose own index is not on this machine, as their records say."""
    for run_id in recorded_runs(context.ports, layout):
        row = as_recorded(context, layout, run_id)
        at = row.get("updated_at_utc")
        updated = datetime.min.replace(tzinfo=context.ports.clock.now().tzinfo) if at is None else parse_instant(at)
        wanted = asked.states is None or row.get("state") in asked.states
        old = asked.since is not None and updated < asked.since
        if row and wanted and not old and asked.names(str(row.get("run_equivalence_key", ""))):
            yield _Entry(updated, run_id, partial(dict, row))


def ready_runs(context: Context, asked: Asked, limit: int) -> tuple[list[Mapping[str, Any]], bool]:
    """READY runs of every platform run, from the object store alone, the newest platform run first (spec: IP8).

    At most `limit` rows as `listing` has them, one record read for each that is looked at; and whether there may be
    more. `asked`: its key and time alone count. A run whose record cannot be read has its ``trouble``.
    """
    rows: list[Mapping[str, Any]] = []
    for layout, run_id in _with_views(context):
        if len(rows) == limit:
            return rows, True
        row = as_recorded(context, layout, run_id)
        ready = bool(row) and (row["state"] == RunState.READY or "trouble" in row)
        rows += [row] if ready and asked.shows(row) else []
    return rows, False


def _with_views(context: Context) -> Iterator[tuple[Layout, str]]:
    """Every run that has a facts view: each READY run has one from its decision on."""
    for platform_run_id in platform_runs(context.ports.store):
        layout = Layout(platform_run_id)
        for run_id in ids_below(context.ports.store, f"{layout.base}/run_facts_view/", ".json"):
            yield layout, run_id
