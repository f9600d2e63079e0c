"""One sink behind its queue: bounded, in order, served by a thread of its own."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable

import attrs

from sr_ports import BatchSink, ObservabilitySink, ObsEvent, one_line
from sr_ports.compared import Compared
from sr_ports.errors import described

LIMIT = 1024
"""Events that may wait for one sink."""
IDLE_S = 2.0
"""Seconds without an event after which a sink's thread ends; the next event starts another."""
GATHER_S = 0.02
"""Seconds that a sink's thread waits for more, where the sink takes several events at once."""
RANKS = 3
"""Classes of importance: DEBUG, INFO, and what is dropped last (governance facts, WARN, ERROR)."""
_RANK_OF = {"DEBUG": 0, "INFO": 1}
_LAST = RANKS - 1


@attrs.frozen(eq=False, repr=False)
class Loss(Compared):
    """What one sink missed. `dropped`: events given up. `failed`: calls of the sink that raised.

    `by_rank`: the dropped ones as DEBUG, INFO, and all that is more important. `why`: the first error raised.
    """

    sink: str
    by_rank: tuple[int, ...]
    failed: int
    why: str | None = None

    @property
    def dropped(self) -> int:
        return sum(self.by_rank)

    @property
    def total(self) -> int:
        return self.dropped + self.failed

    def since(self, before: Loss | None) -> Loss:
        """What of it is new."""
        if before is None:
            return self
        ranks = tuple(now - then for now, then in zip(self.by_rank, before.by_rank, strict=True))
        return Loss(self.sink, ranks, self.failed - before.failed, self.why)

    def sentence(self) -> str:
        """The loss in one line."""
        debug, info, rest = self.by_rank
        parts = [f"{self.dropped} events dropped ({debug} DEBUG, {info} INFO, {rest} others)"] if self.dropped else []
        if self.failed:
            parts.append(f"{self.failed} calls failed, the first with {self.why}")
        return f"the sink {self.sink} missed telemetry: {', '.join(parts)}"


def rank(event: ObsEvent) -> int:
    """How late an event is dropped: 0 first."""
    return _LAST if event.governance else _RANK_OF.get(event.severity, _LAST)


