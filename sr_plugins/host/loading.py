"""Importing plugins and asking them what they offer: the edge to code of other distributions."""

from __future__ import annotations

import importlib.util
import inspect
import operator
import re
import signal
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import Distribution, EntryPoint
from types import ModuleType
from typing import Any

import attrs
import pluggy

from sr_plugins.release import DISTRIBUTION
from sr_ports import API_VERSION, BundleView, HashingLaw, hooks, one_line
from sr_ports.compared import Compared
from sr_ports.errors import described
from sr_ports.hooks import PROJECT, Adapter

PORTS = {
    "object_store": "sr_object_stores",
    "engine_root": "sr_engine_roots",
    "authority": "sr_authority_stores",
    "invoker": "sr_engine_invokers",
    "control_bus": "sr_control_buses",
    "follower_store": "sr_follower_stores",
    "law": "sr_hashing_laws",
    "runtime": "sr_runtimes",
    "sink": "sr_observability_sinks",
    "authenticator": "sr_authenticators",
    "attest": "sr_signers",
    "signature_checker": "sr_signature_checkers",
}


GIVEN = "given in code"
UNKNOWN = "?"
"""The name or version of what says none."""
_LONGEST = 1000
"""Characters of what a distribution says of itself in one place."""


@attrs.frozen(eq=False, repr=False)
class Source(Compared):
    """Where a plugin came from. `file`: of one that is a file of this machine, whose sha256 is the version."""

    distribution: str
    version: str
    entry_point: str
    file: str | None = None

    @property
    def given(self) -> bool:
        """Whether it is an object that code of this process gave."""
        return self.entry_point == GIVEN

    @property
    def own(self) -> bool:
        """Whether it is one of Scenario Runner's own."""
        return canonical(self.distribution) == DISTRIBUTION

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


@attrs.frozen(eq=False, repr=False)
class Broken(Compared):
    """A plugin that offers nothing, and why: not importable, a hook that raised, no hook, not allowed."""

    source: Source
    why: str


@attrs.frozen(eq=False, repr=False)
class Found(Compared):
    """One thing that a plugin offers: an `Adapter` or a `HashingLaw`."""

    port: str
    name: str
    offer: Any
    source: Source


@attrs.frozen
class NamedLaw:
    """A law whose code is in another process. `traits`: what it says of itself there, `LawTraits`."""

    kind: str
    traits: Any = None

    def digest(self, bundle: BundleView) -> str:
        """Never called here."""
        raise PluginError(f"the law {self.kind} is not in this process")


class OffersNothing(Exception):
    """The plugin is sound and gives no adapter and no law."""


def canonical(distribution: str) -> str:
    """One spelling for one distribution (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def absent(module: str) -> bool:
    """Whether a module is not installed; told without importing it (its parents are imported)."""
    try:
        return importlib.util.find_spec(module) is None
    except Exception:  # noqa: BLE001 - a parent package that cannot be imported, whatever it raises
        return True


def sources_of(points: Iterable[EntryPoint]) -> Iterator[tuple[EntryPoint, Source]]:
    """Each entry point with the distribution that it belongs to, whose metadata is parsed once."""
    known: dict[int, tuple[str, str]] = {}
    for point in points:
        dist = point.dist
        if dist is None:
            named = (UNKNOWN, UNKNOWN)
        else:
            named = known.get(id(dist)) or _named(dist)
            known[id(dist)] = named
        yield point, Source(*named, f"{point.name} = {point.value}")


def too_long(source: Source) -> Broken | None:
    """The source cut short, where what it says of itself is longer than anybody reads; None for any other."""
    said = (source.distribution, source.version, source.entry_point)
    if max(map(len, said)) <= _LONGEST:
        return None
    what = f"its name, version or entry point is longer than {_LONGEST} characters"
    return Broken(Source(*(one[:80] for one in said)), what)


def _named(dist: Distribution) -> tuple[str, str]:
    """Name and version of a distribution, as far as its metadata can be read."""
    try:
        return dist.name or UNKNOWN, dist.version or UNKNOWN
    except Exception:  # noqa: BLE001 - metadata of whatever kind, and whatever its reader raises
        return UNKNOWN, UNKNOWN


def given(plugin: Any) -> Source:
    """Where a plugin object that was passed in code says it is from."""
    name = getattr(plugin, "__name__", type(plugin).__name__)
    return Source(getattr(plugin, "distribution", name), getattr(plugin, "version", "0"), GIVEN)


def raised(error: BaseException) -> str:
    """What code of a plugin raised, in a few words.

    For `except BaseException`: a plugin may raise SystemExit, GeneratorExit or asyncio's
    CancelledError just as well. A KeyboardInterrupt of the user's is raised again.
    """
    if of_the_user(error):
        raise error
    return one_line(described(error))


def of_the_user(error: BaseException) -> bool:
    """Whether a signal may have raised it. A handler that says what it raises tells a plugin's own from that."""
    return isinstance(error, getattr(signal.getsignal(signal.SIGINT), "raises", KeyboardInterrupt))


Tell = Callable[[str], None]
"""Takes a sentence about a plugin that is of use all the same."""


def _unheard(sentence: str) -> None:
    """Nobody asked."""


def load(point: EntryPoint, source: Source, tell: Tell = _unheard) -> list[Found]:
    """Import a plugin and ask it. Raises `PluginError`, `OffersNothing`."""
    return ask(imported(point), source, tell)


def imported(point: EntryPoint) -> Any:
    """What an entry point names. Raises `PluginError`."""
    try:
        return point.load()
    except BaseException as error:
        raise PluginError(f"cannot be imported: {raised(error)}") from error


