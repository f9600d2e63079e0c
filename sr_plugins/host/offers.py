"""What a plugin host says of what is offered: rows to look at, conflicts, and what is not installed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs

from sr_plugins.host.loading import Broken, Source
from sr_plugins.release import DISTRIBUTION
from sr_ports import BadInput, ReasonCode
from sr_ports.compared import Compared
from sr_ports.hooks import Adapter


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


@attrs.frozen(eq=False, repr=False)
class Conflict(Compared):
    """Two plugins that give one name on one port. The first of `sources` was found first."""

    port: str
    name: str
    sources: tuple[Source, Source]

    @property
    def what(self) -> str:
        """Both, in a sentence."""
        both = " and ".join(source.distribution for source in self.sources)
        return f"two plugins give the {self.port} {self.name!r}: {both}"

    @property
    def error(self) -> BadInput:
        """The same, for whoever asks for that name."""
        return BadInput(ReasonCode.PLUGIN_CONFLICT, self.what)


def offers(
    offered: Mapping[tuple[str, str], tuple[Any, Source]],
    conflicts: Iterable[Conflict],
    silent: Iterable[Broken],
    why_not: Callable[[str, str, Any, Source], str | None],
) -> list[Offer]:
    """Everything that was found, usable or not, by port and name. `why_not`: why what is offered cannot be used."""
    rows = [
        _row(port, name, source, why_not(port, name, offer, source))
        for (port, name), (offer, source) in offered.items()
    ]
    for clash in conflicts:
        first, source = clash.sources
        rows.append(_row(clash.port, clash.name, source, f"{first.distribution} gives this name too"))
    rows += [_row("?", "?", one.source, one.why) for one in silent]
    return sorted(rows, key=lambda row: (row.port, row.name, row.distribution))


def _row(port: str, name: str, source: Source, why: str | None) -> Offer:
    return Offer(port, name, source.distribution, source.version, source.entry_point, why is None, why)


def _extra(adapter: Adapter[Any], source: Source) -> str:
    """What pip installs for an adapter: its extra of SR, or what its own distribution says."""
    if source.own:
        return f"{DISTRIBUTION}[{adapter.extra}]"
    return adapter.extra or source.distribution


def not_there(lacking: Mapping[tuple[str, str], tuple[Source, Adapter[Any], list[str]]]) -> BadInput:
    """One error for all adapters whose libraries are missing. `lacking`: who offers each, and modules."""
    needs = [f"the {port} adapter {name!r} needs {', '.join(of)}" for (port, name), (_, _, of) in lacking.items()]
    modules = dict.fromkeys(module for _, _, of in lacking.values() for module in of)
    extras: dict[str, list[str]] = {}
    for requirement in dict.fromkeys(_extra(adapter, source) for source, adapter, _ in lacking.values()):
        name, _, extra = requirement.partition("[")
        extras.setdefault(name, []).extend([extra.rstrip("]")] if extra else [])
    install = " ".join(f"'{name}[{','.join(of)}]'" if of else f"'{name}'" for name, of in extras.items())
    return BadInput(
        ReasonCode.EXTRA_MISSING,
        f"{', '.join(needs)}, which {'is' if len(modules) == 1 else 'are'} not installed",
        f"install what is missing: pip install {install}",
    )


def not_installed(modules: Sequence[str]) -> str:
    return f"{', '.join(modules)} {'is' if len(modules) == 1 else 'are'} not installed"
