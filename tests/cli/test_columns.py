"""Eighty columns: lines break between words, and what a person copies stays whole."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_adapters.cli import tables
from sr_adapters.shown import folded, short_digests
from sr_domain.encoding.ids import run_id_for
from tests.cli.conftest import Shell

RUN = run_id_for("key")
WIDE = 80


def on_terminal(folder: Path, *words: str, columns: int = WIDE) -> tuple[int, list[str]]:
    """The exit code, and the lines that a terminal of so many columns is given."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    command = [sys.executable, "-m", "sr_adapters.cli", *words]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=follower, stdout=follower, stderr=follower
    ) as process:
        os.close(follower)
        told = b""
        while piece := _piece(leader):
            told += piece
        code = process.wait()
    os.close(leader)
    return code, click.unstyle(told.decode().replace("\r\n", "\n")).split("\n")


def _piece(leader: int) -> bytes:
    try:
        return os.read(leader, 65_536)
    except OSError:  # the other side is closed
        return b""


@pytest.fixture
def quarantined(sr: Shell) -> Shell:
    (sr.folder / "root/up/_passed.flag").write_text(f"sha256_hex = {'ab' * 32}\n")
    assert sr("submit", sr.request()).code == 5
    return sr


def test_no_line_is_wider_than_the_terminal(quarantined: Shell) -> None:
    folder = quarantined.folder
    for words in (
        ("submit", "request.json"), ("explain", RUN), ("status", RUN), ("list",), ("show", RUN),
        ("plan", "request.json"), ("check", "root", "--request", "request.json"), ("status", "key:nope"), ("doctor",),
        ("quarantine", "show", RUN),
        ("retry", RUN), ("audit", RUN), ("check", "nowhere"), ("list", "--state", "NONE"),
    ):  # fmt: skip
        _, lines = on_terminal(folder, "--profile", "profile.yaml", *words)
        for line in lines:
            copied = len(line.split()) == 1 or " sr " in line  # is not cut, also where it has no room
            assert len(line) <= WIDE or copied, (words, line)


def test_what_is_typed_next_stays_on_one_line(quarantined: Shell) -> None:
    _, lines = on_terminal(quarantined.folder, "--profile", "profile.yaml", "explain", RUN)
    assert any(f"profile.yaml retry {RUN}" in line for line in lines)
    assert any(f"quarantine show {RUN}" in line for line in lines), lines


def test_the_next_step_begins_a_line_of_its_own(quarantined: Shell) -> None:
    code, lines = on_terminal(quarantined.folder, "--profile", "profile.yaml", "status", "key:nope")
    assert code == 8
    assert [line for line in lines if line] == [
        "error[RUN_NOT_FOUND]: there is no run with the key 'nope';",
        "  check the key and the profile; sr list shows the keys",
    ]


def test_digests_of_a_sentence_are_short_and_those_that_are_typed_are_whole() -> None:
    digest = "0123456789ab" * 5 + "cdef"
    assert short_digests(f"it states {digest}, the law gives {digest}") == (
        "it states 0123456789ab…, the law gives 0123456789ab…"
    )
    for typed in (f"_sr/{digest}/index.json", f"wants 'sha256_hex = {digest}'", f"--x={digest}", f"{digest}.json", RUN):
        assert short_digests(typed) == typed


def test_a_pipe_is_given_one_line(quarantined: Shell) -> None:
    assert quarantined("explain", RUN).out.count("\nnext: ") == 1
    assert len(quarantined("status", "key:nope").err.splitlines()) == 1


def test_a_countdown_makes_room_for_what_comes_next(quarantined: Shell) -> None:
    _, lines = on_terminal(quarantined.folder, "--profile", "profile.yaml", "wait", "key:nope", "--timeout", "2")
    before, _, told = lines[0].rpartition("\r")
    assert "left to wait" in before
    assert told.startswith("error[RUN_NOT_FOUND]")


def test_a_list_keeps_the_key_and_lets_the_instant_go() -> None:
    headers = ["run", "state", "key", "age", "reason", "updated"]
    key = "orders-2026-03-01..2026-03-02-159b0e65f5ca"
    row = [RUN, "READY", key, "9 min", "", "2026-11-30T07:42:08.096427Z"]
    kept, rows, left_out = tables.without_spare(headers, [row], WIDE - 4)
    assert kept == ["run", "state", "key", "age"]
    assert left_out == 1, "an empty column hides nothing"
    assert tables.fitted(kept, rows, WIDE - 4)[1] == [[RUN[:8], "READY", key, "9 min"]]
    assert tables.without_spare(headers, [row], 300) == (headers, [row], 0)


def test_a_name_that_is_cut_keeps_both_ends() -> None:
    ((_, cut),) = tables.fitted(["run", "key"], [[RUN, "orders-2026-03-01..2026-03-02-159b0e65f5ca"]], 40)[1]
    assert cut.startswith("orders-")
    assert cut.endswith("159b0e65f5ca")


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(["word", "data/a/very/long/path-0.csv", f"sr retry {RUN}", "x" * 90, "  deep", "│"])),
    st.integers(20, 120),
)
def test_folding_loses_nothing_and_breaks_no_word(words: list[str], room: int) -> None:
    text = " ".join(words)
    lines = folded(text, room).split("\n")
    assert re.sub(r"[ │]+", " ", " ".join(lines)).strip() == re.sub(r"[ │]+", " ", text).strip()
    for line in lines:
        body = line.lstrip(" │")
        assert len(line) <= room or " " not in body or body.startswith("sr retry"), line
    assert folded(text, max(len(text), 1)) == text
