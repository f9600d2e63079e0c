"""Standard streams that are absent, full, closed by their reader or of another encoding: the work is what it was."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from sr_adapters.cli import output
from sr_adapters.cli.app import run
from sr_adapters.cli.errors import tell
from sr_adapters.cli.output import Output
from sr_adapters.shown import in_line, plain
from sr_domain.encoding.ids import run_id_for
from sr_domain.queries.listing import Listing
from sr_plugins.wiring.sinks import FanOut
from sr_ports import ObsEvent
from tests.cli.conftest import Shell

RUN = run_id_for("key")
NOBODY = "0" * 32


class Broken(io.RawIOBase):
    """A descriptor that takes nothing."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if not self.number:
            return len(data)
        raise OSError(self.number, os.strerror(self.number))


def broken(number: int) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BufferedWriter(Broken(number)), encoding="utf-8")


def closed() -> io.TextIOWrapper:
    made = io.TextIOWrapper(io.BytesIO())
    made.close()
    return made


PLACES: dict[str, Callable[[], Any]] = {
    "absent": lambda: None,
    "closed": closed,
    "full": lambda: broken(errno.ENOSPC),
    "read no more": lambda: broken(errno.EPIPE),
}
COMMANDS = {
    "list": (["list"], 0),
    "a table as JSON": (["--json", "list"], 0),
    "an error": (["status", NOBODY], 8),
    "an error as JSON": (["--json", "status", NOBODY], 8),
    "usage": (["list", "nonsense"], 2),
    "help": (["--help"], 0),
    "nothing": ([], 2),
    "explain": (["explain", RUN], 0),
    "show": (["show", RUN], 0),
    "the bus": (["bus", "tail"], 0),
    "the story": (["-v", "submit", "request.yaml"], 0),
    "a collision": (["submit", "other.yaml"], 7),
    "a bug": (["-v", "list"], 1),
}


@pytest.fixture
def ready(sr: Shell) -> Shell:
    """One run that is READY, and a request that its key refuses."""
    assert sr("submit", sr.request()).code == 0
    sr.request(name="other.yaml", seed=8)
    return sr


def streams(patch: pytest.MonkeyPatch, place: str, *names: str) -> None:
    """Give these standard streams no place for text."""
    for name in names:
        patch.setattr(sys, name, PLACES[place]())


def forget(*names: str) -> None:
    """Let go of what a stream that takes nothing still holds: it must not be tried again at its end."""
    for name in names:
        with contextlib.suppress(ValueError, AttributeError):
            getattr(sys, name).buffer.raw.number = 0


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("names", [("stdout",), ("stderr",), ("stdout", "stderr")], ids="+".join)
def test_the_exit_code_says_what_was_done(
    ready: Shell, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], place: str
) -> None:
    found = {}
    for command, (args, code) in COMMANDS.items():
        with monkeypatch.context() as patch:
            if code == 1:
                patch.setattr("sr_domain.runner.ScenarioRunner.listing", lambda *_, **__: 1 / 0)
            streams(patch, place, *names)
            before = sys.stdout, sys.stderr
            found[command] = run(["--profile", "profile.yaml", "--policy", "policy.yaml", *args])
            assert (sys.stdout, sys.stderr) == before
            forget(*names)
    assert found == {command: code for command, (_, code) in COMMANDS.items()}


def test_work_is_done_whose_answer_has_no_place(sr: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", None)
        patch.setattr(sys, "stderr", None)
        assert sr("submit", sr.request()).code == 0
    assert sr("--json", "status", RUN).json["state"] == "READY"


@pytest.mark.parametrize(("place", "told"), [("full", 1), ("read no more", 0), ("absent", 0)])
def test_only_an_answer_that_somebody_waits_for_is_missed(
    ready: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], place: str, told: int
) -> None:
    with monkeypatch.context() as patch:
        streams(patch, place, "stdout")
        assert run(["--profile", "profile.yaml", "list"]) == 0
        forget("stdout")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == told
    assert all(line.startswith("warning: the answer cannot be written: No space left on device; ") for line in lines)


