"""What stands in the store without its decision decides nothing: views, statuses, signals, attestations, part lists."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.adversary.scene import FAILED, FAULT, LOSS, RESTS, RUN, WAITING, Scene
from tests.adversary.world import CUSTOMERS, LATE, LATE_FLAG, proven, world, write
from tests.cli.conftest import Answer

OTHER = world("other")
DERIVED = ("run_facts_view", "ready_signal", "run_status")
JUNK = b"\x00 this is no document"


@attrs.frozen
class Forger:
    """A run of the same key that is READY of other bytes, elsewhere: well formed artifacts, and not ours."""

    elsewhere: Scene

    def artifact(self, kind: str) -> bytes:
        return self.elsewhere.artifact(kind).read_bytes()

    def plant(self, scene: Scene, kind: str, data: bytes | None = None) -> bytes:
        """Put what was forged, or `data`, where the artifact of `scene` stands or would; the bytes."""
        data = self.artifact(kind) if data is None else data
        path = scene.artifact(kind)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return data


@pytest.fixture
def forger(fresh: Iterator[Scene]) -> Forger:
    elsewhere = next(fresh)
    write(elsewhere.root, OTHER)
    elsewhere.ready(elsewhere.submit(), OTHER)
    return Forger(elsewhere)


@pytest.fixture
def scene(forger: Forger, fresh: Iterator[Scene]) -> Scene:
    return next(fresh)


def altered(answer: Answer) -> None:
    """It was met, named, and nothing was told on its ground."""
    assert answer.code == FAULT, answer
    assert "TRUTH_ALTERED" in answer.out + answer.err


def nothing_forged(scene: Scene, planted: bytes) -> None:
    """The forged bundle was neither published nor put on record."""
    digests = set(proven(OTHER).values())
    for said in scene.published():
        assert not digests & set(str(said).split('"')), said
    record = scene.artifact("run_record").read_text() if scene.record() else ""
    assert not [one for one in digests if one in record]
    assert '"adopted":true' not in record
    assert hashlib.sha256(planted).hexdigest() not in [
        event["details"].get("facts_view_digest") for event in scene.record()
    ]


def recovered(scene: Scene, kind: str, planted: bytes) -> None:
    """An operator sets the planted artifact aside, the bytes kept; the run ends READY of its own evidence."""
    answer = scene.sr("recover", RUN, "--artifact", scene.key(kind), *LOSS)
    assert answer.code in (0, WAITING), answer
    scene.ready(scene.sr("resume", RUN), world())
    digest = hashlib.sha256(planted).hexdigest()
    (kept,) = scene.stored(f"quarantine/set_aside/{digest}*")
    assert kept.read_bytes() == planted
    assert digest in scene.artifact("run_record").read_text()
    assert scene.sr("audit", RUN).code == 0
    assert scene.sr("verify", RUN).code == 0


@pytest.mark.parametrize("junk", [False, True], ids=["forged", "junk"])
@pytest.mark.parametrize("kind", DERIVED)
def test_planted_before_the_run_begins(scene: Scene, forger: Forger, kind: str, junk: bool) -> None:
    planted = forger.plant(scene, kind, JUNK if junk else None)
    answer = scene.submit()
    altered(answer)
    assert not scene.published()
    nothing_forged(scene, planted)
    assert scene.artifact(kind).read_bytes() == planted, "nothing is overwritten by itself"
    altered(scene.sr("resume", RUN))
    recovered(scene, kind, planted)


@pytest.mark.parametrize("kind", DERIVED)
def test_planted_while_evidence_is_read(scene: Scene, forger: Forger, kind: str) -> None:
    planted: list[bytes] = []
    moments = scene.moments(at=3, act=lambda: planted.append(forger.plant(scene, kind)))
    altered(scene.attacked(moments))
    assert not scene.published()
    nothing_forged(scene, planted[0])
    recovered(scene, kind, planted[0])


@pytest.mark.parametrize("kind", ["run_facts_view", "ready_signal"])
def test_planted_while_the_run_waits(scene: Scene, forger: Forger, kind: str) -> None:
    (scene.root / CUSTOMERS).unlink()
    scene.not_ready(scene.submit(), WAITING)
    planted = forger.plant(scene, kind)
    again = scene.submit()
    assert again.code in (WAITING, FAULT), again
    assert not scene.published()
    nothing_forged(scene, planted)
    write(scene.root, world())
    altered(scene.sr("resume", RUN))
    assert not scene.published()
    nothing_forged(scene, planted)
    recovered(scene, kind, planted)


def test_nothing_planted_nothing_met(scene: Scene, forger: Forger) -> None:
    """The innocent twin of all of these, beside the very forgeries in another run's places."""
    for kind in DERIVED:
        path = scene.artifact(kind, "f" * 32)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(forger.artifact(kind))
    scene.ready(scene.submit(), world())
    assert scene.sr("verify", RUN).code == 0


def test_a_planted_status_is_not_what_a_waiting_run_answers(scene: Scene, forger: Forger) -> None:
    (scene.root / CUSTOMERS).unlink()
    scene.not_ready(scene.submit(), WAITING)
    before = scene.artifact("run_status").read_bytes()
    forger.plant(scene, "run_status")
    for command in (("status", RUN), ("resume", RUN)):
        answer = scene.sr(*command)
        assert answer.code in (WAITING, FAULT), (command, answer)
        assert '"state": "READY"' not in answer.out
    answer = scene.submit()
    assert answer.code in (WAITING, FAULT)
    assert '"state": "READY"' not in answer.out
    forger.plant(scene, "run_status", before)
    write(scene.root, world())
    scene.ready(scene.submit(), world())


