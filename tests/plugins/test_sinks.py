"""A queue and a thread for every sink: none delays a run, hides anything from another or is lost silently."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_plugins.wiring import outlet, sinks
from sr_plugins.wiring.sinks import CLOSE_S, FanOut
from sr_ports import ObsEvent

REPO = Path(__file__).resolve().parents[2]


def event(at: int = 0, severity: str = "INFO", *, governance: bool = False) -> ObsEvent:
    return ObsEvent(
        "RUN_ACCEPTED", "AUTHORITY", "OK", severity, "2026-01-31T13:42:00Z", {}, message=str(at), governance=governance
    )


@attrs.define
class Sink:
    """Remembers what it got. `gate`: what every event waits for."""

    gate: threading.Event | None = None
    raises: BaseException | None = None
    got: list[ObsEvent] = attrs.field(factory=list)
    threads: set[int] = attrs.field(factory=set)
    closed: int = 0

    def emit(self, event: ObsEvent) -> None:
        self.threads.add(threading.get_ident())
        if self.gate is not None:
            self.gate.wait(60)
        if self.raises is not None:
            raise self.raises
        self.got.append(event)

    def close(self) -> None:
        self.closed += 1

    @property
    def messages(self) -> list[str]:
        return [one.message for one in self.got]

    @property
    def kinds(self) -> list[str]:
        return [one.event_kind for one in self.got]


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Shut; opened when the test is over, so that no thread is left behind."""
    shut = threading.Event()
    yield shut
    shut.set()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> float:
    """Closing takes at most this many seconds."""
    monkeypatch.setattr(sinks, "CLOSE_S", 0.4)
    monkeypatch.setattr(sinks, "_LAST_WORD_S", 0.1)
    return 0.4


def test_events_arrive_in_order_on_one_thread_of_the_sinks_own() -> None:
    sink = Sink()
    fan = FanOut([sink])
    for at in range(500):
        fan.emit(event(at, ("DEBUG", "INFO", "WARN")[at % 3]))
    fan.close()
    assert sink.messages == [str(at) for at in range(500)]
    assert len(sink.threads) == 1
    assert threading.get_ident() not in sink.threads
    assert (sink.closed, fan.dropped) == (1, 0)


