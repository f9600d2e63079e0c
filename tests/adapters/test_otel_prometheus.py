"""Numbers from events: the names that operators know, read by the official parser, from many processes at once."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_adapters.observability import prometheus
from sr_adapters.observability.lengths import instant
from sr_adapters.observability.metrics import BUCKETS, METRICS, Measured, measured
from sr_adapters.observability.prometheus import PrometheusSink, Tally, add_to_file
from sr_ports import Begun, ObsEvent
from sr_ports.conformance.sinks import Delivered, SinkLaws

REPO = Path(__file__).resolve().parents[2]
AT = "2026-01-31T13:42:00Z"


class TestKeepsTheLawsOfSinks(SinkLaws):
    @pytest.fixture
    def sink(self, tmp_path: Path) -> PrometheusSink:
        return PrometheusSink(str(tmp_path / "sr.prom"), every_s=0.01)

    @pytest.fixture
    def delivered(self) -> Delivered:
        pytest.skip("this sink delivers numbers, and no event")


def event(kind: str, spans: dict[str, Begun] | None = None, **details: Any) -> ObsEvent:
    return ObsEvent(kind, "COMMIT", "OK", "INFO", AT, {"run_id": "ab" * 16}, details=details, spans=spans or {})


def numbers(*events: ObsEvent) -> dict[tuple[str, tuple[str, ...]], float]:
    return {(one.metric.name, one.labels): one.value for told in events for one in measured(told)}


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """By the official parser."""
    from prometheus_client.parser import text_string_to_metric_families

    families = text_string_to_metric_families(text)
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in families for one in family.samples}


def test_the_metrics_are_these() -> None:
    assert {name: (one.form, one.labels) for name, one in METRICS.items()} == {
        "sr_run_requests_total": ("counter", ("kind",)),
        **{
            f"sr_runs_{state}_total": ("counter", ("reason",))
            for state in ("accepted", "rejected", "ready", "failed", "quarantined", "waiting")
        },
        "sr_engine_attempts_total": ("counter", ("outcome",)),
        "sr_engine_attempt_duration_seconds": ("histogram", ()),
        "sr_evidence_wait_duration_seconds": ("histogram", ()),
        "sr_ready_commit_latency_seconds": ("histogram", ()),
        "sr_ready_publish_failures_total": ("counter", ()),
        "sr_lease_lost_total": ("counter", ()),
        "sr_evidence_bytes_total": ("counter", ()),
        "sr_outbox_owed": ("gauge", ()),
        "sr_oldest_waiting_seconds": ("age", ()),
        "sr_oldest_waiting_timestamp_seconds": ("gauge", ()),
        "sr_sink_dropped_total": ("counter", ("sink",)),
    }


def test_what_an_event_counts() -> None:
    assert numbers(event("RUN_FAILED", reason_code="ENGINE_TIMEOUT")) == {
        ("sr_runs_failed_total", ("ENGINE_TIMEOUT",)): 1
    }
    assert numbers(event("EQUIVALENCE_COLLISION")) == {("sr_runs_rejected_total", ("EQUIVALENCE_COLLISION",)): 1}
    assert numbers(event("AUTH_DENIED", action="submit", reason_code="AUTH_DENIED")) == {
        ("sr_runs_rejected_total", ("AUTH_DENIED",)): 1
    }
    for action in ("reemit", "recover"):
        assert numbers(event("AUTH_DENIED", action=action, reason_code="AUTH_DENIED")) == {}
    assert numbers(event("REEMIT_REQUESTED")) == {("sr_run_requests_total", ("reemit",)): 1}
    assert numbers(event("TELEMETRY_LOST", sink="file", dropped=2, failed=1)) == {
        ("sr_sink_dropped_total", ("file",)): 3
    }
    assert numbers(event("ENGINE_ATTEMPT_ABANDONED")) == {("sr_engine_attempts_total", ("ABANDONED",)): 1}
    assert numbers(event("PLAN_COMMITTED")) == {}


def test_a_step_lasts_from_the_event_that_began_it() -> None:
    begun = {"SR.Run": Begun("e", "2026-01-31T13:41:58.500000Z")}
    assert numbers(event("READY_COMMITTED", begun))["sr_ready_commit_latency_seconds", ()] == 1.5
    later = {"SR.Run": Begun("e", "2026-01-31T13:43:00Z")}
    assert numbers(event("READY_COMMITTED", later))["sr_ready_commit_latency_seconds", ()] == 0


@pytest.mark.parametrize("told", ["a" * 5000, "x\ny", 7, None, ["x"]])
def test_what_no_release_knows_makes_no_label_of_its_own(told: Any) -> None:
    ((_, (label,)),) = numbers(event("RUN_FAILED", reason_code=told))
    assert label in ("OTHER", "")
    ((_, (label,)),) = numbers(event("ENGINE_ATTEMPT_FINISHED", outcome=told))
    assert label == "OTHER"


@pytest.mark.parametrize("told", [True, -1, float("nan"), float("inf"), "9", None, [1]])
def test_what_is_no_count_counts_nothing(told: Any) -> None:
    assert numbers(event("EVIDENCE_READ", bytes=told)) == {("sr_evidence_bytes_total", ()): 0}


def test_the_text_is_as_the_official_parser_reads_it(tmp_path: Path) -> None:
    sink = PrometheusSink(str(tmp_path / "sr.prom"))
    sink.emit(event("RUN_FAILED", reason_code="ENGINE_TIMEOUT"))
    sink.emit(event("READY_COMMITTED", {"SR.Run": Begun("e", "2026-01-31T13:41:50Z")}))
    sink.close()
    found = samples((tmp_path / "sr.prom").read_text())
    assert found["sr_runs_failed_total", (("reason", "ENGINE_TIMEOUT"),)] == 1
    assert found["sr_ready_commit_latency_seconds_bucket", (("le", "5.0"),)] == 0
    assert found["sr_ready_commit_latency_seconds_bucket", (("le", "15.0"),)] == 1
    assert found["sr_ready_commit_latency_seconds_bucket", (("le", "+Inf"),)] == 1
    assert found["sr_ready_commit_latency_seconds_sum", ()] == 10
    assert samples(sink.exposition().decode()) == found


def test_counts_begin_at_zero_so_that_the_first_of_a_kind_is_a_rise() -> None:
    found = samples(PrometheusSink(None).exposition().decode())
    assert found["sr_ready_publish_failures_total", ()] == 0
    assert found["sr_engine_attempts_total", (("outcome", "FAILED"),)] == 0
    assert found["sr_ready_commit_latency_seconds_count", ()] == 0


def test_what_is_shown_only_grows_whatever_becomes_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "sr.prom").mkdir()
    sink = PrometheusSink(str(tmp_path / "sr.prom"), every_s=3600)
    for count in range(1, 4):
        sink.emit(event("RUN_ACCEPTED"))
        assert samples(sink.exposition().decode())["sr_runs_accepted_total", (("reason", ""),)] == count
    with pytest.raises(IsADirectoryError):
        sink.close()
    (tmp_path / "sr.prom").rmdir()
    sink.emit(event("RUN_ACCEPTED"))
    sink.close()
    found = samples((tmp_path / "sr.prom").read_text())
    assert found["sr_runs_accepted_total", (("reason", ""),)] == 4  # what could not be added was owed still
    assert samples(sink.exposition().decode()) == found


def test_showing_writes_no_file(tmp_path: Path) -> None:
    sink = PrometheusSink(str(tmp_path / "sr.prom"), every_s=3600)
    sink.emit(event("RUN_ACCEPTED"))
    sink.exposition()
    assert not list(tmp_path.iterdir())


def test_an_age_goes_on_from_when_it_began_whoever_writes_the_file_next(tmp_path: Path) -> None:
    path, since = tmp_path / "sr.prom", time.time() - 1000
    path.write_text(f"sr_oldest_waiting_seconds 3.0\nsr_oldest_waiting_timestamp_seconds {since}\n")
    add_to_file(path, Tally())
    found = samples(path.read_text())
    assert found["sr_oldest_waiting_seconds", ()] == pytest.approx(1000, abs=60)
    assert found["sr_oldest_waiting_timestamp_seconds", ()] == since


@pytest.mark.parametrize("waits", [True, False])
def test_while_a_run_waits_the_file_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: bool
) -> None:
    written = threading.Semaphore(0)

    def add(path: Path, counted: Tally) -> bool:
        grows = add_to_file(path, counted)
        written.release()
        return grows

    monkeypatch.setattr(prometheus, "add_to_file", add)
    sink = PrometheusSink(str(tmp_path / "sr.prom"), every_s=0.01, again_s=0.01)
    sink.emit(event("RUNS_STANDING", owed=0, waiting=int(waits), oldest_waiting_utc=AT if waits else None))
    for _ in range(3 if waits else 1):
        assert written.acquire(timeout=30)
    sink.close()
    assert (samples((tmp_path / "sr.prom").read_text())["sr_oldest_waiting_seconds", ()] > 0) is waits
    assert waits or not written.acquire(blocking=False)


def test_a_gauge_that_nobody_measured_is_not_there(tmp_path: Path) -> None:
    sink = PrometheusSink(None)
    sink.emit(event("RUN_ACCEPTED"))
    assert "sr_outbox_owed" not in sink.exposition().decode()
    sink.emit(event("RUNS_STANDING", owed=2, waiting=1, oldest_waiting_utc="2026-01-31T13:42:00Z"))
    found = samples(sink.exposition().decode())
    assert found["sr_outbox_owed", ()] == 2
    assert found["sr_oldest_waiting_seconds", ()] == pytest.approx(time.time() - instant(AT), abs=60)
    sink.emit(event("RUNS_STANDING", owed=0, waiting=0))
    assert samples(sink.exposition().decode())["sr_oldest_waiting_seconds", ()] == 0


def test_what_is_added_is_added_to_what_is_there_and_read_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "below" / "sr.prom"
    one = Tally()
    for name, value, labels in (
        ("sr_runs_failed_total", 2.0, ("ENGINE_TIMEOUT",)),
        ("sr_runs_failed_total", 1.0, ("",)),
        ("sr_outbox_owed", 3.0, ()),
        *(("sr_engine_attempt_duration_seconds", bound, ()) for bound in (*BUCKETS, 1e9)),
    ):
        one.add(Measured(METRICS[name], value, labels))
    add_to_file(path, one)
    again = Tally.read(path.read_text())
    assert (again.numbers, again.histograms) == (one.numbers, one.histograms)
    add_to_file(path, one)
    twice = Tally.read(path.read_text())
    assert twice.numbers["sr_runs_failed_total", ("ENGINE_TIMEOUT",)] == 4
    assert twice.numbers["sr_outbox_owed", ()] == 3
    counts, total = twice.histograms["sr_engine_attempt_duration_seconds", ()]
    assert counts == [2.0] * (len(BUCKETS) + 1)
    assert total == 2 * (sum(BUCKETS) + 1e9)


@pytest.mark.parametrize("junk", [b"", b"not metrics {", b"\xff\xfe", b'sr_runs_failed_total{reason="x"} many\n'])
def test_a_file_that_is_no_such_text_is_begun_anew(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "sr.prom"
    path.write_bytes(junk)
    sink = PrometheusSink(str(path))
    sink.emit(event("RUN_ACCEPTED"))
    sink.close()
    assert samples(path.read_text())["sr_runs_accepted_total", (("reason", ""),)] == 1


WORK = """
import sys
from sr_adapters.observability.prometheus import PrometheusSink
from sr_ports import ObsEvent
for _ in range(5):
    sink = PrometheusSink(sys.argv[1])
    sink.emit(ObsEvent("RUN_ACCEPTED", "AUTHORITY", "OK", "INFO", "2026-01-31T13:42:00Z", {}))
    sink.close()
"""


def test_processes_that_add_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "sr.prom"
    workers = [subprocess.Popen([sys.executable, "-c", WORK, str(path)], cwd=REPO) for _ in range(4)]
    assert [one.wait(120) for one in workers] == [0] * 4
    assert samples(path.read_text())["sr_runs_accepted_total", (("reason", ""),)] == 20


def test_nothing_of_the_client_is_imported_before_it_is_time() -> None:
    code = (
        "import sys; from sr_plugins import build_runner\n"
        "build_runner({'observability': {'sinks': ['prometheus', 'otlp']}})\n"
        "sys.exit(any(name.split('.')[0] in ('prometheus_client', 'google') for name in sys.modules)\n"
        "         or 'opentelemetry.sdk.trace' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=REPO, check=False).returncode == 0


def test_a_metric_says_what_it_is() -> None:
    assert all(attrs.asdict(one)["text"].endswith(".") for one in METRICS.values())
