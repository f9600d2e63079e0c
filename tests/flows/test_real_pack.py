"""A real data engine's interface pack, where this machine has it: 10 gates, 340 outputs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from sr_adapters.demo_engine.world import World
from sr_domain.encoding.ids import run_id_for
from sr_plugins import build_runner
from sr_plugins.documents.pack_check import check_pack
from tests.reliability.lab import LAWS

PACK = Path(os.environ.get("SR_TEST_REAL_PACK") or Path(__file__).resolve().parents[3] / "shared" / "interface_pack")
pytestmark = pytest.mark.skipif(not PACK.is_dir(), reason="no real interface pack: set SR_TEST_REAL_PACK to one")


def test_it_checks_without_errors() -> None:
    findings = check_pack(str(PACK), LAWS)
    assert [one for one in findings if one.severity == "error"] == []
    assert {one.where for one in findings if one.code == "UNRESOLVED_PATH_TOKEN"} == {"tzdb_release"}


def test_all_that_can_be_planned_runs_to_ready(tmp_path: Path) -> None:
    runner = build_runner(
        {"runtime_root": str(tmp_path / "runs"), "engine": {"interface_pack": str(PACK)}},
        policy={"policy_id": "real", "revision": "1", "ungated_outputs": "ALLOW"},
    )
    request: dict[str, Any] = {
        "run_equivalence_key": "real",
        "manifest_fingerprint": "a" * 64,
        "parameter_hash": "b" * 64,
        "seed": 2**64 - 1,
        "scenario": {"scenario_id": "baseline_v1"},
        "window": {
            "window_start_utc": "2026-01-01T00:00:00Z",
            "window_end_utc": "2026-01-03T00:00:00Z",
            "window_tz": "UTC",
        },
        "output_ids": sorted(runner._context.pack.outputs),
        "engine_run_root": str(tmp_path / "root"),
    }
    assert len(runner._context.pack.outputs) == 340
    problems = runner.plan(request).problems
    assert [one.subject for one in problems] == ["tzdb_release"]
    assert problems[0].detail.startswith("no pin fills {release_tag}; the pins are {manifest_fingerprint}, ")
    request["output_ids"] = [one for one in request["output_ids"] if one != "tzdb_release"]
    own = "e" * 32  # an engine run that SR did not start has an id of its own, in 69 of the paths
    invocation = {**request, "run_id": own, "scenario_binding": request["scenario"]}
    World(pack=PACK, root=tmp_path / "root", invocation=invocation, days=("2026-01-01", "2026-01-02")).write()
    outcome = runner.submit(request)
    assert outcome.state == "READY", outcome
    facts = runner.facts(outcome.run_id)
    assert len({one["output_id"] for one in facts["locators"]}) == 339
    templates = {one.output_id: one.path_template for one in runner._context.pack.outputs.values()}
    assert len(facts["locators"]) == 339 + sum("{utc_day}" in templates[name] for name in request["output_ids"])
    assert sum(own in one["path"] for one in facts["locators"]) >= 69
    assert facts["pins"]["run_id"] == run_id_for("real")
    assert all(Path(one["path"].partition("*")[0]).parent.exists() for one in facts["locators"])
    assert len(facts["gate_receipts"]) == 10
    assert runner.verify(outcome.run_id).ok
