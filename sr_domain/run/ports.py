"""Everything the core needs from outside, in one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

import attrs

from sr_ports import PerPlatformRun
from sr_ports.compared import Compared
from sr_ports.stores import Closing

if TYPE_CHECKING:
    from sr_domain.evidence.provided_law import ProvidedLaw
    from sr_ports import (
        Authenticator,
        AuthorityStore,
        Clock,
        ControlBus,
        EngineInvoker,
        EngineRoots,
        Heartbeat,
        IdSource,
        ObjectStore,
        ObservabilitySink,
        PlatformRuns,
        Signer,
        WorkPool,
    )


@attrs.frozen(eq=False, repr=False)
class Ports(Compared):
    """The world, as ports. `invoker`: None when no engine is wired. `signer`: None when READY is not signed.

    `authenticator`: None where nobody proves who he is.
    """

    store: ObjectStore
    authority: AuthorityStore
    bus: ControlBus
    roots: EngineRoots
    laws: Mapping[str, ProvidedLaw]
    platform: PlatformRuns
    clock: Clock
    ids: IdSource
    pool: WorkPool
    heartbeat: Heartbeat
    telemetry: ObservabilitySink
    known_timezone: Callable[[str], bool]
    invoker: EngineInvoker | None = None
    signer: Signer | None = None
    authenticator: Authenticator | None = None

    def at(self, platform_run_id: str) -> Self:
        """The ports for work on a run of that platform run: with the authority that knows its keys and leases."""
        if not isinstance(self.authority, PerPlatformRun):
            return self
        own = self.authority.of(platform_run_id)
        return self if own is self.authority else attrs.evolve(self, authority=own)

    def close(self) -> None:
        """Let go of what they hold open."""
        for port in (self.store, self.laws):
            if isinstance(port, Closing):
                port.close()
        for other in (self.authority, self.bus, self.telemetry):
            other.close()


_AS_SUBMITTERS: Any = attrs.Factory(lambda self: self.submitters, takes_self=True)


@attrs.frozen(eq=False, repr=False)
class Settings(Compared):
    """What the embedder or profile fixes for this process. `lease_ttl_s`: seconds.

    `oracle_engine_run_root`: overrides every request's root. `oracle_root`: where all engine roots lie, for the
    facts view to say. `proven`: an authenticator is wired, so that an actor whom somebody only named may nothing.
    `submitters` and the four below: who has the right (see `rights.may`), None for anybody;
    superseding and re-emitting are the submitters' where nothing else is said, accepting a loss nobody's once
    there are submitters. At most `reemit_max` re-emits, None for any number, in `reemit_window_s` seconds.
    `service_release_id`, `environment`: go into provenance. `allowed_roots`: what a request's engine root must lie
    under, links followed; empty for any. `publish_root`: a folder or prefix, in full, below which the root of an
    attempt that succeeded is copied; None for no copy. `anchor_first`: an admission goes on the record by itself before
    any evidence is read, and not with what follows: one write more, for whoever answers before the run ends.
    """

    topic: str = "fp.bus.control.v1"
    lease_ttl_s: float = 60.0
    oracle_engine_run_root: str | None = None
    oracle_root: str | None = None
    allowed_roots: tuple[str, ...] = ()
    publish_root: str | None = None
    proven: bool = False
    submitters: frozenset[str] | None = None
    reemitters: frozenset[str] | None = _AS_SUBMITTERS
    superseders: frozenset[str] | None = _AS_SUBMITTERS
    recoverers: frozenset[str] | None = attrs.Factory(
        lambda self: None if self.submitters is None else frozenset(), takes_self=True
    )
    readers: frozenset[str] | None = None
    reemit_max: int | None = 5
    reemit_window_s: float = 3600.0
    service_release_id: str | None = None
    environment: str | None = None
    anchor_first: bool = False
