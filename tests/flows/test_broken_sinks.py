"""Every built-in sink, broken in every way: the run, its record and its control fact are as with none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sr_adapters.observability.otlp import OtlpSink
from sr_adapters.observability.prometheus import PrometheusSink
from sr_adapters.observability.server_settings import OtlpSettings
from sr_adapters.observability.sinks import ConsoleSink, FileSink
from sr_domain.encoding.ids import run_id_for
from sr_domain.record.states import RunState
from sr_plugins.wiring import sinks
from sr_plugins.wiring.sinks import FanOut
from sr_plugins.wiring.telemetry import sink_of
from sr_ports import BadInput, ReasonCode
from tests.kit import Lab, request
from tests.worlds import small_world

RUN = run_id_for("key")


class Nowhere:
    """A terminal that nobody reads."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        """Nothing is kept."""


SINKS: dict[str, tuple[type, Callable[[Path], tuple[Any, ...]]]] = {
    "console": (ConsoleSink, lambda folder: (Nowhere(),)),
    "file": (FileSink, lambda folder: (str(folder), lambda: "p")),
    "prometheus": (PrometheusSink, lambda folder: (str(folder / "sr.prom"),)),
    "otlp": (OtlpSink, lambda folder: (OtlpSettings(endpoint="http://127.0.0.1:9", timeout_seconds=0.1),)),
}


@pytest.fixture
def ended() -> Iterator[threading.Event]:
    """Set when the test is over, so that no thread hangs on."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "CLOSE_S", 0.4)
    monkeypatch.setattr(sinks, "_LAST_WORD_S", 0.1)


def broken(name: str, where: str, how: str, folder: Path, ended: threading.Event) -> Any:
    """The real sink of this name, which raises or hangs at one of its methods."""
    kind, args = SINKS[name]

    def breaks(*_args: Any) -> None:
        if how == "hangs":
            ended.wait(60)
            return
        raise (SystemExit if how == "exits" else OSError)("no more")

    return type(kind.__name__, (kind,), {where: breaks, "close_s": 0.4})(*args(folder))


@pytest.mark.parametrize("how", ["raises", "exits", "hangs"])
@pytest.mark.parametrize("where", ["emit_all", "close"])
@pytest.mark.parametrize("name", SINKS)
def test_a_sink_that_breaks_changes_nothing(
    lab: Lab, tmp_path: Path, ended: threading.Event, name: str, where: str, how: str
) -> None:
    sound = lab.listener
    fan = FanOut([broken(name, where, how, tmp_path, ended), sound], [name, "sound"])
    begun = time.monotonic()
    with lab.runner(telemetry=fan) as runner:
        outcome = runner.submit(request(engine_run_root=lab.world(small_world())))
    assert time.monotonic() - begun < 20
    assert (outcome.state, outcome.published) == (RunState.READY, True)
    recorded = [one.event_id for one in lab.ledger(RUN).events]
    assert [one.event_id for one in sound.events if one.event_id] == recorded
    assert [one.attributes["kind"] for one in lab.published()] == ["READY"]


@pytest.mark.parametrize("name", SINKS)
def test_a_sink_that_dies_at_start_changes_nothing_and_is_told_of(lab: Lab, name: str) -> None:
    def build() -> Any:
        raise BadInput(ReasonCode.PLUGIN_BROKEN, f"the sink {name} cannot be built: dead at start")

    with lab.runner(telemetry=FanOut([sink_of(build), lab.listener], [name, "sound"])) as runner:
        assert runner.submit(request(engine_run_root=lab.world(small_world()))).state is RunState.READY
    (lost,) = [one for one in lab.listener.events if one.event_kind == "TELEMETRY_LOST"]
    assert lost.details["sink"] == name
    assert "dead at start" in lost.message


@pytest.mark.parametrize("name", ["console", "file", "prometheus"])
def test_a_sound_sink_loses_nothing(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(sinks, "CLOSE_S", 60.0)
    kind, args = SINKS[name]
    fan = FanOut([kind(*args(tmp_path)), lab.listener], [name, "sound"])
    with lab.runner(telemetry=fan) as runner:
        runner.submit(request(engine_run_root=lab.world(small_world())))
    assert fan.losses() == ()
    assert "TELEMETRY_LOST" not in {one.event_kind for one in lab.listener.events}
