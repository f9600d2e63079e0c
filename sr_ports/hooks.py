"""The plugin surface: hooks, and the small spec values that plugins hand to the host.

A plugin module imports `sr_ports` only and is named in the entry-point group
``scenario_runner``. Every hook returns a list (spec: surface, "Plugins").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import pluggy

from sr_ports.laws import HashingLaw

PROJECT = "scenario_runner"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@attrs.frozen
class Wiring:
    """What an adapter's factory may know of the process it is built in.

    `runtime_root`: absolute path. `platform_run_id`: asks for the current platform run,
    minting one if needed (lazy: call it when the first operation needs it, not before).
    `settings`: the profile section named after the port, without ``adapter``.
    `profile`: the whole profile, for the rare adapter that needs another section.
    """

    runtime_root: str
    platform_run_id: Callable[[], str]
    settings: Mapping[str, Any]
    profile: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Adapter:
    """An adapter on offer. Making the spec must import nothing heavy; `build` may.

    `name`: what a profile's ``adapter`` key says. `build`: makes the port object.
    `extra`: the scenario-runner extra (or distribution) that brings its libraries.
    `requires`: top-level modules that must be importable before `build` is called.
    `settings`: the keys its profile section may have. `schemes`: engine-root URI schemes
    that `open_root` reads ("" is a plain path); only for object stores.
    """

    name: str
    build: Callable[[Wiring], Any]
    extra: str | None = None
    requires: tuple[str, ...] = ()
    settings: frozenset[str] = frozenset()
    schemes: tuple[str, ...] = ()
    open_root: Callable[[str, Wiring], Any] | None = None


@hookspec
def sr_object_stores() -> Sequence[Adapter]:
    """Adapters whose `build` makes an `ObjectStore`."""
    return ()


@hookspec
def sr_authority_stores() -> Sequence[Adapter]:
    """Adapters whose `build` makes an `AuthorityStore`."""
    return ()


@hookspec
def sr_engine_invokers() -> Sequence[Adapter]:
    """Adapters whose `build` makes an `EngineInvoker`."""
    return ()


@hookspec
def sr_control_buses() -> Sequence[Adapter]:
    """Adapters whose `build` makes a `ControlBus`."""
    return ()


@hookspec
def sr_hashing_laws() -> Sequence[HashingLaw]:
    """Hashing laws. The host refuses two laws of one kind, naming both distributions."""
    return ()


@hookspec
def sr_runtimes() -> Sequence[Adapter]:
    """Adapters whose `build` makes a `Runtime`: clock, ids, threads. Profiles use ``system``."""
    return ()


@hookspec
def sr_observability_sinks() -> Sequence[Adapter]:
    """Adapters whose `build` makes an `ObservabilitySink`."""
    return ()


@hookspec
def sr_signers() -> Sequence[Adapter]:
    """Adapters whose `build` makes a `Signer`, from the profile's ``attest`` section."""
    return ()


@hookspec
def sr_signature_checkers() -> Sequence[Adapter]:
    """Adapters whose `build` makes a `SignatureChecker`, from the setting ``public_key``, a path."""
    return ()


@hookspec
def sr_authenticators() -> Sequence[Adapter]:
    """Adapters whose `build` makes an `Authenticator`."""
    return ()
