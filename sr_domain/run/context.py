"""What every flow and query works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import attrs

from sr_domain.run.store_identity import KnownStore

if TYPE_CHECKING:
    from sr_domain.plan.pack import InterfacePack
    from sr_domain.plan.policy import Policy
    from sr_domain.run.ports import Ports, Settings


@attrs.frozen
class Context:
    """The ports, and what operator and embedder decided. `read_pack`: the pack, or how to read it.

    `notices`: how answers came about where that was not the usual way, for whoever asked.
    """

    ports: Ports
    settings: Settings
    policy: Policy
    read_pack: InterfacePack | Callable[[], InterfacePack]
    notices: list[str] = attrs.field(factory=list)

    @cached_property
    def known_store(self) -> KnownStore:
        """The object store, with its identity once that was asked for."""
        return KnownStore(self.ports)

    @cached_property
    def pack(self) -> InterfacePack:
        """The interface pack, read when a plan is first made. Raises `BadInput(PACK_INVALID)`."""
        return self.read_pack() if callable(self.read_pack) else self.read_pack

    def notice(self, text: str) -> None:
        """Keep a notice, once."""
        if text not in self.notices:
            self.notices.append(text)

    def at(self, platform_run_id: str) -> Context:
        """The context for work on a run of that platform run. Notices are the same list."""
        ports = self.ports.at(platform_run_id)
        return self if ports is self.ports else attrs.evolve(self, ports=ports, read_pack=lambda: self.pack)

    @cached_property
    def policy_rev(self) -> Mapping[str, str]:
        """The policy's revision, as artifacts carry it."""
        return attrs.asdict(self.policy.rev)
