"""The loop of an always-on service: looks for runs that are due, and takes them on (spec: behaviour, "resume").

It resumes what a crash left, closes what waits at its deadline, and finishes publications. Any number of loops share a
store: each claims what it works on, and a lease says who writes.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable
from typing import Self

import attrs

from sr_domain.record import details, events
from sr_domain.record.details import Standing
from sr_domain.record.kinds import Happening
from sr_domain.run.outcome import Outcome
from sr_domain.run.telemetry import RunTelemetry
from sr_domain.run.trouble import Trouble
from sr_domain.runner import ScenarioRunner
from sr_plugins.uses.looks import Looks, pause_after
from sr_ports import DueClaim

WORKERS = 4
EVERY_S = 2.0
"""Seconds between two looks at what is due, where nothing is."""
STANDING_S = 60.0
"""Seconds between two counts of what is not settled, for telemetry: a count reads every such row of the index."""
_MOST_S = 60.0
"""The longest pause between two looks while the authority is away."""

Heard = Callable[[str, Outcome | Trouble], None]


def _nobody(run_id: str, done: Outcome | Trouble) -> None:
    """Nobody hears."""


class Background:
    """Works on what is due, in threads of its own, until it is stopped. A context manager.

    `runner`: closed by whoever made it, after the loop. `workers`: how many runs at once. `every_s`: seconds between
    two looks while nothing is due. `heard`: told of each look, from any thread; what it raises is dropped.
    `jitter`: from 0 to 1, so that loops that met one trouble do not all come back at once.

    Nothing that a look meets ends the loop: it goes on less often, and telemetry is told.
    """

    def __init__(
        self,
        runner: ScenarioRunner,
        *,
        workers: int = WORKERS,
        every_s: float = EVERY_S,
        heard: Heard = _nobody,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._runner, self._workers, self._every_s, self._heard = runner, workers, every_s, heard
        self._over, self._ending = threading.Event(), threading.Event()
        self._looks = Looks(runner.until(self._ending.is_set), jitter=jitter)
        self._jitter = jitter
        self._changed = threading.Condition()
        self._at_work: set[threading.Thread] = set()
        self._worked, self._missed = 0, 0
        self._trouble: str | None = None
        self._told: Standing | None = None
        self._tell_at = time.monotonic()
        self._loop = threading.Thread(target=self._run, name="sr-loop", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to look. Once."""
        self._tell(events.LOOP_STARTED(details.Looping(self._workers, self._every_s)))
        self._loop.start()

    def stop(self, *, finish_s: float = 20.0, end_s: float = 10.0) -> bool:
        """Begin nothing more, and end; True where no run is at work any more. Twice is as good as once.

        Runs at work may finish for `finish_s` seconds. Then they are asked to end, for `end_s` seconds: each gives its
        lease up, and whoever looks next goes on with it. What is still at work then keeps its lease until it ends, or
        until the process does and the lease lapses.
        """
        first = not self._over.is_set()
        with self._changed:
            self._over.set()
            self._changed.notify_all()
            ended = self._changed.wait_for(self._idle, finish_s)
        self._ending.set()
        with self._changed:
            ended = ended or self._changed.wait_for(self._idle, end_s)
            left = len(self._at_work)
        if self._loop.ident is not None:
            self._loop.join(timeout=max(0.0, end_s) if ended else 0.0)
        if first:
            self._tell(events.LOOP_STOPPED(details.Looped(self._worked, left)))
        return ended

    @property
    def alive(self) -> bool:
        """Whether it looks for what is due."""
        return self._loop.is_alive() and not self._over.is_set()

    @property
    def trouble(self) -> str | None:
        """What the last look at the authority met; None where it went well."""
        return self._trouble

    def _idle(self) -> bool:
        return not self._at_work

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                pause_s = self._look()
            except BaseException as error:  # noqa: BLE001 - the thread's outer edge: the loop outlives whatever it met
                pause_s = self._away(error)
            self._tell_standing()
            self._over.wait(pause_s)

    def _look(self) -> float:
        """Claim as many as there are workers for, and put them to work; seconds until the next look."""
        with self._changed:
            self._changed.wait_for(lambda: self._over.is_set() or len(self._at_work) < self._workers)
            free = self._workers - len(self._at_work)
        if self._over.is_set():
            return 0.0
        claims = self._looks.claim(free)
        self._missed, self._trouble = 0, None
        for claim in claims:
            self._begin(claim)
        return 0.0 if len(claims) == free else self._every_s * (0.75 + self._jitter() / 2)

    def _begin(self, claim: DueClaim) -> None:
        thread = threading.Thread(target=self._work, args=(claim,), name="sr-loop-run", daemon=True)
        with self._changed:
            self._at_work.add(thread)
        if self._over.is_set() or not _started(thread):  # whoever looks next has the run at once
            self._done(thread)
            self._looks.give_back(claim)

    def _work(self, claim: DueClaim) -> None:
        try:
            done = self._looks.work(claim)
            self._worked += 1
            if isinstance(done, Trouble) and self._looks.is_news(done):
                self._tell(events.LOOP_TROUBLED(details.Refused(done.error.code, done.error.what)), claim.run_id)
            if done is not None:
                with contextlib.suppress(Exception):  # whoever hears is no run's trouble
                    self._heard(claim.run_id, done)
        except KeyboardInterrupt:  # a plugin's own: signals strike in the main thread
            self._looks.give_back(claim)
        finally:
            self._done(threading.current_thread())

    def _done(self, thread: threading.Thread) -> None:
        with self._changed:
            self._at_work.discard(thread)
            self._changed.notify_all()

    def _away(self, error: BaseException) -> float:
        """The authority, or the store, did not answer: seconds until the next look, ever more of them."""
        told = self._looks.trouble_of("", error)
        if self._trouble != told.error.code.value:
            self._tell(events.LOOP_TROUBLED(details.Refused(told.error.code, told.error.what)))
        self._trouble, self._missed = told.error.code.value, self._missed + 1
        return pause_after(self._missed, least_s=self._every_s, most_s=_MOST_S, jitter=self._jitter())

    def _tell_standing(self) -> None:
        """Count what is not settled, now and then; what has to be counted long is counted less often."""
        began = time.monotonic()
        if began < self._tell_at or self._trouble is not None:
            return
        with contextlib.suppress(Exception):
            self._told = self._runner.tell_standing(self._told)
        self._tell_at = time.monotonic() + max(STANDING_S, 20 * (time.monotonic() - began))

    def _tell(self, happening: Happening, run_id: str | None = None) -> None:
        ports, pins = self._runner.ports, {} if run_id is None else {"run_id": run_id}
        RunTelemetry(ports.telemetry, ports.clock, pins, attrs.asdict(self._runner.policy.rev)).event(happening)


def _started(thread: threading.Thread) -> bool:
    """Whether there was a thread to be had."""
    try:
        thread.start()
    except RuntimeError:
        return False
    return True
