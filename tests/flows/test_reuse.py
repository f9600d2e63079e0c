"""IP3: evidence of an engine run that is there already; the engine is not invoked."""

from __future__ import annotations

from typing import Any

import pytest

from sr_domain.record.states import RunState
from sr_domain.run.ports import Settings
from sr_ports import BadInput, EngineCall, EngineResult, ReasonCode
from tests.kit import Lab, request
from tests.worlds import small_world, tree


def never(call: EngineCall) -> EngineResult:
    raise AssertionError("the engine was invoked")


@pytest.mark.parametrize("strategy", ["AUTO", "FORCE_REUSE", None])
def test_an_existing_root_is_proven_without_the_engine(any_lab: Lab, strategy: str | None) -> None:
    files = small_world()
    root = any_lab.world(files)
    wired = any_lab.runner(engine=never)
    outcome = wired.submit(request(engine_run_root=root, requested_strategy=strategy))
    assert outcome.state is RunState.READY, outcome.message
    assert not [kind for kind in any_lab.kinds(outcome.run_id) if kind.startswith("ENGINE_ATTEMPT")]
    assert tree(any_lab.root / "engine") == files


def test_the_digests_in_the_facts_view_are_of_the_bytes(lab: Lab) -> None:
    import hashlib
    import json

    outcome = lab.reuse(small_world())
    facts = lab.document("run_facts_view", outcome.run_id)
    digests = {one["output_id"]: one["content_digest"]["hex"] for one in facts["locators"]}
    parts = [
        {"path": f"part-{at}.bin", "sha256": hashlib.sha256(b"events %d" % at).hexdigest(), "size": 8} for at in (0, 1)
    ]
    manifest = json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()
    assert digests["world"] == hashlib.sha256(b"the world").hexdigest()
    assert digests["events"] == hashlib.sha256(manifest).hexdigest()
    receipt = next(one for one in facts["instance_receipts"] if one["output_id"] == "events")
    assert lab.truth()[receipt["bundle_manifest_ref"]] == manifest
    assert lab.truth()[receipt["artifacts"]["receipt_path"]]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"requested_strategy": "FORCE_REUSE"}, ReasonCode.STRATEGY_UNAVAILABLE),
        ({"requested_strategy": "FORCE_INVOKE"}, ReasonCode.STRATEGY_UNAVAILABLE),
        ({}, ReasonCode.STRATEGY_UNAVAILABLE),
    ],
)
def test_without_root_and_invoker_no_strategy_can_be_followed(
    lab: Lab, changes: dict[str, Any], code: ReasonCode
) -> None:
    with pytest.raises(BadInput) as caught:
        lab.runner().submit(request(**changes))
    assert (caught.value.code, lab.truth()) == (code, {})


def test_the_oracle_root_overrides_the_requests_and_the_record_says_so(lab: Lab) -> None:
    root = lab.world(small_world(), "oracle")
    wired = lab.runner(settings=Settings(oracle_engine_run_root=root))
    outcome = wired.submit(request(engine_run_root="/somewhere/else"))
    assert outcome.state is RunState.READY
    (event,) = lab.ledger(outcome.run_id).all("ENGINE_ROOT_OVERRIDDEN")
    assert event.details == {"requested": "/somewhere/else", "used": root}


def test_a_new_key_over_the_same_world_is_a_run_of_its_own(lab: Lab) -> None:
    one = lab.reuse(small_world())
    two = lab.reuse(small_world(), key="another")
    assert (one.state, two.state) == (RunState.READY, RunState.READY)
    assert one.run_id != two.run_id
    assert (
        lab.document("run_facts_view", one.run_id)["locators"] == lab.document("run_facts_view", two.run_id)["locators"]
    )


def test_a_committed_plan_rules_its_run_whatever_the_policy_says_later(lab: Lab) -> None:
    files = small_world()
    held_back = {path: files.pop(path) for path in list(files) if path.startswith("gates/gate.c")}
    waiting = lab.reuse(files)
    assert waiting.state is RunState.WAITING_EVIDENCE
    lab.world(held_back)
    later = lab.runner(policy={"revision": "2", "allowed_laws": []})
    outcome = later.submit(request())
    assert outcome.state is RunState.READY
    assert lab.document("run_facts_view", outcome.run_id)["policy_rev"]["revision"] == "1"
    events = [event for event in lab.ledger(outcome.run_id).events if event.event_kind != "LEASE_TAKEN"]
    assert {event.policy_rev["revision"] for event in events if event.policy_rev} == {"1"}
