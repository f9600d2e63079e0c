"""Which plugins a profile lets in (spec: surface, "Plugins"): ``plugins.allow`` and ``plugins.block``."""

from __future__ import annotations

import attrs

from sr_plugins.host.loading import Source, canonical
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
