"""What servers of telemetry are told of runs: one trace across processes, numbers from events, and nothing secret."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sr_adapters.observability import otlp, prometheus
from sr_adapters.observability.otlp import OtlpSink
from sr_adapters.observability.prometheus import PrometheusSink, Tally
from sr_adapters.observability.server_settings import OtlpSettings
from sr_adapters.observability.sinks import ConsoleSink, FileSink
from sr_domain.encoding.ids import run_id_for
from sr_domain.record.states import RunState
from sr_plugins.wiring import sinks
from sr_plugins.wiring.sinks import FanOut
from sr_ports import BadInput, EngineCall, EngineResult, ReasonCode, Unreachable
from tests.kit import PLATFORM, Lab, request
from tests.otlp_receiver import Received, attributes, receiver
from tests.worlds import small_world

RUN = run_id_for("key")
SECRET = "hunter2hunter2"


@pytest.fixture
def received() -> Iterator[Received]:
    with receiver() as received:
        yield received


@pytest.fixture
def observed(lab: Lab, received: Received, tmp_path: Path) -> Callable[..., Any]:
    """Makes a fresh process that tells the receiver and the text file."""

    def runner(**more: Any) -> Any:
        servers: list[Any] = [
            OtlpSink(OtlpSettings(endpoint=received.endpoint)),
            PrometheusSink(str(tmp_path / "sr.prom")),
        ]
        return lab.runner(telemetry=FanOut([*servers, FileSink(str(tmp_path / "logs"), lambda: PLATFORM)]), **more)

    return runner


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's import may take long on a machine that is busy."""
    monkeypatch.setattr(sinks, "CLOSE_S", 60.0)


def by_name(received: Received) -> dict[str, Any]:
    return {one.name: one for one in received.spans()}


class Away:
    """A bus that is away."""

    def publish(self, envelope: Any) -> None:
        raise Unreachable(ReasonCode.BUS_UNREACHABLE, "the bus is away")

    def tail(self, *_args: Any, **_kwargs: Any) -> Iterator[Any]:
        return iter(())

    def close(self) -> None:
        """Nothing is held."""


def test_a_run_is_one_trace_whichever_processes_work_on_it(
    lab: Lab, observed: Callable[..., Any], received: Received
) -> None:
    with observed(bus=Away()) as first:
        assert first.submit(request(engine_run_root=lab.world(small_world()))).state is RunState.READY
    with observed() as second:
        second.resume(RUN)
        second.reemit(RUN, "READY_ONLY")
    spans = by_name(received)
    assert set(spans) == {
        "SR.Run", "Ingress", "RunAuthority", "PlanCompile", "EvidenceVerify", "CommitFacts", "PublishReady", "Reemit",
    }  # fmt: skip
    assert len(received.spans()) == len({one.span_id for one in received.spans()})
    assert {one.trace_id.hex() for one in spans.values()} == {RUN}
    root = spans.pop("SR.Run")
    assert root.parent_span_id == b""
    assert {one.parent_span_id for one in spans.values()} == {root.span_id}
    assert attributes(spans["PublishReady"])["sr.facts_view_ref"].endswith(f"/run_facts_view/{RUN}.json")
    assert all(attributes(one)["sr.record_ref"].endswith(f"{RUN}.jsonl") for one in (root, spans["CommitFacts"]))
    assert all(one.end_time_unix_nano >= one.start_time_unix_nano > 0 for one in (root, *spans.values()))
    assert received.resources()[0]["service.name"] == "scenario-runner"


def test_what_a_control_fact_and_an_engine_are_told_is_a_span_of_the_trace(
    lab: Lab, observed: Callable[..., Any], received: Received
) -> None:
    told: list[str | None] = []

    def engine(call: EngineCall) -> EngineResult:
        told.append(call.traceparent)
        return EngineResult(ReasonCode.ENGINE_EXIT_NONZERO, lab.world(small_world()))

    with observed(engine=engine, policy={"attempt_limit": 1}) as runner:
        assert runner.submit(request(requested_strategy="FORCE_INVOKE")).state is RunState.FAILED
        runner.submit(request("other", engine_run_root=lab.world(small_world())))
    attempt = by_name(received)["EngineAttempt"]
    assert told == [f"00-{RUN}-{attempt.span_id.hex()}-01"]
    assert attempt.status.code == 2
    (ready,) = lab.published()
    publish = by_name(received)["PublishReady"]
    assert ready.attributes["traceparent"] == f"00-{run_id_for('other')}-{publish.span_id.hex()}-01"


