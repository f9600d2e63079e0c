"""A program that is there and cannot be started: what is wrong with it is named, and the code says so."""

from __future__ import annotations

import errno
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sr_adapters.subprocess import program
from sr_adapters.subprocess.invoker import SubprocessInvoker
from sr_adapters.subprocess.program import why_not
from sr_ports import EngineCall, EngineResult, ReasonCode

UNUSABLE, MISSING = ReasonCode.ENGINE_COMMAND_UNUSABLE, ReasonCode.ENGINE_COMMAND_MISSING


def start(folder: Path, command: str, **settings: str) -> EngineResult:
    invoker = SubprocessInvoker([command], runs_root=str(folder / "runs"), **settings)  # type: ignore[arg-type]
    call = EngineCall({"run_id": "0" * 32}, 1, None)
    return invoker.invoke(call, cancelled=lambda: False, progress=lambda line: None)


def elf(machine: int, loader: bytes) -> bytes:
    """The head of a 64-bit program for this machine number, with this loader."""
    head = (
        b"\x7fELF\x02\x01\x01"
        + b"\0" * 9
        + struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    )
    entry = struct.pack("<IIQQQQQQ", 3, 4, 120, 0, 0, len(loader), len(loader), 1)
    return head + entry + loader


HERE = next(number for number, name in program._MACHINES.items() if name == os.uname().machine)
OTHER = 183 if HERE != 183 else 62
FILES: dict[str, tuple[bytes, str]] = {
    "an interpreter with a carriage return": (
        b"#!/bin/sh\r\nexit 0\r\n",
        "its interpreter /bin/sh\\r is not there: its first line ends with a carriage return",
    ),
    "an interpreter that is not there": (
        b"#!/opt/none/python3\n",
        "its interpreter /opt/none/python3, named in its first line, is not there",
    ),
    "an interpreter that is a folder": (
        b"#! /tmp -x\n",
        "its interpreter /tmp, named in its first line, may not be executed",
    ),
    "no interpreter named": (b"#!\nexit 0\n", "its first line names no interpreter after #!"),
    "a script without #!": (b"exit 0\n", "neither a program of this system nor a script that begins with #!"),
    "a byte order mark": (b"\xef\xbb\xbf#!/bin/sh\n", "it begins with a byte order mark, before #!"),
    "an empty file": (b"", "it is empty"),
    "a program for Windows": (b"MZ\x90\0" + b"\0" * 60, "it is a program for Windows"),
    "another machine": (elf(OTHER, b"/lib/ld.so\0"), f"it is built for {program._MACHINES[OTHER]}, this machine is "),
    "another C library": (elf(HERE, b"/lib/ld-none.so.1\0"), "its loader /lib/ld-none.so.1 is not there"),
    "a cut program": (b"\x7fELF\x02\x01", "it is a cut or damaged program"),
}


@pytest.mark.parametrize("name", FILES)
def test_the_files_first_bytes_tell(tmp_path: Path, name: str) -> None:
    data, said = FILES[name]
    path = tmp_path / "engine.sh"
    path.write_bytes(data)
    path.chmod(0o755)
    result = start(tmp_path, str(path))
    assert result.reason is UNUSABLE
    assert said in result.detail
    assert str(path) in result.detail


def a_folder(path: Path) -> None:
    path.mkdir()


def no_right(path: Path) -> None:
    path.write_text("#!/bin/sh\n")
    path.chmod(0o644)


def a_link(path: Path) -> None:
    path.symlink_to("nowhere")


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (a_folder, "it is a folder"),
        (no_right, "it may not be executed (chmod +x)"),
        (a_link, "it is a link that leads nowhere"),
        (a_pipe, "it is no regular file"),
    ],
)
def test_what_is_there_is_no_program(tmp_path: Path, make: Callable[[Path], None], said: str) -> None:
    make(tmp_path / "engine")
    result = start(tmp_path, str(tmp_path / "engine"))
    assert result.reason is UNUSABLE
    assert result.detail.endswith(f"cannot be started: {said}")


def test_a_name_is_looked_for_on_the_engines_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert start(tmp_path, "sr-engine").reason is MISSING
    no_right(tmp_path / "sr-engine")
    result = start(tmp_path, "sr-engine")
    assert result.reason is UNUSABLE
    assert f"{tmp_path}/sr-engine cannot be started: it may not be executed" in result.detail
    (tmp_path / "sr-engine").chmod(0o755)
    assert start(tmp_path, "sr-engine").reason is None


def test_a_path_that_leads_nowhere_is_missing(tmp_path: Path) -> None:
    result = start(tmp_path, "./engine.sh", cwd=str(tmp_path))
    assert (result.reason, result.detail) == (MISSING, "the engine command ./engine.sh is not there")
    (tmp_path / "engine.sh").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "engine.sh").chmod(0o755)
    assert start(tmp_path, "./engine.sh", cwd=str(tmp_path)).reason is None


def test_a_working_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, said in (("gone", "cannot be used: No such file or directory"), ("file", "is no folder")):
        result = start(tmp_path, "true", cwd=str(tmp_path / name))
        assert result.reason is UNUSABLE
        assert f"invoker.cwd {tmp_path / name} {said}" in result.detail


def test_an_interpreter_that_env_cannot_find_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "engine.py"
    path.write_bytes(b"#!/usr/bin/env python3\r\nprint(1)\r\n")
    path.chmod(0o755)
    result = start(tmp_path, str(path))
    assert (result.reason, result.exit_code) == (ReasonCode.ENGINE_EXIT_NONZERO, 127)
    assert "its first line ends with a carriage return" in result.detail


def test_an_engine_that_ends_so_by_itself_is_not_blamed_for_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "engine.sh"
    path.write_text("#!/bin/sh\nexit 127\n")
    path.chmod(0o755)
    assert start(tmp_path, str(path)).detail == "exit code 127"


def test_what_nothing_is_seen_of_is_the_systems_own_sentence() -> None:
    code, told = why_not(errno.EAGAIN, sys.executable, None, {})
    assert code is UNUSABLE
    assert told.endswith("cannot be started: Resource temporarily unavailable")


def test_every_loader_of_this_systems_own_programs_is_found() -> None:
    for path in ("/bin/sh", "/bin/ls", os.path.realpath(sys.executable)):
        if Path(path).exists():
            assert subprocess.run([path, "--version"], capture_output=True, check=False).returncode in (0, 1, 2, 127)
            assert program._fault(path, None) is None
