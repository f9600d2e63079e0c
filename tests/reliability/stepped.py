"""A simulation's workers and their ports: each stops before every call until the schedule lets it go on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol, Self

import attrs

from sr_ports import OutcomeUnknown, ReasonCode, SrError, Unreachable
from sr_ports.conformance.crash import Died


class Stage(Protocol):
    """What a stopped call needs of its simulation. `back`: released whenever a worker has stopped."""

    back: threading.Semaphore
    stops_at_reads: bool


@attrs.define(eq=False)
class Worker:
    """A process of the simulation, stopped at a port call whenever it is not its turn."""

    number: int
    act: Callable[[Mapping[str, Any]], Any]
    turn: threading.Semaphore = attrs.field(factory=lambda: threading.Semaphore(0))
    done: bool = False
    killed: bool = False
    lose: str = ""
    about_to: str = ""
    sleeps_until: int = 0
    bug: BaseException | None = None


@attrs.frozen
class Skewed:
    """A worker's clock that is wrong by so much."""

    clock: Any
    by: timedelta

    def now(self) -> datetime:
        made: datetime = self.clock.now() + self.by
        return made

    def sleep(self, seconds: float) -> None:
        self.clock.sleep(seconds)


class Stepped:
    """A port that stops before every call until it is its worker's turn."""

    def __init__(self, name: str, port: Any, worker: Worker, simulation: Stage) -> None:
        self._name, self._port, self._worker, self._simulation = name, port, worker, simulation

    def __getattr__(self, method: str) -> Any:
        target = getattr(self._port, method)
        if method in ("describe", "close") or not callable(target):
            return target

        def stepped(*args: Any, **kwargs: Any) -> Any:
            worker, simulation = self._worker, self._simulation
            if worker.killed:
                raise Died
            worker.about_to = method
            simulation.back.release()
            worker.turn.acquire()
            if worker.killed:
                raise Died
            lose, worker.lose = worker.lose, ""
            if lose == "undone":
                raise self._lost()
            answer = target(*args, **kwargs)
            if lose == "done":
                raise self._lost()
            reading = method == "open" and simulation.stops_at_reads
            return Stepped(self._name, answer, worker, simulation) if reading else answer

        return stepped

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._port.close()

    def _lost(self) -> SrError:
        if self._name == "store":
            return OutcomeUnknown("the answer was lost")
        codes = {"authority": ReasonCode.AUTHORITY_UNREACHABLE, "bus": ReasonCode.BUS_UNREACHABLE}
        return Unreachable(codes.get(self._name, ReasonCode.ENGINE_ROOT_UNREACHABLE), "the answer was lost")
