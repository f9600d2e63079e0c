"""The composition root: a profile becomes ports, and ports a runner."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from weakref import proxy

import attrs

from sr_domain.evidence.provided_law import ProvidedLaw
from sr_domain.run.ports import Ports, Settings
from sr_domain.runner import ScenarioRunner
from sr_plugins.documents.policy import load_policy
from sr_plugins.documents.profile import Auth, NamedSink, Profile, ProfileSource, Section, load_profile
from sr_plugins.host.admittance import Admittance
from sr_plugins.host.plugin_host import PluginHost
from sr_plugins.isolation.provide import Isolating
from sr_plugins.release import DISTRIBUTION, release
from sr_plugins.wiring.adapter_settings import read_settings
from sr_plugins.wiring.sinks import FanOut
from sr_plugins.wiring.telemetry import drops_debug, sink_of, wanted_sinks
from sr_ports import BadInput, NotFound, ReasonCode, Wiring
from sr_ports.compared import Compared

if TYPE_CHECKING:
    from sr_domain.plan.pack import InterfacePack
    from sr_plugins.host.host_laws import HostLaws
    from sr_plugins.isolation.workers import LawWorkers
    from sr_ports import (
        EngineRoot,
        EngineRoots,
        ObjectStore,
        PlatformRuns,
        Runtime,
        SignatureChecker,
        Sink,
    )


def wire(
    source: ProfileSource,
    *,
    policy: str | os.PathLike[str] | Mapping[str, Any] | None,
    plugins: Sequence[Any],
    narrate: bool,
) -> ScenarioRunner:
    """Build the runner; see `sr_plugins.build_runner`."""
    profile = load_profile(source)
    with profile.taken.nothing_quoted():
        host = host_of(profile, plugins)
        ports = _ports(Wires(profile, host), narrate)
        chosen = load_policy(policy if policy is not None else profile.policy)
    return ScenarioRunner(ports, chosen, lambda: _pack(host, profile, ports.laws), settings(profile))


def _pack(host: PluginHost, profile: Profile, laws: Mapping[str, ProvidedLaw]) -> InterfacePack:
    """The profile's interface pack. Most commands never plan, and need none.

    Plugins that give its laws are asked now, and files that the profile loads: two that give one law, and a file
    that gives nothing, are refused before anything is written.
    """
    from sr_plugins.documents.pack import load_pack

    with profile.taken.nothing_quoted():
        pack = load_pack(profile.engine.interface_pack)
        host.require_files()
    for kind in {gate.method.kind for gate in pack.gates.values()}:
        laws.get(kind)
    if any(gate.method.params for gate in pack.gates.values()):
        from sr_plugins.documents.pack_laws import check_laws

        check_laws(pack, laws)
    return pack


def wire_ports(profile: Profile, *, plugins: Sequence[Any] = (), narrate: bool = False) -> Ports:
    """The ports a profile names."""
    return _ports(Wires(profile, host_of(profile, plugins)), narrate)


def _ports(bare: Wires, narrate: bool) -> Ports:
    isolating, profile, prover = isolation(bare), bare.profile, bare.profile.auth.authenticator
    bare.host.require(bare.sections(narrate))
    _written_by_some(bare)
    runtime: Runtime = bare.build("runtime", Section("system", {"workers": profile.evidence.workers}))
    wires = attrs.evolve(bare, platform=runtime.platform)
    return Ports(
        store=wires.store(),
        authority=wires.build("authority", profile.authority),
        bus=wires.build("control_bus", profile.control_bus),
        roots=Roots(wires),
        laws=wires.host.laws(isolating.provide, isolating.close),
        platform=runtime.platform,
        clock=runtime.clock,
        ids=runtime.ids,
        pool=runtime.pool,
        heartbeat=runtime.heartbeat,
        telemetry=wires.telemetry(narrate),
        known_timezone=runtime.known_timezone,
        invoker=None if profile.invoker is None else wires.build("invoker", profile.invoker),
        signer=None if profile.attest is None else wires.build("attest", profile.attest),
        authenticator=None if prover is None else wires.build("authenticator", prover),
    )


def _written_by_some(wires: Wires) -> None:
    """Return where some adapter has the form of `engine.publish_root`: found out before an engine ran."""
    uri = wires.profile.engine.publish_root
    if uri is None:
        return
    scheme = _scheme(uri)
    if not any(scheme in offer.schemes for offer in wires.host.adapters("engine_root")):
        what = f"engine.publish_root: no adapter reads engine roots of the form {scheme}://"
        raise BadInput(ReasonCode.PROFILE_INVALID, what, "name a folder or s3://bucket/prefix")


def host_of(profile: Profile, plugins: Sequence[Any] = ()) -> PluginHost:
    """The plugins that a profile lets in. Raises `BadInput(PLUGIN_CONFLICT)`."""
    return PluginHost.discover(
        plugins=plugins,
        admittance=admittance(profile),
        files=profile.plugins.load,
        unquoted=profile.taken.unquoted,
    )


def survey(profile: Profile) -> PluginHost:
    """Every plugin that a profile lets in, to look at."""
    host = host_of(profile)
    isolation(Wires(profile, host))
    host.load_all()
    return host


def laws_of(profile: Profile) -> HostLaws:
    """The laws that a profile lets in, where no run is judged."""
    bare = Wires(profile, host_of(profile))
    isolating = isolation(bare)
    return bare.host.laws(isolating.provide, isolating.close)


def admittance(profile: Profile) -> Admittance:
    """Who may provide anything, as the profile says."""
    return Admittance(profile.allow, profile.plugins.block)


def isolation(wires: Wires) -> Isolating:
    """Where laws run, as the profile says; from now on plugins of other distributions are looked at there, too."""
    evidence, section = wires.profile.evidence, wires.profile.invoker
    # The host looks through what is made here: were it held here in turn, neither would ever be let go.
    bare = attrs.evolve(wires, host=proxy(wires.host))

    def workers(passed: Sequence[str] | None = None) -> LawWorkers:
        from sr_plugins.isolation.process import environment
        from sr_plugins.isolation.workers import LawWorkers

        most = (os.cpu_count() or 1) if isinstance(evidence.workers, str) else evidence.workers
        return LawWorkers(most, evidence.law_timeout_s, environment(bare.passed() if passed is None else passed))

    def lookers() -> LawWorkers:
        from sr_plugins.isolation.process import PASSED

        return workers(PASSED)

    # What an invoker of another distribution lets pass is known once that was looked at.
    own = section is None or ("invoker", section.adapter) in wires.host.offered
    isolating = Isolating(evidence.law_isolation, evidence.law_timeout_s, workers, None if own else lookers)
    wires.host.look = None if evidence.law_isolation == "none" else isolating.look
    return isolating


def wire_checker(profile: Profile, key: str) -> SignatureChecker:
    """Checks signatures of the public key in the PEM file `key`. Raises `BadInput`."""
    wires = Wires(profile, host_of(profile))
    checker: SignatureChecker = wires.build("signature_checker", Section("key_file", {"public_key": key}))
    return checker


def settings(profile: Profile) -> Settings:
    """What the core needs to know of a profile."""
    submitters, reemitters, superseders, recoverers, readers = _rights(profile.auth)
    return Settings(
        proven=profile.auth.authenticator is not None,
        submitters=submitters,
        reemitters=reemitters,
        superseders=superseders,
        recoverers=recoverers,
        readers=readers,
        topic=profile.control_bus.topic,
        lease_ttl_s=profile.lease.ttl_s,
        oracle_engine_run_root=profile.engine.oracle_engine_run_root,
        oracle_root=profile.engine.oracle_root,
        allowed_roots=tuple(map(_prefix, profile.engine.allowed_roots)),
        publish_root=None if profile.engine.publish_root is None else _prefix(profile.engine.publish_root),
        reemit_max=profile.reemit.rate_limit.max,
        reemit_window_s=profile.reemit.rate_limit.window_s,
        service_release_id=f"{DISTRIBUTION}-{release()}",
        environment=profile.name,
    )


_LET_IN = "build a wheel of it, or name local, and each distribution that may be used, in plugins.allow"


def _prefix(root: str) -> str:
    """An allowed root as the roots below it are told: a path in full, links followed; a URI without its last slash."""
    path = unquote(urlsplit(root).path) if root.startswith("file://") else root
    return root.rstrip("/") if "://" in path else os.path.realpath(path)


def _rights(auth: Auth) -> tuple[frozenset[str] | None, ...]:
    """Who may submit, re-emit, supersede, recover and read; None for anybody.

    A list left out is that of submit; but every authenticated actor reads, and nobody accepts a loss. Where
    nobody proves who he is an empty list means anybody, else nobody.
    """
    disabled = auth.authenticator is None

    def allowed(actors: Sequence[str] | None, left_out: frozenset[str] | None) -> frozenset[str] | None:
        if actors is None:
            return left_out
        return None if disabled and not actors else frozenset(actors)

    submitters = allowed(auth.submit, None if disabled else frozenset())
    return (
        submitters,
        allowed(auth.reemit, submitters),
        allowed(auth.supersede, submitters),
        allowed(auth.recover, submitters if disabled else frozenset()),
        allowed(auth.read, None),
    )


@attrs.frozen(eq=False, repr=False)
class Wires(Compared):
    """Builds adapters for one profile. `platform`: None while the runtime itself is built."""

    profile: Profile
    host: PluginHost
    platform: PlatformRuns | None = None

    def build(self, port: str, section: Section) -> Any:
        """The port object of a profile's section. Raises `BadInput` naming key or adapter."""
        adapter = self.host.adapter(port, section.adapter)
        return adapter.build(self._wiring(read_settings(port, adapter, section.settings)))

    def store(self) -> ObjectStore:
        """The object store. Raises `BadInput(PLUGIN_NOT_ALLOWED)`, too, where it is shared and may not be worked on.

        What a file of this machine judged is READY for everybody who reads a shared store.
        """
        from sr_plugins.host.local_file import LOCAL

        made: ObjectStore = self.build("object_store", self.profile.object_store)
        if self.profile.plugins.load and made.shared and LOCAL not in (self.profile.allow or ()):
            what = f"plugins.load names {self.profile.plugins.load[0]}, and the object store is shared"
            raise BadInput(ReasonCode.PLUGIN_NOT_ALLOWED, what, _LET_IN)
        return made

    def _wiring(self, settings: Any) -> Wiring[Any]:
        return Wiring(str(Path(self.profile.runtime_root).absolute()), self._platform_run_id, settings)

    def _platform_run_id(self) -> str:
        """The platform run that submit has made sure of; reading commands never mint one."""
        current = None if self.platform is None else self.platform.current()
        if current is None:
            raise NotFound(ReasonCode.RUN_NOT_FOUND, "nothing was ever submitted here", "submit a run first")
        return current

    def passed(self) -> tuple[str, ...]:
        """What laws in processes of their own have of the environment: what the invoker lets its engine have."""
        from sr_plugins.isolation.process import PASSED

        section = self.profile.invoker
        if section is None:
            return PASSED
        told = read_settings("invoker", self.host.adapter("invoker", section.adapter), section.settings)
        passed = getattr(getattr(told, "env", None), "passed", None)
        return passed if isinstance(passed, tuple) else PASSED

    def roots(self, scheme: str) -> EngineRoots | None:
        """What opens engine roots of a scheme; None when no adapter does."""
        offers = self.host.adapters("engine_root")
        name = next((offer.name for offer in offers if scheme in offer.schemes), None)
        if name is None:
            return None
        adapter = self.host.adapter("engine_root", name)  # names the extra when it is missing
        store = self.profile.object_store
        known = read_settings("object_store", self.host.adapter("object_store", store.adapter), store.settings)
        wiring = attrs.evolve(
            self._wiring(read_settings("engine", adapter, {})),
            sections={"object_store": known, "engine.s3": self.profile.engine.s3},
        )
        made: EngineRoots = adapter.build(wiring)
        return made

    def telemetry(self, narrate: bool) -> FanOut:
        """The sinks that profile and environment name; the console's only when somebody is there to read."""
        chosen = self._sinks(narrate)
        made = [sink_of(lambda one=one: self.build("sink", Section(one.sink, one.settings))) for one in chosen]  # type: ignore[misc]
        return FanOut(made, [self.host.title("sink", one.sink) for one in chosen], drop_debug=drops_debug())

    def sections(self, narrate: bool) -> list[tuple[str, str]]:
        """Port and name of every adapter that the profile names."""
        profile, sinks = self.profile, [("sink", one.sink) for one in self._sinks(narrate)]
        named = [
            ("object_store", profile.object_store), ("authority", profile.authority),
            ("control_bus", profile.control_bus), ("invoker", profile.invoker),
            ("attest", profile.attest), ("authenticator", profile.auth.authenticator),
        ]  # fmt: skip
        return [(port, section.adapter) for port, section in named if section is not None] + sinks

    def _sinks(self, narrate: bool) -> list[NamedSink]:
        return [one for one in wanted_sinks(self.profile.observability) if one.sink != "console" or narrate]


def _scheme(uri: str) -> str:
    """What an engine root's URI begins with; "" for a path."""
    head = uri.partition("://")[0] if "://" in uri else ""
    return urlsplit(f"{head}://").scheme if head else ""


@attrs.frozen(eq=False, repr=False)
class Roots(Compared):
    """`sr_ports.EngineRoots` over whatever adapters read which scheme."""

    wires: Wires

    def open(self, uri: str) -> EngineRoot:
        return self._of(uri).open(uri)

    def keep(self, uri: str, path: str, source: Callable[[Sink], object]) -> None:
        """Write one file of a copied root (`sr_ports.Keeping`), where the adapter of the scheme can."""
        from sr_ports import Keeping

        roots = self._of(uri)
        if not isinstance(roots, Keeping):
            raise BadInput(ReasonCode.PROFILE_INVALID, f"engine.publish_root {uri}: its adapter writes no engine roots")
        roots.keep(uri, path, source)

    def _of(self, uri: str) -> EngineRoots:
        scheme = _scheme(uri)
        roots = self.wires.roots(scheme)
        if roots is None:
            raise BadInput(ReasonCode.REQUEST_INVALID, f"no adapter reads engine roots of the form {scheme}://")
        return roots