def test_where_nothing_traces_nobody_is_told_of_a_trace(lab: Lab) -> None:
    told: list[str | None] = []

    def engine(call: EngineCall) -> EngineResult:
        told.append(call.traceparent)
        return EngineResult(ReasonCode.ENGINE_EXIT_NONZERO, None)

    lab.runner(engine=engine, policy={"attempt_limit": 1}).submit(request(requested_strategy="FORCE_INVOKE"))
    lab.reuse(small_world(), run_equivalence_key="other")
    assert told == [None]
    assert "traceparent" not in lab.published()[0].attributes


def test_both_servers_have_the_same_numbers_and_processes_add_up(
    lab: Lab, observed: Callable[..., Any], received: Received, tmp_path: Path
) -> None:
    root = lab.world(small_world())
    with observed(bus=Away()) as first:
        first.submit(request(engine_run_root=root))
        first.submit(request(engine_run_root=root, seed=8))
    with observed() as second:
        second.submit(request("waits", engine_run_root=lab.world({}, "empty")))
        second.tell_standing()
    tally = Tally.read((tmp_path / "sr.prom").read_text())
    assert tally.numbers["sr_run_requests_total", ("submit",)] == 3
    assert tally.numbers["sr_runs_accepted_total", ("",)] == 2
    assert tally.numbers["sr_runs_rejected_total", ("EQUIVALENCE_COLLISION",)] == 1
    assert tally.numbers["sr_runs_ready_total", ("",)] == 1
    assert tally.numbers["sr_runs_waiting_total", ("EVIDENCE_WAITING",)] == 1
    assert tally.numbers["sr_ready_publish_failures_total", ()] == 1
    assert tally.numbers["sr_outbox_owed", ()] == 1
    assert tally.numbers["sr_evidence_bytes_total", ()] > 0
    assert sum(tally.histograms["sr_ready_commit_latency_seconds", ()][0]) == 1
    assert sum(tally.histograms["sr_evidence_wait_duration_seconds", ()][0]) == 1
    sums = received.metrics()
    assert sums["sr_run_requests_total"].sum.data_points[0].as_int == 1
    assert sums["sr_outbox_owed"].gauge.data_points[0].as_double == 1
    assert received.logs()[0].trace_id.hex() == RUN


def test_a_lost_lease_is_told_and_counted(lab: Lab) -> None:
    class Sleeper:
        """An authority whose lease is gone when it is to be renewed."""

        def __getattr__(self, name: str) -> Any:
            return getattr(lab.authority, name)

        def renew(self, lease: Any, *, ttl_s: float) -> Any:
            lab.lapse()
            return lab.authority.renew(lease, ttl_s=ttl_s)

    from sr_adapters.observability.metrics import measured
    from sr_ports import LeaseLost

    with pytest.raises(LeaseLost):
        lab.runner(authority=Sleeper()).submit(request(engine_run_root=lab.world(small_world())))
    counted = [one.metric.name for event in lab.listener.events for one in measured(event)]
    assert counted.count("sr_lease_lost_total") == 1


def _dead_file(folder: Path) -> FileSink:
    (folder / "file").write_text("")
    return FileSink(str(folder / "file" / "below"), lambda: PLATFORM)


def _dead_prometheus(folder: Path) -> PrometheusSink:
    (folder / "there").mkdir()
    return PrometheusSink(str(folder / "there"))


