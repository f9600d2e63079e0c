"""Commands tell servers of telemetry what they did, by the environment alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sr_domain.encoding.ids import run_id_for
from sr_plugins.wiring import sinks
from tests.cli.conftest import Shell
from tests.otlp_receiver import receiver


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Imports may take long on a machine that is busy."""
    monkeypatch.setattr(sinks, "CLOSE_S", 60.0)


def test_a_submission_is_a_trace_where_the_environment_says_so(sr: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as received:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", received.endpoint)
        monkeypatch.setenv("SR_OTLP_ENABLED", "true")
        assert sr("submit", sr.request()).code == 0
        sinks.close_all()
        assert {one.trace_id.hex() for one in received.spans()} == {run_id_for("key")}
        assert "SR.Run" in {one.name for one in received.spans()}


def test_commands_add_up_in_the_text_file_and_a_sweep_tells_what_is_owed(sr: Shell) -> None:
    from sr_adapters.observability.prometheus import Tally

    profile = (sr.folder / "profile.yaml").read_text()
    (sr.folder / "profile.yaml").write_text(profile + "observability: {sinks: [{sink: prometheus, path: m.prom}]}\n")
    for key in ("one", "two"):
        assert sr("submit", sr.request(key)).code == 0
        sinks.close_all()
    assert sr("resume", "--all").code == 0
    sinks.close_all()
    numbers = Tally.read(Path("m.prom").read_text()).numbers
    assert numbers["sr_runs_ready_total", ("",)] == 2
    assert numbers["sr_outbox_owed", ()] == 0
    assert numbers["sr_oldest_waiting_seconds", ()] == 0


def numbers(sr: Shell) -> dict[str, float]:
    """What the text file says of what is not settled."""
    from sr_adapters.observability.prometheus import Tally

    sinks.close_all()
    found = Tally.read((sr.folder / "m.prom").read_text()).numbers
    return {name: value for (name, labels), value in found.items() if not labels}


@pytest.fixture
def counting(sr: Shell, policy: Callable[..., None]) -> Shell:
    """Commands that count in a text file; a run waits for an hour."""
    profile = (sr.folder / "profile.yaml").read_text()
    (sr.folder / "profile.yaml").write_text(profile + "observability: {sinks: [{sink: prometheus, path: m.prom}]}\n")
    policy(evidence_wait_seconds=3600, settle_seconds=0)
    return sr


def test_a_run_that_comes_to_wait_and_one_that_goes_on_are_in_the_numbers_at_once(counting: Shell) -> None:
    root = counting.folder / "root"
    root.rename(counting.folder / "away")
    root.mkdir()
    assert counting("submit", counting.request()).code == 3
    assert numbers(counting)["sr_oldest_waiting_timestamp_seconds"] > 1.7e9
    root.rmdir()
    (counting.folder / "away").rename(root)
    assert counting("resume", run_id_for("key")).code == 0
    assert numbers(counting)["sr_oldest_waiting_timestamp_seconds"] == 0


@pytest.mark.parametrize("how", ["submit", "resume"])
def test_what_is_owed_is_in_the_numbers_at_once_and_gone_once_it_is_published(counting: Shell, how: str) -> None:
    assert counting("submit", counting.request("first")).code == 0
    (topic,) = (counting.folder / "runs").rglob("fp.bus.control.v1")
    topic.rename(topic.with_name("away"))
    topic.write_text("a file where a folder must be")
    assert counting("submit", counting.request("owes")).code == 0
    assert numbers(counting)["sr_outbox_owed"] == 1
    topic.unlink()
    topic.with_name("away").rename(topic)
    args = ["submit", counting.request("owes")] if how == "submit" else ["resume", run_id_for("owes")]
    assert counting(*args).code == 0
    found = numbers(counting)
    assert (found["sr_outbox_owed"], found["sr_ready_publish_failures_total"]) == (0, 1)


def test_a_run_that_went_through_counts_nothing_else(counting: Shell) -> None:
    assert counting("submit", counting.request()).code == 0
    assert "sr_outbox_owed" not in numbers(counting)
