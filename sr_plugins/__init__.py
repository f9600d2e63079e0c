"""Finding and wiring: plugin host, built-in laws, profiles, and the composition root `build_runner`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os

    from sr_domain.runner import ScenarioRunner


def build_runner(
    profile: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    *,
    policy: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    plugins: Sequence[Any] = (),
    narrate: bool = False,
) -> ScenarioRunner:
    """A runner wired as the profile says: a shipped name, a path, or a mapping.

    `policy`: a path or mapping instead of the profile's. `plugins`: plugin modules or objects
    beside the installed ones. `narrate`: tell the story on stderr. Nothing is read, written or
    connected before the first call needs it, save the configuration itself. Raises `BadInput`.
    """
    from sr_plugins.wire import wire

    return wire(profile, policy=policy, plugins=plugins, narrate=narrate)


__all__ = ["build_runner"]