class Full:
    """A terminal that takes nothing."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")

    def flush(self) -> None:
        """Nothing is kept."""


DEAD: dict[str, Callable[[Path], Any]] = {
    "console": lambda folder: ConsoleSink(Full()),
    "file": _dead_file,
    "prometheus": _dead_prometheus,
    "otlp": lambda folder: OtlpSink(OtlpSettings(endpoint="http://127.0.0.1:9", timeout_seconds=0.5)),
}


@pytest.mark.parametrize("name", DEAD)
def test_a_sink_that_cannot_deliver_changes_nothing_and_is_told_of(lab: Lab, name: str, tmp_path: Path) -> None:
    fan = FanOut([DEAD[name](tmp_path), lab.listener], [name, "listener"])
    with lab.runner(telemetry=fan) as runner:
        outcome = runner.submit(request(engine_run_root=lab.world(small_world())))
    assert outcome.state is RunState.READY
    assert [one.sink for one in fan.losses()] == [name]
    assert lab.kinds(RUN)[-1] == "READY_PUBLISHED"


@pytest.mark.parametrize("dies", ["at start", "hangs"])
@pytest.mark.parametrize("module", [otlp, prometheus], ids=["otlp", "prometheus"])
def test_a_sink_of_servers_that_dies_at_start_or_hangs_changes_nothing(
    lab: Lab, module: Any, dies: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sinks, "CLOSE_S", 0.5)
    hung = threading.Event()

    def broken(*_args: Any) -> Any:
        if dies == "hangs":
            hung.wait(60)
        raise RuntimeError("cannot begin")

    monkeypatch.setattr(module, "_Exports" if module is otlp else "add_to_file", broken)
    sink = OtlpSink(OtlpSettings()) if module is otlp else PrometheusSink(str(tmp_path / "sr.prom"))
    monkeypatch.setattr(type(sink), "close_s", 0.5)
    with lab.runner(telemetry=FanOut([sink, lab.listener])) as runner:
        outcome = runner.submit(request(engine_run_root=lab.world(small_world())))
    hung.set()
    assert outcome.state is RunState.READY
    recorded = [one.event_id for one in lab.listener.events if one.event_id]
    assert recorded == [one.event_id for one in lab.ledger(RUN).events]


def test_no_planted_secret_comes_out_of_any_sink_and_the_operator_is_warned(
    lab: Lab, observed: Callable[..., Any], received: Received, tmp_path: Path
) -> None:
    planted = f"postgresql://user:{SECRET}@host/db"

    class Loose:
        """An invoker that masks nothing (against law I5)."""

        def invoke(self, call: EngineCall, *, progress: Callable[[str], None], **_: Any) -> EngineResult:
            said = f"cannot reach {planted}"
            progress(said)
            return EngineResult(ReasonCode.ENGINE_EXIT_NONZERO, None, stderr=said.encode(), detail=said)

        def describe(self) -> str:
            return "loose"

    with observed(invoker=Loose(), policy={"attempt_limit": 1}) as runner:
        runner.submit(request(requested_strategy="FORCE_INVOKE", notes=planted))
        with pytest.raises(BadInput):
            runner.submit(request(planted))
    said = b"".join(body for _, body in received.requests)
    said += b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and "logs" in path.parts)
    assert SECRET.encode() not in said + (tmp_path / "sr.prom").read_bytes()
    session = (tmp_path / "logs" / PLATFORM / "session.jsonl").read_text().splitlines()
    warned = [one for one in map(json.loads, session) if one["event_kind"] == "CREDENTIAL_SUSPECTED"]
    assert {one["severity"] for one in warned} == {"WARN"}
    assert all(one["message"].endswith("change it, for what is written stays") for one in warned)
    assert all("***" not in one["message"] for one in warned)
    refs = [one["details"]["artifact_ref"].rpartition("/")[2] for one in warned]
    assert "stderr.log" in refs
    assert any(one.endswith(".jsonl") for one in refs)


@pytest.mark.parametrize(
    "notes",
    ["a token of thanks; the secret is out; key=value", f"postgresql://u:{SECRET}@h/db token={SECRET}"],
    ids=["none", "masked"],
)
def test_a_run_without_secrets_in_clear_warns_nobody(lab: Lab, notes: str) -> None:
    lab.reuse(small_world(), notes=notes)
    assert "CREDENTIAL_SUSPECTED" not in {one.event_kind for one in lab.listener.events}
