"""Work that is put off: in order, once, at the limit, after a while and at the end; and spans of what comes in."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence

import pytest

from sr_adapters.observability import spans
from sr_adapters.observability.deferred import Deferred
from sr_adapters.observability.spans import Spans
from sr_domain.encoding.ids import span_id_for
from sr_ports import Begun, ObsEvent

RUN = "ab" * 16


def event(kind: str = "RUN_ACCEPTED", at: int = 0, run: object = RUN, **parts: Begun) -> ObsEvent:
    return ObsEvent(
        kind, "COMMIT", "OK", "INFO", f"2026-01-31T13:42:{at:02}Z", {"run_id": run}, message=str(at), spans=parts
    )


class Work:
    """Remembers what it was given. `raises`: at the next call."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.threads: set[int] = set()
        self.raises: Exception | None = None
        self.ended = threading.Event()

    def __call__(self, events: Sequence[ObsEvent]) -> None:
        raises, self.raises = self.raises, None
        self.threads.add(threading.get_ident())
        self.done += [one.message for one in events]
        self.ended.set()
        if raises is not None:
            raise raises


def test_nothing_is_done_before_it_is_time_and_at_the_end_all_of_it() -> None:
    work = Work()
    deferred = Deferred(work, after_s=3600, limit=100)
    for at in range(5):
        deferred.add([event(at=at)])
    assert work.done == []
    deferred.now()
    deferred.now()
    assert work.done == ["0", "1", "2", "3", "4"]
    assert work.threads == {threading.get_ident()}


def test_at_the_limit_nothing_is_kept() -> None:
    work = Work()
    deferred = Deferred(work, after_s=3600, limit=3)
    deferred.add([event(at=at) for at in range(2)])
    deferred.add([event(at=at) for at in range(2, 4)])
    assert work.done == ["0", "1", "2", "3"]


def test_after_a_while_it_is_done_on_a_thread_of_its_own_and_again_for_what_comes_later() -> None:
    work = Work()
    deferred = Deferred(work, after_s=0.01, limit=100)
    for at in range(2):
        work.ended.clear()
        deferred.add([event(at=at)])
        assert work.ended.wait(60)
    deferred.now()
    assert work.done == ["0", "1"]
    assert threading.get_ident() not in work.threads


def test_what_work_raised_in_between_is_raised_at_the_next_call_and_once() -> None:
    work = Work()
    deferred = Deferred(work, after_s=0.01, limit=100)
    work.raises = OSError("away")
    deferred.add([event()])
    assert work.ended.wait(60)
    until = time.monotonic() + 60
    while deferred._trouble is None:
        assert time.monotonic() < until
        time.sleep(0.001)
    with pytest.raises(OSError, match="away"):
        deferred.now()
    deferred.now()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_does_not_do_its_parents_work() -> None:
    work = Work()
    deferred = Deferred(work, after_s=3600, limit=100)
    deferred.add([event(at=1)])
    pid = os.fork()
    if pid == 0:
        deferred.add([event(at=2)])
        deferred.now()
        os._exit(0 if work.done == ["2"] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    deferred.now()
    assert work.done == ["1"]


def test_a_request_that_was_received_is_ingress_until_it_was_answered() -> None:
    made = Spans()
    assert list(made.of(event("RUN_REQUEST_RECEIVED", 1))) == []
    (ingress,) = made.of(event("RUN_REQUEST_DUPLICATE", 3))
    assert (ingress.name, ingress.trace_id, ingress.began[-3:], ingress.ended[-3:]) == ("Ingress", RUN, "01Z", "03Z")
    assert ingress.parent == span_id_for(RUN, "SR.Run")
    assert list(made.of(event("READY_PUBLISHED", 4))) == []


def test_a_span_is_named_by_what_began_it_and_the_whole_run_by_the_run() -> None:
    began = Begun("e" * 64, "2026-01-31T13:42:00Z")
    commit, root = Spans().of(event("READY_COMMITTED", 5, **{"CommitFacts": began, "SR.Run": began}))
    assert (commit.span_id, commit.parent) == (span_id_for("e" * 64, "CommitFacts"), root.span_id)
    assert (root.span_id, root.parent) == (span_id_for(RUN, "SR.Run"), None)


@pytest.mark.parametrize("run", [None, 7, "", "ab", "AB" * 16, "g" * 32, ["x"]])
def test_what_is_of_no_run_is_in_no_trace(run: object) -> None:
    assert list(Spans().of(event("RUN_ACCEPTED", 1, run))) == []


def test_requests_that_are_never_answered_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "_OPEN", 2)
    made = Spans()
    runs = [f"{number:032x}" for number in range(3)]
    for run in runs:
        assert list(made.of(event("RUN_REQUEST_RECEIVED", 1, run))) == []
    assert [len(list(made.of(event("RUN_REQUEST_DUPLICATE", 2, run)))) for run in runs] == [0, 1, 1]


class Again(Work):
    """Tells what changes with time alone, so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times, self.calls, self.enough = times, 0, threading.Event()

    def again(self, events: Sequence[ObsEvent]) -> bool:
        self(events)
        self.calls += 1
        if self.calls > self.times:
            self.enough.set()
        return self.calls <= self.times


def test_what_changes_with_time_alone_is_told_again_until_it_does_not() -> None:
    work = Again(2)
    deferred = Deferred(work.again, after_s=3600, limit=100, again_s=0.01)
    deferred.add([event(at=1)])
    deferred.now()
    assert work.enough.wait(30)
    deferred.now(last=True)
    assert (work.calls, work.done) == (3, ["1"])


def test_after_the_last_time_nothing_is_told_again() -> None:
    work = Again(100)
    deferred = Deferred(work.again, after_s=3600, limit=100, again_s=0.0)
    deferred.add([event(at=1)])
    deferred.now(last=True)
    assert deferred._timer is None
    assert work.calls == 1


@pytest.mark.parametrize("soon", [True, False])
def test_work_begins_at_once_where_the_process_has_nothing_to_do_but_wait(soon: bool) -> None:
    work = Work()
    deferred = Deferred(work, after_s=3600, limit=100, soon=lambda one: one.event_kind == "ENGINE")
    deferred.add([event(at=1), event("ENGINE" if soon else "OTHER", at=2)])
    if soon:
        assert work.ended.wait(30)
    deferred.now()
    assert work.done == ["1", "2"]
    assert (work.threads != {threading.get_ident()}) is soon


def test_events_that_go_on_coming_put_nothing_off() -> None:
    deferred = Deferred(Work(), after_s=3600, limit=100)
    deferred.add([event(at=1)])
    due = deferred._due
    deferred.add([event(at=2)])
    assert deferred._due == due
    deferred.now()
