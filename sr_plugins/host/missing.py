"""What to say of libraries that an adapter needs and that are not installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sr_plugins.host.loading import Source
from sr_plugins.release import DISTRIBUTION
from sr_ports import BadInput, ReasonCode
from sr_ports.hooks import Adapter


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
