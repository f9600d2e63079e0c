"""Which files a seal is over: those that the pack's outputs take on the days that it is for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from sr_adapters.own_data.infer import days_between
from sr_adapters.own_data.matching import Paths
from sr_adapters.own_data.names import days_in
from sr_adapters.own_data.requests import NO_DAY, Days
from sr_adapters.sealing import SealRefused, Tree
from sr_adapters.sealing.errors import shown
from sr_domain.plan.templates import DAY_TOKENS, TOKEN, filled, names_day


@attrs.frozen
class Selection:
    """`paths`: the files to be sealed. `window`: the days. `outside`: data files that are in no output.

    `undivided`: where days were asked for, outputs that know none and have files of other days.
    """

    paths: tuple[str, ...]
    window: Days
    outside: tuple[str, ...]
    undivided: tuple[str, ...]


def select(tree: Tree, templates: Mapping[str, str], asked: Days | None, before: Days | None) -> Selection:
    """The files of the days that were asked for, or of all days. `templates`: by output id.

    `before`: the window to keep where no output knows a day. Raises `SealRefused` for an output without files.
    """
    for output_id, template in templates.items():
        odd = sorted(set(TOKEN.findall(template)) - set(DAY_TOKENS))
        if odd:
            what = (
                f"the path of output {output_id} names {{{odd[0]}}}, and a seal of one's own data knows the day alone"
            )
            raise SealRefused(what, "let the engine seal what it writes: sr engine")
    files, aside = Paths(one.path for one in tree.files), Paths(tree.aside)
    seen = sorted({day for one in tree.files for day in days_in(one.path)})
    by_day = {one: _days(template, seen, files) for one, template in templates.items() if names_day(template)}
    every = sorted({day for days in by_day.values() for day in days})
    window = asked or ((every[0], every[-1]) if every else before or NO_DAY)
    days = days_between(*window)
    if by_day and not days:
        raise SealRefused(f"{window[0]}..{window[1]} is longer than a window may be", "seal fewer days: --window")
    chosen: set[str] = set()
    for output_id, template in templates.items():
        for path in _paths(template, days):
            chosen.update(_whole(output_id, path, files, aside))
    known = {
        path
        for one, template in templates.items()
        for day in by_day.get(one, [""])
        for path in files.taken(_on(template, day))
    }
    outside = tuple(sorted({one.path for one in tree.files} - known - chosen))
    undivided = () if asked is None else tuple(_undivided(templates, frozenset(days), files))
    return Selection(tuple(sorted(chosen)), window, outside, undivided)


def _undivided(templates: Mapping[str, str], days: frozenset[str], files: Paths) -> Iterator[str]:
    for output_id, template in templates.items():
        if not names_day(template) and any(set(days_in(path)) - days for path in files.taken(template)):
            yield output_id


def _days(template: str, seen: Iterable[str], files: Paths) -> list[str]:
    """The days on which an output has files."""
    return [day for day in seen if files.taken(_on(template, day))]


def _paths(template: str, days: Sequence[str]) -> list[str]:
    return [_on(template, day) for day in days] if names_day(template) else [template]


def _on(template: str, day: str) -> str:
    return filled(template, run_id="", day=day or None)


def _whole(output_id: str, path: str, files: Paths, aside: Paths) -> list[str]:
    """The files that a path takes, at least one, and no dot file among them."""
    hidden = next(iter(aside.taken(path)), None)
    if hidden is not None:
        what = f"{shown(hidden)} is a dot file, which is no data, and output {output_id} would take it"
        raise SealRefused(what, "move it out of that folder")
    taken = files.taken(path)
    if not taken:
        what = f"output {output_id} has no file at {shown(path)}"
        anew = "describe the data anew: sr init DATA --force"
        raise SealRefused(what, f"put it there, seal the days that are whole (--window, --day), or {anew}")
    return taken
