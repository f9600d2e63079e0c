"""The plugin host: finds adapters and laws, and says plainly what is wrong with any of them."""

from __future__ import annotations

import importlib.util
import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import attrs
import pluggy

from sr_domain.ports import ProvidedLaw
from sr_plugins.release import DISTRIBUTION
from sr_ports import BadInput, HashingLaw, ReasonCode, hooks, one_line
from sr_ports.hooks import PROJECT, Adapter

PORTS = {
    "object_store": "sr_object_stores",
    "authority": "sr_authority_stores",
    "invoker": "sr_engine_invokers",
    "control_bus": "sr_control_buses",
    "law": "sr_hashing_laws",
    "runtime": "sr_runtimes",
    "sink": "sr_observability_sinks",
    "authenticator": "sr_authenticators",
    "attest": "sr_signers",
    "signature_checker": "sr_signature_checkers",
}
_LEFT_OUT = "plugins.allow leaves it out"


@attrs.frozen
class Source:
    """Where a plugin came from."""

    distribution: str
    version: str
    entry_point: str


@attrs.frozen
class Offer:
    """A row of ``sr plugins``. A plugin that could not be loaded has port and name ``?``."""

    port: str
    name: str
    distribution: str
    version: str
    entry_point: str
    loaded: bool
    why: str | None = None


@attrs.frozen
class Broken:
    """A plugin that offers nothing: it could not be imported or asked, or may not be."""

    source: Source
    why: str


@attrs.frozen
class Conflict:
    """Two plugins that give one name on one port."""

    port: str
    name: str
    sources: tuple[Source, Source]

    @property
    def what(self) -> str:
        """Both, in a sentence."""
        both = " and ".join(source.distribution for source in self.sources)
        return f"two plugins give the {self.port} {self.name!r}: {both}"


