"""The protocol of docs/protocol.md as a small state machine, and a walk over all its states.

Two workers, leases that may lapse at any time, a crash, a world that changes between any two reads, a stranger who
plants artifacts, other runs that write and set aside receipts, and a store that is restored from an older backup. What
the walk proves, it proves for every interleaving.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import reduce

from tests.reliability.protocol_state import (
    ALL,
    MARK,
    NONE,
    NOTHING,
    OURS,
    PLACES,
    PLANTED,
    STRANGERS,
    At,
    Guards,
    Record,
    State,
    Worker,
    moved,
    placed,
    resumed,
)


def steps(state: State, guards: Guards = ALL) -> Iterator[State]:
    """Every state that one step leads to."""
    if state.holder is not None:
        yield state._replace(holder=None)  # the lease lapses; its holder does not know
    yield from _events(state, guards)
    for number, worker in enumerate(state.workers):
        if worker.at == At.DONE:
            continue
        if state.crashes:
            yield moved(state._replace(crashes=state.crashes - 1), number, Worker())
        yield from _step(state, number, worker, guards)


def _events(state: State, guards: Guards) -> Iterator[State]:
    """What happens beside the workers."""
    decided = state.has("DECIDED")
    if state.changes:
        yield state._replace(world=state.world + 1, changes=state.changes - 1)
    if state.plants:
        for place in PLACES:
            if getattr(state, place) == NOTHING:
                yield placed(state._replace(plants=state.plants - 1), place, PLANTED)
    if state.restores:
        yield from _restored(state)
    if state.lost and state.holder is None and any(one.at == At.DONE for one in state.workers):
        yield _accepted(state, guards)
    yield from _set_aside(state)
    yield from _other_runs(state, decided, guards)
    told = state.has("COMMITTED") if guards.answers_from_record else state.status != NOTHING
    if told and not state.answered:
        yield state._replace(answered=True)


def _other_runs(state: State, decided: bool, guards: Guards) -> Iterator[State]:
    """A receipt is written by another run, which may decide on it, or replaced, by an operator or by no protocol."""
    if state.strangers and state.receipt == NONE:
        yield state._replace(receipt=STRANGERS, strangers=state.strangers - 1)
    yield from _operator(state, decided, guards)
    if state.rivals and state.receipt == STRANGERS:
        yield state._replace(rivals=state.rivals - 1, seen=True)
    if state.seen:
        yield state._replace(seen=False, rival=True)
    appending = any(worker.at == At.DECIDE for worker in state.workers)  # nothing helps against him then
    if state.vandals and state.receipt not in (NONE, MARK) and not decided and not appending:
        yield state._replace(receipt=STRANGERS, vandals=state.vandals - 1)
    free = not decided and not state.rival and not state.seen and state.swapped is None
    if state.holder is None and free and state.refused not in (NONE, state.receipt):
        yield resumed(_fenced_out(state)._replace(receipt=state.refused))  # nobody rests on what stands


def _operator(state: State, decided: bool, guards: Guards) -> Iterator[State]:
    """Another run's operator: he sees no lease, puts his mark there, fences out, asks the records, and swaps again."""
    if state.strangers and not state.looked and state.holder is None and not decided and state.swapped is None:
        yield state._replace(looked=True)
    if state.looked and state.strangers and state.receipt not in (NONE, STRANGERS):
        mark = MARK if guards.mark_between else STRANGERS
        yield state._replace(receipt=mark, strangers=state.strangers - 1, looked=False, swapped=state.receipt)
    if state.swapped is None:
        return
    back = state._replace(receipt=state.swapped, swapped=None, looked=False)
    yield back  # whoever goes on after a crash puts back what stood
    if not state.looked and state.holder is None:
        yield (_fenced_out(state) if guards.others_fenced else state)._replace(looked=True)
    if state.looked and not (decided and guards.records_asked):
        yield state._replace(receipt=STRANGERS, swapped=None, looked=False)


def _fenced_out(state: State) -> State:
    """The record's fence raised by somebody who took the lease for a moment; an empty or ended one is left as it is."""
    if not state.record or state.has("DECIDED") or state.has("FAILED"):
        return state
    return state._replace(fence=state.fence + 1, record=(*state.record, ("TAKEN", state.fence + 1)))


