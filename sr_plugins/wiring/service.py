"""The composition root of `sr serve`: a profile becomes what answers requests (spec: surface, "HTTP")."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from sr_domain.runner import ScenarioRunner
from sr_plugins.documents.profile import Profile, ProfileSource, load_profile
from sr_plugins.wiring.wire import wire
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class Served(Compared):
    """A wired service. `profile`: as it is served."""

    runner: ScenarioRunner
    profile: Profile


def wire_service(
    source: ProfileSource,
    *,
    policy: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    plugins: Sequence[Any] = (),
    narrate: bool = False,
) -> Served:
    """Wire a service as the profile says. Raises `BadInput`, also for a pack that cannot be read."""
    profile = confined(load_profile(source))
    bare = wire(profile, policy=policy, plugins=plugins, narrate=narrate)
    runner = ScenarioRunner(bare.ports, bare.policy, bare.pack, attrs.evolve(bare.settings, anchor_first=True))
    return Served(runner, profile)


def confined(profile: Profile) -> Profile:
    """The profile of a service: where it names no roots that requests may name, the runtime root and the oracle root.

    Who may send a request is not who may have any folder of this machine read.
    """
    engine = profile.engine
    if engine.allowed_roots:
        return profile
    roots = (profile.runtime_root, *filter(None, (engine.oracle_root,)))
    return attrs.evolve(profile, engine=attrs.evolve(engine, allowed_roots=roots))
