"""What a listing of an engine root asks for: the value that crosses that port."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property

import attrs

from sr_ports.compared import Compared
from sr_ports.globs import segment_glob

SPAN = "**"
"""The segment of a pattern that spans any number of folders."""

MAX_PATTERN = 8192
"""Characters of a path with a pattern in it, as an interface pack may have it."""
MAX_SPANS = 32
"""How often ``**`` may stand in it, one behind another counted once."""

_WILD = re.compile(r"[*?\[]")


@attrs.frozen(eq=False, repr=False)
class ListingRules(Compared):
    """What the first release looked at otherwise. A decided run is read by the rules it was decided by.

    `inner_links`: follow a link that stays inside the root, on the way or in a file's place, also where
    ``**`` alone would enter a folder. `folder_is_absent`: a folder in a file's place counts as nothing there.
    `full_markers`: pass over a key that ends in ``/`` and holds bytes, as if it were a folder's marker.
    """

    inner_links: bool = False
    folder_is_absent: bool = False
    full_markers: bool = False


TODAY = ListingRules()
FIRST_RELEASE = ListingRules(inner_links=True, folder_is_absent=True, full_markers=True)


@attrs.frozen(eq=False, repr=False)
class Step(Compared):
    """Where one more name leads. `named`: by a segment of its own; `passing`: by ``**`` alone."""

    named: frozenset[int]
    passing: frozenset[int]

    @property
    def any(self) -> frozenset[int]:
        return self.named | self.passing if self.passing else self.named


@attrs.frozen(eq=False, repr=False, slots=False)
class Wanted(Compared):
    """Which files below a folder are asked for; every other one is neither followed, judged nor read.

    `pattern`: a glob relative to the folder; empty: every file at any depth. ``*``, ``?`` and
    ``[...]`` stay within a segment, ``**`` spans any number of folders; a pattern that matches a
    folder's name takes every file below it. A range that ends before it begins matches nothing.
    `leave_out`: base names of files that are not taken. `files_alone`: what is no regular file is passed over where it
    would be refused.

    A walk starts at `start` and takes a `step` for each name; matching is linear in the path.
    """

    pattern: str = ""
    leave_out: frozenset[str] = frozenset()
    rules: ListingRules = TODAY
    files_alone: bool = False

    @cached_property
    def segments(self) -> tuple[str, ...]:
        """The pattern's segments; a ``**`` at the end takes files, so it is ``**/*``, and two of them are as one."""
        split = self.pattern.split("/") if self.pattern else []
        parts = tuple(one for at, one in enumerate(split) if one != SPAN or split[at - 1 : at] != [SPAN])
        return (*parts, "*") if parts and parts[-1] == SPAN else parts

    @cached_property
    def start(self) -> frozenset[int]:
        """The state of the folder itself."""
        return self._closed([0])

    @property
    def everything(self) -> bool:
        """Whether every file is asked for but those of the names left out."""
        return not self.pattern

    def step(self, state: frozenset[int], name: str) -> Step:
        """The states of an entry `name` of a folder in `state`."""
        whole = len(self.segments)
        if state == self._whole.named:
            return self._whole
        named, passing = [], []
        for at in state:
            if at == whole:
                named.append(at)
            elif self.segments[at] == SPAN:
                passing.append(at)
            elif segment_glob(self.segments[at]).fits(name):
                named.append(at + 1)
        return Step(self._closed(named), self._closed(passing))

    @cached_property
    def _whole(self) -> Step:
        """The step to anything below a folder that is taken."""
        return Step(frozenset([len(self.segments)]), frozenset())

    def taken(self, step: Step) -> bool:
        """Whether the pattern takes the entry, and, where it is a folder, all below it."""
        return len(self.segments) in step.named

    def takes(self, path: str) -> bool:
        """Whether the file at `path`, relative to the folder, is asked for."""
        names = path.split("/")
        state = self.start
        for name in names[:-1]:
            state = self.step(state, name).any
        return names[-1] not in self.leave_out and self.taken(self.step(state, names[-1]))

    def _closed(self, state: Iterable[int]) -> frozenset[int]:
        """The state with what ``**`` reaches by spanning no folder."""
        found, todo = set(), list(state)
        while todo:
            at = todo.pop()
            found.add(at)
            if at < len(self.segments) and self.segments[at] == SPAN:
                todo.append(at + 1)
        return frozenset(found)


EVERYTHING = Wanted()


def pattern_over(path: str) -> str | None:
    """Which bound a path with a pattern in it is over; None where it is over none."""
    if len(path) > MAX_PATTERN:
        return f"it is longer than {MAX_PATTERN} characters"
    if len([one for one in Wanted(path).segments if one == SPAN]) > MAX_SPANS:
        return f"it has more than {MAX_SPANS} times {SPAN}"
    return None


def is_wild(segment: str) -> bool:
    """Whether a segment is a pattern rather than a name."""
    return _WILD.search(segment) is not None
