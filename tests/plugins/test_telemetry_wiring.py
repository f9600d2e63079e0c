"""Which sinks a profile and the environment wire, and that none of them stops a run."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sr_plugins import build_runner, profile_schema
from sr_plugins.documents.profile import load_profile
from sr_plugins.wiring.telemetry import drops_debug, wanted_sinks
from sr_ports import Adapter, BadInput, ObsEvent, ReasonCode, hookimpl
from tests.reliability.lab import request, write_world
from tests.reliability.test_kill import pack


def names(*sinks: Any, **env: str) -> list[str]:
    told = load_profile({"observability": {"sinks": list(sinks)}}).observability
    return [one.sink for one in wanted_sinks(told, env)]


def test_a_sink_is_a_name_or_a_name_with_settings() -> None:
    told = load_profile({"observability": {"sinks": ["file", {"sink": "prometheus", "path": "m.prom"}]}})
    assert [(one.sink, one.settings) for one in told.observability.sinks] == [
        ("file", {}),
        ("prometheus", {"path": "m.prom"}),
    ]
    assert [one.sink for one in load_profile({}).observability.sinks] == ["console", "file"]


def test_a_list_of_names_may_come_from_the_environment() -> None:
    told = load_profile({"observability": {"sinks": "${SINKS}"}}, {"SINKS": "console, file"}).observability
    assert [one.sink for one in told.sinks] == ["console", "file"]


@pytest.mark.parametrize(
    ("sinks", "named"),
    [
        ([{"path": "x"}], "observability.sinks.0.sink is required"),
        ([""], "observability.sinks.0.sink must be a sink's name"),
        ([7], "observability.sinks.0 must be a mapping"),
        ({"sink": "file"}, "observability.sinks must be a list of sinks"),
        ([{"sink": "file", "pth": "x"}], "unknown key sink.pth; did you mean path"),
        (["prometeus"], "prometeus"),
    ],
)
def test_what_is_wrong_with_a_sink_is_told_by_its_key(sinks: Any, named: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as raised:
        build_runner({"runtime_root": str(tmp_path), "observability": {"sinks": sinks}})
    assert named in raised.value.what


def test_what_is_wrong_with_a_setting_of_a_server_is_told_by_its_key(tmp_path: Path) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", exc_type=ImportError)
    sinks = [{"sink": "otlp", "timeout_seconds": 0}]
    with pytest.raises(BadInput, match=r"sink\.timeout_seconds must be"):
        build_runner({"runtime_root": str(tmp_path), "observability": {"sinks": sinks}})


@pytest.mark.parametrize(
    ("sinks", "fits"),
    [
        (["console", {"sink": "otlp", "endpoint": "http://c:4318", "timeout_seconds": 2}], True),
        ([{"sink": "third-party", "whatever": 1}], True),
        ([{"sink": "file", "pth": "x"}], False),
        ([{"path": "x"}], False),
    ],
)
def test_the_schema_knows_sinks_as_the_reader_does(sinks: Any, fits: bool) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    valid = jsonschema.Draft7Validator(profile_schema()).is_valid({"observability": {"sinks": sinks}})
    assert valid is fits


def test_the_environment_adds_otlp_or_takes_it_away() -> None:
    assert names("file") == ["file"]
    assert names("file", SR_OTLP_ENABLED="") == ["file"]
    assert names("file", SR_OTLP_ENABLED="true") == ["file", "otlp"]
    assert names({"sink": "otlp", "endpoint": "http://c"}, SR_OTLP_ENABLED="1") == ["otlp"]
    assert names("otlp", "file", SR_OTLP_ENABLED="False") == ["file"]
    assert [drops_debug({"SR_OBS_DROP_DEBUG": word}) for word in ("true", "0", "")] == [True, False, False]


@pytest.mark.parametrize("name", ["SR_OTLP_ENABLED", "SR_OBS_DROP_DEBUG"])
def test_a_flag_that_says_neither_is_refused_without_its_value(name: str) -> None:
    with pytest.raises(BadInput) as raised:
        names("file", **{name: "hunter2"}) if name == "SR_OTLP_ENABLED" else drops_debug({name: "hunter2"})
    assert raised.value.code is ReasonCode.PROFILE_INVALID
    assert name in raised.value.what
    assert "hunter2" not in str(raised.value)


class Heard:
    """A sink that remembers, as a plugin's."""

    def __init__(self) -> None:
        self.events: list[ObsEvent] = []

    def emit(self, event: ObsEvent) -> None:
        self.events.append(event)

    def close(self) -> None:
        """Nothing is held."""


