"""Finding and wiring: plugin host, built-in laws, profiles, and the composition root `build_runner`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sr_ports.lazy import lazy_names

if TYPE_CHECKING:
    import os

    from sr_domain.runner import ScenarioRunner
    from sr_plugins.documents.pack import load_pack
    from sr_plugins.documents.policy import load_policy
    from sr_plugins.documents.profile import ProfileSource
    from sr_plugins.laws import builtin_laws
    from sr_plugins.uses.consumer import Guarded, open_facts, verify_facts
    from sr_plugins.wiring.schema import profile_schema

_HOME = {
    "Guarded": "uses.consumer",
    "builtin_laws": "laws",
    "load_pack": "documents.pack",
    "load_policy": "documents.policy",
    "open_facts": "uses.consumer",
    "profile_schema": "wiring.schema",
    "verify_facts": "uses.consumer",
}

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, _HOME)


def build_runner(
    profile: ProfileSource = None,
    *,
    policy: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    plugins: Sequence[Any] = (),
    narrate: bool = False,
) -> ScenarioRunner:
    """A runner wired as the profile says: a shipped name, a path, a mapping, or one that was read.

    `policy`: a path or mapping instead of the profile's. `plugins`: plugin modules or objects
    beside the installed ones. `narrate`: tell the story on stderr. Nothing is read, written or
    connected before the first call needs it, save the configuration itself. Raises `BadInput`.
    Use it as a context manager, or close it: it holds files and connections open.
    """
    from sr_plugins.wiring.wire import wire

    return wire(profile, policy=policy, plugins=plugins, narrate=narrate)


__all__ = [
    "Guarded",
    "build_runner",
    "builtin_laws",
    "load_pack",
    "load_policy",
    "open_facts",
    "profile_schema",
    "verify_facts",
]
