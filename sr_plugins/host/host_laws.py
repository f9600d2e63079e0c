"""The hashing laws of a plugin host, as the core asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from sr_domain.evidence.provided_law import ProvidedLaw, RunsIn
from sr_plugins.host.loading import Broken, Source, canonical
from sr_ports import BadInput, HashingLaw

if TYPE_CHECKING:
    from sr_plugins.host.plugin_host import PluginHost

Provide = Callable[[HashingLaw, Source], ProvidedLaw]
"""Decides where a law's code runs."""


def in_this_process(law: HashingLaw, source: Source) -> ProvidedLaw:
    """The law as it is, another's behind a guard."""
    if source.own:
        return ProvidedLaw(law, source.distribution, source.version, RunsIn.OWN)
    from sr_plugins.host.guard import GuardedLaw

    return ProvidedLaw(GuardedLaw(law), source.distribution, source.version, RunsIn.CALLER)


class HostLaws(Mapping[str, ProvidedLaw]):
    """The laws of a host. Asking for a kind that no own plugin gives imports the others."""

    def __init__(self, host: PluginHost, provide: Provide, close: Callable[[], None]) -> None:
        self._host, self._provide, self._close = host, provide, close
        self._provided: dict[str, ProvidedLaw] = {}

    def __getitem__(self, kind: str) -> ProvidedLaw:
        found = self._host.find("law", kind)
        if found is None or self._host.admittance.left_out(found[1], kind) is not None:
            raise KeyError(kind)
        if kind not in self._provided:
            self._provided[kind] = self._provide(*found)
        return self._provided[kind]

    def why_absent(self, kind: str) -> str:
        """Whose law it is that may not be used, and which plugins could not be asked; empty when there is no such."""
        found = self._host.find("law", kind)
        why = None if found is None else self._host.admittance.left_out(found[1], kind)
        unused = [] if found is None or why is None else [f"{found[1]}: {why}"]
        return "; ".join([*unused, *self._host.silent()])

    def amiss(self) -> list[tuple[Broken, BadInput | None]]:
        """Every plugin of the host that cannot be used, or not whole, and why; and the error where that stops us."""
        return [(one, self._host.unusable(one)) for one in self._host.amiss()]

    def left_out(self, kind: str, distribution: str) -> bool:
        """See `KnowsWhy`. What may not be used is not asked for its laws: the distribution alone tells then."""
        found = self._host.find("law", kind)
        if found is not None and self._host.admittance.left_out(found[1], kind) is not None:
            return True
        return any(canonical(one.source.distribution) == canonical(distribution) for one in self._host.left_out)

    def __iter__(self) -> Iterator[str]:
        self._host.load_all()
        return (
            kind
            for (port, kind), (_, source) in list(self._host.offered.items())
            if port == "law" and self._host.admittance.left_out(source, kind) is None
        )

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def close(self) -> None:
        """Let go of what the laws hold open: their processes. A later judgement starts others."""
        self._close()
