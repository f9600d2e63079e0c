"""Sinks tell the story and never a secret; a dead one is nobody's trouble."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from sr_adapters.observability.sinks import ConsoleSink, FileSink
from sr_plugins.wiring.sinks import FanOut
from sr_ports import NotFound, ObsEvent, ReasonCode


def event(message: str = "admitted", severity: str = "INFO", **details: object) -> ObsEvent:
    return ObsEvent(
        "RUN_ACCEPTED",
        "AUTHORITY",
        "OK",
        severity,
        "2026-01-31T13:42:00Z",
        {"run_id": "ab" * 16},
        message=message,
        details=details,
    )


def test_the_console_tells_info_and_keeps_debug_to_itself() -> None:
    stream = io.StringIO()
    sink = ConsoleSink(stream)
    sink.emit(event())
    sink.emit(event("noise", "DEBUG"))
    assert stream.getvalue() == "13:42:00 AUTHORITY run abababab  admitted\n"


def test_the_file_sink_writes_the_story_and_the_events(tmp_path: Path) -> None:
    sink = FileSink(str(tmp_path), lambda: "platform_x")
    sink.emit(event(record_ref="k", dsn="postgresql://u:hunter2hunter2@h/d"))
    sink.close()
    assert (tmp_path / "platform.log").read_text() == (tmp_path / "platform_x" / "platform.log").read_text()
    (line,) = (tmp_path / "platform_x" / "session.jsonl").read_text().splitlines()
    assert json.loads(line)["details"]["record_ref"] == "k"
    assert "hunter2" not in line


def test_text_from_outside_moves_no_cursor_and_breaks_no_line(tmp_path: Path) -> None:
    said = event("a\nb\x1b[2Jc\u202ed caf\udce9", name="caf\udce9")
    stream, sink = io.StringIO(), FileSink(str(tmp_path), lambda: "platform_x")
    ConsoleSink(stream).emit(said)
    sink.emit(said)
    sink.close()
    line = "13:42:00 AUTHORITY run abababab  a\\nb\\u001b[2Jc\\u202ed caf\\udce9\n"
    assert stream.getvalue() == (tmp_path / "platform.log").read_text() == line
    (kept,) = (tmp_path / "platform_x" / "session.jsonl").read_text().splitlines()
    assert json.loads(kept)["message"] == said.message


def test_before_anything_was_submitted_nothing_is_written(tmp_path: Path) -> None:
    def none() -> str:
        raise NotFound(ReasonCode.RUN_NOT_FOUND, "nothing yet")

    FileSink(str(tmp_path), none).emit(event())
    assert not list(tmp_path.iterdir())


def test_a_dead_sink_stops_nobody(tmp_path: Path) -> None:
    class Dead:
        def emit(self, event: ObsEvent) -> None:
            raise OSError("disk gone")

        def close(self) -> None:
            raise OSError("disk gone")

    stream = io.StringIO()
    fan = FanOut((Dead(), ConsoleSink(stream)))
    fan.emit(event())
    fan.close()
    assert stream.getvalue()
    assert fan.dropped == 2


@pytest.mark.parametrize("severity", ["INFO", "WARN"])
def test_colour_is_for_terminals(severity: str) -> None:
    stream = io.StringIO()
    ConsoleSink(stream).emit(event(severity=severity))
    assert "\033" not in stream.getvalue()
