"""The plugin surface: hooks, and the small spec values that plugins hand to the host.

A plugin module imports `sr_ports` only and is named in the entry-point group
``scenario_runner``. Every hook returns a list (spec: surface, "Plugins").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs
import pluggy

from sr_ports.compared import Compared
from sr_ports.lazy import Later

if TYPE_CHECKING:
    from sr_ports.authority import AuthorityStore
    from sr_ports.bus import ControlBus
    from sr_ports.followers import FollowerStore
    from sr_ports.invoker import EngineInvoker
    from sr_ports.laws import HashingLaw
    from sr_ports.roots import EngineRoots
    from sr_ports.runtime import Authenticator, ObservabilitySink, Runtime
    from sr_ports.signer import SignatureChecker, Signer
    from sr_ports.stores import ObjectStore

PROJECT = "scenario_runner"
hookspec: pluggy.HookspecMarker = pluggy.HookspecMarker(PROJECT)
"""Marks a hook's specification. For the host; a plugin has no use for it."""
hookimpl: pluggy.HookimplMarker = pluggy.HookimplMarker(PROJECT)
"""Marks a plugin's answer to the hook of that name."""

P_co = TypeVar("P_co", covariant=True)
S_co = TypeVar("S_co", covariant=True)


@attrs.frozen(eq=False, repr=False)
class Wiring(Compared, Generic[S_co]):
    """What an adapter's factory may know of the process it is built in.

    `runtime_root`: absolute path. `platform_run_id`: the platform run that is current, asked when the
    first operation needs it and not before; it raises `NotFound` while there is none.
    `settings`: what the profile says, read into the adapter's class of settings; None for an adapter without one.
    `sections`: for adapters that open engine roots, the settings of the profile's ``object_store`` and its
    ``engine.s3``, under those names.
    """

    runtime_root: str
    platform_run_id: Callable[[], str]
    settings: S_co
    sections: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(eq=False, repr=False)
class Adapter(Compared, Generic[P_co]):
    """An adapter on offer for the port `P_co`. Making the spec must import nothing heavy; `build` may.

    `name`: what a profile's ``adapter`` key says. `build`: makes the port object.
    `extra`: the scenario-runner extra (or distribution) that brings its libraries.
    `requires`: top-level modules that must be importable before `build` is called.
    `settings`: a frozen attrs class (see `sr_ports.settings`), which its profile section is read into, or
    ``Later("module:Class")`` that finds it; None for an adapter without settings.
    `schemes`: the URI schemes that it opens ("" is a plain path); for engine roots alone.
    """

    name: str
    build: Callable[[Wiring[Any]], P_co]
    extra: str | None = None
    requires: tuple[str, ...] = ()
    settings: type[Any] | Later | None = None
    schemes: tuple[str, ...] = ()


@hookspec
def sr_object_stores() -> Sequence[Adapter[ObjectStore]]:
    """Adapters whose `build` makes an `ObjectStore`."""
    return ()


@hookspec
def sr_engine_roots() -> Sequence[Adapter[EngineRoots]]:
    """Adapters whose `build` makes an `EngineRoots`, for URIs of the adapter's `schemes`."""
    return ()


@hookspec
def sr_authority_stores() -> Sequence[Adapter[AuthorityStore]]:
    """Adapters whose `build` makes an `AuthorityStore`."""
    return ()


@hookspec
def sr_engine_invokers() -> Sequence[Adapter[EngineInvoker]]:
    """Adapters whose `build` makes an `EngineInvoker`."""
    return ()


@hookspec
def sr_control_buses() -> Sequence[Adapter[ControlBus]]:
    """Adapters whose `build` makes a `ControlBus`."""
    return ()


@hookspec
def sr_follower_stores() -> Sequence[Adapter[FollowerStore]]:
    """Adapters whose `build` makes a `FollowerStore`: the one named as the profile's authority is taken, else ``file``.

    Its settings are the authority's; ``file`` has none.
    """
    return ()


@hookspec
def sr_hashing_laws() -> Sequence[HashingLaw]:
    """Hashing laws. The host refuses two laws of one kind, naming both distributions."""
    return ()


@hookspec
def sr_runtimes() -> Sequence[Adapter[Runtime]]:
    """Adapters whose `build` makes a `Runtime`: clock, ids, threads. Profiles use ``system``."""
    return ()


@hookspec
def sr_observability_sinks() -> Sequence[Adapter[ObservabilitySink]]:
    """Adapters whose `build` makes an `ObservabilitySink`."""
    return ()


@hookspec
def sr_signers() -> Sequence[Adapter[Signer]]:
    """Adapters whose `build` makes a `Signer`, from the profile's ``attest`` section."""
    return ()


@hookspec
def sr_signature_checkers() -> Sequence[Adapter[SignatureChecker]]:
    """Adapters whose `build` makes a `SignatureChecker`, from the setting ``public_key``, a path."""
    return ()


@hookspec
def sr_authenticators() -> Sequence[Adapter[Authenticator]]:
    """Adapters whose `build` makes an `Authenticator`."""
    return ()
