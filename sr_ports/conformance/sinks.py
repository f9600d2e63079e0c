"""The laws of `sr_ports.ObservabilitySink`, as tests.

Subclass `SinkLaws` and give it the fixtures `sink` and `delivered`: a callable that gives what has arrived
so far where the sink delivers to, one text for each event, in order. A sink that keeps some events to itself (DEBUG,
say) keeps to the others here; one whose deliveries nobody can see skips in `delivered`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from sr_ports.conformance.lawful import Laws
from sr_ports.runtime import BatchSink, ObservabilitySink, ObsEvent

Delivered = Callable[[], Sequence[str]]

SECRET = "hunter2hunter2"
AT = "2026-01-31T13:42:00.000000Z"
HOSTILE: Sequence[Any] = (
    "", "a\nb\r\n\tc", "\x1b[2J\x1b]0;title\x07", "ä€😀\u202e\u2028", "half a pair \udce9", "nul \x00", "%s {} \\ \" '",
    "x" * 1_000_000, "<script>alert(1)</script>",
)  # fmt: skip
VALUES: Sequence[Any] = (None, True, 0, -(2**70), 1.5, float("nan"), float("inf"), [], {}, [[{"a": [None, ("b",)]}]])


def an_event(message: str = "admitted", severity: str = "INFO", **details: Any) -> ObsEvent:
    """An event as the core tells it."""
    pins = {"run_id": "ab" * 16, "seed": 7, "platform_run_id": "platform_20260131T134200Z"}
    return ObsEvent("RUN_ACCEPTED", "AUTHORITY", "OK", severity, AT, pins, message=message, details=details)


class SinkLaws(Laws):
    """Laws S1 to S6. Needs `sink` and `delivered`."""

    states = (ObservabilitySink, BatchSink)
    time_limit_s = 30.0

    @pytest.fixture
    def sink(self) -> ObservabilitySink:
        raise NotImplementedError("give the sink under test")

    @pytest.fixture
    def delivered(self) -> Delivered:
        raise NotImplementedError("say how to see what the sink delivered")

    @pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
    def test_s1_no_text_makes_it_raise(self, sink: ObservabilitySink, text: str) -> None:
        for severity in ("DEBUG", "INFO", "WARN", "ERROR"):
            sink.emit(an_event(text, severity, name=text, deep={"list": [text, {"of": text}]}))
        sink.close()

    @pytest.mark.parametrize("value", VALUES, ids=repr)
    def test_s1_no_value_makes_it_raise(self, sink: ObservabilitySink, value: Any) -> None:
        sink.emit(an_event("values", value=value, more={"deep": value}))
        sink.close()

    def test_s1_an_event_without_what_may_be_missing_is_one(self, sink: ObservabilitySink) -> None:
        sink.emit(ObsEvent("STORE_DECIDED", "RECOVERY", "OK", "INFO", AT, {}))
        sink.emit(ObsEvent("GOV_PLAN", "PLAN", "OK", "INFO", AT, {}, {"policy_id": "p"}, "a" * 32, governance=True))
        sink.close()

    def test_s2_many_events_are_taken(self, sink: ObservabilitySink) -> None:
        for number in range(2_000):
            sink.emit(an_event(f"event {number}", number=number))
        sink.close()

    def test_s3_what_is_delivered_is_whole_and_in_order(self, sink: ObservabilitySink, delivered: Delivered) -> None:
        told = [f"event number {number:02} ends here" for number in range(12)]
        for number, message in enumerate(told):
            sink.emit(an_event(message, ("INFO", "WARN", "ERROR")[number % 3]))
        sink.close()
        arrived = list(delivered())
        assert [[one for one in told if one in text] for text in arrived] == [[one] for one in told]

    def test_s3_an_event_is_not_changed_by_telling_it(self, sink: ObservabilitySink) -> None:
        event = an_event("told", deep={"password": SECRET, "list": [1, {"a": "b"}]})
        before = copy.deepcopy((event.message, dict(event.pins), dict(event.details)))
        sink.emit(event)
        sink.close()
        assert (event.message, dict(event.pins), dict(event.details)) == before

    def test_s4_no_secret_leaves(self, sink: ObservabilitySink, delivered: Delivered) -> None:
        dsn = f"postgresql://user:{SECRET}@host/db"
        sink.emit(an_event(f"cannot reach {dsn}", "WARN", dsn=dsn, password=SECRET, deep=[{"token": SECRET}]))
        sink.emit(an_event(f"Authorization: Bearer {SECRET}", "ERROR"))
        sink.close()
        assert SECRET not in "".join(delivered())

    def test_s5_it_is_closed_twice_and_with_nothing_told(self, sink: ObservabilitySink) -> None:
        sink.close()
        sink.close()

    def test_s6_several_at_once_are_as_one_after_the_other(self, sink: ObservabilitySink, delivered: Delivered) -> None:
        if not isinstance(sink, BatchSink):
            pytest.skip("this sink takes one event after the other")
        told = [f"event number {number:02} ends here" for number in range(9)]
        events = [an_event(message) for message in told]
        sink.emit_all(events[:1])
        sink.emit_all(events[1:6])
        sink.emit(events[6])
        sink.emit_all(events[7:])
        sink.close()
        assert [[one for one in told if one in text] for text in delivered()] == [[one] for one in told]
