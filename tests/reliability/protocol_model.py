"""The protocol of docs/protocol.md as a small state machine, and a walk over all its states.

Two workers, leases that may lapse at any time, a crash, a world that changes between any two reads, a stranger who
plants artifacts, and other runs that write and set aside receipts. What the walk proves, it proves for every
interleaving.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import attrs


class At(enum.IntEnum):
    """What a worker does next, in the order of the protocol."""

    ACQUIRE = 0
    LOAD = 1
    TAKE = 2
    JUDGE = 3
    LIST = 4
    GATE = 5
    OUTPUT = 6
    LOOK = 7
    RECEIPT = 8
    RENEW = 9
    DECIDE = 10
    FACTS = 11
    STATUS = 12
    COMMIT = 13
    SIGNAL = 14
    PUBLISH = 15
    RECORD = 16
    RELEASE = 17
    DONE = 18


NOTHING, OURS, PLANTED = range(3)
"""What stands in an artifact's place: nothing, what the record derives, what somebody else made."""
NONE, STRANGERS, MARK = -1, -2, -3
"""In the place of the receipt: none, another run's, an operator's mark. Else the version of the world it is of."""
PLACES = ("facts", "status", "signal")


class Worker(NamedTuple):
    """Where a worker is. `fence`: of its lease; `tail`: events of the record it has seen.

    `reads`: the version of the world that it saw when it listed, when a gate read, when the output was digested.
    """

    at: At = At.ACQUIRE
    fence: int = 0
    tail: int = 0
    reads: tuple[int, ...] = ()


class State(NamedTuple):
    """Everything that outlives a step. `record`: events as (kind, fence). `holder`: worker whose lease stands.

    `world`: its version; `proved`: versions that passed a second look, a bit each; `receipt`: what stands in its place;
    `refused`: the version whose receipt was refused last; `proof`: what was read for the decision; `answered`: that
    somebody who asked was told READY; `looked`: another run's operator saw no lease here, once his mark stands: that
    nobody who saw what stood can decide any more; `swapped`: what his mark took the place of; `seen`: a run of his
    bytes saw his receipt; `rival`: it decided. The rest: how many crashes, changes of the world, plants, receipts of
    other runs, their decisions, and receipts that somebody replaces by no protocol are to come.
    """

    workers: tuple[Worker, ...] = (Worker(), Worker())
    holder: int | None = None
    fence: int = 0
    record: tuple[tuple[str, int], ...] = ()
    facts: int = NOTHING
    status: int = NOTHING
    signal: int = NOTHING
    published: int = NOTHING
    world: int = 0
    proved: int = 0
    receipt: int = NONE
    refused: int = NONE
    proof: tuple[int, ...] = ()
    answered: bool = False
    looked: bool = False
    swapped: int | None = None
    seen: bool = False
    rival: bool = False
    crashes: int = 1
    changes: int = 0
    plants: int = 0
    strangers: int = 0
    rivals: int = 0
    vandals: int = 0

    def has(self, kind: str) -> bool:
        return any(event == kind for event, _ in self.record)


@attrs.frozen
class Guards:
    """The protocol's guards; taking one out shows that the walk notices."""

    fenced: bool = True
    ledger_decides: bool = True
    second_look: bool = True
    receipts_after_look: bool = True
    receipts_checked_again: bool = True
    mark_between: bool = True
    others_fenced: bool = True
    records_asked: bool = True
    nothing_adopted: bool = True
    answers_from_record: bool = True
    standing_compared: bool = True


ALL = Guards()


def steps(state: State, guards: Guards = ALL) -> Iterator[State]:
    """Every state that one step leads to."""
    if state.holder is not None:
        yield state._replace(holder=None)  # the lease lapses; its holder does not know
    yield from _events(state, guards)
    for number, worker in enumerate(state.workers):
        if worker.at == At.DONE:
            continue
        if state.crashes:
            yield _moved(state._replace(crashes=state.crashes - 1), number, Worker())
        yield from _step(state, number, worker, guards)


def _events(state: State, guards: Guards) -> Iterator[State]:
    """What happens beside the workers."""
    decided = state.has("DECIDED")
    if state.changes:
        yield state._replace(world=state.world + 1, changes=state.changes - 1)
    if state.plants:
        for place in PLACES:
            if getattr(state, place) == NOTHING:
                yield _with(state._replace(plants=state.plants - 1), place, PLANTED)
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
        yield _resumed(_fenced_out(state)._replace(receipt=state.refused))  # nobody rests on what stands


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


def _set_aside(state: State) -> Iterator[State]:
    """An operator, under the run's lease, replaces what was planted by what the record derives, and the run goes on.

    Nothing is READY before it is committed.
    """
    if state.holder is not None:
        return
    committed = state.has("COMMITTED")
    if state.facts == PLANTED and state.has("DECIDED"):
        yield _resumed(state._replace(facts=OURS))
    if state.status == PLANTED:
        yield _resumed(state._replace(status=OURS if committed else NOTHING))
    if state.signal == PLANTED and committed:
        yield _resumed(state._replace(signal=OURS))


