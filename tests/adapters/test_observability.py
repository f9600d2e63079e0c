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
    sink = FileSink(str(tmp_path), lambda: "platform_20260131T134200Z")
    sink.emit(event(record_ref="k", dsn="postgresql://u:hunter2hunter2@h/d"))
    sink.close()
    assert (tmp_path / "platform.log").read_text() == (
        tmp_path / "platform_20260131T134200Z" / "platform.log"
    ).read_text()
    (line,) = (tmp_path / "platform_20260131T134200Z" / "session.jsonl").read_text().splitlines()
    assert json.loads(line)["details"]["record_ref"] == "k"
    assert "hunter2" not in line


def test_text_from_outside_moves_no_cursor_and_breaks_no_line(tmp_path: Path) -> None:
    said = event("a\nb\x1b[2Jc\u202ed caf\udce9", name="caf\udce9")
    stream, sink = io.StringIO(), FileSink(str(tmp_path), lambda: "platform_20260131T134200Z")
    ConsoleSink(stream).emit(said)
    sink.emit(said)
    sink.close()
    line = "13:42:00 AUTHORITY run abababab  a\\nb\\u001b[2Jc\\u202ed caf\\udce9\n"
    assert stream.getvalue() == (tmp_path / "platform.log").read_text() == line
    (kept,) = (tmp_path / "platform_20260131T134200Z" / "session.jsonl").read_text().splitlines()
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


def test_one_file_that_cannot_be_written_keeps_nothing_from_the_others(tmp_path: Path) -> None:
    (tmp_path / "platform_20260131T134200Z" / "session.jsonl").mkdir(parents=True)
    sink = FileSink(str(tmp_path), lambda: "platform_20260131T134200Z")
    with pytest.raises(IsADirectoryError):
        sink.emit(event())
    sink.close()
    assert (
        (tmp_path / "platform_20260131T134200Z" / "platform.log").read_text()
        == (tmp_path / "platform.log").read_text()
        != ""
    )


def test_what_was_told_before_the_session_began_is_written_once_it_has(tmp_path: Path) -> None:
    begun: list[str] = []

    def session() -> str:
        if not begun:
            raise NotFound(ReasonCode.RUN_NOT_FOUND, "nothing yet")
        return begun[0]

    sink = FileSink(str(tmp_path), session)
    sink.emit(event("first"))
    assert not list(tmp_path.iterdir())
    begun.append("platform_20260131T134200Z")
    sink.emit(event("second"))
    sink.close()
    lines = (tmp_path / "platform_20260131T134200Z" / "session.jsonl").read_text().splitlines()
    assert [json.loads(one)["message"] for one in lines] == ["first", "second"]


@pytest.mark.parametrize("named", [True, False])
def test_without_a_session_the_story_goes_where_somebody_named_a_file_and_nowhere_else(
    tmp_path: Path, named: bool
) -> None:
    def none() -> str:
        raise NotFound(ReasonCode.RUN_NOT_FOUND, "nothing yet")

    sink = FileSink(str(tmp_path / "runs"), none, str(tmp_path / "story.log") if named else None)
    sink.emit(event("request refused"))
    sink.close()
    assert [one.name for one in tmp_path.iterdir()] == (["story.log"] if named else [])
    if named:
        assert "request refused" in (tmp_path / "story.log").read_text()


@pytest.mark.parametrize("named", [True, False])
def test_a_link_is_followed_where_an_operator_named_it_and_nowhere_else(tmp_path: Path, named: bool) -> None:
    target, link = tmp_path / "target", tmp_path / "platform.log"
    link.symlink_to(target)
    sink = FileSink(str(tmp_path), lambda: "platform_20260131T134200Z", str(link) if named else None)
    if named:
        sink.emit(event())
    else:
        with pytest.raises(OSError, match=r"platform\.log"):
            sink.emit(event())
    sink.close()
    assert target.exists() is named
