"""The entry points of plugins where what some distribution says of itself is damaged: it hides no other."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import EntryPoint, distributions

from sr_plugins.host.loading import UNKNOWN, Broken, Source, canonical, raised
from sr_ports.hooks import PROJECT


def one_by_one() -> tuple[Sequence[EntryPoint], tuple[Broken, ...]]:
    """The entry points of plugins, and the distributions that cannot be read; each is looked at by itself."""
    points: list[EntryPoint] = []
    broken: list[Broken] = []
    seen = set[str]()
    for one in distributions():
        try:
            name = canonical(one.name)
            theirs = [point for point in one.entry_points if point.group == PROJECT]
        except Exception as error:  # noqa: BLE001 - whatever the reader of metadata raises
            why = f"the metadata of a distribution in {one.locate_file('')} cannot be read: {raised(error)}"
            broken.append(Broken(Source(UNKNOWN, UNKNOWN, UNKNOWN), why))
            continue
        if name not in seen:  # the first on the path is the one that is imported
            points += theirs
        seen.add(name)
    return points, tuple(broken)