def plugin(**sinks: Any) -> Any:
    """A plugin that offers sinks; a class of error is one whose build raises it."""

    class Offers:
        @hookimpl
        def sr_observability_sinks(self) -> list[Adapter[Any]]:
            def build(what: Any, _wiring: Any) -> Any:
                if isinstance(what, type):
                    raise what("dead at start")
                return what

            return [Adapter(name, partial(build, what)) for name, what in sinks.items()]

    return Offers()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PLATFORM_RUN_ID", raising=False)
    pack(tmp_path / "pack")
    write_world(tmp_path / "root")
    profile = {"runtime_root": "runs", "engine": {"interface_pack": "pack"}}
    return SimpleNamespace(folder=tmp_path, profile=profile, request=request("key", engine_run_root="root"))


def test_a_plugins_sink_that_dies_at_start_changes_nothing_and_is_told_of(world: SimpleNamespace) -> None:
    heard = Heard()
    profile = {**world.profile, "observability": {"sinks": ["dead", "heard"]}}
    with build_runner(profile, plugins=[plugin(dead=RuntimeError, heard=heard)]) as runner:
        assert runner.submit(world.request).state == "READY"
    (lost,) = [one for one in heard.events if one.event_kind == "TELEMETRY_LOST"]
    assert "dead at start" in lost.message
    assert lost.severity == "WARN"


@pytest.mark.parametrize("drop", [True, False])
def test_debug_events_reach_no_sink_where_they_are_not_wanted(
    world: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, drop: bool
) -> None:
    monkeypatch.setenv("SR_OBS_DROP_DEBUG", str(drop))
    heard = Heard()
    said = [sys.executable, "-c", "print('said')"]
    profile = {
        **world.profile,
        "invoker": {"adapter": "subprocess", "command": said},
        "observability": {"sinks": ["heard"]},
    }
    with build_runner(profile, plugins=[plugin(heard=heard)]) as runner:
        runner.submit({**world.request, "requested_strategy": "FORCE_INVOKE"})
    assert ("DEBUG" in {one.severity for one in heard.events}) is not drop
    assert "INFO" in {one.severity for one in heard.events}


@pytest.mark.parametrize("traced", [True, False])
def test_the_engine_finds_its_span_in_its_environment(world: SimpleNamespace, traced: bool) -> None:
    heard = Heard()
    heard.traces = traced  # type: ignore[attr-defined]
    write = "import os, pathlib; pathlib.Path('seen').write_text(os.environ.get('TRACEPARENT', 'none'))"
    profile = {
        **world.profile,
        "invoker": {"adapter": "subprocess", "command": [sys.executable, "-c", write], "cwd": str(world.folder)},
        "observability": {"sinks": ["heard"]},
    }
    with build_runner(profile, plugins=[plugin(heard=heard)]) as runner:
        runner.submit({**world.request, "requested_strategy": "FORCE_INVOKE"})
    seen = (world.folder / "seen").read_text()
    run_id = heard.events[0].pins["run_id"]
    assert (seen.split("-")[:2] == ["00", run_id]) is traced
    assert (seen == "none") is not traced