@attrs.frozen
class PluginHost:
    """What every loaded plugin offers, by port and name. `allow`: distributions, None for any.

    `left_out`: plugins whose distribution `allow` does not name; none of their code was run.
    `conflicts`: what `discover` refuses and `survey` tells of.
    """

    offered: Mapping[tuple[str, str], tuple[Any, Source]]
    broken: tuple[Broken, ...]
    allow: frozenset[str] | None = None
    left_out: tuple[Broken, ...] = ()
    conflicts: tuple[Conflict, ...] = ()

    @classmethod
    def discover(
        cls,
        *,
        plugins: Sequence[Any] = (),
        allow: frozenset[str] | None = None,
        points: Iterable[EntryPoint] | None = None,
    ) -> PluginHost:
        """Load the entry points of the group, as far as `allow` goes, and the given plugin objects.

        A broken plugin is noted, not raised. Raises `BadInput(PLUGIN_CONFLICT)` when two
        give one name on one port.
        """
        host = cls.survey(plugins=plugins, allow=allow, points=points)
        if host.conflicts:
            raise BadInput(ReasonCode.PLUGIN_CONFLICT, host.conflicts[0].what)
        return host

    @classmethod
    def survey(
        cls,
        *,
        plugins: Sequence[Any] = (),
        allow: frozenset[str] | None = None,
        points: Iterable[EntryPoint] | None = None,
    ) -> PluginHost:
        """As `discover`, with conflicts noted: to be looked at, not worked with."""
        allow = None if allow is None else frozenset(map(_canonical, allow))
        wanted, left_out = _sort(entry_points(group=PROJECT) if points is None else points, allow)
        loaded, broken = _load(wanted)
        loaded += [(plugin, _given(plugin)) for plugin in plugins]
        offered: dict[tuple[str, str], tuple[Any, Source]] = {}
        conflicts: list[Conflict] = []
        for plugin, source in loaded:
            try:
                offers = list(_ask(plugin, source))
            except (Exception, SystemExit) as error:  # noqa: BLE001 - the edge to third-party code
                broken.append(Broken(source, one_line(f"cannot be asked ({type(error).__name__}: {error})")))
                continue
            for port, name, offer in offers:
                if (port, name) in offered:
                    conflicts.append(Conflict(port, name, (offered[(port, name)][1], source)))
                else:
                    offered[(port, name)] = (offer, source)
        return cls(offered, tuple(broken), allow, tuple(left_out), tuple(conflicts))

    def adapter(self, port: str, name: str) -> Adapter[Any]:
        """The adapter of that name, ready to build. Raises `BadInput` saying what to do."""
        self.require([(port, name)])
        adapter: Adapter[Any] = self.offered[(port, name)][0]
        return adapter

    def require(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Raise `BadInput` unless each adapter, by port and name, may be used and can be built.

        Libraries that are not installed are named for all of them at once.
        """
        lacking: dict[tuple[str, str], tuple[str, list[str]]] = {}
        for port, name in wanted:
            if (port, name) not in self.offered:
                raise self._unknown(port, name)
            adapter, source = self.offered[(port, name)]
            self._check_allowed(port, name, source)
            missing = [module for module in adapter.requires if _absent(module)]
            if missing:
                lacking[(port, name)] = (_extra(adapter, source), missing)
        if lacking:
            raise _not_there(lacking)

    def adapters(self, port: str) -> list[Adapter[Any]]:
        """Every adapter on offer for a port that may be used."""
        return [
            offer
            for (of, _), (offer, source) in sorted(self.offered.items(), key=lambda item: item[0])
            if of == port and self._allows(source)
        ]

    def laws(self) -> dict[str, ProvidedLaw]:
        """The hashing laws that may be used, by kind, with where each came from."""
        return {
            kind: ProvidedLaw(law, source.distribution, source.version)
            for (port, kind), (law, source) in self.offered.items()
            if port == "law" and self._allows(source)
        }

    def offers(self) -> list[Offer]:
        """Everything found, loaded or not, by port and name."""
        rows = []
        for (port, name), (offer, source) in self.offered.items():
            why = self._why_not(port, name, offer, source)
            rows.append(Offer(port, name, source.distribution, source.version, source.entry_point, why is None, why))
        for clash in self.conflicts:
            first, source = clash.sources
            why = f"{first.distribution} gives this name too"
            rows.append(
                Offer(clash.port, clash.name, source.distribution, source.version, source.entry_point, False, why)
            )
        for one in (*self.broken, *self.left_out):
            source = one.source
            rows.append(Offer("?", "?", source.distribution, source.version, source.entry_point, False, one.why))
        return sorted(rows, key=lambda row: (row.port, row.name, row.distribution))

    def _why_not(self, port: str, name: str, offer: Any, source: Source) -> str | None:
        if not self._allows(source):
            return _LEFT_OUT
        rival = next((one.sources[1] for one in self.conflicts if (one.port, one.name) == (port, name)), None)
        if rival is not None:
            return f"{rival.distribution} gives this name too"
        missing = [one for one in getattr(offer, "requires", ()) if _absent(one)]
        return f"{_not_installed(missing)}: extra [{offer.extra}]" if missing else None

    def _allows(self, source: Source) -> bool:
        return self.allow is None or _canonical(source.distribution) in self.allow

    def _check_allowed(self, port: str, name: str, source: Source) -> None:
        if not self._allows(source):
            raise BadInput(
                ReasonCode.PLUGIN_NOT_ALLOWED,
                f"the {port} adapter {name!r} comes from {source.distribution}, which plugins.allow leaves out",
            )

    def _unknown(self, port: str, name: str) -> BadInput:
        known = ", ".join(sorted(offered for of, offered in self.offered if of == port)) or "none"
        what = f"no plugin provides the {port} adapter {name!r}; there are: {known}"
        blame = "".join(f"; {one.source.distribution}: {one.why}" for one in (*self.broken, *self.left_out))
        if self.broken:
            return BadInput(ReasonCode.PLUGIN_BROKEN, what + blame)
        return BadInput(ReasonCode.PLUGIN_NOT_ALLOWED if self.left_out else ReasonCode.ADAPTER_UNKNOWN, what + blame)


def _extra(adapter: Adapter[Any], source: Source) -> str:
    """What pip installs for an adapter: its extra of SR, or what its own distribution says."""
    if source.distribution == DISTRIBUTION:
        return f"{DISTRIBUTION}[{adapter.extra}]"
    return adapter.extra or source.distribution


def _not_there(lacking: Mapping[tuple[str, str], tuple[str, list[str]]]) -> BadInput:
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


def _not_installed(modules: Sequence[str]) -> str:
    return f"{', '.join(modules)} {'is' if len(modules) == 1 else 'are'} not installed"


def _absent(module: str) -> bool:
    """Whether a module is not installed; told without importing it."""
    try:
        return importlib.util.find_spec(module) is None
    except (ImportError, ValueError):
        return True


def _canonical(distribution: str) -> str:
    """One spelling for one distribution (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _sort(
    points: Iterable[EntryPoint], allow: frozenset[str] | None
) -> tuple[list[tuple[EntryPoint, Source]], list[Broken]]:
    """The entry points that may be loaded, each once, and those that may not, in a fixed order."""
    wanted: list[tuple[EntryPoint, Source]] = []
    left_out: dict[Source, Broken] = {}
    for point in sorted(points, key=lambda one: (one.name, one.value)):
        dist = point.dist
        source = Source(dist.name if dist else "?", dist.version if dist else "?", f"{point.name} = {point.value}")
        if allow is not None and _canonical(source.distribution) not in allow:
            left_out[source] = Broken(source, _LEFT_OUT)
        elif not any(_twin(source, other) for _, other in wanted):
            wanted.append((point, source))
    return wanted, list(left_out.values())


def _twin(one: Source, other: Source) -> bool:
    """Whether two sources are one distribution found twice on the path."""
    return (_canonical(one.distribution), one.entry_point) == (_canonical(other.distribution), other.entry_point)


def _load(wanted: Iterable[tuple[EntryPoint, Source]]) -> tuple[list[tuple[Any, Source]], list[Broken]]:
    loaded: list[tuple[Any, Source]] = []
    broken: list[Broken] = []
    for point, source in wanted:
        try:
            loaded.append((point.load(), source))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the edge to third-party code
            broken.append(Broken(source, one_line(f"cannot be imported ({type(error).__name__}: {error})")))
    return loaded, broken


def _given(plugin: Any) -> Source:
    name = getattr(plugin, "__name__", type(plugin).__name__)
    return Source(getattr(plugin, "distribution", name), getattr(plugin, "version", "0"), "given in code")


def _ask(plugin: Any, source: Source) -> Iterable[tuple[str, str, Any]]:
    """What one plugin offers: a manager of its own, so that every answer has one author."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hooks)
    manager.register(plugin() if inspect.isclass(plugin) else plugin)
    manager.check_pending()
    for port, hook in PORTS.items():
        for answer in getattr(manager.hook, hook)():
            for offer in answer:
                yield port, _name(port, offer), offer


def _name(port: str, offer: Any) -> str:
    if port == "law":
        if not isinstance(offer, HashingLaw):
            raise TypeError(f"{offer!r} is no hashing law: it needs kind and digest(bundle)")
        name: Any = offer.kind
    elif isinstance(offer, Adapter):
        name = offer.name
    else:
        raise TypeError(f"{offer!r} is no sr_ports.Adapter")
    if not isinstance(name, str) or not name:
        raise TypeError(f"{offer!r} has no name")
    return name