class Outlet:
    """A sink, its queue and its thread. `name`: what people call it."""

    def __init__(self, sink: ObservabilitySink, name: str, *, limit: int = LIMIT) -> None:
        self.name = name
        self.sink = sink
        self._limit = limit
        self._at_once = sink.emit_all if isinstance(sink, BatchSink) else None
        self._dropped = [0] * RANKS
        self._failed = 0
        self._why: str | None = None
        self.begin()

    def begin(self) -> None:
        """Start with an empty queue and no thread: when made, and in a forked child."""
        self._changed = threading.Condition()  # re-entrant: a signal or a finaliser may strike while it is held
        self._queues: tuple[deque[tuple[int, ObsEvent]], ...] = tuple(deque() for _ in range(RANKS))
        self._next = 0
        self._busy = False
        self._idle = False
        self._waiters = 0
        self._waited_at: int | None = None
        self._done = 0
        self._thread: threading.Thread | None = None
        self._ending = False

    @property
    def stuck(self) -> bool:
        """Whether the sink has been waited for in vain since it last took an event."""
        return self._waited_at == self._done

    def offer(self, event: ObsEvent) -> None:
        """Queue the event, or drop whatever is least important. Never waits for the sink."""
        own = rank(event)
        with self._changed:
            if self._ending:
                self._dropped[own] += 1
                return
            waiting = self._waiting()
            if waiting >= self._limit:
                least = next(at for at, queue in enumerate(self._queues) if queue)
                if least >= own:
                    self._dropped[own] += 1
                    return
                self._queues[least].popleft()
                self._dropped[least] += 1
            self._queues[own].append((self._next, event))
            self._next += 1
            if self._thread is None:
                self._start()
            elif self._idle or waiting == self._limit // 2:
                self._changed.notify_all()

    def wait(self, until: float, *, patient: bool = False) -> bool:
        """Wait until the queue is empty and the sink idle, or the moment `until`; whether it is.

        One that was waited for in vain and has not moved since is not waited for, unless `patient`.
        """
        with self._changed:
            if self.stuck and not patient:
                return self._empty()
            self._waiters += 1
            self._changed.notify_all()
            try:
                done = self._changed.wait_for(self._empty, max(0.0, until - time.monotonic()))
            finally:
                self._waiters -= 1
            if not done:
                self._waited_at = self._done
            return done

    def shed(self, below: int) -> None:
        """Give up what waits, of this rank and less."""
        with self._changed:
            for at, queue in enumerate(self._queues[: below + 1]):
                self._dropped[at] += len(queue)
                queue.clear()
            self._changed.notify_all()

    def end(self) -> None:
        """No more events after those that wait; then the thread closes the sink and ends."""
        with self._changed:
            self._ending = True
            if self._thread is None:
                self._start()
            self._changed.notify_all()

    def join(self, until: float) -> None:
        """Wait until the sink is closed, or the moment `until`."""
        thread = self._thread
        if thread is not None:
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                with self._changed:
                    self._waited_at = self._done

    @property
    def ended(self) -> bool:
        """Whether its thread, where it had one, has ended."""
        return self._thread is None or not self._thread.is_alive()

    @property
    def sound(self) -> bool:
        """Whether the sink takes what it is given."""
        return not self._failed and not self.stuck

    def loss(self) -> Loss:
        """What the sink missed so far."""
        with self._changed:
            return Loss(self.name, tuple(self._dropped), self._failed, self._why)

    def _waiting(self) -> int:
        return sum(map(len, self._queues))

    def _empty(self) -> bool:
        return not self._busy and not any(self._queues)

    def _start(self) -> None:
        """Start the thread; the lock is held."""
        thread = threading.Thread(target=self._serve, args=(self._changed,), name=f"sr-sink-{self.name}", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # no thread to be had: the interpreter is ending
            self._note(error)
            self._give_up(self._queues)
        else:
            self._thread = thread

    def _give_up(self, queues: Iterable[deque[tuple[int, ObsEvent]]]) -> None:
        for at, queue in enumerate(queues):
            self._dropped[at] += len(queue)
            queue.clear()

    def _serve(self, changed: threading.Condition) -> None:
        """The thread: what waits goes to the sink, until there is nothing more to do."""
        while events := self._take(changed):
            try:
                if self._at_once is None:
                    self.sink.emit(events[0])
                else:
                    self._at_once(events)
            except BaseException as error:  # noqa: BLE001 - telemetry never blocks truth (spec: mission, law 10)
                self._fail(error)
        if self._thread is threading.current_thread():  # else it was idle, and perhaps another has begun
            try:
                self.sink.close()
            except BaseException as error:  # noqa: BLE001 - as above
                self._fail(error)

    def _take(self, changed: threading.Condition) -> list[ObsEvent]:
        """The oldest event, or all in order for a sink that takes several; none when the thread is to end."""
        with changed:
            if self._busy:
                self._busy = False
                self._done += 1
                changed.notify_all()
            if not self._awaited(changed):
                return []
            self._busy = True
            if self._at_once is None:
                oldest = min((queue for queue in self._queues if queue), key=lambda queue: queue[0][0])
                return [oldest.popleft()[1]]
            changed.wait_for(self._hurried, GATHER_S)
            taken = sorted(one for queue in self._queues for one in queue)
            for queue in self._queues:
                queue.clear()
            return [event for _, event in taken]

    def _awaited(self, changed: threading.Condition) -> bool:
        """Wait for an event; False when the thread is to end. The lock is held."""
        while not any(self._queues):
            if self._ending:
                return False
            self._idle = True
            told = changed.wait(IDLE_S)
            self._idle = False
            if not told and not any(self._queues) and not self._ending:
                self._thread = None
                return False
        return True

    def _hurried(self) -> bool:
        """Whether what waits is not to wait for more."""
        return self._ending or self._waiters > 0 or self._waiting() > self._limit // 2

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            self._note(error)

    def _note(self, error: BaseException) -> None:
        self._failed += 1
        if self._why is None:
            self._why = one_line(described(error))
