"""A signature in the place of a run's own: another run's, or one over what is no statement, stops nobody for ever."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest

from sr_domain.encoding.canonical import exact_json
from sr_domain.encoding.ids import run_id_for
from tests.adapters.test_attest_key_file import write_key
from tests.adversary.scene import FAULT, LOSS, RUN, WAITING, Scene
from tests.adversary.world import CUSTOMERS, world, write

NEIGHBOUR = run_id_for("neighbour")


@pytest.fixture
def signing(scene: Scene) -> Scene:
    """A scene whose runs are signed, with another run that is READY of the same world."""
    write_key(scene.folder / "key.pem")
    scene.wire(profile={"attest": {"signing_key": "key.pem"}})
    scene.ready(scene.submit("neighbour"), world(), NEIGHBOUR)
    return scene


def lent(scene: Scene) -> bytes:
    """The other run's envelope, put in the place of this run's."""
    envelope = scene.artifact("attestation", NEIGHBOUR).read_bytes()
    scene.artifact("attestation").write_bytes(envelope)
    return envelope


def set_aside(scene: Scene, envelope: bytes) -> None:
    answer = scene.sr("recover", RUN, "--artifact", scene.key("attestation"), *LOSS)
    assert answer.code == 0, answer
    scene.ready(scene.sr("resume", RUN), world())
    assert [one for one in scene.stored("quarantine/set_aside/*") if one.read_bytes() == envelope]
    assert scene.sr("audit", RUN).code == 0
    assert scene.sr("verify", RUN, "--key", "key.pub").code == 0


def test_the_envelope_of_another_run_stops_no_run_that_comes(signing: Scene) -> None:
    envelope = lent(signing)
    answer = signing.submit()
    assert (answer.code, "TRUTH_ALTERED" in answer.err) == (FAULT, True), answer
    set_aside(signing, envelope)


def test_the_envelope_of_another_run_is_set_aside_after_ready(signing: Scene) -> None:
    signing.ready(signing.submit(), world())
    envelope = lent(signing)
    assert signing.sr("verify", RUN, "--key", "key.pub").code == FAULT
    set_aside(signing, envelope)


def test_a_sound_envelope_of_this_run_is_not_set_aside(signing: Scene) -> None:
    """The innocent twin: the run was signed as READY, and its record has lost that."""
    (signing.root / CUSTOMERS).unlink()
    assert signing.submit().code == WAITING
    record = signing.artifact("run_record").read_bytes()
    write(signing.root, world())
    signing.ready(signing.sr("resume", RUN), world())
    envelope = signing.artifact("attestation").read_bytes()
    signing.artifact("run_record").write_bytes(record)
    for kind in ("run_status", "ready_signal", "run_facts_view"):
        signing.artifact(kind).unlink()
    answer = signing.sr("recover", RUN, "--artifact", signing.key("attestation"), *LOSS)
    assert (answer.code, "TRUTH_LOST" in answer.err) == (FAULT, True), answer
    assert signing.artifact("attestation").read_bytes() == envelope


def test_an_envelope_over_a_bottomless_payload_is_named_and_set_aside(signing: Scene) -> None:
    signing.ready(signing.submit(), world())
    document = json.loads(signing.artifact("attestation").read_bytes())
    document["payload"] = b64encode(b"[" * 200_000).decode()
    signing.artifact("attestation").write_bytes(exact_json(document))
    answer = signing.sr("audit", RUN)
    assert (answer.code, "TRUTH_ALTERED" in answer.err) == (FAULT, True), answer
    assert signing.sr("explain", RUN).code == 0
    set_aside(signing, exact_json(document))


def test_a_bottomless_facts_view_is_named(scene: Scene) -> None:
    scene.ready(scene.submit(), world())
    assert scene.sr("facts", RUN).code == 0
    scene.artifact("run_facts_view").write_bytes(b"[" * 200_000)
    answer = scene.sr("facts", RUN)
    assert (answer.code, "TRUTH_ALTERED" in answer.err) == (FAULT, True), answer