def test_a_request_from_a_closed_standard_input_is_refused(sr: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    answer = sr("submit", "-")
    assert (answer.code, answer.error) == (2, "REQUEST_NOT_FOUND")
    assert "'-' cannot be read: it is closed" in answer.err


def test_a_pipe_that_breaks_in_the_work_is_no_answer_that_was_read(sr: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr("sr_domain.runner.ScenarioRunner.listing", breaks)
    answer = sr("list")
    assert (answer.code, answer.error) == (1, "INTERNAL")


def test_who_prints_without_end_stops_when_nobody_reads(ready: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        streams(patch, "read no more", "stdout")
        assert run(["--profile", "profile.yaml", "bus", "tail", "--follow"]) == 0
        forget("stdout")


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


SHOWN = (["-v", "explain", RUN], ["show", RUN], ["status", RUN], ["bus", "tail"], ["plugins"])


@pytest.mark.parametrize("kind", [io.TextIOWrapper, Terminal], ids=["a pipe", "a terminal"])
def test_characters_degrade_and_never_the_command(
    ready: Shell, monkeypatch: pytest.MonkeyPatch, kind: type[io.TextIOWrapper]
) -> None:
    for encoding in ("latin-1", "ascii", "cp1252", "utf-8", "utf-16", "koi8-r"):
        raw = io.BytesIO()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", kind(raw, encoding=encoding, write_through=True))
            for command in SHOWN:
                assert run(["--profile", "profile.yaml", "--policy", "policy.yaml", *command]) == 0
            text = raw.getvalue().decode(encoding)
        assert ("├─ PROVEN" in text) == (encoding in ("utf-8", "utf-16", "koi8-r"))
        assert ("|- PROVEN" in text) == (encoding in ("latin-1", "ascii", "cp1252"))


ODD = "Zürich … \u202egnp.exe \U0001f600 \x7f \x9b1m"


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8", "utf-16"])
def test_json_means_the_same_in_any_encoding(sr: Shell, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    monkeypatch.setattr(
        "sr_domain.runner.ScenarioRunner.listing", lambda *_, **__: Listing(({"run_id": ODD},), 1, False)
    )
    raw = io.BytesIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding, write_through=True))
        assert run(["--json", "list"]) == 0
        text = raw.getvalue().decode(encoding)
    assert json.loads(text) == {"schema_version": "1.0", "runs": [{"run_id": ODD}], "more": False, "total": 1}
    assert not set("\u202e\x7f\x9b") & set(text)


def test_halves_of_surrogate_pairs_are_shown(sr: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is no UTF-8, as Python hands it over."""
    raw = io.BytesIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="utf-8", write_through=True))
        patch.setattr(
            "sr_domain.runner.ScenarioRunner.listing", lambda *_, **__: Listing(({"run_id": "caf\udce9"},), 1, False)
        )
        assert run(["list"]) == 0
        assert "caf\\udce9" in raw.getvalue().decode()
        assert run(["--json", "list"]) == 0
        assert run(["--profile", "caf\udce9", "list"]) == 2


@pytest.mark.parametrize("given", ["\x1b[2J", "\x1b]0;title\x07", "a\rb", "\u202e", "\u2066", "\x9b31m", "\x00"])
def test_what_moves_a_cursor_or_turns_text_around_is_escaped(given: str) -> None:
    for shown in (plain(f"name {given} end"), in_line(f"name {given} end")):
        assert "\\u" in shown
        assert shown.isprintable()


def test_colours_lines_and_letters_stay() -> None:
    text = "\x1b[1;32mREADY\x1b[0m Zürich\n\tжизнь 東京 😀 …"
    assert plain(text) == text
    assert in_line("one\n\ttwo \x1b[31m") == "one\\n\\ttwo \\u001b[31m"


def test_an_output_hides_the_bytes_below() -> None:
    stream = Output(io.TextIOWrapper(io.BytesIO()))
    assert not hasattr(stream, "buffer")
    with pytest.raises(TypeError):
        stream.write(b"bytes")  # type: ignore[arg-type]


SR = f"{sys.executable} -m sr_adapters.cli --profile profile.yaml --policy policy.yaml"


LINES = {
    "submit request.yaml >&- 2>&- <&-": 0,
    f"explain {RUN} | true; exit ${{PIPESTATUS[0]}}": 0,
    "list >/dev/full 2>/dev/full": 0,
}


def test_in_a_real_shell(ready: Shell) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for line, code in LINES.items():
        done = subprocess.run(["bash", "-c", f"{SR} {line}"], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == code, (line, done)
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr


def test_on_a_terminal_of_80_columns_ids_are_whole_or_8_characters_and_no_line_is_longer(sr: Shell) -> None:
    sr("submit", sr.request())
    reader, terminal = os.openpty()
    words = [sys.executable, "-m", "sr_adapters.cli", "--profile", "profile.yaml", "list"]
    env = {**os.environ, "COLUMNS": "80", "TERM": "dumb"}
    done = subprocess.run(words, cwd=sr.folder, env=env, stdout=terminal, check=False, timeout=60)
    os.close(terminal)
    lines = os.read(reader, 1 << 16).decode().splitlines()
    os.close(reader)
    assert done.returncode == 0
    assert sum(RUN[:8] in line for line in lines) == 1
    assert max(map(len, lines)) <= 80


def test_no_file_of_truth_becomes_standard_output() -> None:
    """With its descriptors closed, a process gives their numbers to the next files it opens."""
    program = (
        "import os; [os.close(fd) for fd in (0, 1, 2)]\n"
        "from sr_adapters.cli import output\n"
        "output.hold_standard_descriptors()\n"
        "held = [os.readlink(f'/proc/self/fd/{fd}') for fd in range(3)]\n"
        "raise SystemExit(0 if held == ['/dev/null'] * 3 else 1)\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", program], env=env, check=False, timeout=60).returncode == 0


def test_outside_a_command_words_go_to_pythons_own_streams(capsys: pytest.CaptureFixture[str]) -> None:
    output.answer("one")
    output.tell("two")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("one\n", "two\n")


class SlowSink:
    """Shows each event, some time after it was given."""

    def emit(self, event: ObsEvent) -> None:
        time.sleep(0.05)
        output.tell(event.message)

    def close(self) -> None:
        """Nothing is held open."""


def test_an_error_line_comes_after_the_story_that_led_to_it(capsys: pytest.CaptureFixture[str]) -> None:
    story = FanOut([SlowSink()])
    try:
        story.emit(ObsEvent("RUN_ACCEPTED", "AUTHORITY", "OK", "INFO", "2026-01-31T13:42:00Z", {}, message="the story"))
        tell("STORE_UNREACHABLE", "the store is away", "try again")
    finally:
        story.close()
    assert capsys.readouterr().err.splitlines() == [
        "the story",
        "error[STORE_UNREACHABLE]: the store is away; try again",
    ]
