"""The workers of one runner: started when first needed, used again, replaced after a crash or a time-out."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sr_domain.evidence.provided_law import LawStopped, Question
from sr_plugins.host.loading import Source
from sr_plugins.isolation.conversation import Asked, Conversation, Raised, loaded
from sr_plugins.isolation.frames import Ended, Garbled
from sr_plugins.isolation.offered import Offered
from sr_plugins.isolation.process import Worker
from sr_plugins.isolation.watch import LOOKS_S, Watch
from sr_ports import BundleView

START_S = 30.0
"""Seconds that a worker may take to start and to load its plugin."""


class _Stale(Exception):
    """A worker that had rested was gone before it said a word: it ended while nobody looked, by nobody's law."""


class LawWorkers:
    """Judges by laws in processes of their own. Safe to use from several threads, and after a fork.

    `most`: how many processes there are at once. `limit_s`: seconds of a law's own time. `env`: theirs.
    """

    def __init__(self, most: int, limit_s: float, env: Mapping[str, str]) -> None:
        self._most, self._limit_s, self._env = most, limit_s, dict(env)
        self._begin()
        self._finalizer = weakref.finalize(self, _end_all, self._all, self._pid)

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._changed = threading.Condition()
        self._idle: list[Worker] = []
        self._all: set[Worker] = set()
        self._busy = 0
        self._starter: ThreadPoolExecutor | None = None

    def judged(
        self,
        source: Source,
        kind: str,
        bundle: BundleView,
        check: Callable[[], None],
        question: Question = "digest",
        flag: bytes = b"",
    ) -> Any:
        """What the law answers; see `WatchedLaw`. Waits for a worker where as many as there may be are at work."""
        asked = Asked(kind, question, flag)
        while True:
            with contextlib.suppress(_Stale):
                return self._judged(source, asked, bundle, check)

    def _judged(self, source: Source, asked: Asked, bundle: BundleView, check: Callable[[], None]) -> Any:
        worker = self._take(source, check)
        try:
            with self._watched(worker, self._limit_s, check) as watch:
                answer = self._outcome(worker, watch, lambda: Conversation(worker, bundle, watch).judged(asked))
        except Raised as raised:
            self._give_back(worker)
            raise raised.taken() from None
        except BaseException:
            self._drop(worker)
            raise
        self._give_back(worker)
        return answer

    def offered(self, source: Source) -> Offered:
        """What a worker finds in a plugin. Raises `LawStopped`."""
        worker = self._take(source, lambda: None)
        self._give_back(worker)
        return worker.offered

    def close(self) -> None:
        """End every worker that is idle; a later call starts others."""
        with self._changed:
            idle, self._idle = self._idle, []
        for worker in idle:
            self._end(worker)

    def _watched(self, worker: Worker, limit_s: float, check: Callable[[], None]) -> Watch:
        return Watch(limit_s, check=check, alive=lambda: worker.alive, end=worker.kill)

    def _outcome(self, worker: Worker, watch: Watch, work: Callable[[], Any]) -> Any:
        """What `work` gives. An end of the worker is told by its cause."""
        try:
            return work()
        except Garbled as garbled:
            raise LawStopped(f"its process answered with garbage: {garbled}") from None
        except Ended:
            how = worker.end()
        if watch.refused is not None:
            raise watch.refused
        if worker.rested and not watch.late:
            raise _Stale
        if watch.late:
            raise LawStopped(f"it ran for more than {watch.limit_s:g} s", late=True)
        raise LawStopped(how)

    def _take(self, source: Source, check: Callable[[], None]) -> Worker:
        """A worker with that plugin: an idle one, else another. Raises `LawStopped`, and what `check` raises."""
        if self._pid != os.getpid():
            for worker in self._all:
                worker.abandon()
            self._finalizer.detach()
            self._begin()
            self._finalizer = weakref.finalize(self, _end_all, self._all, self._pid)
        while True:
            spare: Worker | None = None
            with self._changed:
                mine = next((one for one in self._idle if one.source == source), None)
                if mine is not None:
                    self._idle.remove(mine)
                    self._busy += 1
                elif self._busy + len(self._idle) < self._most or self._idle:
                    full = self._busy + len(self._idle) >= self._most
                    spare = self._idle.pop(0) if full else None
                    self._busy += 1
                else:
                    self._changed.wait(LOOKS_S)
                    check()
                    continue
            if spare is not None:
                self._end(spare)
            if mine is None:
                return self._started(source, check)
            if mine.alive:
                return mine
            self._drop(mine)

    def _started(self, source: Source, check: Callable[[], None]) -> Worker:
        try:
            worker = self._spawn(source)
        except BaseException:
            self._one_less()
            raise
        try:
            with self._watched(worker, START_S, check) as watch:
                worker.offered = self._outcome(worker, watch, lambda: loaded(worker))
        except BaseException:
            self._drop(worker)
            raise
        return worker

    def _spawn(self, source: Source) -> Worker:
        """Start a process, from a thread that stays: on Linux a child dies with the thread that started it."""
        with self._changed:
            if self._starter is None:
                self._starter = ThreadPoolExecutor(1, "sr-law-starter")
            starter = self._starter
        worker = starter.submit(Worker, source, self._env).result()
        self._all.add(worker)
        return worker

    def _give_back(self, worker: Worker) -> None:
        worker.rested = True
        with self._changed:
            self._idle.append(worker)
        self._one_less()

    def _drop(self, worker: Worker) -> None:
        self._end(worker)
        self._one_less()

    def _one_less(self) -> None:
        with self._changed:
            self._busy -= 1
            self._changed.notify_all()

    def _end(self, worker: Worker) -> None:
        self._all.discard(worker)
        worker.kill()
        worker.end()


def _end_all(workers: set[Worker], pid: int) -> None:
    if os.getpid() != pid:  # a forked child ends: they are its parent's
        return
    for worker in list(workers):
        worker.kill()
        worker.end()
    workers.clear()
