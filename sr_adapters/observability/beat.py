"""A line now and then while an engine runs, so that a person who watches knows that something does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from sr_domain.record.events import ENGINE_ATTEMPT_LAUNCH_REQUESTED
from sr_ports import ObsEvent

EVERY_S = 30.0


class EngineBeat:
    """Says, every `every_s` seconds, how long the engine of the last event has run.

    `say` is given the run's pins and the sentence, on a thread of its own.
    """

    def __init__(self, say: Callable[[Mapping[str, Any], str], None], every_s: float = EVERY_S) -> None:
        self._say, self._every_s = say, every_s
        self._ended: threading.Event | None = None

    def heard(self, event: ObsEvent) -> None:
        """An engine that begins is told of from now on; any other event that is told ends that."""
        if event.severity == "DEBUG":  # its output among it
            return
        self.close()
        if event.event_kind == ENGINE_ATTEMPT_LAUNCH_REQUESTED.name:
            self._ended = threading.Event()
            work = (self._ended, dict(event.pins), time.monotonic())
            threading.Thread(target=self._run, args=work, daemon=True, name="engine beat").start()

    def close(self) -> None:
        """Say nothing more."""
        if self._ended is not None:
            self._ended.set()
            self._ended = None

    def _run(self, ended: threading.Event, pins: Mapping[str, Any], began: float) -> None:
        while not ended.wait(self._every_s):
            self._say(pins, f"the engine is running, {_length(time.monotonic() - began)} so far")


def _length(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
