"""The console sink and the file sink (spec: behaviour, "Observability")."""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from shutil import get_terminal_size
from typing import Any

from sr_adapters.observability.beat import EngineBeat
from sr_adapters.observability.lines import line, narrative
from sr_adapters.observability.settings import FileSettings
from sr_adapters.places import flags
from sr_adapters.shown import folded
from sr_domain.encoding.ids import is_platform_run_id
from sr_ports import ObsEvent, SrError, Wiring

_COLOURS = {"WARN": "\033[33m", "ERROR": "\033[31m"}
_NARROW, _BESIDE = 40, 19
"""Columns that every terminal has; where what has no room on its line goes on: beside time and phase."""
_NAMED = os.O_WRONLY | os.O_CREAT | os.O_APPEND | flags("CLOEXEC")
_FLAGS = _NAMED | flags("NOFOLLOW")
"""How files are opened: a link is followed only where an operator named the file, as ``/dev/stderr`` is one."""
_HELD = 1000
"""Events that are held back at most."""


class ConsoleSink:
    """INFO and graver as lines on stderr, governance facts aside; colour only on a terminal, and there a line
    every half minute while an engine runs.

    Writes to the stream's descriptor where it has one: a terminal or pipe that takes nothing then
    holds no lock of the stream's, which the end of the process would wait for.
    """

    def __init__(self, stream: Any = None) -> None:
        self._stream = stream or sys.stderr
        self._colour = bool(getattr(self._stream, "isatty", lambda: False)())
        self._beat = EngineBeat(self._say_running) if self._colour else None

    def emit(self, event: ObsEvent) -> None:
        self.emit_all([event])

    def emit_all(self, events: Sequence[ObsEvent]) -> None:
        if self._beat is not None:
            for one in events:
                self._beat.heard(one)
        shown = [self._line(one) for one in events if one.severity != "DEBUG" and not one.governance]
        if shown and self._stream is not None:
            self._write("".join(shown))

    def close(self) -> None:
        """Nothing is kept back; no engine is told of any more."""
        if self._beat is not None:
            self._beat.close()

    def _say_running(self, pins: Mapping[str, Any], told: str) -> None:
        """A line between events, in their form."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._write(self._line(ObsEvent("ENGINE_RUNNING", "ENGINE", "OK", "INFO", now, pins, message=told)))

    def _line(self, event: ObsEvent) -> str:
        line = narrative(event)
        if self._colour and len(line) > _NARROW:
            line = folded(line, get_terminal_size().columns, _BESIDE)
        colour = _COLOURS.get(event.severity) if self._colour else None
        return f"{colour}{line}\033[0m\n" if colour else line + "\n"

    def _write(self, text: str) -> None:
        try:
            descriptor = self._stream.fileno()
        except (AttributeError, OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()
            return
        data = memoryview(text.encode(self._stream.encoding or "utf-8", "backslashreplace"))
        while data:
            data = data[os.write(descriptor, data) :]


class FileSink:
    """Narrative lines to the shared ``platform.log`` and the session's own, events to ``session.jsonl``.

    `shared`: the path of the former, where it is not in `folder`. One of the files that cannot be written keeps nothing
    from the others. One write call for a file and all events that come at once, appended, never synced: many processes
    may share them.

    Before the first submission there is no session: events are held back until there is one. Where none comes, nothing
    is written but to a `shared` file that somebody named.
    """

    def __init__(self, folder: str, platform_run_id: Callable[[], str], shared: str | None = None) -> None:
        self._folder, self._platform_run_id = folder, platform_run_id
        self._shared, self._named = shared or f"{folder}/platform.log", shared is not None
        self._open: dict[str, int] = {}
        weakref.finalize(self, _close_all, self._open)  # for callers who never close
        self._session: str | None = None
        self._held: list[ObsEvent] = []

    def emit(self, event: ObsEvent) -> None:
        self.emit_all([event])

    def emit_all(self, events: Sequence[ObsEvent]) -> None:
        """Raises `OSError`, the first of the files', when all were tried."""
        if self._session is None:
            try:
                self._session = self._session_of(self._platform_run_id())
            except SrError:
                self._held = [*self._held, *events][-_HELD:]
                return
        events, self._held = [*self._held, *events], []
        story, own = _story(events), dict[str, list[str]]()
        if self._session:
            own = {f"{self._session}/session.jsonl": list(map(line, events)), f"{self._session}/platform.log": story}
        self._append_to({**own, self._shared: story})

    def _session_of(self, platform_run_id: str) -> str:
        """The session's folder; empty for a name that no session may have, unless an earlier release made one of it."""
        folder = f"{self._folder}/{platform_run_id}"
        return folder if is_platform_run_id(platform_run_id) or Path(folder).is_dir() else ""

    def close(self) -> None:
        try:
            if self._named:
                events, self._held = self._held, []
                self._append_to({self._shared: _story(events)})
        finally:
            _close_all(self._open)

    def _append_to(self, files: Mapping[str, Sequence[str]]) -> None:
        troubles = []
        for path, lines in files.items():
            try:
                self._append(path, lines)
            except OSError as error:
                troubles.append(error)
        if troubles:
            raise troubles[0]

    def _append(self, path: str, lines: Sequence[str]) -> None:
        if not lines:
            return
        fd = self._open.get(path)
        if fd is None:
            os.makedirs(path.rpartition("/")[0] or ".", exist_ok=True)  # noqa: PTH103 - strings all the way
            fd = self._open[path] = os.open(path, _NAMED if self._named and path == self._shared else _FLAGS, 0o644)
        data = memoryview("\n".join((*lines, "")).encode("utf-8", "backslashreplace"))
        while data:
            data = data[os.write(fd, data) :]


def _story(events: Sequence[ObsEvent]) -> list[str]:
    return [narrative(one) for one in events if one.severity != "DEBUG"]


def _close_all(files: dict[str, int]) -> None:
    while files:
        os.close(files.popitem()[1])


def build_console(wiring: Wiring[None]) -> ConsoleSink:
    """The console sink."""
    return ConsoleSink()


def build_file(wiring: Wiring[FileSettings]) -> FileSink:
    """The file sink, under the runtime root; the shared log where settings or environment say."""
    shared = wiring.settings.path or os.environ.get("PLATFORM_LOG_PATH") or None
    return FileSink(f"{wiring.runtime_root}/fraud-platform", wiring.platform_run_id, shared)
