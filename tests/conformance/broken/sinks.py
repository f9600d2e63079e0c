"""Sinks that break a law each."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from typing import ClassVar

import pytest

from sr_ports import ObsEvent, redact, redacted
from sr_ports.conformance.sinks import SinkLaws
from tests.conformance.broken.making import suites


class SoundSink:
    """A list of lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def emit(self, event: ObsEvent) -> None:
        self.lines.append(redact(self.text(event)))

    def close(self) -> None:
        """Nothing is kept back."""

    def text(self, event: ObsEvent) -> str:
        return f"{event.message} {redacted(dict(event.details))!r}"


class SinkRaises(SoundSink):
    def text(self, event: ObsEvent) -> str:
        return event.message.encode().decode() + json.dumps(dict(event.details), allow_nan=False)


class SinkBlocks(SoundSink):
    def emit(self, event: ObsEvent) -> None:
        if len(self.lines) < 1000:
            super().emit(event)
        else:
            threading.Event().wait(600)


class SinkLoses(SoundSink):
    def emit(self, event: ObsEvent) -> None:
        if event.severity != "ERROR":
            super().emit(event)


class SinkReorders(SoundSink):
    def emit(self, event: ObsEvent) -> None:
        self.lines.insert(0, redact(self.text(event)))


class SinkTears(SoundSink):
    def text(self, event: ObsEvent) -> str:
        return super().text(event)[:20]


class SinkKeepsBack(SoundSink):
    def close(self) -> None:
        self.lines.pop() if self.lines else None


class SinkLeaks(SoundSink):
    def emit(self, event: ObsEvent) -> None:
        self.lines.append(f"{event.message} {dict(event.details)!r}")


class SinkMasksInPlace(SoundSink):
    def emit(self, event: ObsEvent) -> None:
        super().emit(event)
        event.details.update(redacted(dict(event.details)))  # type: ignore[attr-defined]


class SinkClosesOnce(SoundSink):
    def close(self) -> None:
        del self.lines


class SinkBatchReverses(SoundSink):
    def emit_all(self, events: Iterable[ObsEvent]) -> None:
        for event in reversed(list(events)):
            self.emit(event)


class SinkSuite(SinkLaws):
    __test__ = False
    kind: ClassVar[Callable[[], SoundSink]]

    @pytest.fixture
    def sink(self) -> SoundSink:
        return type(self).kind()

    @pytest.fixture
    def delivered(self, sink: SoundSink) -> Callable[[], list[str]]:
        return lambda: sink.lines


class TestSoundSink(SinkSuite):
    __test__ = True
    kind = SoundSink


globals().update(suites(SinkSuite, [
    (SinkRaises, "S1"), (SinkLoses, "S3"), (SinkReorders, "S3"), (SinkTears, "S3"), (SinkKeepsBack, "S3"),
    (SinkMasksInPlace, "S3"), (SinkLeaks, "S4"), (SinkClosesOnce, "S5"), (SinkBatchReverses, "S6"),
]))  # fmt: skip
globals().update(suites(SinkSuite, [(SinkBlocks, "S2")], time_limit_s=1.0))
