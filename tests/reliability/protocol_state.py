"""What the protocol model is made of: workers, everything that outlives a step, and the guards of the protocol."""

from __future__ import annotations

import enum
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


Record = tuple[tuple[str, int], ...]
"""Events as (kind, fence)."""


class Worker(NamedTuple):
    """Where a worker is. `fence`: of its lease; `seen`: the record as it knows it.

    `reads`: the version of the world that it saw when it listed, when a gate read, when the output was digested.
    """

    at: At = At.ACQUIRE
    fence: int = 0
    seen: Record = ()
    reads: tuple[int, ...] = ()


class State(NamedTuple):
    """Everything that outlives a step. `holder`: worker whose lease stands.

    `world`: its version; `proved`: versions that passed a second look, a bit each; `receipt`: what stands in its place;
    `refused`: the version whose receipt was refused last; `proof`: what was read for the decision; `answered`: that
    somebody who asked was told READY; `looked`: another run's operator saw no lease here, once his mark stands: that
    nobody who saw what stood can decide any more; `swapped`: what his mark took the place of; `seen`: a run of his
    bytes saw his receipt; `rival`: it decided; `noted`: the record as the index was told of it at the last release;
    `heard`: the fence of the decision whose READY was published first, `second`: that another one's was; `unknown`: the
    store lost what no release had told the index of. The rest: how many crashes, changes of the world, plants, receipts
    of other runs, their decisions, receipts that somebody replaces by no protocol, and restores of the store from an
    older backup are to come.
    """

    workers: tuple[Worker, ...] = (Worker(), Worker())
    holder: int | None = None
    fence: int = 0
    record: Record = ()
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
    noted: Record = ()
    heard: int = 0
    second: bool = False
    unknown: bool = False
    crashes: int = 1
    changes: int = 0
    plants: int = 0
    strangers: int = 0
    rivals: int = 0
    vandals: int = 0
    restores: int = 0

    def has(self, kind: str) -> bool:
        return any(event == kind for event, _ in self.record)

    @property
    def lost(self) -> bool:
        """Whether the record lacks what the index was told of."""
        return self.record[: len(self.noted)] != self.noted


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
    index_compared: bool = True
    only_grows: bool = True
    loss_ends_it: bool = True


ALL = Guards()


def resumed(state: State) -> State:
    """The same, and whoever did it at work on the run, where a worker has nothing left to do."""
    idle = [number for number, worker in enumerate(state.workers) if worker.at >= At.RELEASE]
    return moved(state, idle[0], Worker()) if idle else state


def placed(state: State, place: str, what: int) -> State:
    """The state with that in an artifact's place."""
    match place:
        case "facts":
            return state._replace(facts=what)
        case "status":
            return state._replace(status=what)
        case _:
            return state._replace(signal=what)


def moved(state: State, number: int, worker: Worker) -> State:
    return state._replace(workers=(*state.workers[:number], worker, *state.workers[number + 1 :]))
