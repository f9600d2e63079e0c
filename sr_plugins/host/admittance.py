"""Which plugins a profile lets in (spec: surface, "Plugins"): ``plugins.allow`` and ``plugins.block``."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint

import attrs

from sr_plugins.host.loading import Broken, Source, canonical, sources_of, too_long
from sr_ports.compared import Compared


def _canonical(names: frozenset[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(map(canonical, names))


@attrs.frozen(eq=False, repr=False)
class Admittance(Compared):
    """`allow`: distributions that may provide anything, None for any. `block`: names that are not used.

    A blocked name is that of a distribution, whose code is not run, or of one adapter or law.
    """

    allow: frozenset[str] | None = attrs.field(default=None, converter=_canonical)
    block: frozenset[str] = frozenset()

    def left_out(self, source: Source, name: str | None = None) -> str | None:
        """Why a plugin, or what it offers under a name, is not used; None where it is.

        A file that the profile itself names is of no distribution, and none need allow it.
        """
        distribution = canonical(source.distribution)
        if name in self.block or distribution in map(canonical, self.block):
            return "plugins.block leaves it out"
        if source.file is None and self.allow is not None and distribution not in self.allow:
            return "plugins.allow leaves it out"
        return None


def sorted_out(
    points: Iterable[EntryPoint], admittance: Admittance
) -> tuple[list[tuple[EntryPoint, Source]], list[Broken]]:
    """The entry points that may be loaded, each once, and those that may not, in a fixed order."""
    wanted: list[tuple[EntryPoint, Source]] = []
    left_out: dict[Source, Broken] = {}
    for point, source in sources_of(sorted(points, key=lambda one: (one.name, one.value))):
        why, long = admittance.left_out(source), too_long(source)
        if why is not None or long is not None:
            left_out[source] = long or Broken(source, str(why))
        elif not any(_twin(source, other) for _, other in wanted):
            wanted.append((point, source))
    return wanted, list(left_out.values())


def _twin(one: Source, other: Source) -> bool:
    """Whether two sources are one distribution found twice on the path."""
    return (canonical(one.distribution), one.entry_point) == (canonical(other.distribution), other.entry_point)
