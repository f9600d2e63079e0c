"""The blocks of a document, typed into a shell as its reader would, and what the document says comes out."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

import attrs

REPO = Path(__file__).resolve().parents[2]
_MARK = "--- typed:"
_VARYING = (
    (re.compile(r"platform_\d{8}T\d{6}Z"), "platform_TIME"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"), "TIME"),
    (re.compile(r"\b\d+(?:\.\d+)? (?:ms|s)\b"), "N s"),
    (re.compile(r"  +"), "  "),
)
"""What no two readers see alike, and columns, which move with it."""


@attrs.frozen
class Block:
    """What stands between fences. `kind`: the word behind the first one."""

    kind: str
    text: str

    def commands(self) -> Iterator[tuple[str, list[str]]]:
        """Of a console block: what follows each ``$``, and the lines that come out."""
        for one in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
            command, *shown = one.splitlines()
            yield command, shown


def blocks(text: str) -> list[Block]:
    """Every block of a document, in order."""
    return [
        Block(kind, inside) for kind, inside in re.findall(r"^```(\w+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    ]


def same(shown: Sequence[str], told: Sequence[str]) -> bool:
    """Whether a document shows what was told: ``...`` stands for text within a line, alone on one for lines."""
    lines = []
    for line in map(_steady, shown):
        alone = line.strip() == "..."
        lines.append(r"(?:.*\n)+" if alone else ".*".join(map(re.escape, line.split("..."))) + r"\n")
    return re.fullmatch("".join(lines), "".join(f"{_steady(line)}\n" for line in told)) is not None


def _steady(line: str) -> str:
    for varying, name in _VARYING:
        line = varying.sub(name, line)
    return line.rstrip()


class Reader:
    """A person at a shell in an empty folder, with ``sr`` and ``python3`` at hand."""

    def __init__(self, home: Path) -> None:
        self._home, self._hand = home / "home", home / "bin"
        self._home.mkdir()
        self._hand.mkdir()
        python = f"exec env PYTHONPATH={shlex.quote(str(REPO))} {shlex.quote(sys.executable)}"
        for name, start in (("sr", f"{python} -m sr_adapters.cli"), ("python3", python)):
            (self._hand / name).write_text(f'#!/bin/sh\n{start} "$@"\n')
            (self._hand / name).chmod(0o755)

    def __enter__(self) -> Reader:
        own = ("SR_", "PLATFORM_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        self._shell = subprocess.Popen(
            ["sh"],
            cwd=self._home,
            env={**kept, "PATH": f"{self._hand}{os.pathsep}{os.environ['PATH']}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._shell:
            self._shell.kill()

    def type(self, commands: str) -> tuple[int, list[str]]:
        """The exit code of the last command, and every line that came out. Folder and variables stay for the next."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"{{ {commands.rstrip()}\n}} </dev/null\nprintf '\\n%s %s\\n' '{_MARK}' $?\n")
        self._shell.stdin.flush()
        told: list[str] = []
        for line in self._shell.stdout:
            if line.startswith(_MARK):
                end = -1 if told[-1] == "\n" else None  # the mark's own line end, where the last line had one
                return int(line.rsplit(maxsplit=1)[1]), [one.removesuffix("\n") for one in told[:end]]
            told.append(line)
        raise AssertionError(f"the shell ended at {commands!r}: {''.join(told)}")

    def follow(self, block: Block) -> None:
        """Type a block, and hold what it shows against what comes out. It shows an error where there is one."""
        if block.kind == "sh":
            code, told = self.type(f"set -e\n{block.text}set +e")
            assert code == 0, told
            return
        assert block.kind == "console", block
        for command, shown in block.commands():
            code, told = self.type(command)
            assert same(shown, told), "\n".join([f"$ {command}", *told])
            assert (code != 0) is any(line.startswith("error[") for line in shown), (command, code)