def _restored(state: State) -> Iterator[State]:
    """The store as an older backup has it: fewer events, and what followed from them stands as before, or is gone.

    What stands without its events is nobody's. The bus and the index remember, and somebody asks again. No worker is
    between its renewal and its decision: a lease that was just renewed outlives the append.
    """
    if any(worker.at == At.DECIDE for worker in state.workers):
        return
    for kept in range(len(state.record)):
        record = state.record[:kept]
        unknown = state.unknown or len(state.record) > len(state.noted)
        after = state._replace(record=record, restores=state.restores - 1, unknown=unknown, answered=False)
        after = resumed(after) if all(worker.at >= At.RELEASE for worker in state.workers) else after
        if not after.has("COMMITTED"):
            after = after._replace(published=NOTHING)
        if after.has("DECIDED"):
            yield after
            continue
        after = after._replace(proof=())
        stand = [place for place in PLACES if getattr(state, place) != NOTHING]
        for left in (PLANTED, NOTHING):
            yield reduce(lambda made, place: placed(made, place, left), stand, after)


def _accepted(state: State, guards: Guards) -> State:
    """An operator accepts the loss, under the run's lease: the run ends where it may have been READY undecided."""
    fence = state.fence + 1
    told = state.heard or any(event == "COMMITTED" for event, _ in state.noted)
    stands = PLANTED in (state.facts, state.status, state.signal)
    ends = not state.has("DECIDED") and not state.has("FAILED") and bool(told or stands) and guards.loss_ends_it
    record = (*state.record, ("FAILED" if ends else "ACCEPTED", fence))
    return resumed(state._replace(record=record, noted=record, fence=fence))


def _set_aside(state: State) -> Iterator[State]:
    """An operator, under the run's lease, replaces what was planted by what the record derives, and the run goes on.

    Nothing is READY before it is committed.
    """
    if state.holder is not None:
        return
    committed = state.has("COMMITTED")
    if state.facts == PLANTED and state.has("DECIDED"):
        yield resumed(state._replace(facts=OURS))
    if state.status == PLANTED:
        yield resumed(state._replace(status=OURS if committed else NOTHING))
    if state.signal == PLANTED and committed:
        yield resumed(state._replace(signal=OURS))


def _append(state: State, number: int, kind: str, then: At, guards: Guards) -> State:
    """Compare-and-swap on the whole record, refused below its fence; a loser reads again."""
    worker = state.workers[number]
    if state.record[: len(worker.seen)] != worker.seen and guards.only_grows:
        told = _released(state, number, note=worker.seen)  # it lost events: the index is told what it had
        return moved(told, number, Worker())  # and somebody asks again
    if state.record != worker.seen and (guards.only_grows or len(state.record) > len(worker.seen)):
        return moved(state, number, worker._replace(at=At.LOAD, reads=()))
    if guards.fenced and state.record and worker.fence < state.record[-1][1]:
        return moved(state, number, Worker(At.DONE))
    record = (*state.record, (kind, worker.fence))
    return moved(state._replace(record=record), number, worker._replace(at=then, seen=record))


def _once(state: State, number: int, kind: str, then: At, guards: Guards) -> State:
    """A milestone: one that is there already is known from now on, and adds nothing."""
    worker = state.workers[number]
    grew = state.record[: len(worker.seen)] == worker.seen or not guards.only_grows
    if state.has(kind) and grew:
        return moved(state, number, worker._replace(at=then, seen=state.record, reads=()))
    return _append(state, number, kind, then, guards)


def _released(state: State, number: int, note: Record) -> State:
    """The lease is given up; the index is told of the record that its holder knows, unless it knows nothing of any."""
    if state.holder == number:
        state = state._replace(holder=None, noted=note or state.noted)
    return moved(state, number, Worker(At.DONE))


def _step(state: State, number: int, worker: Worker, guards: Guards) -> Iterator[State]:
    if worker.at <= At.JUDGE:
        yield from _begin(state, number, worker, guards)
    elif worker.at <= At.DECIDE:
        yield from _prove(state, number, worker, guards)
    else:
        yield from _commit(state, number, worker, guards)


