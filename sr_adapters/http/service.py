"""The service: what every request works with, and how it comes to an end."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Mapping
from concurrent.futures import wait
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from sr_adapters.answers import hides, plugins_told
from sr_adapters.http.actors import Actors
from sr_adapters.http.health import Readiness
from sr_adapters.http.pool import Pool

if TYPE_CHECKING:
    from sr_domain.runner import ScenarioRunner
    from sr_plugins.documents.profile import Profile


PATIENCE_S = 0.02
"""Seconds without a turn after which short answers get one thread more."""


class Looping(Protocol):
    """Works on runs that nobody asks for now: what a crash left, what waits, what is to be published."""

    @property
    def alive(self) -> bool:
        """Whether it looks for what is due."""

    def start(self) -> None:
        """Begin to look. Once."""

    def stop(self, *, finish_s: float, end_s: float) -> bool:
        """Begin nothing more; runs at work may finish, then are put down. Whether none is at work any more."""


class Service:
    """A runner, who may ask it for what, and the threads that it is asked in.

    `draining`: set when the service is to end, no run is taken on any more, and nobody is kept waiting. `stopping`: set
    when the runs in flight are to be put down: the calls of `runner` then end early. `background`: what works on
    runs that nobody asks for now; None for nothing. `streams`: how many records are followed now. `described`: the
    OpenAPI document.
    """

    def __init__(
        self,
        runner: ScenarioRunner,
        profile: Profile,
        background: Looping | None = None,
    ) -> None:
        self.profile, self.settings = profile, profile.service
        hides(profile.taken.unquoted)
        self.draining, self.stopping = threading.Event(), threading.Event()
        self._drained = asyncio.Event()
        self.runner = runner.until(self.stopping.is_set)
        self.actors = Actors(runner.settings, runner.ports.authenticator)
        self.readers = Pool("sr-read", self.settings.readers, self.settings.connections, PATIENCE_S)
        self.runs = Pool("sr-run", self.settings.runs, self.settings.backlog)
        self.ready = Readiness(runner, lambda: background is None or background.alive)
        self.background = background
        self.streams = 0
        self._loop_ended = True
        self.described = b""

    def metrics(self) -> bytes | None:
        """What this replica counted, in Prometheus's text format; None where no sink counts."""
        told = getattr(self.runner.ports.telemetry, "exposition", None)
        counted: bytes | None = None if told is None else told()
        return counted

    def plugins(self) -> Mapping[str, Any]:
        """Adapters and laws by port. What is installed stays as it is for as long as the process lives."""
        return self._plugins

    @cached_property
    def _plugins(self) -> Mapping[str, Any]:
        from sr_plugins.wiring.wire import survey

        return plugins_told(self.profile, survey(self.profile))

    async def drained(self, seconds: float) -> None:
        """Return after so long, or once the service drains."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._drained.wait()

    @property
    def drain_begun(self) -> asyncio.Event:
        """Set when the service drains, for the event loop."""
        return self._drained

    def drain(self) -> None:
        """Keep nobody waiting: begun where the event loop runs."""
        self.draining.set()
        self._drained.set()

    def end(self) -> int:
        """Let runs in flight finish within their time, then have them put down; how many are still not.

        Blocks for `grace_s` and `stop_s` at most. What is left is resumable as after a crash: its lease runs out.
        """
        calls = {*self.runs.end(), *self.readers.end()}
        loop = threading.Thread(target=self._end_background, name="sr-end", daemon=True)
        loop.start()
        _, left = wait(calls, self.settings.grace_s)
        self.stopping.set()
        _, left = wait(left, self.settings.stop_s)
        loop.join(self.settings.grace_s + self.settings.stop_s)
        return len(left) + loop.is_alive() + (not self._loop_ended)

    def _end_background(self) -> None:
        if self.background is not None:
            self._loop_ended = False
            self._loop_ended = self.background.stop(finish_s=self.settings.grace_s, end_s=self.settings.stop_s)
