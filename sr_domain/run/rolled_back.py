"""Whether a run's record holds what the index was told of it (spec: behaviour, "Truth behind the index")."""

from __future__ import annotations

from sr_domain.record.ledger import Ledger
from sr_domain.record.states import RunState
from sr_ports import Binding, Fault, ReasonCode, Tail


def check_tail(known: Binding, ledger: Ledger) -> None:
    """Return for a record that holds all that the index knows of. Raises `Fault(TRUTH_ROLLED_BACK)`.

    A record may have grown since. Of a run that was never released the index knows nothing, and a fence alone, which a
    crash may have left, tells nothing.
    """
    lacks = _lacks(known, ledger)
    if lacks is not None:
        has = f"ends with event {len(ledger.events) - 1}" if ledger.events else "is not there"
        what = f"the index knows {lacks} of run {known.run_id} in {known.platform_run_id}, and its record {has}"
        raise Fault(ReasonCode.TRUTH_ROLLED_BACK, what)


def tail_of(ledger: Ledger) -> Tail | None:
    """What a release tells the index of the record; None for an empty one."""
    return Tail(ledger.events[-1].seq, ledger.events[-1].event_id) if ledger.events else None


def holds(ledger: Ledger, tail: Tail) -> bool:
    """Whether that very event stands at its place. `ledger`: a whole record, or the end of one."""
    first = ledger.events[0].seq if ledger.events else 0
    at = tail.seq - first
    return 0 <= at < len(ledger.events) and ledger.events[at].event_id == tail.event_id


def never_released(known: Binding) -> bool:
    """Whether no release ever told of the run: its holder died before anything was accepted."""
    return known.tail is None and not known.settled and known.state == RunState.OPEN.value


def _lacks(known: Binding, ledger: Ledger) -> str | None:
    """What the index knows and the record does not hold. The first release noted the state alone."""
    if known.tail is not None:
        return None if holds(ledger, known.tail) else f"event {known.tail.seq} ({known.tail.event_id[:12]})"
    if never_released(known):
        return None
    return None if _leads_to(RunState(known.state), ledger.state) else f"the state {known.state}"


def _leads_to(noted: RunState, state: RunState | None) -> bool:
    """Whether a run that was in one state may be in the other later, or still."""
    reached, new = set[RunState](), {noted}
    while new:
        reached |= new
        new = {one for one in RunState if one not in reached and any(one.may_follow(before) for before in new)}
    return state in reached
