"""Telemetry fan-out: every sink has a bounded queue and a thread of its own.

No sink delays a run, and no sink's failure is another's. What a sink could not be given is
counted, and the other sinks are told when the fan-out closes (spec: behaviour, "Observability").
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sr_plugins.wiring.outlet import LIMIT, RANKS, Loss, Outlet
from sr_ports import ExposingSink, ObservabilitySink, ObsEvent

CLOSE_S = 2.0
"""All that closing may take, for all sinks together, where none needs more (`sr_ports.PatientSink`)."""
LONGEST_CLOSE_S = 30.0
"""The most that a sink may ask for."""
_LAST_WORD_S = 0.25
"""Of that, what is kept for telling the other sinks of what was lost, and for closing them."""
TELL_EVERY_S = 60.0
"""How often the others are told of what a sink missed, while events come."""
_SHED_AT = (0.5, 0.75)
"""Shares of the time to flush after which what is left of DEBUG, then of INFO, is given up."""

_OPEN: weakref.WeakSet[FanOut] = weakref.WeakSet()


class FanOut:
    """`ObservabilitySink` over many. `names`: what people call each sink, in the same order.

    `limit`: how many events may wait for one sink. `drop_debug`: DEBUG events are told to none. `emit` never waits
    for a sink. Threads start with the first event, end when idle, are daemons and do not keep the process alive.
    Safe to use from several threads and after a fork: a forked child begins with empty queues, and what waited
    stays the parent's.
    """

    def __init__(
        self,
        sinks: Sequence[ObservabilitySink],
        names: Sequence[str] = (),
        *,
        limit: int = LIMIT,
        drop_debug: bool = False,
    ) -> None:
        titles = [*names, *(type(sink).__name__ for sink in sinks[len(names) :])]
        self._outlets = tuple(Outlet(sink, name, limit=limit) for sink, name in zip(sinks, titles, strict=True))
        self._drop_debug = drop_debug
        self._closed = False
        self._told: dict[Outlet, Loss] = {}
        self._look_at = time.monotonic() + TELL_EVERY_S
        self._telling = threading.Lock()
        self.traces = any(_said(sink, "traces") for sink in sinks)
        """Whether one of the sinks makes traces (`sr_ports.TracingSink`)."""
        self._patience = max([0.0, *(_seconds(_said(sink, "close_s")) for sink in sinks)])
        _OPEN.add(self)
        # One that is dropped without close: the sinks take what waits and are closed, while nobody waits for them.
        weakref.finalize(self, _end, self._outlets).atexit = False

    @property
    def close_s(self) -> float:
        """How many seconds closing may take."""
        return max(CLOSE_S, self._patience)

    def emit(self, event: ObsEvent) -> None:
        """Queue the event for every sink; where a queue is full, the least important event is dropped."""
        if self._drop_debug and event.severity == "DEBUG":
            return
        for outlet in self._outlets:
            outlet.offer(event)
        if time.monotonic() >= self._look_at and self._telling.acquire(blocking=False):
            try:
                self._look_at = time.monotonic() + TELL_EVERY_S
                self._tell_losses()
            finally:
                self._telling.release()

    def exposition(self, within_s: float = 1.0) -> bytes | None:
        """What the first sink shows that can (`sr_ports.ExposingSink`), once it has what was told before this call.

        None where no sink can. Waits at most so many seconds for events that are still on their way, then shows what
        there is. What the sink raises is raised.
        """
        for outlet in self._outlets:
            if isinstance(outlet.sink, ExposingSink):
                outlet.wait(time.monotonic() + within_s)
                return outlet.sink.exposition()
        return None

    def flush(self, within_s: float) -> bool:
        """Wait at most so many seconds until every queue is empty; whether they are.

        A sink that did not get through in time is not waited for again before it moves on.
        """
        until = time.monotonic() + within_s
        done = [outlet.wait(until) for outlet in self._outlets]
        return all(done)

    def losses(self) -> tuple[Loss, ...]:
        """What did not reach each sink so far, for those that missed something. The others are told of it once a
        minute, with an event, and at the end.
        """
        return tuple(loss for outlet in self._outlets if (loss := outlet.loss()).total)

    @property
    def dropped(self) -> int:
        """Deliveries that failed or were given up, of all sinks."""
        return sum(loss.total for loss in self.losses())

    def close(self, within_s: float | None = None) -> None:
        """Deliver what waits, say what was lost, close the sinks: within `close_s` seconds in all, or so many.

        A second call does nothing. Events that come later are dropped and counted.
        """
        if self._closed:
            return
        self._closed = True
        _OPEN.discard(self)
        begun, whole = time.monotonic(), self.close_s if within_s is None else within_s
        span = max(0.0, whole - _LAST_WORD_S)
        for rank, share in enumerate(_SHED_AT):
            self._settle(begun + span * share)
            for outlet in self._outlets:
                outlet.shed(rank)
        self._settle(begun + span)
        for outlet in self._outlets:
            outlet.shed(RANKS)
        told = self._tell_losses(last=True)
        _end(self._outlets)
        for outlet in self._outlets:
            outlet.join(begun + whole)
        self._log([*self._late(told)])

    def _settle(self, until: float) -> None:
        for outlet in self._outlets:
            outlet.wait(until, patient=True)

    def _tell_losses(self, *, last: bool = False) -> Sequence[Loss]:
        """One event about each sink that missed something since it was told of, to the others.

        `last`: where there are none, to logging.
        """
        losses, told = [], False
        for outlet in self._outlets:
            now = outlet.loss()
            loss = now.since(self._told.get(outlet))
            listeners = [one for one in self._outlets if one.name != outlet.name and one.sound]
            if not loss.total or not (listeners or last):
                continue
            losses.append(loss)
            self._told[outlet] = now
            for one in listeners:
                one.offer(_lost(loss))
                told = True
        if last and not told:
            self._log([loss.sentence() for loss in losses])
        return losses

    def _late(self, told: Sequence[Loss]) -> Iterator[str]:
        """What sinks that had seemed sound missed while they were closed: there is none left to tell it to."""
        known = {loss.sink for loss in told}
        for outlet in self._outlets:
            if outlet.name not in known and not outlet.ended:
                yield f"the sink {outlet.name} was not done in time: it may miss telemetry"
            elif outlet.name not in known and (loss := outlet.loss().since(self._told.get(outlet))).total:
                yield loss.sentence()

    def _log(self, sentences: Sequence[str]) -> None:
        if sentences:
            import logging

            logging.getLogger("scenario_runner").warning("%s", "; ".join(sentences))

    def after_fork(self) -> None:
        """In a forked child: the parent's threads and queues stay the parent's."""
        for outlet in self._outlets:
            outlet.begin()


def _said(sink: ObservabilitySink, name: str) -> Any:
    """What a sink says of itself; None where it says nothing, or raises."""
    try:
        return getattr(sink, name, None)
    except Exception:  # noqa: BLE001 - telemetry never blocks truth (spec: mission, law 10)
        return None


def _seconds(told: Any) -> float:
    """How long a sink asks to be waited for, within a bound."""
    return min(float(told), LONGEST_CLOSE_S) if isinstance(told, int | float) and told > 0 else 0.0


def _end(outlets: Sequence[Outlet]) -> None:
    for outlet in outlets:
        outlet.end()


def _lost(loss: Loss) -> ObsEvent:
    from sr_domain.encoding.times import format_instant
    from sr_domain.record.details import SinkLoss
    from sr_domain.record.events import TELEMETRY_LOST

    kind = TELEMETRY_LOST
    return ObsEvent(
        kind.name,
        kind.phase,
        kind.outcome,
        kind.severity,
        format_instant(datetime.now(UTC)),
        {},
        message=loss.sentence(),
        details=SinkLoss(loss.sink, loss.dropped, loss.failed, loss.why).document(),
    )


def flush_all(within_s: float) -> None:
    """Wait at most so many seconds until what this process has told so far was delivered."""
    until = time.monotonic() + within_s
    for fan_out in tuple(_OPEN):
        fan_out.flush(max(0.0, until - time.monotonic()))


def close_all() -> None:
    """Close every fan-out of this process, within the seconds of the most patient. The end of the process does it too,
    but then nothing new can be imported any more."""
    still = tuple(_OPEN)
    until = time.monotonic() + max((one.close_s for one in still), default=0.0)
    for fan_out in still:
        fan_out.close(max(0.0, until - time.monotonic()))


def _after_fork_in_child() -> None:
    for fan_out in tuple(_OPEN):
        fan_out.after_fork()


atexit.register(close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