class PluginError(Exception):
    """Code of a plugin failed; says where and how. `ended`: it took the process with it that had it, or kept it."""

    def __init__(self, why: str, *, ended: bool = False) -> None:
        super().__init__(why)
        self.ended = ended


def ask(plugin: Any, source: Source, tell: Tell = _unheard) -> list[Found]:
    """What one plugin offers: a manager of its own, so that every answer has one author.

    `tell`: hears of hooks that lack their mark beside others that have it. Raises `PluginError` naming the
    hook at fault, `OffersNothing`.
    """
    try:
        plugin = plugin() if inspect.isclass(plugin) else plugin
        manager = pluggy.PluginManager(PROJECT)
        offered = {port: hook for port, hook in PORTS.items() if hasattr(plugin, hook)}
        if offered:  # reading every specification for every plugin takes longer than all the rest
            specifications = ModuleType("specifications")
            vars(specifications).update({hook: getattr(hooks, hook) for hook in offered.values()})
            manager.add_hookspecs(specifications)
        manager.register(plugin)
        manager.check_pending()
        stated = getattr(plugin, API_RANGE, None)
    except BaseException as error:
        raise PluginError(f"cannot be registered: {raised(error)}") from error
    if stated is not None and not fits(stated):
        raise PluginError(f"was built for sr_ports {one_line(str(stated))}, and this is {API_VERSION}")
    callers = {port: getattr(manager.hook, hook) for port, hook in offered.items()}
    for caller in callers.values():
        _refuse_wrappers(caller)
    found = [one for port, caller in callers.items() for one in _answers(port, caller, source)]
    if not found:
        raise OffersNothing(_why_nothing(plugin, callers.values()))
    bare = _unmarked(plugin, callers.values())
    if bare:
        tell(f"{', '.join(bare)} lacks @hookimpl, and is not asked")
    return found


API_RANGE = "sr_api"
"""The attribute in which a plugin may state the versions of `sr_ports` that it was built for."""
_BOUND = re.compile(r"\s*(>=|<=|==|>|<)\s*([0-9]{1,6})(?:\.([0-9]{1,6}))?\s*")
_HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge, "<=": operator.le, "==": operator.eq, ">": operator.gt, "<": operator.lt
}  # fmt: skip


def fits(stated: object, version: str = API_VERSION) -> bool:
    """Whether a version lies in a range such as ``>=1.0,<2``. Raises `PluginError` for what is no range."""
    major, minor = version.split(".")
    bounds = [_BOUND.fullmatch(one) for one in stated.split(",")] if isinstance(stated, str) else [None]
    for bound in bounds:
        if bound is None:
            raise PluginError(f"{API_RANGE} is no range of versions such as '>=1.0,<2'")
        if not _HOLDS[bound[1]]((int(major), int(minor)), (int(bound[2]), int(bound[3] or 0))):
            return False
    return True


def _refuse_wrappers(caller: pluggy.HookCaller) -> None:
    """Each plugin is asked by itself: there is nothing to wrap, and nobody to come before or after."""
    for impl in caller.get_hookimpls():
        if impl.wrapper or impl.hookwrapper:
            raise PluginError(f"its hook {caller.name} is a wrapper, which has no effect here: return a list instead")
        order = "tryfirst" if impl.tryfirst else "trylast" if impl.trylast else None
        if order is not None:
            raise PluginError(f"its hook {caller.name} is marked {order}, which has no effect here: leave it out")


def _answers(port: str, caller: pluggy.HookCaller, source: Source) -> Iterator[Found]:
    try:
        for answer in caller():
            for offer in answer:
                yield Found(port, _name(port, offer, source), offer, source)
    except BaseException as error:
        raise PluginError(f"its hook {caller.name} failed: {raised(error)}") from error


def _name(port: str, offer: Any, source: Source) -> str:
    if port == "law":
        if not isinstance(offer, HashingLaw):
            raise TypeError(f"{offer!r} is no hashing law: it needs kind and digest(bundle)")
        if not source.own:
            from sr_domain.evidence.law_traits import traits_of  # own laws say nothing wrong, and start-up is short

            traits_of(offer)
        name: Any = offer.kind
    elif isinstance(offer, Adapter):
        name = offer.name
    else:
        raise TypeError(f"{offer!r} is no sr_ports.Adapter")
    if not isinstance(name, str) or not name:
        raise TypeError(f"{offer!r} has no name")
    return name


def _why_nothing(plugin: Any, callers: Iterable[pluggy.HookCaller]) -> str:
    empty = [caller.name for caller in callers if caller.get_hookimpls()]
    if empty:
        return f"offers nothing: {', '.join(empty)} returned an empty list"
    bare = _unmarked(plugin, ())
    if bare:
        return f"offers nothing: {', '.join(bare)} lacks @hookimpl"
    return f"offers nothing: it has no hook of Scenario Runner{_near(plugin)}"


def _unmarked(plugin: Any, callers: Iterable[pluggy.HookCaller]) -> list[str]:
    """The functions that are named like a hook and that nobody asks, for they lack the mark."""
    asked = {caller.name for caller in callers if caller.get_hookimpls()}
    named = [hook for hook in PORTS.values() if hook not in asked and callable(getattr(plugin, hook, None))]
    return [hook for hook in named if getattr(plugin, hook) is not getattr(hooks, hook)]  # the specification itself


def _near(plugin: Any) -> str:
    """A function that may have been meant for a hook."""
    import difflib

    for name in dir(plugin):
        near = difflib.get_close_matches(name, PORTS.values(), 1, 0.85) if name.startswith("sr_") else []
        if near:
            return f"; {name} is none, did you mean {near[0]}?"
    return ""
