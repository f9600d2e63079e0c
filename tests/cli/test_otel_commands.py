"""Commands tell servers of telemetry what they did, by the environment alone."""

from __future__ import annotations

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
