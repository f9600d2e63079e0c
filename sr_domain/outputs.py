"""Finding an output's files: a file, a folder, or a glob at any depth."""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs

from sr_domain.sealed import SealedOutput
from sr_ports import EngineRoot, FileFact

_WILD = re.compile(r"[*?\[]")


@attrs.frozen
class OutputFiles:
    """Files to digest. `base`: the folder their relative paths start from, without trailing slash."""

    base: str
    facts: tuple[FileFact, ...]


@attrs.frozen
class Found(OutputFiles):
    """An output whose every path leads to at least one file."""


@attrs.frozen
class Absent:
    """At least one path of the output leads to nothing."""

    path: str


def find_output(root: EngineRoot, output: SealedOutput) -> Found | Absent:
    """The files an output consists of, in path order. Raises `EvidenceFault`, `Unreachable`."""
    facts: dict[str, FileFact] = {}
    bases = []
    for path in output.paths:
        base, found = _find(root, path)
        if not found:
            return Absent(path)
        bases.append(base)
        facts.update((fact.path, fact) for fact in found)
    return Found(_common(bases), tuple(facts[path] for path in sorted(facts)))


def _find(root: EngineRoot, path: str) -> tuple[str, Sequence[FileFact]]:
    folder = path.rstrip("/")
    if _WILD.search(folder):
        base = fixed_part(folder)
        pattern = glob_pattern(folder)
        return base, [fact for fact in root.list(base) if pattern.fullmatch(fact.path)]
    if not path.endswith("/"):
        fact = root.stat(path)
        if fact is not None:
            return path.rpartition("/")[0], [fact]
    return folder, root.list(folder)


def fixed_part(pattern: str) -> str:
    """The folders before the first segment with a wildcard."""
    fixed: list[str] = []
    for segment in pattern.split("/"):
        if _WILD.search(segment):
            break
        fixed.append(segment)
    return "/".join(fixed)


def glob_pattern(pattern: str) -> re.Pattern[str]:
    """A glob as a regular expression: ``*`` and ``?`` stay within a segment, ``**`` spans segments.

    A pattern that matches a folder's name takes every file below it.
    """
    segments = pattern.split("/")
    body = "".join("(?:[^/]+/)*" if segment == "**" else _segment(segment) + "/" for segment in segments)
    return re.compile((body[:-1] if body.endswith("/") else body + "[^/]+") + r"(?:/.*)?", re.DOTALL)


def _segment(text: str) -> str:
    out, i = [], 0
    while i < len(text):
        char = text[i]
        closing = text.find("]", i + 2) if char == "[" else -1
        if char == "*":
            out.append("[^/]*")
        elif char == "?":
            out.append("[^/]")
        elif closing > 0:
            inner = text[i + 1 : closing].replace("\\", "\\\\").replace("[", "\\[")
            out.append(f"(?!/)[{'^' + inner[1:] if inner.startswith('!') else inner}]")
            i = closing
        else:
            out.append(re.escape(char))
        i += 1
    return "".join(out)


def _common(bases: Sequence[str]) -> str:
    """The deepest folder that holds all of them."""
    split = [base.split("/") if base else [] for base in bases]
    common: list[str] = []
    for segments in zip(*split, strict=False):
        if len(set(segments)) > 1:
            break
        common.append(segments[0])
    return "/".join(common)