def test_a_planted_status_is_not_what_a_run_in_flight_answers(scene: Scene, forger: Forger) -> None:
    answers: list[Answer] = []

    def asked_meanwhile() -> None:
        forger.plant(scene, "run_status")
        answers.append(scene.submit())
        scene.artifact("run_status").unlink()

    moments = scene.moments(at=3, act=asked_meanwhile)
    scene.ready(scene.attacked(moments), world())
    (answer,) = answers
    assert answer.code == WAITING, answer
    assert '"state": "READY"' not in answer.out


def test_a_duplicate_is_answered_from_the_record_whatever_the_status_says(scene: Scene, forger: Forger) -> None:
    scene.ready(scene.submit(), world())
    status: dict[str, Any] = json.loads(scene.artifact("run_status").read_text())
    for state in ("FAILED", "QUARANTINED", "WAITING_EVIDENCE"):
        forger.plant(scene, "run_status", json.dumps({**status, "state": state}).encode())
        answer = scene.submit()
        assert (answer.code, answer.json["state"]) == (0, "READY"), state
    assert scene.sr("audit", RUN).code == FAULT
    assert scene.sr("audit", RUN, "--repair-status").code in (0, FAULT)
    assert scene.sr("audit", RUN).code == 0
    scene.ready(scene.submit(), world())


def test_a_failed_run_is_not_ready_for_a_planted_status(scene: Scene, forger: Forger) -> None:
    scene.wire(wait_s=0)
    for path in (LATE, LATE_FLAG):
        (scene.root / path).unlink()
    scene.not_ready(scene.submit(), FAILED)
    for kind in DERIVED:
        forger.plant(scene, kind)
    answer = scene.submit()
    assert answer.code in (FAILED, FAULT), answer
    assert '"state": "READY"' not in answer.out
    assert scene.sr("reemit", RUN, "--kind", "READY_ONLY").code != 0
    assert not [one for one in scene.published() if one["attributes"]["kind"].startswith("READY")]
    assert scene.sr("verify", RUN).code != 0


@pytest.mark.parametrize("kind", ["run_facts_view", "ready_signal"])
def test_an_artifact_altered_after_ready_is_neither_verified_nor_published_again(
    scene: Scene, forger: Forger, kind: str
) -> None:
    scene.ready(scene.submit(), world())
    own = scene.artifact(kind).read_bytes()
    said = scene.published()
    planted = forger.plant(scene, kind)
    answer = scene.sr("reemit", RUN, "--kind", "READY_ONLY")
    if kind == "ready_signal":
        altered(answer)
    again = [one["payload"] for one in scene.published() if one not in said]
    assert [{**one, "emitted_at_utc": ""} for one in again] in ([], [{**said[0]["payload"], "emitted_at_utc": ""}])
    assert scene.sr("audit", RUN).code == FAULT
    if kind == "run_facts_view":
        assert scene.sr("verify", RUN).code == FAULT
        assert scene.sr("verify", str(scene.artifact(kind))).code == FAULT
    nothing_forged(scene, planted)
    forger.plant(scene, kind, own)
    assert scene.sr("reemit", RUN, "--kind", "READY_ONLY").code == 0
    assert scene.sr("audit", RUN).code == 0
    assert scene.sr("verify", RUN).code == 0


def part_list(scene: Scene) -> Path:
    """Where the part list of the sound orders stands, or would."""
    return scene.artifact("part_lists", proven(world())["orders"])


def test_junk_in_the_place_of_a_part_list_is_not_what_consumers_read(scene: Scene) -> None:
    place = part_list(scene)
    place.parent.mkdir(parents=True)
    place.write_bytes(JUNK)
    answer = scene.submit()
    assert answer.code in (FAULT, RESTS), answer
    assert not scene.published()
    assert place.read_bytes() == JUNK
    key = scene.key("part_lists", proven(world())["orders"])
    assert f"--artifact {key}" in answer.err
    assert f"--artifact {key}" in scene.sr("explain", RUN).out
    answer = scene.sr("recover", RUN, "--artifact", key, *LOSS)
    scene.ready(answer, world())
    assert [one.read_bytes() for one in scene.stored("quarantine/set_aside/*")] == [JUNK]
    assert hashlib.sha256(place.read_bytes()).hexdigest() == proven(world())["orders"]
    assert scene.sr("verify", RUN).code == 0


def test_a_sound_part_list_is_not_set_aside(scene: Scene) -> None:
    scene.ready(scene.submit(), world())
    sound = part_list(scene).read_bytes()
    answer = scene.sr("recover", RUN, "--artifact", scene.key("part_lists", proven(world())["orders"]), *LOSS)
    scene.ready(answer, world())
    assert part_list(scene).read_bytes() == sound
    assert not scene.stored("quarantine/set_aside/*")


def test_a_part_list_that_another_run_left_harms_nobody(scene: Scene, fresh: Iterator[Scene]) -> None:
    twin = next(fresh)
    twin.ready(twin.submit(), world())
    place = part_list(scene)
    place.parent.mkdir(parents=True)
    place.write_bytes(part_list(twin).read_bytes())
    scene.ready(scene.submit(), world())


def test_a_plan_planted_beside_a_run_that_never_started_is_named(scene: Scene, forger: Forger) -> None:
    scene.not_ready(scene.submit("key", "--output", "nowhere"), FAILED)
    assert scene.sr("audit", RUN).code == 0
    planted = forger.plant(scene, "run_plan")
    altered(scene.sr("audit", RUN))
    nothing_forged(scene, planted)
    assert scene.sr("recover", RUN, "--artifact", scene.key("run_plan"), *LOSS).code == FAILED
    assert scene.sr("audit", RUN).code == 0
