"""Finding an output's files: a file, a folder, or a glob at any depth."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from sr_ports import EngineRoot, FileFact, ListingRules, Wanted
from sr_ports.compared import Compared
from sr_ports.wanted import TODAY, is_wild


@attrs.frozen(eq=False, repr=False)
class OutputFiles(Compared):
    """The files an output consists of, at least one for each of its paths.

    `base`: the folder their relative paths start from, without trailing slash. `path`: what a locator
    says: the one file, a folder with a slash behind it, or a glob. `listed`: whether they are proven by
    a part list: several, or one whose name in a locator would be taken for a glob.
    """

    base: str
    facts: tuple[FileFact, ...]
    path: str = ""
    listed: bool = attrs.field(
        default=attrs.Factory(lambda made: len(made.facts) > 1 or is_wild(made.facts[0].path), takes_self=True)
    )


@attrs.frozen(eq=False, repr=False)
class Absent(Compared):
    """At least one path of the output leads to nothing."""

    path: str


def find_output(root: EngineRoot, path: str, rules: ListingRules = TODAY) -> OutputFiles | Absent:
    """The files that a path names, in path order. Raises `EvidenceFault`, `Unreachable`.

    Only what the path names is looked at; what lies beside it is not evidence.
    """
    base, pattern = split_pattern(path.rstrip("/"))
    if not pattern and not path.endswith("/"):
        fact = root.stat(path, rules, or_folder=True)
        if fact is not None:
            return OutputFiles(path.rpartition("/")[0], (fact,), path)
    found = root.list(base, Wanted(pattern, rules=rules))
    if not found:
        return Absent(path)
    made = OutputFiles(base, tuple(sorted(found, key=lambda fact: fact.path)), path if pattern else f"{base}/")
    return made if made.listed else attrs.evolve(made, path=made.facts[0].path)


def find_days(root: EngineRoot, paths: Sequence[str], rules: ListingRules) -> OutputFiles | Absent:
    """The files of all days as one, as revision 1 digested them. Raises `EvidenceFault`, `Unreachable`."""
    facts: dict[str, FileFact] = {}
    bases = []
    for path in paths:
        found = find_output(root, path, rules)
        if isinstance(found, Absent):
            return found
        bases.append(found.base)
        facts.update((fact.path, fact) for fact in found.facts)
    return OutputFiles(_common(bases), tuple(facts[path] for path in sorted(facts)), listed=len(facts) > 1)


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