def _begin(state: State, number: int, worker: Worker, guards: Guards) -> Iterator[State]:
    """The lease, the record, and what the record says is to be done."""
    match worker.at:
        case At.ACQUIRE if state.holder is None:
            fence = state.fence + 1
            yield moved(state._replace(holder=number, fence=fence), number, Worker(At.LOAD, fence))
        case At.LOAD:
            if state.lost and guards.index_compared:  # it was rolled back: nothing goes on by itself
                yield _released(state, number, note=())
                return
            last = state.record[-1][1] if state.record else worker.fence
            if guards.fenced and last > worker.fence:
                yield moved(state, number, Worker(At.DONE))
                return
            waits = state.has("WAITING") and not state.has("DECIDED") and not state.has("FAILED")
            first = not state.record or last < worker.fence
            then = At.TAKE if first and not waits else At.JUDGE  # who looks for evidence takes it later
            yield moved(state, number, worker._replace(at=then, seen=state.record))
        case At.TAKE:  # fence out whoever held the run before; the first event of a record is its admission
            yield _append(state, number, "TAKEN", At.JUDGE, guards)
        case At.JUDGE:
            yield from _judge(state, number, worker, guards)


def _judge(state: State, number: int, worker: Worker, guards: Guards) -> Iterator[State]:
    knows = {kind for kind, _ in worker.seen}
    if "FAILED" in knows:
        yield moved(state, number, worker._replace(at=At.RELEASE))
    elif "DECIDED" in knows or (state.facts != NOTHING and not guards.nothing_adopted):
        yield moved(state, number, worker._replace(at=At.FACTS))
    else:
        yield _append(state, number, "FAILED", At.JUDGE, guards)  # the deadline, or a conflict
        yield moved(state, number, worker._replace(at=At.LIST, reads=()))


def _prove(state: State, number: int, worker: Worker, guards: Guards) -> Iterator[State]:
    """One observation, what is stored of it, and the decision."""

    def go(to: At, changed: State = state) -> State:
        return moved(changed, number, worker._replace(at=to))

    match worker.at:
        case At.LIST | At.GATE | At.OUTPUT:
            seen = worker._replace(at=At(worker.at + 1), reads=(*worker.reads, state.world))
            after = moved(state, number, seen)
            early = worker.at == At.OUTPUT and not guards.receipts_after_look and state.receipt == NONE
            yield after._replace(receipt=seen.reads[-1]) if early else after
        case At.LOOK:
            whole = len({*worker.reads, state.world}) == 1
            proved = state.proved | (1 << worker.reads[-1] if whole else 0)
            state = state._replace(proved=proved)
            if whole or not guards.second_look:
                yield _fenced(state, number, worker, guards)
            elif state.has("WAITING"):  # known: nothing is added
                yield go(At.RELEASE, state)
            else:
                yield _append(state, number, "WAITING", At.RELEASE, guards)
        case At.RECEIPT if state.receipt in (NONE, worker.reads[-1]):
            yield go(At.RENEW, state._replace(receipt=worker.reads[-1]))
        case At.RECEIPT:  # drift, or an orphan: the run rests, named
            yield go(At.RELEASE, state._replace(refused=worker.reads[-1]))
        case At.RENEW:
            stands = state.receipt == worker.reads[-1] or not guards.receipts_checked_again
            mine = state.holder == number or not guards.fenced
            yield go(At.DECIDE if mine and stands else At.RELEASE)
        case At.DECIDE if guards.ledger_decides:
            after = _append(state, number, "DECIDED", At.FACTS, guards)
            yield after._replace(proof=worker.reads) if len(after.record) > len(state.record) else after
        case At.DECIDE:
            yield go(At.FACTS)


def _fenced(state: State, number: int, worker: Worker, guards: Guards) -> State:
    """On to the receipt, the record's fence raised before anything is written."""
    if state.record and state.record[-1][1] < worker.fence:
        return _append(state, number, "TAKEN", At.RECEIPT, guards)
    return moved(state, number, worker._replace(at=At.RECEIPT))


