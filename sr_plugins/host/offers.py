"""Everything that a plugin host found, to look at: the rows of ``sr plugins``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from sr_plugins.host.loading import Source, absent
from sr_plugins.host.missing import not_installed
from sr_ports.compared import Compared

if TYPE_CHECKING:
    from sr_plugins.host.plugin_host import PluginHost


@attrs.frozen(eq=False, repr=False)
class Offer(Compared):
    """A row of ``sr plugins``. A plugin that offers nothing, or could not be loaded, has port and name ``?``."""

    port: str
    name: str
    distribution: str
    version: str
    entry_point: str
    loaded: bool
    why: str | None = None


def offers(host: PluginHost) -> list[Offer]:
    """Everything found so far, usable or not, by port and name."""
    rows = [
        _row(port, name, source, _why_not(host, port, name, offer, source))
        for (port, name), (offer, source) in host.offered.items()
    ]
    for clash in host.conflicts:
        first, source = clash.sources
        rows.append(_row(clash.port, clash.name, source, f"{first.distribution} gives this name too"))
    rows += [_row("?", "?", one.source, one.why) for one in (*host.broken, *host.idle, *host.left_out)]
    return sorted(rows, key=lambda row: (row.port, row.name, row.distribution))


def _why_not(host: PluginHost, port: str, name: str, offer: Any, source: Source) -> str | None:
    left_out = host.admittance.left_out(source, name)
    if left_out is not None:
        return left_out
    rival = next((one.sources[1] for one in host.conflicts if (one.port, one.name) == (port, name)), None)
    if rival is not None and not source.own:
        return f"{rival.distribution} gives this name too"
    missing = [one for one in getattr(offer, "requires", ()) if absent(one)]
    return f"{not_installed(missing)}: extra [{offer.extra}]" if missing else None


def _row(port: str, name: str, source: Source, why: str | None) -> Offer:
    return Offer(port, name, source.distribution, source.version, source.entry_point, why is None, why)
