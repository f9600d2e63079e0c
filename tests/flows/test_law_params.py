"""Keys of the gate map that are a law's own: from the pack through the plan on record to the law that judges."""

from __future__ import annotations

import hashlib
from typing import Any

import attrs

from sr_domain.evidence.provided_law import ProvidedLaw
from sr_domain.plan.sealed import SealedPlan
from sr_domain.queries.verify import Verification
from sr_domain.record.states import RunState
from sr_ports import BundleView, Params, VerificationMethod
from tests.kit import LAWS, Lab, request
from tests.typing.third_party.law import Blake2
from tests.worlds import FLAG, GATES, OUTPUTS, flag, pack, small_world

KEYED = ProvidedLaw(Blake2(), "acme-laws", "1.0")


def world(key: str) -> dict[str, bytes]:
    files = small_world()
    names = sorted(path for path in files if path.startswith("gates/gate.a/") and not path.endswith(FLAG))
    whole = b"".join(b"%d " % len(files[name]) + files[name] for name in names)
    return {**files, "gates/gate.a/" + FLAG: flag(hashlib.blake2s(whole, key=key.encode()).hexdigest())}


def packed(**params: Any) -> Any:
    method = VerificationMethod("blake2", exclude_filenames=(FLAG,), params=Params(params))
    return pack(OUTPUTS, (attrs.evolve(GATES[0], method=method), *GATES[1:]))


def submitted(lab: Lab, made_with: str, **params: Any) -> Any:
    runner = lab.runner(packed=packed(**params), laws={**LAWS, "blake2": KEYED})
    return runner.submit(request(engine_run_root=lab.world(world(made_with))))


def planned(lab: Lab, run_id: str) -> dict[str, Any]:
    committed = lab.ledger(run_id).first("PLAN_COMMITTED")
    assert committed is not None
    plan: dict[str, Any] = dict(committed.details["plan"])
    return plan


def test_a_law_judges_by_what_the_gate_map_says(lab: Lab) -> None:
    outcome = submitted(lab, "pepper", key="pepper")
    assert outcome.state is RunState.READY
    done: Verification = lab.runner(packed=packed(), laws={**LAWS, "blake2": KEYED}).verify(outcome.run_id)
    assert done.ok, done  # by the plan on record, whatever the pack says by now


def test_with_another_parameter_the_same_bundle_proves_nothing(lab: Lab) -> None:
    outcome = submitted(lab, "pepper", key="salt")
    assert outcome.state is RunState.QUARANTINED
    assert "GATE_DIGEST_MISMATCH" in outcome.message


def test_the_plan_on_record_has_them_as_they_were_and_none_where_there_are_none(lab: Lab) -> None:
    deep = {"list": [1, None, {"a": True}]}
    outcome = submitted(lab, "", key="", deep=deep, none=None)
    node = planned(lab, outcome.run_id)
    methods = {one["gate_id"]: one["method"] for one in node["gates"]}
    assert methods["gate.a"]["params"] == {"key": "", "deep": deep, "none": None}
    assert "params" not in methods["gate.b"]
    plan = SealedPlan.of(node)
    assert plan.document() == node
    assert plan.gates[0].method.params == Params({"key": "", "deep": deep, "none": None})


def test_the_view_that_a_law_is_given_has_the_plan_s(lab: Lab) -> None:
    seen: list[dict[str, Any]] = []

    @attrs.frozen
    class Remembers:
        kind: str = "blake2"

        def digest(self, bundle: BundleView) -> str:
            seen.append(dict(bundle.params))
            return Blake2().digest(bundle)

    runner = lab.runner(packed=packed(key="k"), laws={**LAWS, "blake2": ProvidedLaw(Remembers(), "acme-laws", "1.0")})
    assert runner.submit(request(engine_run_root=lab.world(world("k")))).state is RunState.READY
    assert {"key": "k"} in seen
