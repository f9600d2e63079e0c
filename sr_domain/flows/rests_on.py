"""Which runs rest on an instance receipt: those whose decision, as their record has it, states that very receipt.

Records are asked, not views: what stands beside a record is not believed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import attrs

from sr_domain.artifacts.revisions import rules_at, today
from sr_domain.artifacts.rules import Rules
from sr_domain.encoding.canonical import exact_json, sha256_hex
from sr_domain.plan.compile import pins_of
from sr_domain.record.details import Decided
from sr_domain.record.events import EVIDENCE_COMPLETE
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import read_ledger
from sr_domain.record.read import Entry, Record
from sr_domain.run.answers import recorded_request
from sr_domain.run.platform_runs import recorded_runs
from sr_domain.run.ports import Ports
from sr_ports import Fault
from sr_ports.compared import Compared

NAMED = 100
"""How many runs are named at most; more are counted."""
_AT_ONCE = 64
_FIRST, _EVERY = timedelta(seconds=1), timedelta(seconds=5)
_Counts = Callable[[Rules, Mapping[str, Any], str], bool]
"""Whether a receipt that a decision states at a key counts, by the rules of the decision."""
_DECIDED, _ADOPTED = f'"{EVIDENCE_COMPLETE.name}"'.encode(), b'"adopted":true'


@attrs.frozen(eq=False, repr=False)
class Resting(Compared):
    """The runs that rest on a receipt: the first `NAMED` by id, and how many there are in all."""

    named: tuple[str, ...] = ()
    count: int = 0

    def __bool__(self) -> bool:
        return self.count > 0

    def __str__(self) -> str:
        others = self.count - 1
        return f"run {self.named[0]}" + (f" and {others} more" if others else "")

    def and_(self, run_id: str) -> Resting:
        """With another run."""
        return Resting((*self.named, run_id)[:NAMED], self.count + 1)


def resting_on(
    ports: Ports,
    layout: Layout,
    standing: Mapping[str, bytes],
    *,
    tell: Callable[[str], None],
    check: Callable[[], None] = lambda: None,
) -> dict[str, Resting]:
    """Who rests on each of these receipts, by key: one pass over the records of the platform run.

    `standing`: the bytes that stand, by key. `tell`: gets a sentence once a second has gone by, then every
    five. `check`: called now and then, may raise. Raises `Fault(RECORD_INVALID)` for a record that names one
    of the keys and cannot be read: then nobody can say.
    """

    def same(revision: Rules, stated: Mapping[str, Any], key: str) -> bool:
        return revision.same_receipt(stated, standing[key])

    return _resting(ports, layout, standing, same, tell, check)


def rests_on_another(
    ports: Ports,
    layout: Layout,
    own: Mapping[str, bytes],
    *,
    tell: Callable[[str], None],
    check: Callable[[], None] = lambda: None,
) -> dict[str, Resting]:
    """As `resting_on`: who rests on a receipt that is, or was, at one of these keys and proves something else."""

    def another(revision: Rules, stated: Mapping[str, Any], key: str) -> bool:
        return not today().same_receipt(stated, own[key])

    return _resting(ports, layout, own, another, tell, check)


def _resting(
    ports: Ports,
    layout: Layout,
    places: Iterable[str],
    counts: _Counts,
    tell: Callable[[str], None],
    check: Callable[[], None],
) -> dict[str, Resting]:
    found = {key: Resting() for key in places}
    wanted = {exact_json(key): key for key in found}
    progress = _Progress(tell, ports.clock.now)

    def look(run_id: str) -> tuple[str, tuple[str, ...]]:
        return run_id, _rests_on(ports, layout, run_id, wanted, counts)

    for ids in _batches(recorded_runs(ports, layout)):
        check()
        for run_id, keys in ports.pool.map(look, ids):
            for key in keys:
                found[key] = found[key].and_(run_id)
        progress(len(ids))
    return found


def _batches(ids: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(ids)
    while batch := list(islice(rest, _AT_ONCE)):
        yield batch


def _rests_on(
    ports: Ports, layout: Layout, run_id: str, wanted: Mapping[bytes, str], counts: _Counts
) -> tuple[str, ...]:
    """The keys, of those wanted, at which this run's decision states one that counts. Most records need no parsing."""
    blob = ports.store.read(layout.record(run_id))
    if blob is None or _DECIDED not in blob.data:
        return ()
    keys = tuple(key for text, key in wanted.items() if text in blob.data)
    if not keys and _ADOPTED not in blob.data:
        return ()
    try:
        record = Record(read_ledger(run_id, blob.data))
    except Fault as fault:
        named = (keys or tuple(wanted.values()))[0]
        what = f"whether run {run_id} rests on the receipt at {named} cannot be told: {fault.what}"
        raise Fault(fault.code, what, fault.remedy) from fault
    decided = record.decision
    if decided is None:
        return ()
    rules = rules_at(decided.event)
    stated = list(_stated(ports, layout, record, decided))
    return tuple(
        key
        for key in wanted.values()
        if any(one["artifacts"]["receipt_path"] == key and counts(rules, one, key) for one in stated)
    )


def _stated(ports: Ports, layout: Layout, record: Record, decided: Entry[Decided]) -> Iterator[Mapping[str, Any]]:
    """The instance receipts that a decision states.

    Of a facts view that an earlier release adopted the record has the digest alone: what stands counts if it has it.
    """
    accepted, planned = record.accepted, record.plan
    if decided.details.decision is None:
        view = ports.store.read(layout.facts(record.ledger.run_id))
        sound = view is not None and sha256_hex(view.data) == decided.details.facts_view_digest
        facts: Mapping[str, Any] = json.loads(view.data) if view is not None and sound else {}
    elif accepted is None or planned is None:
        return
    else:
        pins = pins_of(recorded_request(accepted, lambda name: True))
        facts = rules_at(decided.event).facts_view(layout, pins, planned.details.plan, decided.event.details)
    yield from facts.get("instance_receipts", ())


class _Progress:
    """Counts records, and says so now and then."""

    def __init__(self, tell: Callable[[str], None], now: Callable[[], datetime]) -> None:
        self._tell, self._now, self._seen, self._due = tell, now, 0, now() + _FIRST

    def __call__(self, seen: int) -> None:
        self._seen += seen
        now = self._now()
        if now >= self._due:
            self._due = now + _EVERY
            self._tell(f"looked through {self._seen} records for runs that rest on a receipt")
