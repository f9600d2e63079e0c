"""What tests of plugins and embedders work with: pytest fixtures, and Hypothesis strategies in `strategies`.

``pytest -p sr_plugins.testing``, or ``pytest_plugins = ["sr_plugins.testing"]`` in the tests' first conftest; nothing
of it is loaded otherwise. Needs the extra ``[test]``. The suites that go with it are in `sr_ports.conformance`.
"""

from __future__ import annotations

from sr_plugins.testing.fixtures import (
    sr_conflicting_root,
    sr_impatient_runner,
    sr_memory,
    sr_pack,
    sr_policy,
    sr_processes,
    sr_profile,
    sr_ready_root,
    sr_request,
    sr_runner,
    sr_waiting_root,
    sr_world,
)
from sr_plugins.testing.law_folder import LawFolder
from sr_plugins.testing.memory import MemoryWorld
from sr_plugins.testing.world import SmallWorld

__all__ = [
    "LawFolder", "MemoryWorld", "SmallWorld", "sr_conflicting_root", "sr_impatient_runner", "sr_memory", "sr_pack",
    "sr_policy", "sr_processes", "sr_profile", "sr_ready_root", "sr_request", "sr_runner", "sr_waiting_root",
    "sr_world",
]  # fmt: skip
