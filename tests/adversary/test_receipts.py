"""Instance receipts say proven: no hostile, waiting or failed run leaves one; a planted one stops nobody for ever."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from sr_domain.encoding.ids import run_id_for
from tests.adversary.scene import FAILED, FAULT, LOSS, RESTS, RUN, WAITING, Scene
from tests.adversary.world import CUSTOMERS, FLAG, LATE, LATE_FLAG, flag, world, write

OTHER = world("other")
RECEIPTS = "instance_receipts/**/*.json"


def waits(scene: Scene) -> int:
    """Hostile orders, and customers that never come."""
    write(scene.folder / "hostile", {path: data for path, data in OTHER.items() if path != CUSTOMERS})
    return WAITING


def fails(scene: Scene) -> int:
    """Hostile orders, a gate that has no bundle, and nobody waits for it."""
    write(scene.folder / "hostile", {path: data for path, data in OTHER.items() if path not in (LATE, LATE_FLAG)})
    scene.wire(wait_s=0)
    return FAILED


def contradicts(scene: Scene) -> int:
    """Hostile orders, and a flag that states another digest."""
    write(scene.folder / "hostile", {**OTHER, FLAG: flag("0" * 64)})
    return FAULT


@pytest.mark.parametrize("hostile", [waits, fails, contradicts])
def test_a_run_that_was_never_complete_leaves_no_receipt_and_harms_no_sound_run(
    scene: Scene, hostile: Callable[[Scene], int]
) -> None:
    code = hostile(scene)
    scene.not_ready(scene.submit("hostile", engine_run_root="hostile"), code)
    assert not scene.stored(RECEIPTS)
    scene.wire()
    scene.ready(scene.submit(), world())
    assert len(scene.stored(RECEIPTS)) == 1


def test_a_world_that_never_stands_still_leaves_no_receipt(scene: Scene) -> None:
    moments = scene.moments(
        after="customers.bin", act=lambda: write(scene.root, {CUSTOMERS: b"changed while it is read"})
    )
    scene.not_ready(scene.attacked(moments), WAITING)
    assert not scene.stored(RECEIPTS)
    write(scene.root, world())
    scene.ready(scene.sr("resume", RUN), world())


@pytest.fixture
def forged(scene: Scene, fresh: Iterator[Scene]) -> bytes:
    """A receipt of the scope for other bytes, planted in `scene` before anything ran."""
    elsewhere = next(fresh)
    write(elsewhere.root, OTHER)
    elsewhere.ready(elsewhere.submit(), OTHER)
    (made,) = elsewhere.stored(RECEIPTS)
    place = scene.folder / "runs" / made.relative_to(elsewhere.folder / "runs")
    place.parent.mkdir(parents=True)
    place.write_bytes(made.read_bytes())
    return made.read_bytes()


@pytest.mark.parametrize("wait_s", [600, 0], ids=["before the deadline", "after it"])
def test_a_receipt_that_no_run_rests_on_is_an_orphan_and_can_be_set_aside(
    scene: Scene, forged: bytes, wait_s: int
) -> None:
    scene.wire(wait_s=wait_s)
    answer = scene.submit()
    assert answer.code == RESTS, answer
    assert "INSTANCE_RECEIPT_ORPHAN" in answer.out + answer.err
    assert not scene.published()
    assert "RUN_FAILED" not in scene.kinds()
    (standing,) = scene.stored(RECEIPTS)
    assert standing.read_bytes() == forged
    assert scene.sr("recover", RUN, "--receipt", "orders", "--reason", "planted").code == 2, "a loss must be accepted"
    assert standing.read_bytes() == forged
    assert scene.sr("recover", RUN, "--receipt", "orders", *LOSS).code in (0, WAITING)
    scene.ready(scene.sr("resume", RUN), world())
    assert [one.read_bytes() for one in scene.stored("quarantine/set_aside/*")] == [forged]
    assert standing.read_bytes() != forged
    assert scene.sr("audit", RUN).code == 0


def test_a_receipt_that_a_ready_run_rests_on_is_drift_and_stays(scene: Scene) -> None:
    write(scene.folder / "first", OTHER)
    scene.ready(scene.submit("first", engine_run_root="first"), OTHER, run_id_for("first"))
    (standing,) = scene.stored(RECEIPTS)
    before = standing.read_bytes()
    answer = scene.submit()
    assert answer.code == FAILED, answer
    assert "INSTANCE_RECEIPT_DRIFT" in answer.out + answer.err
    assert run_id_for("first") in answer.out + answer.err + json.dumps(scene.record())
    assert scene.sr("recover", RUN, "--receipt", "orders", *LOSS).code not in (0, WAITING)
    assert standing.read_bytes() == before
    assert not [one for one in scene.published() if one["attributes"]["run_id"] == RUN]


def test_the_same_bytes_below_another_root_are_no_drift(scene: Scene) -> None:
    """The innocent twin: the place where bytes were seen is no part of what a receipt says."""
    write(scene.folder / "first", world())
    scene.ready(scene.submit("first", engine_run_root="first"), world(), run_id_for("first"))
    scene.ready(scene.submit(), world())
    assert len(scene.stored(RECEIPTS)) == 1


def test_junk_in_the_place_of_a_receipt_proves_nothing_and_is_not_overwritten(scene: Scene, forged: bytes) -> None:
    (standing,) = scene.stored(RECEIPTS)
    assert standing.read_bytes() == forged
    standing.write_bytes(b"no receipt at all")
    answer = scene.submit()
    scene.not_ready(answer, RESTS)
    assert "INSTANCE_RECEIPT_ORPHAN" in answer.out + answer.err
    assert standing.read_bytes() == b"no receipt at all"
    aside = scene.sr("recover", RUN, "--receipt", "orders", *LOSS)
    scene.ready(aside, world())
    assert standing.read_bytes() != b"no receipt at all"


@pytest.mark.parametrize("same", [False, True], ids=["other bytes", "twin: the same bytes"])
@pytest.mark.parametrize("planted", [b"no receipt at all", b'{"being_set_aside":{"fence":1}}'], ids=["junk", "a mark"])
def test_what_is_planted_over_a_ready_runs_receipt_makes_no_second_truth(
    scene: Scene, planted: bytes, same: bool
) -> None:
    first = run_id_for("first")
    write(scene.folder / "first", world() if same else OTHER)
    scene.ready(scene.submit("first", engine_run_root="first"), world() if same else OTHER, first)
    (standing,) = scene.stored(RECEIPTS)
    sound = standing.read_bytes()
    standing.write_bytes(planted)
    answer = scene.submit()
    assert (answer.code, "INSTANCE_RECEIPT_ORPHAN" in answer.out + answer.err) == (RESTS, True), answer
    aside = scene.sr("recover", RUN, "--receipt", "orders", *LOSS)
    if same:
        scene.ready(aside, world())
        assert json.loads(standing.read_bytes())["target_digest"] == json.loads(sound)["target_digest"]
        assert scene.sr("audit", first).code == 0
        return
    assert "INSTANCE_RECEIPT_DRIFT" in aside.out + aside.err, aside
    assert first in aside.out + aside.err
    assert "EVIDENCE_COMPLETE" not in scene.kinds()
    assert standing.read_bytes() == planted
    standing.write_bytes(sound)
    assert scene.sr("resume", RUN).code == FAILED
    assert [one for one in scene.published() if one["attributes"]["kind"] == "READY"]
    assert scene.sr("audit", first).code == 0
