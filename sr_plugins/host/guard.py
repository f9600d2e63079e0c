"""Objects of other distributions behind a guard: what they raise is named, and is never taken for a bug of SR's.

An error that a port foresees (`SrError`) passes. Anything else becomes `Unreachable(PLUGIN_FAILED)`: the
call failed by a fault of this worker's, and may be made again (spec: behaviour, "What may end a run").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Self

import attrs

from sr_plugins.host.loading import PluginError, Source, raised
from sr_ports import (
    AuthorityStore,
    BadInput,
    BundleView,
    ControlBus,
    EndsAbandoned,
    EngineInvoker,
    EngineRoot,
    EngineRoots,
    FollowerStore,
    HashingLaw,
    Located,
    Migratable,
    Newest,
    Noting,
    ObjectStore,
    PerPlatformRun,
    Positioned,
    Provable,
    Ranged,
    Readiness,
    ReadinessFor,
    ReasonCode,
    Scheduling,
    SignatureChecker,
    Signer,
    SoleService,
    Streamed,
    Unreachable,
)
from sr_ports.errors import foreseen
from sr_ports.hooks import Adapter, Wiring
from sr_ports.stores import Closing

_UNGUARDED = frozenset({"sink", "runtime"})
"""Sinks have a thread each that catches all; the parts of a runtime call back into the core."""
_PROTOCOLS: dict[str, type] = {
    "object_store": ObjectStore,
    "engine_root": EngineRoots,
    "authority": AuthorityStore,
    "invoker": EngineInvoker,
    "control_bus": ControlBus,
    "follower_store": FollowerStore,
    "attest": Signer,
    "signature_checker": SignatureChecker,
}
_OPTIONAL: dict[Any, tuple[str, ...]] = {
    Provable: ("prove",),
    Migratable: ("migrate",),
    Newest: ("newest",),
    Scheduling: ("claim_due", "postpone"),
    SoleService: ("sole_service",),
    Noting: ("notices",),
    Closing: ("close",),
    Streamed: ("chunks",),
    Readiness: ("unready",),
    ReadinessFor: ("unready_for",),
    EndsAbandoned: ("end_abandoned",),
    Located: ("located",),
    Positioned: ("read",),
    Ranged: ("reader",),
}
"""What only some objects of a port have: whoever asks with `isinstance` must find it behind the guard too."""


def guarded_adapter(port: str, adapter: Adapter[Any], source: Source) -> Adapter[Any]:
    """The adapter with everything that it builds behind a guard."""
    what = f"the {port} adapter {adapter.name!r} of {source}"
    return attrs.evolve(adapter, build=partial(_build, port, adapter.build, what))


def _build(port: str, build: Callable[[Wiring[Any]], Any], what: str, wiring: Wiring[Any]) -> Any:
    """The port object. Raises `BadInput(PLUGIN_BROKEN)` when it cannot be built."""
    try:
        made = build(wiring)
    except BaseException as error:
        if foreseen(error):
            raise
        raise BadInput(ReasonCode.PLUGIN_BROKEN, f"{what} cannot be built: {raised(error)}") from error
    if made is None:
        raise BadInput(ReasonCode.PLUGIN_BROKEN, f"{what} cannot be built: its build returned None")
    if port in _UNGUARDED:
        return made
    return _GuardedRoots(made, what) if port == "engine_root" else _guarded(made, what, _PROTOCOLS.get(port))


def _guarded(made: Any, what: str, protocol: type | None, base: type[Guarded] | None = None) -> Guarded:
    """The object behind a guard that has, as its own, what only some objects of the port have."""
    names = (name for port, names in _OPTIONAL.items() if isinstance(made, port) for name in names)
    optional: dict[str, Any] = {name: _forwarded(name) for name in names}
    if isinstance(made, PerPlatformRun):
        optional["of"] = lambda guarded, of: _guarded(_call(what, "of", made.of, of), what, protocol)
    bare = base or Guarded
    kind: type[Guarded] = type(bare.__name__, (bare,), optional) if optional else bare
    return kind(made, what, protocol)


def _forwarded(name: str) -> property:
    return property(lambda guarded: guarded.__getattr__(name))


@attrs.frozen
class _GuardedRoots:
    """`EngineRoots` of another distribution: what it opens is behind the guard as well."""

    made: EngineRoots
    what: str

    def open(self, uri: str) -> Any:
        opened = _call(self.what, "open", self.made.open, uri)
        return _guarded(opened, f"the engine root of {self.what}", EngineRoot, _GuardedRoot)


class Guarded:
    """Stands for a port object of another distribution. Has its attributes; calls are guarded."""

    def __init__(self, made: Any, what: str, protocol: type | None) -> None:
        self._made, self._what, self._protocol = made, what, protocol

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # what Python itself asks for, when it copies an object, say
        try:
            value = getattr(self._made, name)
        except BaseException as error:
            if foreseen(error):
                raise
            if isinstance(error, AttributeError) and not self._promised(name):
                raise  # somebody asks whether it is there
            raise _failed(self._what, name, error) from error
        return partial(_call, self._what, name, value) if callable(value) else value

    def _promised(self, name: str) -> bool:
        """Whether the port says that its objects have this."""
        return hasattr(self._protocol, name) or name in getattr(self._protocol, "__annotations__", {})

    def __repr__(self) -> str:
        return f"<{self._what}: {self._made!r}>"


class _GuardedRoot(Guarded):
    """An engine root, which is its own context manager."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        _call(self._what, "close", self._made.close)


def _call(what: str, name: str, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    try:
        answer = work(*args, **kwargs)
    except BaseException as error:
        if foreseen(error):
            raise
        raise _failed(what, name, error) from error
    return _Items(answer, what, name) if hasattr(answer, "__next__") else answer


def _failed(what: str, name: str, error: BaseException) -> Unreachable:
    return Unreachable(ReasonCode.PLUGIN_FAILED, f"{what} failed in {name}: {raised(error)}")


class GuardedLaw:
    """A law of another distribution. What it raises is judged where it is called, except what looks like a signal."""

    def __init__(self, law: HashingLaw) -> None:
        self.law = law

    @property
    def kind(self) -> str:
        return self.law.kind

    @property
    def traits(self) -> Any:
        """See `LawTraits`."""
        from sr_domain.evidence.law_traits import traits_of

        return traits_of(self.law)

    def digest(self, bundle: BundleView) -> str:
        return self._asked("digest", bundle)  # type: ignore[no-any-return]

    def stated(self, flag: bytes) -> Any:
        return self._asked("stated", flag)

    def members(self, flag: bytes) -> Any:
        return self._asked("members", flag)

    def culprit(self, bundle: BundleView) -> Any:
        return self._asked("culprit", bundle)

    def notes(self, bundle: BundleView) -> Any:
        return self._asked("notes", bundle)

    def _asked(self, question: str, of: Any) -> Any:
        try:
            return getattr(self.law, question)(of)
        except KeyboardInterrupt as error:
            raise PluginError(f"it raised {raised(error)}") from error


class _Items(Iterator[Any]):
    """An iterator that a plugin returned, guarded as the call was."""

    def __init__(self, items: Iterator[Any], what: str, name: str) -> None:
        self._items, self._what, self._name = items, what, name

    def __next__(self) -> Any:
        try:
            return next(self._items)
        except StopIteration:
            raise
        except BaseException as error:
            if foreseen(error):
                raise
            raise _failed(self._what, self._name, error) from error

    def close(self) -> None:
        """End the iteration early, as for a generator."""
        close = getattr(self._items, "close", None)
        if close is not None:
            _call(self._what, self._name, close)
