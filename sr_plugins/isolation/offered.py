"""What a plugin gives, as its worker says who has imported it: names, and nothing that is executed here."""

from __future__ import annotations

from typing import Any, NoReturn

import attrs

from sr_domain.evidence.provided_law import LawStopped
from sr_plugins.host.loading import PORTS
from sr_plugins.isolation.frames import Garbled
from sr_ports.hooks import Adapter


class GivesNothing(LawStopped):
    """A plugin is sound, and has no law and no adapter."""


class Unloaded(LawStopped):
    """A plugin raised when it was imported or asked, and its process went on."""


@attrs.frozen
class Offered:
    """`kinds`: of its laws. `adapters`: each with its port; none can be built before its plugin is imported here."""

    kinds: tuple[str, ...] = ()
    adapters: tuple[tuple[str, Adapter[Any]], ...] = ()


def adapter(node: Any) -> tuple[str, Adapter[Any]]:
    """An adapter as a worker tells of it, and its port. Raises `Garbled`."""
    match node:
        case {"port": str(port), "name": str(name), "lacks": list(lacks), "extra": extra, "schemes": list(schemes)}:
            if port in PORTS and isinstance(extra, str | None):
                return port, Adapter(name, _elsewhere, extra, tuple(map(str, lacks)), schemes=tuple(map(str, schemes)))
    raise Garbled("an adapter that is none")


def _elsewhere(wiring: object) -> NoReturn:
    raise LawStopped("its code is in another process")