@pytest.mark.parametrize("way", ["environment", "profile", "neither"])
def test_the_shared_log_is_where_it_is_wanted(
    world: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    path = world.folder / "elsewhere" / "story.log"
    if way == "environment":
        monkeypatch.setenv("PLATFORM_LOG_PATH", str(path))
    sink = {"sink": "file", "path": str(path)} if way == "profile" else "file"
    with build_runner({**world.profile, "observability": {"sinks": [sink]}}) as runner:
        assert runner.submit(world.request).state == "READY"
    usual = world.folder / "runs" / "fraud-platform" / "platform.log"
    assert (path.exists(), usual.exists()) == ((False, True) if way == "neither" else (True, False))
    (own,) = (world.folder / "runs").rglob("platform_*/platform.log")
    assert own.read_text() == (usual if way == "neither" else path).read_text()


def test_a_shared_log_that_cannot_be_written_keeps_nothing_from_the_sessions_own(
    world: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (world.folder / "file").write_text("")
    monkeypatch.setenv("PLATFORM_LOG_PATH", str(world.folder / "file" / "below"))
    with build_runner({**world.profile, "observability": {"sinks": ["file"]}}) as runner:
        assert runner.submit(world.request).state == "READY"
    (session,) = (world.folder / "runs").rglob("session.jsonl")
    kinds = [json.loads(line)["event_kind"] for line in session.read_text().splitlines()]
    assert kinds[-1] == "READY_PUBLISHED"


def test_a_line_of_the_session_says_of_what_run_and_where_its_artifacts_are(world: SimpleNamespace) -> None:
    with build_runner({**world.profile, "observability": {"sinks": ["file"]}}) as runner:
        run_id = runner.submit(world.request).run_id
        runner.reemit(run_id, "READY_ONLY")
    (session,) = (world.folder / "runs").rglob("session.jsonl")
    lines = {one["event_kind"]: one for one in map(json.loads, session.read_text().splitlines())}
    assert {(one["component"], one["version"], one["run_id"]) for one in lines.values()} == {
        ("scenario_runner", 1, run_id)
    }
    for kind in ("READY_PUBLISHED", "REEMIT_PUBLISHED"):
        assert lines[kind]["publish_status"] == "PUBLISHED"
        for ref in ("status_ref", "record_ref", "facts_view_ref"):
            assert (world.folder / "runs" / lines[kind][ref]).is_file()
    assert lines["READY_COMMITTED"]["durations_s"].keys() == {"CommitFacts", "SR.Run"}
    recorded = [one["event_id"] for one in lines.values() if "event_id" in one]
    assert set(recorded) <= {one.event_id for one in runner.record(run_id)}
    assert len(recorded) > 10


@pytest.mark.parametrize("name", ["DB_PASSWORD", "GREETING"])
def test_what_the_engine_was_given_as_a_secret_comes_out_of_it_as_a_mask(world: SimpleNamespace, name: str) -> None:
    """Whatever it says of it: a name beside it is not needed."""
    said = [sys.executable, "-c", f"import os; print('it is', os.environ['{name}'])"]
    profile = {
        **world.profile,
        "invoker": {"adapter": "subprocess", "command": said, "env": {"set": {name: "open sesame"}}},
        "observability": {"sinks": ["file"]},
    }
    with build_runner(profile) as runner:
        runner.submit({**world.request, "requested_strategy": "FORCE_INVOKE"})
    kept = [one for pattern in ("session.jsonl", "stdout.log") for one in (world.folder / "runs").rglob(pattern)]
    assert len(kept) == 2
    wanted = "it is ***" if name == "DB_PASSWORD" else "it is open sesame"
    assert all(wanted in one.read_text() for one in kept)


def test_what_a_service_answers_at_metrics_is_the_registry_as_it_stands(world: SimpleNamespace) -> None:
    parser = pytest.importorskip("prometheus_client.parser", exc_type=ImportError)
    profile = {**world.profile, "observability": {"sinks": ["file", {"sink": "prometheus", "path": "m.prom"}]}}

    def shown(runner: Any) -> dict[str, float]:
        text = runner.ports.telemetry.exposition().decode()
        found = [one for family in parser.text_string_to_metric_families(text) for one in family.samples]
        return {one.name: one.value for one in found if not set(one.labels.values()) - {"", "submit"}}

    with build_runner(profile) as runner:
        assert shown(runner)["sr_runs_ready_total"] == 0
        runner.submit(world.request)
        found = shown(runner)
        assert (found["sr_run_requests_total"], found["sr_runs_ready_total"]) == (1, 1)
        read = [one for one in (world.folder / "root").rglob("*") if one.is_file() and one.name != "_passed.flag"]
        assert found["sr_evidence_bytes_total"] == sum(one.stat().st_size for one in read)
        assert not (world.folder / "m.prom").exists()  # it is shown without the file, which is written in its time
    assert (world.folder / "m.prom").exists()


def test_a_profile_that_counts_nothing_has_nothing_to_show(world: SimpleNamespace) -> None:
    with build_runner({**world.profile, "observability": {"sinks": ["file"]}}) as runner:
        assert runner.ports.telemetry.exposition() is None  # type: ignore[attr-defined]