def test_a_hanging_sink_delays_nobody_and_hides_nothing_from_the_others(gate: threading.Event, short: float) -> None:
    hanging, sound = Sink(gate), Sink()
    fan = FanOut([hanging, sound], ["hanging", "sound"])
    waits: list[float] = []
    for at in range(200):
        begun = time.perf_counter()
        fan.emit(event(at))
        waits.append(time.perf_counter() - begun)
    assert sorted(waits)[len(waits) // 2] < 0.001
    assert fan.flush(0.05) is False
    begun = time.perf_counter()
    fan.flush(10)  # it is not waited for twice
    assert time.perf_counter() - begun < 5
    assert sound.messages == [str(at) for at in range(200)]
    begun = time.perf_counter()
    fan.close()
    assert time.perf_counter() - begun < short + 2
    assert sound.closed == 1
    assert sound.kinds[-1] == "TELEMETRY_LOST"
    (loss,) = fan.losses()
    assert (loss.sink, loss.by_rank, loss.failed) == ("hanging", (0, 199, 0), 0)
    assert loss.sentence() in sound.messages[-1]


class Mute(Exception):
    """One whose own text fails."""

    def __str__(self) -> str:
        raise ZeroDivisionError


@pytest.mark.parametrize("error", [OSError("disk gone"), SystemExit(3), GeneratorExit(), KeyboardInterrupt(), Mute()])
def test_a_sink_that_raises_is_counted_and_told_of(error: BaseException) -> None:
    broken, sound = Sink(raises=error), Sink()
    fan = FanOut([broken, sound], ["broken of acme 1.2", "sound"])
    fan.emit(event(1))
    fan.emit(event(2))
    fan.close()
    assert sound.messages[:2] == ["1", "2"]
    (told,) = sound.got[2:]
    assert (told.event_kind, told.severity) == ("TELEMETRY_LOST", "WARN")
    assert "the sink broken of acme 1.2 missed telemetry: 2 calls failed" in told.message
    assert type(error).__name__ in told.message


def test_where_no_sink_can_be_told_of_a_loss_it_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    fan = FanOut([Sink(raises=OSError("disk gone"))], ["file"])
    fan.emit(event())
    fan.close()
    assert caplog.messages == ["the sink file missed telemetry: 1 calls failed, the first with OSError: disk gone"]


def test_all_is_well_and_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    fan = FanOut([Sink(), Sink()])
    fan.emit(event())
    fan.close()
    assert caplog.messages == []
    assert fan.losses() == ()


def test_when_a_queue_is_full_debug_goes_first_then_info_and_governance_and_warnings_last(
    gate: threading.Event,
) -> None:
    sink = Sink(gate)
    fan = FanOut([sink], limit=4)
    fan.emit(event(0))
    while not sink.threads:  # the thread holds that one: the queue is empty
        time.sleep(0.001)
    arriving = [
        event(1, "DEBUG"), event(2), event(3, governance=True), event(4, "WARN"),  # full
        event(5, "DEBUG"),  # nothing lesser waits: not taken
        event(6, "ERROR"),  # for the first
        event(7),  # not taken
        event(8, "WARN"),  # for the second
        event(9, governance=True), event(10, "DEBUG"),  # all are more important or as important
    ]  # fmt: skip
    for one in arriving:
        fan.emit(one)
    gate.set()
    fan.close()
    assert sink.messages == ["0", "3", "4", "6", "8"]
    (loss,) = fan.losses()
    assert loss.by_rank == (3, 2, 1)


def test_what_closing_has_no_time_for_is_given_up_in_that_order_too(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sink gets through when INFO and DEBUG were given up, and still has the rest."""
    sink = Sink(gate)
    fan = FanOut([sink])
    fan.emit(event(0))
    while not sink.threads:
        time.sleep(0.001)
    for at, severity in enumerate(("DEBUG", "INFO", "WARN"), 1):
        fan.emit(event(at, severity))
    shed = outlet.Outlet.shed

    def shed_and_open(self: outlet.Outlet, below: int) -> None:
        shed(self, below)
        if below == 1:  # DEBUG and INFO were given up: now the sink moves on
            gate.set()

    monkeypatch.setattr(outlet.Outlet, "shed", shed_and_open)
    fan.close()
    assert sink.messages == ["0", "3"]
    assert [loss.by_rank for loss in fan.losses()] == [(1, 1, 0)]


def test_closing_twice_and_events_after_it_do_no_harm() -> None:
    sink = Sink()
    fan = FanOut([sink])
    fan.emit(event(1))
    fan.close()
    fan.close()
    fan.emit(event(2))
    fan.close()
    assert (sink.messages, sink.closed) == (["1"], 1)
    assert fan.dropped == 1


def test_closing_is_bounded_for_all_sinks_together(gate: threading.Event, short: float) -> None:
    fan = FanOut([Sink(gate) for _ in range(5)])
    fan.emit(event())
    begun = time.perf_counter()
    fan.close()
    assert time.perf_counter() - begun < short + 2
    assert CLOSE_S == 2.0


def test_an_idle_sink_has_no_thread_and_gets_one_with_the_next_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlet, "IDLE_S", 0.01)
    sink = Sink()
    fan = FanOut([sink], ["idle"])
    fan.emit(event(1))
    until = time.monotonic() + 10
    while any(one.name == "sr-sink-idle" for one in threading.enumerate()):
        assert time.monotonic() < until
        time.sleep(0.005)
    assert sink.closed == 0
    fan.emit(event(2))
    fan.close()
    assert (sink.messages, sink.closed) == (["1", "2"], 1)


def test_many_threads_lose_nothing() -> None:
    sink = Sink()
    fan = FanOut([sink], limit=100_000)

    def tell() -> None:
        for at in range(200):
            fan.emit(event(at))

    threads = [threading.Thread(target=tell) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fan.close()
    assert len(sink.got) == 1600


SCRIPT = """
import os, sys, time, threading
from sr_plugins.wiring.sinks import FanOut, flush_all
from sr_ports import ObsEvent

class Sink:
    def emit(self, event):
        {emit}
    def close(self):
        os.write(1, b"closed ")

fan = FanOut([Sink()])
fan.emit(ObsEvent("X", "COMMIT", "OK", "WARN", "2026-01-31T13:42:00Z", {{}}, message="told"))
"""


def script(emit: str, more: str = "") -> tuple[str, float]:
    begun = time.perf_counter()
    code = SCRIPT.format(emit=emit) + more
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout, time.perf_counter() - begun


def test_a_process_that_ends_without_close_has_told_all() -> None:
    said, _ = script("os.write(1, event.message.encode() + b' ')")
    assert said == "told closed "


def test_a_hanging_sink_does_not_keep_the_process_alive() -> None:
    said, seconds = script("time.sleep(3600)")
    assert said == ""
    assert seconds < 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_tells_its_own_story_and_not_the_parents() -> None:
    more = """
flush_all(10)
pid = os.fork()
fan.emit(ObsEvent("X", "COMMIT", "OK", "WARN", "2026-01-31T13:42:00Z", {}, message="parent" if pid else "child"))
if pid:
    os.waitpid(pid, 0)
"""
    said, _ = script("os.write(1, event.message.encode() + b' ')", more)
    assert sorted(said.split()) == ["child", "closed", "closed", "parent", "told"]


def test_flushing_waits_for_every_fan_out_that_is_open() -> None:
    gates = [threading.Event(), threading.Event()]
    slow = [Sink(gate) for gate in gates]
    fans = [FanOut([sink]) for sink in slow]
    for fan in fans:
        fan.emit(event())
    openers: list[Any] = [threading.Timer(0.05, gate.set) for gate in gates]
    for opener in openers:
        opener.start()
    sinks.flush_all(20)
    assert [len(sink.got) for sink in slow] == [1, 1]
    for fan in fans:
        fan.close()


def test_what_a_sink_misses_while_it_is_closed_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Late(Sink):
        def close(self) -> None:
            raise OSError("the collector is away")

    fan = FanOut([Late(), Sink()], ["late", "sound"])
    fan.emit(event())
    fan.close()
    assert caplog.messages == [
        "the sink late missed telemetry: 1 calls failed, the first with OSError: the collector is away"
    ]


def test_a_sink_that_is_not_done_in_time_is_logged(
    gate: threading.Event, short: float, caplog: pytest.LogCaptureFixture
) -> None:
    class Slow(Sink):
        def close(self) -> None:
            gate.wait(60)

    fan = FanOut([Slow(), Sink()], ["slow", "sound"])
    fan.emit(event())
    fan.close()
    assert caplog.messages == ["the sink slow was not done in time: it may miss telemetry"]


def test_debug_events_are_dropped_where_nobody_wants_them() -> None:
    sink = Sink()
    fan = FanOut([sink], drop_debug=True)
    fan.emit(event(1, "DEBUG"))
    fan.emit(event(2))
    fan.close()
    assert (sink.messages, fan.dropped) == (["2"], 0)


@pytest.mark.parametrize(
    ("asked", "given"), [(5.0, 5.0), (0.1, CLOSE_S), (1e9, 30.0), (float("nan"), CLOSE_S), ("x", CLOSE_S)]
)
def test_a_sink_may_ask_for_time_to_close_within_a_bound(asked: Any, given: float) -> None:
    class Patient(Sink):
        close_s = asked

    assert FanOut([Patient(), Sink()]).close_s == given


def test_a_sink_that_raises_when_it_is_asked_of_itself_is_one_like_any() -> None:
    class Odd(Sink):
        @property
        def traces(self) -> bool:
            raise ZeroDivisionError

        @property
        def close_s(self) -> float:
            raise ZeroDivisionError

    fan = FanOut([Odd()])
    assert (fan.traces, fan.close_s) == (False, CLOSE_S)


@pytest.mark.parametrize("loses", [True, False])
def test_the_others_are_told_of_a_loss_while_the_process_goes_on(monkeypatch: pytest.MonkeyPatch, loses: bool) -> None:
    """A service lives for weeks: what its sinks miss is no news of its last hour."""
    monkeypatch.setattr(sinks, "TELL_EVERY_S", 0.0)
    broken, sound = Sink(raises=OSError("disk gone") if loses else None), Sink()
    fan = FanOut([broken, sound], ["broken", "sound"])
    for at in range(3):
        fan.emit(event(at))
        assert fan.flush(30)
    told = [one for one in sound.got if one.event_kind == "TELEMETRY_LOST"]
    assert [one.details["failed"] for one in told] == ([1, 1] if loses else [])  # each loss once
    fan.close()
    told = [one for one in sound.got if one.event_kind == "TELEMETRY_LOST"]
    assert sum(one.details["failed"] for one in told) == (3 if loses else 0)


class Shows(Sink):
    """Shows what it got."""

    def exposition(self) -> bytes:
        return ",".join(self.messages).encode()


def test_what_a_sink_shows_has_all_that_was_told_before() -> None:
    fan = FanOut([Sink(), Shows()])
    for at in range(3):
        fan.emit(event(at))
    assert fan.exposition() == b"0,1,2"
    fan.close()
    assert fan.exposition() == b"0,1,2"


def test_a_sink_that_hangs_shows_what_it_had(gate: threading.Event) -> None:
    fan = FanOut([Shows(gate)])
    fan.emit(event(1))
    assert fan.exposition(within_s=0.05) == b""


def test_where_no_sink_counts_there_is_nothing_to_show() -> None:
    assert FanOut([Sink()]).exposition() is None
