"""What a release notes of a record's tail, and whether a record has that very line."""

from __future__ import annotations

from sr_domain.encoding.bounds import line_of
from sr_domain.record.ledger import Ledger
from sr_ports import Tail


def tail_of(ledger: Ledger) -> Tail | None:
    """What a release tells the index of the record; None for an empty one."""
    return Tail(ledger.events[-1].seq, ledger.events[-1].event_id) if ledger.events else None


def holds(ledger: Ledger, tail: Tail) -> bool:
    """Whether that very event stands at its place. `ledger`: a whole record."""
    return tail.seq < len(ledger.events) and ledger.events[tail.seq].event_id == tail.event_id


def ends_in(end: Ledger, tail: Tail) -> bool:
    """Whether that very event is the last. `end`: of a record, as `read_tail` gives it."""
    return bool(end.events) and (end.events[-1].seq, end.events[-1].event_id) == (tail.seq, tail.event_id)


def line_stands(data: bytes, tail: Tail) -> bool:
    """Whether the line of that event stands at its place in a record's bytes. What is before the end is not parsed."""
    end, behind = len(data) - 1, data.count(b"\n") - 1 - tail.seq
    for _ in range(behind):
        end = data.rfind(b"\n", 0, end)
    if behind < 0 or end < 0:
        return False
    try:
        event = line_of(data[data.rfind(b"\n", 0, end) + 1 : end])
    except (ValueError, RecursionError):
        return False
    return isinstance(event, dict) and (event.get("seq"), event.get("event_id")) == (tail.seq, tail.event_id)
