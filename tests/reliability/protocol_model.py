"""The protocol of docs/protocol.md as a small state machine, and a walk over all its states.

Two workers, leases that may lapse at any time, one crash, and a world that may answer either
way whenever it is asked. What the walk proves, it proves for every interleaving.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import attrs

ACQUIRE, LOAD, TAKE, JUDGE, FACTS, STATUS, COMMIT, SIGNAL, PUBLISH, RECORD, RELEASE, DONE = range(12)
FINAL_STATUS = {"DECIDED": "READY", "FAILED": "FAILED"}


@attrs.frozen
class Worker:
    """Where a worker is. `fence`: of its lease; `tail`: events of the record it has seen."""

    at: int = ACQUIRE
    fence: int = 0
    tail: int = 0


@attrs.frozen
class State:
    """Everything that outlives a step. `record`: events as (kind, fence). `holder`: worker whose lease stands."""

    workers: tuple[Worker, ...] = (Worker(), Worker())
    holder: int | None = None
    fence: int = 0
    record: tuple[tuple[str, int], ...] = ()
    facts: bool = False
    status: str = ""
    signal: bool = False
    published: bool = False
    crashes: int = 1

    def has(self, kind: str) -> bool:
        return any(event == kind for event, _ in self.record)


def steps(state: State, *, fenced: bool = True, ledger_decides: bool = True) -> Iterator[State]:
    """Every state that one step leads to. The flags take a guard out, to see the walk notice."""
    if state.holder is not None:
        yield attrs.evolve(state, holder=None)  # the lease lapses; its holder does not know
    for number, worker in enumerate(state.workers):
        if worker.at == DONE:
            continue
        if state.crashes:
            yield _moved(attrs.evolve(state, crashes=state.crashes - 1), number, Worker())
        yield from _step(state, number, worker, fenced, ledger_decides)


def _moved(state: State, number: int, worker: Worker) -> State:
    workers = list(state.workers)
    workers[number] = worker
    return attrs.evolve(state, workers=tuple(workers))


def _append(state: State, number: int, worker: Worker, kind: str, then: int, fenced: bool) -> State:
    """Compare-and-swap on the whole record, refused below its fence; a loser reads again."""
    if len(state.record) != worker.tail:
        return _moved(state, number, attrs.evolve(worker, at=LOAD))
    if fenced and state.record and worker.fence < state.record[-1][1]:
        return _moved(state, number, attrs.evolve(worker, at=DONE))
    record = (*state.record, (kind, worker.fence))
    return _moved(attrs.evolve(state, record=record), number, attrs.evolve(worker, at=then, tail=len(record)))


def _step(state: State, number: int, worker: Worker, fenced: bool, ledger_decides: bool) -> Iterator[State]:
    match worker.at:
        case 0 if state.holder is None:  # acquire
            fence = state.fence + 1
            taken = attrs.evolve(state, holder=number, fence=fence)
            yield _moved(taken, number, Worker(LOAD, fence))
        case 1:  # load
            if fenced and state.record and state.record[-1][1] > worker.fence:
                yield _moved(state, number, attrs.evolve(worker, at=DONE))
                return
            fresh = attrs.evolve(worker, tail=len(state.record))
            behind = bool(state.record) and state.record[-1][1] < worker.fence
            yield _moved(state, number, attrs.evolve(fresh, at=TAKE if behind else JUDGE))
        case 2:  # fence out whoever held the run before
            yield _append(state, number, worker, "TAKEN", JUDGE, fenced)
        case 3:  # judge: evidence may say either, at any time
            yield from _judge(state, number, worker, fenced, ledger_decides)
        case _:
            yield from _commit(state, number, worker, fenced)


def _commit(state: State, number: int, worker: Worker, fenced: bool) -> Iterator[State]:
    """The commit order, from the facts view to the release of the lease."""

    def go(to: int, **changes: object) -> State:
        return _moved(attrs.evolve(state, **changes), number, attrs.evolve(worker, at=to))  # type: ignore[arg-type]

    match worker.at:
        case 4:
            yield go(STATUS, facts=True)
        case 5:
            yield go(COMMIT, status="READY")
        case 6:
            yield go(SIGNAL) if state.has("COMMITTED") else _append(state, number, worker, "COMMITTED", SIGNAL, fenced)
        case 7:
            yield go(PUBLISH, signal=True)
        case 8:
            yield go(RECORD, published=True)
        case 9:
            done = state.has("PUBLISHED")
            yield go(RELEASE) if done else _append(state, number, worker, "PUBLISHED", RELEASE, fenced)
        case 10:
            yield go(DONE, holder=None if state.holder == number else state.holder)


def _judge(state: State, number: int, worker: Worker, fenced: bool, ledger_decides: bool) -> Iterator[State]:
    if state.has("FAILED"):
        done = attrs.evolve(worker, at=RELEASE)
        yield _moved(attrs.evolve(state, status="FAILED"), number, done)
    elif state.has("DECIDED") or state.facts:
        yield _moved(state, number, attrs.evolve(worker, at=FACTS))
    else:
        yield _append(state, number, worker, "FAILED", JUDGE, fenced)
        if ledger_decides:
            yield _append(state, number, worker, "DECIDED", FACTS, fenced)
        else:
            yield _moved(state, number, attrs.evolve(worker, at=FACTS))


def broken(state: State) -> str | None:
    """The invariant that this state breaks; None when all hold."""
    fences = [fence for _, fence in state.record]
    checks = (
        (fences == sorted(fences), "a lower fence wrote after a higher"),
        (not (state.has("DECIDED") and state.has("FAILED")), "two decisions"),
        (sum(kind == "DECIDED" for kind, _ in state.record) <= 1, "READY was decided twice"),
        (not (state.facts and state.has("FAILED")), "a facts view beside a failure"),
        (not state.published or state.facts, "READY published without a facts view"),
        (not state.published or state.has("COMMITTED"), "READY published before it was committed"),
        (state.status != "READY" or state.facts, "status READY without a facts view"),
    )
    return next((what for holds, what in checks if not holds), None)


def walk(*, depth: int, fenced: bool = True, ledger_decides: bool = True) -> tuple[int, int, str | None]:
    """Every state up to `depth` steps: how many, how many of them at rest, and the first broken invariant."""
    start = State()
    seen, queue, resting = {start}, deque([(start, 0)]), 0
    while queue:
        state, deep = queue.popleft()
        fault = broken(state)
        if fault is not None:
            return len(seen), resting, fault
        if all(worker.at == DONE for worker in state.workers):
            resting += 1
        if deep == depth:
            continue
        for after in steps(state, fenced=fenced, ledger_decides=ledger_decides):
            if after not in seen:
                seen.add(after)
                queue.append((after, deep + 1))
    return len(seen), resting, None
