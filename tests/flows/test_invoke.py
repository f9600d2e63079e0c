"""IP1: a new run whose engine is invoked."""

from __future__ import annotations

from sr_domain.encoding.ids import attempt_id_for, ready_message_id, run_id_for
from sr_domain.record.states import RunState
from tests.kit import BASE, PLATFORM, Lab, request
from tests.worlds import engine, small_world, tree


def test_a_new_run_is_invoked_proven_and_published(any_lab: Lab) -> None:
    root = any_lab.root / "engine"
    outcome = any_lab.runner(engine=engine(root, small_world())).submit(request())
    run_id = run_id_for("key")
    assert (outcome.run_id, outcome.state, outcome.is_new, outcome.published) == (run_id, RunState.READY, True, True)
    facts = any_lab.document("run_facts_view", run_id)
    assert [one["output_id"] for one in facts["locators"]] == ["daily", "events", "world"]
    assert [one["gate_id"] for one in facts["gate_receipts"]] == ["gate.a", "gate.b", "gate.c"]
    assert facts["output_roles"] == {"daily": "non_traffic", "events": "business_traffic", "world": "non_traffic"}
    (message,) = any_lab.published()
    assert message.message_id == ready_message_id(PLATFORM, run_id, facts["bundle_hash"])
    assert message.payload["facts_view_ref"] == f"{BASE}/run_facts_view/{run_id}.json"


def test_the_record_tells_the_flow_in_order(lab: Lab) -> None:
    outcome = lab.runner(engine=engine(lab.root / "engine", small_world())).submit(request())
    kinds = [kind for kind in lab.kinds(outcome.run_id) if not kind.startswith("GOV_")]
    assert kinds == [
        "RUN_ACCEPTED",
        "PLAN_COMMITTED",
        "ENGINE_ATTEMPT_LAUNCH_REQUESTED",
        "ENGINE_ATTEMPT_FINISHED",
        "EVIDENCE_STARTED",
        "EVIDENCE_COMPLETE",
        "READY_COMMITTED",
        "READY_PUBLISHED",
    ]


def test_the_attempt_is_kept_with_its_log_and_receipt(lab: Lab) -> None:
    root = lab.root / "engine"
    outcome = lab.runner(engine=engine(root, small_world())).submit(request())
    (ended,) = lab.ledger(outcome.run_id).all("ENGINE_ATTEMPT_FINISHED")
    assert ended.details["attempt_id"] == attempt_id_for(outcome.run_id, 1)
    assert ended.details["outcome"] == "SUCCEEDED"
    assert ended.details["run_receipt_ref"] == f"{root}/run_receipt.json"
    assert lab.truth()[ended.details["logs_ref"]["stdout_ref"]] == b"made a world\n"


def test_auto_invokes_over_a_root_that_is_empty(lab: Lab) -> None:
    root = lab.root / "later"
    outcome = lab.runner(engine=engine(root, small_world())).submit(request(engine_run_root=str(root)))
    assert outcome.state is RunState.READY
    assert "ENGINE_ATTEMPT_FINISHED" in lab.kinds(outcome.run_id)


def test_force_invoke_runs_the_engine_over_evidence_that_is_there(lab: Lab) -> None:
    root = lab.world(small_world())
    wired = lab.runner(engine=engine(lab.root / "engine", small_world()))
    outcome = wired.submit(request(engine_run_root=root, requested_strategy="FORCE_INVOKE"))
    assert outcome.state is RunState.READY
    assert "ENGINE_ATTEMPT_FINISHED" in lab.kinds(outcome.run_id)


def test_a_policy_that_denies_reuse_forces_invoke(lab: Lab) -> None:
    root = lab.world(small_world())
    wired = lab.runner(engine=engine(lab.root / "engine", small_world()), policy={"reuse_policy": "DENY"})
    outcome = wired.submit(request(engine_run_root=root, requested_strategy="FORCE_REUSE"))
    assert outcome.state is RunState.READY
    assert "ENGINE_ATTEMPT_FINISHED" in lab.kinds(outcome.run_id)
    assert lab.document("run_plan", outcome.run_id)["strategy"] == "FORCE_INVOKE"


def test_nothing_is_written_below_the_engine_root(lab: Lab) -> None:
    files = small_world()
    root = lab.root / "engine"
    lab.runner(engine=engine(root, files)).submit(request())
    assert tree(root) == files
