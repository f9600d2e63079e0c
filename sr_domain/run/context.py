"""What every flow and query works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import attrs

from sr_domain.run.store_identity import KnownStore
from sr_ports import Noting, Provable
from sr_ports.compared import Compared

if TYPE_CHECKING:
    from sr_domain.plan.compile import PlanRefused
    from sr_domain.plan.pack import InterfacePack
    from sr_domain.plan.policy import Policy
    from sr_domain.plan.request import RunRequest
    from sr_domain.plan.sealed import SealedPlan
    from sr_domain.run.ports import Ports, Settings


@attrs.frozen(eq=False, repr=False)
class Context(Compared):
    """The ports, and what operator and embedder decided. `read_pack`: the pack, or how to read it.

    `notices`: how answers came about where that was not the usual way, for whoever asked. `compiled`: the plan that
    was made last, so that admission and planning make it once. `known_store`: the object store, with its identity
    once that was asked for. `check`: raises `Stopped` where the call is to end early; what holds a lease has it
    in its heartbeat.
    """

    ports: Ports
    settings: Settings
    policy: Policy
    read_pack: InterfacePack | Callable[[], InterfacePack]
    notices: list[str] = attrs.field(factory=list)
    compiled: list[tuple[RunRequest, SealedPlan | PlanRefused]] = attrs.field(factory=list)
    known_store: KnownStore = attrs.field(default=attrs.Factory(lambda self: KnownStore(self.ports), takes_self=True))
    check: Callable[[], None] = lambda: None

    @cached_property
    def pack(self) -> InterfacePack:
        """The interface pack, read when a plan is first made. Raises `BadInput(PACK_INVALID)`."""
        return self.read_pack() if callable(self.read_pack) else self.read_pack

    @cached_property
    def provable(self) -> Provable | None:
        """The store, where it can prove its place. Kept: asking for a protocol takes as long as reading an object."""
        return self.ports.store if isinstance(self.ports.store, Provable) else None

    @property
    def all_notices(self) -> tuple[str, ...]:
        """The notices, the authority's own among them."""
        authority = self.ports.authority
        return (*self.notices, *(authority.notices if isinstance(authority, Noting) else ()))

    def notice(self, text: str) -> None:
        """Keep a notice, once."""
        if text not in self.notices:
            self.notices.append(text)

    def at(self, platform_run_id: str) -> Context:
        """The context for work on a run of that platform run. Notices and the known store are the same."""
        ports = self.ports.at(platform_run_id)
        return self if ports is self.ports else attrs.evolve(self, ports=ports, read_pack=lambda: self.pack)

    @cached_property
    def policy_rev(self) -> Mapping[str, str]:
        """The policy's revision, as artifacts carry it."""
        return attrs.asdict(self.policy.rev)