def _resumed(state: State) -> State:
    """The same, and whoever did it at work on the run, where a worker has nothing left to do."""
    idle = [number for number, worker in enumerate(state.workers) if worker.at >= At.RELEASE]
    return _moved(state, idle[0], Worker()) if idle else state


def _with(state: State, place: str, what: int) -> State:
    """The state with that in an artifact's place."""
    match place:
        case "facts":
            return state._replace(facts=what)
        case "status":
            return state._replace(status=what)
        case _:
            return state._replace(signal=what)


def _moved(state: State, number: int, worker: Worker) -> State:
    return state._replace(workers=(*state.workers[:number], worker, *state.workers[number + 1 :]))


def _append(state: State, number: int, kind: str, then: At, guards: Guards) -> State:
    """Compare-and-swap on the whole record, refused below its fence; a loser reads again."""
    worker = state.workers[number]
    if len(state.record) != worker.tail:
        return _moved(state, number, worker._replace(at=At.LOAD, reads=()))
    if guards.fenced and state.record and worker.fence < state.record[-1][1]:
        return _moved(state, number, Worker(At.DONE))
    record = (*state.record, (kind, worker.fence))
    return _moved(state._replace(record=record), number, worker._replace(at=then, tail=len(record)))


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
            yield _moved(state._replace(holder=number, fence=fence), number, Worker(At.LOAD, fence))
        case At.LOAD:
            last = state.record[-1][1] if state.record else worker.fence
            if guards.fenced and last > worker.fence:
                yield _moved(state, number, Worker(At.DONE))
                return
            waits = state.has("WAITING") and not state.has("DECIDED") and not state.has("FAILED")
            first = not state.record or last < worker.fence
            then = At.TAKE if first and not waits else At.JUDGE  # who looks for evidence takes it later
            yield _moved(state, number, worker._replace(at=then, tail=len(state.record)))
        case At.TAKE:  # fence out whoever held the run before; the first event of a record is its admission
            yield _append(state, number, "TAKEN", At.JUDGE, guards)
        case At.JUDGE:
            yield from _judge(state, number, worker, guards)


def _judge(state: State, number: int, worker: Worker, guards: Guards) -> Iterator[State]:
    if state.has("FAILED"):
        yield _moved(state, number, worker._replace(at=At.RELEASE))
    elif state.has("DECIDED") or (state.facts != NOTHING and not guards.nothing_adopted):
        yield _moved(state, number, worker._replace(at=At.FACTS))
    else:
        yield _append(state, number, "FAILED", At.JUDGE, guards)  # the deadline, or a conflict
        yield _moved(state, number, worker._replace(at=At.LIST, reads=()))


def _prove(state: State, number: int, worker: Worker, guards: Guards) -> Iterator[State]:
    """One observation, what is stored of it, and the decision."""

    def go(to: At, changed: State = state) -> State:
        return _moved(changed, number, worker._replace(at=to))

    match worker.at:
        case At.LIST | At.GATE | At.OUTPUT:
            seen = worker._replace(at=At(worker.at + 1), reads=(*worker.reads, state.world))
            after = _moved(state, number, seen)
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
    return _moved(state, number, worker._replace(at=At.RECEIPT))


def _commit(state: State, number: int, worker: Worker, guards: Guards) -> Iterator[State]:
    """The commit order, from the facts view to the release of the lease."""

    def go(to: At, changed: State = state) -> State:
        return _moved(changed, number, worker._replace(at=to, reads=()))

    def written(place: str, then: At) -> State:
        """The artifact, unless somebody else's stands there: then the run rests, named, and nothing is overwritten."""
        foreign = getattr(state, place) == PLANTED
        if foreign and guards.standing_compared and guards.nothing_adopted:
            return go(At.RELEASE)
        return _with(go(then), place, PLANTED if foreign else OURS)

    match worker.at:
        case At.FACTS:
            yield written("facts", At.STATUS)
        case At.STATUS:
            yield written("status", At.COMMIT)
        case At.COMMIT:
            done = state.has("COMMITTED")
            yield go(At.SIGNAL) if done else _append(state, number, "COMMITTED", At.SIGNAL, guards)
        case At.SIGNAL:
            yield written("signal", At.PUBLISH)
        case At.PUBLISH:
            yield go(At.RECORD, state._replace(published=state.signal))
        case At.RECORD:
            done = state.has("PUBLISHED")
            yield go(At.RELEASE) if done else _append(state, number, "PUBLISHED", At.RELEASE, guards)
        case At.RELEASE:
            holder = None if state.holder == number else state.holder
            yield _moved(state._replace(holder=holder), number, Worker(At.DONE))


def broken(state: State) -> str | None:
    """The invariant that this state breaks; None when all hold."""
    fences = [fence for _, fence in state.record]
    decided, committed = state.has("DECIDED"), state.has("COMMITTED")
    planted = PLANTED in (state.facts, state.status, state.signal)
    left = decided and not state.published and not planted and all(one.at == At.DONE for one in state.workers)
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
