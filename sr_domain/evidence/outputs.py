"""Finding an output's files: a file, a folder, or a glob at any depth."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from sr_domain.plan.sealed import SealedOutput
from sr_ports import EngineRoot, FileFact, ListingRules, Wanted
from sr_ports.wanted import TODAY, is_wild


@attrs.frozen
class OutputFiles:
    """The files an output consists of, at least one for each of its paths.

    `base`: the folder their relative paths start from, without trailing slash.
    """

    base: str
    facts: tuple[FileFact, ...]


@attrs.frozen
class Absent:
    """At least one path of the output leads to nothing."""

    path: str


def find_output(root: EngineRoot, output: SealedOutput, rules: ListingRules = TODAY) -> OutputFiles | Absent:
    """The files an output consists of, in path order. Raises `EvidenceFault`, `Unreachable`.

    Only what the output's paths name is looked at; what lies beside it is not evidence.
    """
    facts: dict[str, FileFact] = {}
    bases = []
    for path in output.paths:
        base, found = _find(root, path, rules)
        if not found:
            return Absent(path)
        bases.append(base)
        facts.update((fact.path, fact) for fact in found)
    return OutputFiles(_common(bases), tuple(facts[path] for path in sorted(facts)))


def _find(root: EngineRoot, path: str, rules: ListingRules) -> tuple[str, Sequence[FileFact]]:
    base, pattern = split_pattern(path.rstrip("/"))
    if not pattern and not path.endswith("/"):
        fact = root.stat(path, rules, or_folder=True)
        if fact is not None:
            return path.rpartition("/")[0], [fact]
    return base, root.list(base, Wanted(pattern, rules=rules))


def split_pattern(path: str) -> tuple[str, str]:
    """The folders before the first segment with a wildcard, and the pattern from there on (empty for none)."""
    segments = path.split("/")
    fixed = next((n for n, segment in enumerate(segments) if is_wild(segment)), len(segments))
    return "/".join(segments[:fixed]), "/".join(segments[fixed:])


def _common(bases: Sequence[str]) -> str:
    """The deepest folder that holds all of them."""
    split = [base.split("/") if base else [] for base in bases]
    common: list[str] = []
    for segments in zip(*split, strict=False):
        if len(set(segments)) > 1:
            break
        common.append(segments[0])
    return "/".join(common)