def _commit(state: State, number: int, worker: Worker, guards: Guards) -> Iterator[State]:
    """The commit order, from the facts view to the release of the lease."""

    mine = next((event for event in worker.seen if event[0] == "DECIDED"), None)
    gone = mine is not None and mine not in state.record  # the store was restored; it is told at its next append

    def go(to: At, changed: State = state) -> State:
        return moved(changed, number, worker._replace(at=to, reads=()))

    def written(place: str, then: At) -> State:
        """The artifact, unless somebody else's stands there: then the run rests, named, and nothing is overwritten."""
        foreign = getattr(state, place) == PLANTED or (gone and getattr(state, place) == OURS)
        if foreign and guards.standing_compared and guards.nothing_adopted:
            return go(At.RELEASE)
        return placed(go(then), place, PLANTED if foreign or gone else OURS)

    match worker.at:
        case At.FACTS:
            yield written("facts", At.STATUS)
        case At.STATUS:
            yield written("status", At.COMMIT)
        case At.COMMIT:
            yield _once(state, number, "COMMITTED", At.SIGNAL, guards)
        case At.SIGNAL:
            yield written("signal", At.PUBLISH)
        case At.PUBLISH:
            by = 0 if mine is None else mine[1]
            second = state.second or state.heard not in (0, by)
            on_record = not gone and (state.has("COMMITTED") or state.record[: len(worker.seen)] == worker.seen)
            published = state.signal if on_record else state.published  # the READY of a history that was lost
            yield go(At.RECORD, state._replace(published=published, heard=state.heard or by, second=second))
        case At.RECORD:
            yield _once(state, number, "PUBLISHED", At.RELEASE, guards)
        case At.RELEASE:
            yield _released(state, number, note=worker.seen)


def broken(state: State) -> str | None:
    """The invariant that this state breaks; None when all hold."""
    fences = [fence for _, fence in state.record]
    decided, committed = state.has("DECIDED"), state.has("COMMITTED")
    planted = PLANTED in (state.facts, state.status, state.signal)
    idle = all(one.at == At.DONE for one in state.workers)
    told = state.lost or state.unknown  # an operator's to accept, or for whoever asks next
    left = decided and not state.published and not planted and not told and idle
    checks = (
        (fences == sorted(fences), "a lower fence wrote after a higher"),
        (not (decided and state.has("FAILED")), "two decisions"),
        (sum(kind == "DECIDED" for kind, _ in state.record) <= 1, "READY was decided twice"),
        (not (state.facts == OURS and state.has("FAILED")), "a facts view beside a failure"),
        (decided or (not committed and state.status != OURS), "READY without a decision on record"),
        (not state.published or state.facts == OURS, "READY published without a facts view"),
        (not state.published or committed, "READY published before it was committed"),
        (state.published != PLANTED, "a planted signal was published"),
        (state.status != OURS or state.facts == OURS, "status READY without a facts view"),
        (state.receipt < 0 or bool(state.proved & 1 << state.receipt), "a receipt of what was never proven"),
        (len(set(state.proof)) <= 1, "READY of two observations"),
        (not decided or state.proof[-1] in (state.receipt, state.swapped), "READY without its receipt"),
        (not (decided and state.rival), "two runs decided of one scope with other bytes"),
        (sum(kind == "WAITING" for kind, _ in state.record) <= 1, "a look that found nothing new was told"),
        (committed or not state.answered, "READY was answered and is not on record"),
        (not state.second or state.unknown, "a second READY of a run that the index had known as READY"),
        (not left, "a decided run was left"),
    )
    return next((what for holds, what in checks if not holds), None)


def walk(start: State, guards: Guards = ALL) -> tuple[int, int, str | None]:
    """Every state that `start` leads to: how many, how many of them at rest, and the first broken invariant."""
    seen, queue, resting = {start}, deque([start]), 0
    while queue:
        state = queue.popleft()
        fault = broken(state)
        if fault is not None:
            return len(seen), resting, fault
        if all(worker.at == At.DONE for worker in state.workers):
            resting += 1
        for after in steps(state, guards):
            if after not in seen:
                seen.add(after)
                queue.append(after)
    return len(seen), resting, None
