"""The composition root: a profile becomes ports, and ports a runner."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs

from sr_domain.evidence.provided_law import ProvidedLaw
from sr_domain.run.ports import Ports, Settings
from sr_domain.runner import ScenarioRunner
from sr_plugins.host import PluginHost
from sr_plugins.policy import load_policy
from sr_plugins.profile import Profile, Section, load_profile
from sr_plugins.release import DISTRIBUTION, release
from sr_plugins.sinks import FanOut
from sr_ports import BadInput, EngineRoot, NotFound, PlatformRuns, ReasonCode, Runtime, SignatureChecker, Wiring

if TYPE_CHECKING:
    from sr_domain.plan.pack import InterfacePack


def wire(
    source: str | os.PathLike[str] | Mapping[str, Any] | None,
    *,
    policy: str | os.PathLike[str] | Mapping[str, Any] | None,
    plugins: Sequence[Any],
    narrate: bool,
) -> ScenarioRunner:
    """Build the runner; see `sr_plugins.build_runner`."""
    profile = load_profile(source)
    ports = wire_ports(profile, plugins=plugins, narrate=narrate)
    chosen = load_policy(policy if policy is not None else profile.policy)
    return ScenarioRunner(ports, chosen, lambda: _pack(profile, ports.laws), settings(profile))


def _pack(profile: Profile, laws: Mapping[str, ProvidedLaw]) -> InterfacePack:
    """The profile's interface pack. Most commands never plan, and need none.

    Plugins that give its laws are imported now: two that give one law are refused before anything is written.
    """
    from sr_plugins.pack import load_pack

    pack = load_pack(profile.engine.interface_pack)
    for kind in {gate.method.kind for gate in pack.gates.values()}:
        laws.get(kind)
    return pack


def wire_ports(profile: Profile, *, plugins: Sequence[Any] = (), narrate: bool = False) -> Ports:
    """The ports a profile names."""
    wiring = Wires(profile, PluginHost.discover(plugins=plugins, allow=profile.allow))
    wiring.host.require(wiring.sections(narrate))
    runtime: Runtime = wiring.build("runtime", Section("system"))
    wiring.platform.append(runtime.platform)
    return Ports(
        store=wiring.build("object_store", profile.object_store),
        authority=wiring.build("authority", profile.authority),
        bus=wiring.build("control_bus", profile.control_bus),
        roots=Roots(wiring),
        laws=wiring.host.laws(),
        platform=runtime.platform,
        clock=runtime.clock,
        ids=runtime.ids,
        pool=runtime.pool,
        heartbeat=runtime.heartbeat,
        telemetry=wiring.telemetry(narrate),
        known_timezone=runtime.known_timezone,
        invoker=None if profile.invoker is None else wiring.build("invoker", profile.invoker),
        signer=None if profile.attest is None else wiring.build("attest", profile.attest),
    )


def wire_checker(profile: Profile, key: str) -> SignatureChecker:
    """Checks signatures of the public key in the PEM file `key`. Raises `BadInput`."""
    wiring = Wires(profile, PluginHost.discover(allow=profile.allow))
    checker: SignatureChecker = wiring.build("signature_checker", Section("key_file", {"public_key": key}))
    return checker


def settings(profile: Profile) -> Settings:
    """What the core needs to know of a profile."""
    open_doors = profile.auth.mode == "disabled"
    return Settings(
        topic=profile.topic,
        lease_ttl_s=profile.lease_ttl_s,
        oracle_engine_run_root=profile.engine.oracle_engine_run_root,
        submitters=_allowed(profile.auth.submit, open_doors=open_doors),
        reemitters=_allowed(profile.auth.reemit, open_doors=open_doors),
        reemit_max=profile.reemit_max,
        reemit_window_s=profile.reemit_window_s,
        service_release_id=f"{DISTRIBUTION}-{release()}",
        environment=profile.name,
    )


def _allowed(actors: Sequence[str], *, open_doors: bool) -> frozenset[str] | None:
    """Who may; None for anybody: where nobody proves who he is, and no list says who may."""
    return None if open_doors and not actors else frozenset(actors)


@attrs.frozen
class Wires:
    """Builds adapters for one profile. `platform`: filled once the runtime is there."""

    profile: Profile
    host: PluginHost
    platform: list[PlatformRuns] = attrs.field(factory=list)

    def build(self, port: str, section: Section) -> Any:
        """The port object of a profile's section. Raises `BadInput` naming key or adapter."""
        adapter = self.host.adapter(port, section.adapter)
        unknown = sorted(set(section.settings) - adapter.settings)
        if unknown:
            may = ", ".join(sorted(adapter.settings)) or "no settings"
            raise BadInput(
                ReasonCode.PROFILE_INVALID,
                f"unknown key {port}.{unknown[0]}; the adapter {section.adapter!r} may have {may}",
            )
        return adapter.build(self.wiring(section))

    def wiring(self, section: Section) -> Wiring:
        return Wiring(
            runtime_root=str(Path(self.profile.runtime_root).absolute()),
            platform_run_id=self.platform_run_id,
            settings=section.settings,
            profile=self._profile_node(),
        )

    def platform_run_id(self) -> str:
        """The platform run that submit has made sure of; reading commands never mint one."""
        current = self.platform[0].current() if self.platform else None
        if current is None:
            raise NotFound(ReasonCode.RUN_NOT_FOUND, "nothing was ever submitted here", "submit a run first")
        return current

    def _profile_node(self) -> dict[str, Any]:
        store = self.profile.object_store
        return {
            "object_store": {"adapter": store.adapter, **store.settings},
            "evidence": attrs.asdict(self.profile.evidence),
        }

    def telemetry(self, narrate: bool) -> FanOut:
        """The sinks the profile names; the console's only when somebody is there to read."""
        names = self._sinks(narrate)
        sinks = [self.build("sink", Section(name)) for name in names]
        return FanOut(sinks, [self.host.title("sink", name) for name in names])

    def sections(self, narrate: bool) -> list[tuple[str, str]]:
        """Port and name of every adapter that the profile names."""
        profile = self.profile
        named = [
            ("object_store", profile.object_store), ("authority", profile.authority),
            ("control_bus", profile.control_bus), ("invoker", profile.invoker), ("attest", profile.attest),
        ]  # fmt: skip
        sinks = [("sink", name) for name in self._sinks(narrate)]
        return [(port, section.adapter) for port, section in named if section is not None] + sinks

    def _sinks(self, narrate: bool) -> list[str]:
        return [name for name in self.profile.sinks if name != "console" or narrate]


@attrs.frozen
class Roots:
    """`sr_ports.EngineRoots` over whatever adapters read which scheme."""

    wires: Wires

    def open(self, uri: str) -> EngineRoot:
        head = uri.partition("://")[0] if "://" in uri else ""
        scheme = urlsplit(f"{head}://").scheme if head else ""
        for adapter in self.wires.host.adapters("object_store"):
            if scheme in adapter.schemes and adapter.open_root is not None:
                ready = self.wires.host.adapter("object_store", adapter.name)  # names the extra when it is missing
                if ready.open_root is not None:
                    root: EngineRoot = ready.open_root(uri, self.wires.wiring(self.wires.profile.object_store))
                    return root
        raise BadInput(ReasonCode.REQUEST_INVALID, f"no adapter reads engine roots of the form {scheme}://")
