"""What a plugin host says of what is offered: rows to look at, conflicts, and what is not installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from sr_plugins.host.loading import Source
from sr_ports import BadInput, ReasonCode
from sr_ports.compared import Compared


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


def row(port: str, name: str, source: Source, why: str | None) -> Offer:
    return Offer(port, name, source.distribution, source.version, source.entry_point, why is None, why)


def not_there(lacking: Mapping[tuple[str, str], tuple[str, list[str]]]) -> BadInput:
    """One error for all adapters whose libraries are missing. `lacking`: what to install, and modules, by adapter."""
    needs = [f"the {port} adapter {name!r} needs {', '.join(of)}" for (port, name), (_, of) in lacking.items()]
    modules = dict.fromkeys(module for _, of in lacking.values() for module in of)
    extras: dict[str, list[str]] = {}
    for requirement in dict.fromkeys(requirement for requirement, _ in lacking.values()):
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
