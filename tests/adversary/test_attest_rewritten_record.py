"""A signature binds all that a check rests on: whoever rewrites the store leads no consumer's check to other bytes."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sr_domain.queries.signature import Signed
from tests.adapters.test_attest_key_file import write_key
from tests.adversary.scene import FAULT, RUN, Scene
from tests.adversary.world import CUSTOMERS, proven, world, write

GOOD = "good-copy"
KEYED = {"attest": {"signing_key": "key.pem"}}
Event = dict[str, Any]


@pytest.fixture
def signed(scene: Scene) -> Scene:
    """A scene with a run that is READY and signed; its world is copied to another folder as well."""
    write_key(scene.folder / "key.pem")
    scene.wire(profile=KEYED)
    scene.ready(scene.submit(), world())
    assert scene.artifact("attestation").exists()
    shutil.copytree(scene.root, scene.folder / GOOD)
    return scene


def verified(scene: Scene, *more: str) -> int:
    """What a consumer with the signer's public key is told."""
    return scene.sr("verify", RUN, "--key", "key.pub", *more).code


def dumped(event: Event) -> bytes:
    return json.dumps(event, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def rewritten(scene: Scene, change: Callable[[list[Event]], list[Event] | None]) -> None:
    """The record with a change, its whole chain computed anew."""
    events = scene.record()
    events = change(events) or events
    lines, before = [], "0" * 64
    for seq, event in enumerate(events):
        event |= {"seq": seq, "prev_hash": before, "event_id": ""}
        event["event_id"] = hashlib.sha256(dumped(event)).hexdigest()
        before = hashlib.sha256(dumped(event)).hexdigest()
        lines.append(dumped(event) + b"\n")
    scene.artifact("run_record").write_bytes(b"".join(lines))


def elsewhere(scene: Scene) -> Callable[[list[Event]], None]:
    """Every mention of the engine root names the copy."""

    def change(events: list[Event]) -> None:
        for event in events:
            text = json.dumps(event["details"]).replace(str(scene.root), str(scene.folder / GOOD))
            event["details"] = json.loads(text)

    return change


def one(kind: str, change: Callable[[Event], None]) -> Callable[[list[Event]], None]:
    """A change of the details of the one event of this kind."""

    def changed(events: list[Event]) -> None:
        (event,) = [each for each in events if each["event_kind"] == kind]
        change(event["details"])

    return changed


def another_digest(details: Event) -> None:
    old, new = proven(world())["customers"], proven(world("other"))["customers"]
    details |= json.loads(json.dumps(details).replace(old, new))


CHANGES: dict[str, Callable[[list[Event]], list[Event] | None]] = {
    "another deadline": one(
        "RUN_ACCEPTED", lambda details: details.update(evidence_deadline_utc="2030-01-01T00:00:00Z")
    ),
    "another digest": one("EVIDENCE_COMPLETE", another_digest),
    "an event taken out": lambda events: [each for each in events if each["event_kind"] != "EVIDENCE_STARTED"],
    "an actor's name": lambda events: [{**each, "actor": "somebody-else"} for each in events],
}


def test_a_record_that_leads_to_a_good_copy_does_not_hide_bad_bytes(signed: Scene) -> None:
    write(signed.root, {CUSTOMERS: world("other")[CUSTOMERS]})
    assert verified(signed) == FAULT
    rewritten(signed, elsewhere(signed))
    assert verified(signed) == FAULT
    assert verified(signed, "--fast") == FAULT
    plan = signed.artifact("run_plan")
    plan.write_text(plan.read_text().replace(str(signed.root), str(signed.folder / GOOD)))
    assert verified(signed) == FAULT


def test_a_view_that_leads_to_a_good_copy_is_not_the_one_that_was_signed(signed: Scene) -> None:
    view = signed.artifact("run_facts_view")
    view.write_text(view.read_text().replace(str(signed.root), str(signed.folder / GOOD)))
    rewritten(signed, elsewhere(signed))
    assert verified(signed) == FAULT


@pytest.mark.parametrize("name", CHANGES)
def test_a_rewritten_record_is_not_the_one_that_was_signed(signed: Scene, name: str) -> None:
    rewritten(signed, CHANGES[name])
    assert verified(signed) == FAULT


def test_it_would_be_believed_if_the_signature_bound_the_view_alone(
    signed: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the attack shows when the guard is taken out: else it would show nothing."""
    rewritten(signed, CHANGES["an actor's name"])
    assert verified(signed) == FAULT
    monkeypatch.setattr(Signed, "binds_truth", property(lambda self: False))
    monkeypatch.setattr(Signed, "_first", lambda self, ledger: iter(()))
    assert verified(signed) == 0


def test_a_plan_that_asks_for_less_is_not_the_one_that_was_signed(signed: Scene) -> None:
    """Fewer gates: the plan and all that names it are rewritten, consistently."""
    path = signed.artifact("run_plan")
    plan = json.loads(path.read_text())
    dropped = plan["required_gates"].pop()
    assert dropped
    path.write_text(json.dumps(plan, sort_keys=True, separators=(",", ":")))
    assert verified(signed) == FAULT
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    rewritten(signed, one("PLAN_COMMITTED", lambda details: details.update(run_plan_digest=digest)))
    assert verified(signed) == FAULT


def test_a_record_of_a_run_that_was_never_signed_for_is_not_covered_by_another_signature(
    signed: Scene, fresh: Iterator[Scene]
) -> None:
    """View, record and plan of another run of the key, all of one piece, beside the first one's signature."""
    other = next(fresh)
    write(other.root, world("other"))
    other.ready(other.submit(), world("other"))
    for kind in ("run_facts_view", "run_plan", "run_record", "run_status", "ready_signal"):
        signed.artifact(kind).write_bytes(other.artifact(kind).read_bytes())
    assert verified(signed) == FAULT


def test_what_was_signed_verifies(signed: Scene) -> None:
    """The innocent twin, of the run as it is and of a copy that the consumer names himself."""
    assert verified(signed) == 0
    rewritten(signed, lambda events: None)
    assert verified(signed) == 0, "the same record, its chain computed anew, is the same record"
    assert verified(signed, "--engine-run-root", str(signed.folder / GOOD)) == 0


def test_what_happened_after_the_decision_is_not_altered_truth(signed: Scene) -> None:
    assert signed.sr("reemit", RUN, "--kind", "READY_ONLY").code == 0
    assert verified(signed) == 0


def test_another_key_is_not_the_signers(signed: Scene) -> None:
    write_key(signed.folder / "mine.pem")
    assert signed.sr("verify", RUN, "--key", "mine.pub").code == FAULT
