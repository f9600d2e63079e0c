"""What the pack's own contracts ask for beyond SR's is kept: at the engine, and in what SR writes of evidence."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sr_domain.encoding.ids import run_id_for
from sr_domain.plan.pack import InterfacePack
from sr_domain.record.states import RunState
from sr_ports import EngineCall, EngineResult, ReasonCode, Unreachable
from tests.flows.test_decision_times import Gone
from tests.kit import Lab, request
from tests.worlds import FLAG, engine, pack, receipt, small_world

RUN = run_id_for("key")
R = ReasonCode
NOTHING: dict[str, Any] = {"not": {}}


def bound(**contracts: Any) -> InterfacePack:
    """The small pack, with contracts of its own."""
    return attrs.evolve(pack(), contracts=contracts)


def limited(**lengths: int) -> dict[str, Any]:
    return {"properties": {name: {"maxLength": length} for name, length in lengths.items()}}


@pytest.mark.parametrize(
    ("contract", "code"),
    [
        ("output_locator", R.LOCATOR_SCHEMA_INVALID),
        ("gate_receipt", R.RECEIPT_SCHEMA_INVALID),
        ("instance_receipt", R.INSTANCE_RECEIPT_SCHEMA_INVALID),
    ],
)
def test_evidence_that_the_pack_would_not_take_is_never_ready(lab: Lab, contract: str, code: ReasonCode) -> None:
    wanted = request(engine_run_root=lab.world(small_world()))
    outcome = lab.runner(packed=bound(**{contract: NOTHING})).submit(wanted)
    assert (outcome.state, outcome.reason_code) == (RunState.FAILED, code)
    assert "the pack's own contract" in outcome.message
    taken = lab.runner(packed=bound(**{contract: {"type": "object"}})).submit(
        {**wanted, "run_equivalence_key": "other"}
    )
    assert taken.state is RunState.READY


def test_an_invocation_that_the_pack_would_not_take_is_not_launched(lab: Lab) -> None:
    called: list[EngineCall] = []

    def behaviour(call: EngineCall) -> EngineResult:
        called.append(call)
        return engine(lab.root / call.invocation["run_id"], small_world(key="short"))(call)

    runner = lab.runner(engine=behaviour, packed=bound(engine_invocation=limited(request_id=128)))
    long = runner.submit(request(request_id="r" * 129))
    assert (long.state, long.reason_code, called) == (RunState.FAILED, R.ENGINE_INVOCATION_INVALID, [])
    assert "request_id" in long.message
    assert runner.submit(request("short", request_id="r" * 128)).state is RunState.READY


def test_a_run_receipt_that_the_pack_would_not_take_fails_the_attempt(lab: Lab) -> None:
    asked = {"required": ["engine_build"]}
    runs = {"key": small_world(), "built": {**small_world(), **receipt("built", engine_build="7")}}
    told = []
    for key, files in runs.items():
        runner = lab.runner(engine=engine(lab.root / key, files), packed=bound(run_receipt=asked))
        told.append(runner.submit(request(key)))
    assert (told[0].state, told[0].reason_code) == (RunState.FAILED, R.ENGINE_RECEIPT_INVALID)
    assert told[1].state is RunState.READY


def test_a_run_keeps_the_contracts_that_it_was_planned_under(lab: Lab) -> None:
    files = small_world()
    late = files.pop(f"gates/gate.b/{FLAG}")
    wanted = request(engine_run_root=lab.world(files))
    assert lab.runner().submit(wanted).state is RunState.WAITING_EVIDENCE
    lab.world({f"gates/gate.b/{FLAG}": late})
    assert lab.runner(packed=bound(output_locator=NOTHING)).resume(RUN).state is RunState.READY
    assert not lab.runner().audit(RUN).findings


def test_and_a_pack_that_lost_them_changes_nothing_for_it(lab: Lab) -> None:
    files = small_world()
    late = files.pop(f"gates/gate.b/{FLAG}")
    strict = bound(gate_receipt={"properties": {"gate_id": {"enum": ["gate.a", "gate.c"]}}})
    assert (
        lab.runner(packed=strict).submit(request(engine_run_root=lab.world(files))).state is RunState.WAITING_EVIDENCE
    )
    lab.world({f"gates/gate.b/{FLAG}": late})
    outcome = lab.runner().resume(RUN)
    assert (outcome.state, outcome.reason_code) == (RunState.FAILED, R.RECEIPT_SCHEMA_INVALID)
    assert "gate.b" in outcome.message


def test_a_plan_without_contracts_says_nothing_of_them(lab: Lab) -> None:
    lab.reuse(small_world())
    planned = lab.ledger(RUN).first("PLAN_COMMITTED")
    assert planned is not None
    assert "contracts" not in planned.details["plan"]


# --- the invoker ---


def attempt(lab: Lab, *, actor: str | None, packed: InterfacePack | None = None, **changes: Any) -> Any:
    """What the record says of the one attempt of a run that this actor submitted."""
    runner = lab.runner(engine=engine(lab.root / "engine", small_world()), packed=packed)
    assert runner.submit(request(**changes), actor=actor).state is RunState.READY
    (ended,) = lab.ledger(RUN).all("ENGINE_ATTEMPT_FINISHED")
    assert ended.details["invocation"].get("invoker") == ended.details.get("invoker")
    return ended.details.get("invoker")


@pytest.mark.parametrize(
    ("actor", "asked", "told"),
    [("ann", None, "ann"), ("ann", "scheduler", "scheduler"), (None, None, "local"), (None, "ann", "ann")],
)
def test_the_engine_is_told_who_asks(lab: Lab, actor: str | None, asked: str | None, told: str) -> None:
    assert attempt(lab, actor=actor, invoker=asked) == told


def test_who_goes_on_with_a_run_does_not_ask_for_it(lab: Lab) -> None:
    made = engine(lab.root / "engine", small_world())
    with pytest.raises(Unreachable):
        lab.runner(engine=made, store=Gone(lab.store, "run_record", b"ENGINE_ATTEMPT_FINISHED")).submit(
            request(), actor="ann"
        )
    lab.lapse()
    runner = lab.runner(engine=made)
    assert runner.resume(RUN, actor="bob").state is RunState.READY
    (ended,) = lab.ledger(RUN).all("ENGINE_ATTEMPT_FINISHED")
    assert (ended.details["invoker"], ended.actor) == ("ann", "bob")


@pytest.mark.parametrize("contract", [limited(invoker=4), {"properties": {"invoker": False}}], ids=str)
def test_an_actor_for_whom_a_contract_has_no_room_is_left_out(lab: Lab, contract: dict[str, Any]) -> None:
    assert attempt(lab, actor="scheduler", packed=bound(engine_invocation=contract)) is None


def test_but_an_invoker_that_the_request_names_is_not(lab: Lab) -> None:
    runner = lab.runner(
        engine=engine(lab.root / "engine", small_world()), packed=bound(engine_invocation=limited(invoker=4))
    )
    outcome = runner.submit(request(invoker="scheduler"), actor="ann")
    assert (outcome.state, outcome.reason_code) == (RunState.FAILED, R.ENGINE_INVOCATION_INVALID)
