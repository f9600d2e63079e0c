"""The use case of whoever has a folder: what it proves now, without a run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from sr_domain.queries.check import Check, Checker, check
from sr_plugins.documents.pack import load_pack
from sr_plugins.documents.pack_laws import check_laws
from sr_plugins.documents.policy import load_policy
from sr_plugins.documents.profile import ProfileSource, Section, load_profile
from sr_plugins.wiring.wire import Roots, Wires, host_of, isolation
from sr_ports import Runtime


def check_root(
    root: str,
    request: Mapping[str, Any],
    *,
    profile: ProfileSource = None,
    policy: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    pack: str | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> Check:
    """Judge an engine root by the gates of a pack, as a run of the request would that reuses it; nothing is written.

    `pack`: a folder; by default the profile's. No object store, authority or bus is asked. Raises `BadInput`,
    `Unreachable`; what is wrong with the root is in the answer.
    """
    chosen = load_profile(profile)
    bare = Wires(chosen, host_of(chosen))
    runtime: Runtime = bare.build("runtime", Section("system", {"workers": chosen.evidence.workers}))
    isolating = isolation(bare)
    checker = Checker(
        Roots(attrs.evolve(bare, platform=runtime.platform)),
        bare.host.laws(isolating.provide, isolating.close),
        runtime.pool,
        runtime.clock,
        runtime.known_timezone,
        progress,
    )
    bare.host.require_files()
    rules = load_policy(policy if policy is not None else chosen.policy)
    loaded = load_pack(pack or chosen.engine.interface_pack)
    check_laws(loaded, checker.laws)
    return check(checker, rules, loaded, request, root)
