"""Saying why there is no law: the plugin that was to give it may be there, and broken."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from sr_ports import one_line


@runtime_checkable
class KnowsWhy(Protocol):
    """Laws that know of plugins that could not be asked for theirs."""

    def why_absent(self, kind: str) -> str:
        """Which plugins give nothing, and why, for people; empty when all could be asked."""

    def left_out(self, kind: str, distribution: str) -> bool:
        """Whether a law of that kind, or that distribution, is installed, and may not be used."""


def absence(laws: object, kind: str) -> str:
    """The name of a law that no plugin provides, and what is known of why."""
    why = laws.why_absent(kind) if isinstance(laws, KnowsWhy) else ""
    return one_line(f"{kind}; {why}" if why else kind)


def law_remedy(laws: object, kind: str) -> str | None:
    """How to have a law that is not here; None: as its reason code says. What is left out or broken is installed."""
    if not isinstance(laws, KnowsWhy) or not laws.why_absent(kind):
        return None
    return "let in or mend the plugin that is named, or install the plugin of that law; see sr plugins"
