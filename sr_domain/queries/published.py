"""What the control bus was told of a store's runs, told again from the store alone, for who missed it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import attrs

from sr_domain.artifacts.superseded import run_superseded
from sr_domain.encoding.ids import superseded_message_id
from sr_domain.encoding.strict_json import strict_loads
from sr_domain.encoding.times import parse_instant
from sr_domain.record import events
from sr_domain.record.layout import Layout, run_of
from sr_domain.record.ledger import Ledger, check_ledger
from sr_domain.record.read import Record
from sr_domain.run.platform_runs import ids_below, platform_runs
from sr_ports import BadInput, Envelope, ObjectStore


@attrs.frozen
class Published:
    """Finds the facts of runs in a store. `more`: attributes that every fact has: who the store is, and where."""

    store: ObjectStore
    topic: str
    more: Mapping[str, str]

    def since(self, then: datetime) -> list[Envelope]:
        """READY and RUN_SUPERSEDED that were published then or later, as their records say, the oldest first.

        One record is read for each READY run of the store, and one signal for each fact. `published_at_utc` is
        when the record noted it. A run whose record cannot be read is left out. Raises `Unreachable`.
        """
        found = [
            one
            for platform_run_id in platform_runs(self.store)
            for one in self._of(Layout(platform_run_id))
            if parse_instant(one.published_at_utc) >= then
        ]
        return sorted(found, key=lambda one: (one.published_at_utc, one.attributes["kind"], one.message_id))

    def _of(self, layout: Layout) -> Iterator[Envelope]:
        for run_id in ids_below(self.store, f"{layout.base}/run_facts_view/", ".json"):
            record = self._record(layout, run_id)
            if record is None or record.lost is not None or record.committed is None:
                continue
            for told in record.all(events.READY_PUBLISHED)[:1]:
                yield from self._ready(layout, run_id, told.details.message_id, told.ts_utc)
            for out in record.all(events.SUPERSEDE_PUBLISHED)[:1]:
                yield from self._superseded(layout, record, out.details.supersedes, out.ts_utc)

    def _record(self, layout: Layout, run_id: str) -> Record | None:
        blob = self.store.read(layout.record(run_id))
        ledger = None if blob is None else check_ledger(run_id, blob.data)
        return Record(ledger) if isinstance(ledger, Ledger) else None

    def _ready(self, layout: Layout, run_id: str, message_id: str, at_utc: str) -> Iterator[Envelope]:
        blob = self.store.read(layout.ready(run_id))
        if blob is None:
            return
        try:
            signal = strict_loads(blob.data, what=layout.ready(run_id))
        except BadInput:
            return
        if isinstance(signal, dict) and signal.get("message_id") == message_id:
            yield self._envelope("READY", layout, run_id, message_id, at_utc, signal)

    def _superseded(self, layout: Layout, record: Record, old: str, at_utc: str) -> Iterator[Envelope]:
        """`record`: of the run that supersedes `old`."""
        decided, accepted = record.decision, record.accepted
        if decided is None:
            return
        notes = None if accepted is None else accepted.details.request.get("notes")
        payload = run_superseded(layout, old, decided, notes)
        message_id = superseded_message_id(old, decided.event.run_id)
        home = self._home_of(old, layout)
        more = {"superseded_by": decided.event.run_id}
        yield self._envelope("RUN_SUPERSEDED", home, old, message_id, at_utc, payload, more)

    def _home_of(self, run_id: str, near: Layout) -> Layout:
        """Where a run's record is; that of who names it comes first."""
        others = [Layout(one) for one in platform_runs(self.store) if one != near.platform_run_id]
        return next((one for one in (near, *others) if self.store.stat(one.record(run_id)) is not None), near)

    def _envelope(
        self,
        kind: str,
        layout: Layout,
        run_id: str,
        message_id: str,
        at_utc: str,
        payload: Mapping[str, Any],
        more: Mapping[str, str] | None = None,
    ) -> Envelope:
        said = {"kind": kind, "run_id": run_id, "platform_run_id": layout.platform_run_id, **self.more, **(more or {})}
        return Envelope(self.topic, message_id, at_utc, said, run_id, payload)


def view_ref(payload: Mapping[str, Any]) -> str | None:
    """The facts view that a fact names, if it names one of a run."""
    ref = payload.get("facts_view_ref")
    return ref if isinstance(ref, str) and run_of(ref) is not None else None
