"""When a run is next worth a look: a rule over its record alone (spec: behaviour, "resume").

The one who gives a run up tells the index, and whoever looks for work asks that. A run that has come to nothing new for
long is looked at less and less often: its pause grows with the time since its record last said something.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sr_domain.encoding.times import parse_instant
from sr_domain.record.events import LEASE_TAKEN
from sr_domain.record.read import Record
from sr_domain.record.states import RunState
from sr_domain.run.answers import settled
from sr_domain.run.deadline import deadline_of
from sr_ports import Due, ReasonCode
from sr_ports.authority import AT_ONCE

PUBLISH_MOST_S = 300.0
_WAITS_S, _UNSTABLE_S, _FAULT_S, _BY_HAND_S = (1.0, 60.0), (1.0, 300.0), (5.0, 900.0), (5.0, 3600.0)
"""Least and most seconds between two looks: at what waits, at what changes while it is read (each look reads it all),
at what rests by a worker's fault (each look takes the lease, which goes on record), at what only a person mends."""
_WAITS_SHARE = 0.25
"""A run that waits is looked at again after this share of the time that it has waited: so much later is it READY."""
_LONGEST_DOUBLING = 16
_PEOPLES = frozenset({ReasonCode.ENGINE_ABANDONED_REPEATEDLY, ReasonCode.INSTANCE_RECEIPT_ORPHAN})


def next_look(record: Record, now: datetime, *, finished: bool = True) -> Due | None:
    """When a run is next worth a look; None where nothing is left to do for it.

    `now`: the clock that stamped the record, aware; one that is off makes a pause too long or too short within its
    bounds, and moves no deadline. `finished`: False where something broke off: whatever the record says may be owed.
    """
    state = record.ledger.state
    if finished and settled(record.ledger):
        return None
    if finished and state is RunState.READY and record.refused_artifact is None:
        return _publication(record, now)
    if finished and state is RunState.WAITING_EVIDENCE and record.root_fault is None:
        return _evidence(record, now)
    why = record.refused_artifact or record.root_fault
    by_hand = record.refused_artifact is not None or (why is not None and why.reason_code in _PEOPLES)
    return Due(_within(_BY_HAND_S if by_hand else _FAULT_S, _since(record, now)))


def _publication(record: Record, now: datetime) -> Due:
    """At once where it was never tried, then 1 s after the last failure, 2, 4 ... up to five minutes."""
    failures = record.failures
    if not failures:
        return AT_ONCE
    pause_s = min(2.0 ** min(len(failures) - 1, _LONGEST_DOUBLING), PUBLISH_MOST_S)
    past_s = (now - parse_instant(failures[-1].ts_utc)).total_seconds()
    return Due(min(max(0.0, pause_s - past_s), pause_s))


def _evidence(record: Record, now: datetime) -> Due:
    """After a share of the time that it has waited, and at its deadline; an orphan receipt knows no deadline."""
    rest = record.rest
    code = None if rest is None else rest.reason_code
    waited_s = _since(record, now)
    if code == ReasonCode.INSTANCE_RECEIPT_ORPHAN:
        return Due(_within(_BY_HAND_S, waited_s))
    bounds = _UNSTABLE_S if code == ReasonCode.EVIDENCE_UNSTABLE else _WAITS_S
    return Due(_within(bounds, waited_s * _WAITS_SHARE), deadline_of(record))


def _since(record: Record, now: datetime) -> float:
    """Seconds since the record last said more than that somebody took the lease."""
    told = [event.ts_utc for event in record.ledger.events if event.event_kind != LEASE_TAKEN.name]
    return (now - parse_instant(told[-1])) / timedelta(seconds=1) if told else 0.0


def _within(bounds: tuple[float, float], seconds: float) -> float:
    least, most = bounds
    return min(max(seconds, least), most)
