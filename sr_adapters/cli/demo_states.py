"""What sr demo --serve shows: a run in each state that somebody may have to look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sr_adapters.cli.session import Session
    from sr_domain.run.outcome import Outcome

_PATIENT_S = 30 * 86_400
"""How long the run that waits does so: it is still there for who comes back another day."""
_OLD = "demo, first try"
_MORE: tuple[tuple[str, tuple[str, ...], bool], ...] = (
    (_OLD, (), False),
    ("demo, corrected", (), False),
    ("demo with a spoiled gate", ("--fail", "gate.layer1.3A.validation"), False),
    ("demo that waits for a gate", ("--missing", "gate.layer3.6A.validation"), True),
)
"""Key of a run, options of its engine, and whether it is to wait long."""


def more_runs(session: Session, profile: Mapping[str, Any], first: Mapping[str, Any]) -> Iterator[Outcome]:
    """Make the other runs: superseded, READY, quarantined, waiting. `first`: the request of the demo's own run."""
    from sr_domain.encoding.ids import run_id_for
    from sr_plugins import build_runner

    invoker = profile["invoker"]
    for key, options, waits in _MORE:
        wired = {**profile, "invoker": {**invoker, "command": [*invoker["command"], *options]}}
        corrects = {"supersedes": run_id_for(_OLD)} if key == "demo, corrected" else {}
        request = {**first, **corrects, "run_equivalence_key": key, "manifest_fingerprint": _fingerprint(key)}
        policy = _patient() if waits else session.policy
        with build_runner(wired, policy=policy, narrate=session.narrates) as runner:
            yield runner.submit(request, actor="demo")


def _fingerprint(key: str) -> str:
    import hashlib

    return hashlib.sha256(f"the demo world: {key}".encode()).hexdigest()


def _patient() -> dict[str, Any]:
    """The shipped policy, but for how long a run waits."""
    from sr_plugins.documents.shipped import shipped
    from sr_plugins.documents.yaml import load_yaml

    node = dict(load_yaml((shipped("config") / "policy.yaml").read_bytes(), what="policy"))
    del node["content_digest"]
    return {**node, "policy_id": "demo-patient", "evidence_wait_seconds": _PATIENT_S}
