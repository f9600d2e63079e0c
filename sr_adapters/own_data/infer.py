"""Inferring outputs from the files that are there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

import attrs

from sr_adapters.own_data.matching import Paths
from sr_adapters.own_data.names import Named, fitting, group_of, named, pattern, without_day
from sr_adapters.sealing import SealRefused, Tree
from sr_adapters.sealing.errors import shown
from sr_domain.plan.compile import MAX_DAYS
from sr_domain.plan.templates import names_day

_LOOSE = 100
"""How many files beside each other are outputs of their own; more of them are parts of one."""
_WILD = ("*", "[!.]*")


@attrs.frozen
class Inferred:
    """An output. `days`: those that its files are of, first to last; none where its template names no day."""

    output_id: str
    template: str
    files: int
    size: int
    days: tuple[str, ...] = ()


@attrs.frozen
class Layout:
    """What a folder holds. `notes`: what was decided that a person may want otherwise, a sentence each.

    `window`: the first and the last day; None where no path names one.
    """

    outputs: tuple[Inferred, ...]
    notes: tuple[str, ...]
    window: tuple[str, str] | None


@attrs.frozen
class _Group:
    """Files that are one output, or two where some have no day. `stem`: what it is called; `end`: its files' ending."""

    stem: str
    end: str
    files: Sequence[Named]


def infer(tree: Tree) -> Layout:
    """The outputs of a folder of data. Raises `SealRefused` where it has no files, or no pattern tells them apart."""
    if not tree.files:
        raise SealRefused("there is no data file in this folder", "give the folder that the data are in")
    sizes = {one.path: one.size for one in tree.files}
    every = [named(path) for path in sizes]
    seen = sorted({one.day for one in every if one.day is not None})
    window = (seen[0], seen[-1]) if seen else None
    judge = _Patterns(every, tree.aside, days_between(*window) if window else ())
    told = [(part, template) for group in _groups(every) for part, template in judge.told(group)]
    outputs = tuple(_outputs(told, sizes, judge.notes))
    return Layout(outputs, tuple(judge.notes), window)


def days_between(first: str, last: str) -> tuple[str, ...]:
    """Every day from first to last; none where there are more than a window may have."""
    start = date.fromisoformat(first)
    count = (date.fromisoformat(last) - start).days + 1
    return () if count > MAX_DAYS else tuple((start + timedelta(at)).isoformat() for at in range(count))


def _groups(every: Iterable[Named]) -> Iterator[_Group]:
    """Files by what they are of; very many files side by side are parts of one output of their extension."""
    groups: dict[tuple[str, str], list[Named]] = defaultdict(list)
    for one in every:
        groups[group_of(one)].append(one)
    loose = [key for key in groups if key[1] != "/"]
    for name, end in loose if len(loose) > _LOOSE else ():
        groups["", f".{end}"] += groups.pop((name, end))
    for (name, end), files in sorted(groups.items()):
        if end == "/":
            yield _Group(name, "", files)
        else:
            yield _Group(name or end.strip(".") or "files", end, files)


class _Patterns:
    """Finds templates that take a group's files and no others. `window`: every day of it."""

    def __init__(self, every: Sequence[Named], aside: Sequence[str], window: Sequence[str]) -> None:
        self.notes: list[str] = []
        self._window = frozenset(window)
        beside = [*every, *map(named, aside)]
        self._paths = Paths(one.path for one in beside)
        self._shapes = Paths(one.shape for one in beside if one.day is not None)

    def told(self, group: _Group) -> list[tuple[_Group, str]]:
        """Templates for a group, each with the files that it takes: by day where every day of the window is there."""
        by_day = self._by_day(group)
        if by_day:
            return by_day
        paths = [one.path for one in group.files]
        whole = self._fit(paths)
        if whole is None:
            other = self._in_the_way(paths)
            what = f"no pattern takes the files of {shown(group.stem)} and leaves {shown(other)} out"
            raise SealRefused(what, f"move {shown(other)} elsewhere, or rename it")
        return [(group, whole)]

    def _by_day(self, group: _Group) -> list[tuple[_Group, str]]:
        dated = [one for one in group.files if one.day is not None]
        plain = [one for one in group.files if one.day is None]
        if not dated:
            return []
        lacking = sorted(self._window - {one.day for one in dated})
        if not self._window:
            why, later = f"is beside days that span more than the {MAX_DAYS:,} of a window", "give a folder of fewer"
        elif lacking:
            why, later = f"has no file of {lacking[0]}", "once it is there, describe the folder anew with --force"
        else:
            daily = self._fit([one.shape for one in dated], by_day=True)
            rest = self._fit([one.path for one in plain]) if plain else ""
            if daily is not None and rest is not None:
                other = _Group(f"{group.stem}_undated", group.end, plain)
                return [(attrs.evolve(group, files=dated), daily), *([(other, rest)] if rest else [])]
            why, later = "has its days at different places", "put them at the same place each, and describe it anew"
        self.notes.append(f"{shown(group.stem)} {why}: its days are not told apart, it is one whole; {later}")
        return []

    def _fit(self, names: Sequence[str], *, by_day: bool = False) -> str | None:
        """A template that takes these and nothing else; None where there is none."""
        distinct = sorted(set(names))
        for wild in _WILD:
            template = pattern(distinct, wild)
            if (
                template is None
                or names_day(template) is not by_day
                or (not by_day and without_day(template) != template)
            ):
                continue
            if (self._shapes if by_day else self._paths).taken(template) == distinct:
                return template
        return None

    def _in_the_way(self, names: Sequence[str]) -> str:
        """A file that every pattern takes beside these."""
        taken = self._paths.taken(pattern(sorted(names), _WILD[-1]) or "**")
        return min(set(taken) - set(names), default=names[0])


def _outputs(told: Sequence[tuple[_Group, str]], sizes: Mapping[str, int], notes: list[str]) -> Iterator[Inferred]:
    """The outputs, each under an id of its own."""
    taken: set[str] = set()
    for group, template in told:
        plain = fitting(group.stem) or "data"
        longer = "_".join(filter(None, (plain, fitting(group.end))))
        ids = [plain, longer, *(f"{longer}_{number}" for number in range(2, len(told) + 2))]
        chosen = next(one for one in ids if one not in taken)
        taken.add(chosen)
        if chosen != plain:
            notes.append(f"two outputs would be called {plain}: that of {shown(template)} is called {chosen}")
        elif chosen != without_day(group.stem).strip("._-"):
            notes.append(f"the output of {shown(template)} is called {chosen}: an id has letters, digits, _ . - alone")
        days = sorted({one.day for one in group.files if one.day is not None}) if names_day(template) else []
        size = sum(sizes[one.path] for one in group.files)
        yield Inferred(chosen, template, len(group.files), size, tuple(days))
