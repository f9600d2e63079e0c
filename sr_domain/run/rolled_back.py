"""Whether a run's record holds what the index was told of it (spec: behaviour, "Truth behind the index").

A crash leaves a record ahead of the index, never behind it.
"""

from __future__ import annotations

from sr_domain.record.events import GOV_LOSS_ACCEPTED
from sr_domain.record.ledger import Ledger
from sr_domain.record.read import Record
from sr_domain.record.states import RunState
from sr_domain.run.answers import settled
from sr_domain.run.noted import holds
from sr_domain.run.outcome import NextStep
from sr_ports import Binding, Fault, IndexedRun, ReasonCode


def check_tail(known: Binding, ledger: Ledger) -> None:
    """Return for a record that holds all that the index knows of, or says that it was lost.

    A record may have grown since. Of a run that was never released the index knows nothing, and a fence alone, which a
    crash may have left, tells nothing. Raises `Fault(TRUTH_ROLLED_BACK)`.
    """
    fault = behind(known, ledger)
    if fault is not None:
        raise fault


def behind(known: Binding, ledger: Ledger) -> Fault | None:
    """That the index knows more of a run than its record; None where it does not."""
    beyond = index_beyond(known, ledger)
    if beyond is not None:
        has = f"ends with event {len(ledger.events) - 1}" if ledger.events else "is not there"
        what = f"run {known.run_id} in {known.platform_run_id}: {beyond}, and its record {has}"
        return rolled_back(known.run_id, what)
    return None


def rolled_back(run_id: str, what: str) -> Fault:
    """That a run's record lost what the index knows of it, and how to go on with that very run."""
    return Fault(ReasonCode.TRUTH_ROLLED_BACK, what, recover_step(run_id).words)


def recover_step(run_id: str) -> NextStep:
    """What to do about a run whose record lost what the index knows of it."""
    before = "restore the store from backup, or name the one that has the record in the profile"
    after = " --accept-loss --reason R"
    return NextStep("recover", run_id, before=f"{before}; to go on without what is lost: ", after=after)


def never_released(known: Binding | IndexedRun) -> bool:
    """Whether no release ever told of the run: its holder died before anything was accepted."""
    return known.tail is None and not known.settled and known.state == RunState.OPEN.value


def index_beyond(known: Binding | IndexedRun | None, ledger: Ledger) -> str | None:
    """What the index knows and the record does not, in a sentence; None for nothing, or for what was accepted as lost.

    By the event that the last release noted; where none was noted, as by the first release, by the state alone.
    """
    if known is None or _accepted(known, ledger) or never_released(known):
        return None
    said = f"the index has known the run as {known.state}{' and settled' if known.settled else ''}"
    if known.tail is not None:
        there = holds(ledger, known.tail)
        return None if there else f"{said}, its record with event {known.tail.seq} ({known.tail.event_id})"
    behind = known.settled and not settled(ledger)
    return said if behind or not _leads_to(known.state, ledger.state) else None


def _accepted(known: Binding | IndexedRun, ledger: Ledger) -> bool:
    """Whether the record says that what the index knows was lost."""
    record = Record(ledger)
    wanted = None if known.tail is None else known.tail.event_id
    losses = (one.details for one in record.all(GOV_LOSS_ACCEPTED))
    return record.lost is not None or any(one.knows and one.lost_event_id == wanted for one in losses)


def _leads_to(noted: str, state: RunState | None) -> bool:
    """Whether a run that was in the one state may be in the other now."""
    reached, new = set[RunState](), {one for one in RunState if one == noted}
    while new:
        reached |= new
        new = {one for one in RunState if one not in reached and any(one.may_follow(before) for before in new)}
    return state in reached
