"""An empty pass is no pass: READY names at least one output that was proven."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.adversary.scene import FAILED, WAITING, Scene
from tests.adversary.world import CUSTOMERS, INDEX, flag, pack, proven, sha, world, write


@pytest.fixture
def bare(scene: Scene) -> Scene:
    """Optional outputs, all of them absent, and gates that pass over nothing of theirs."""
    pack(scene.folder / "pack", optional=True)
    shutil.rmtree(scene.root / "data")
    sealed(scene)
    return scene


def sealed(scene: Scene, *members: str) -> None:
    """Seal these outputs alone; the index names the late report as well, so that it is never empty."""
    named = [*members, "late/late.bin"]
    digest = sha(b"".join((scene.root / path).read_bytes() for path in sorted(named)))
    write(scene.root, {INDEX: json.dumps(named).encode(), "seal/seal.flag": flag(digest)})


def test_all_optional_and_all_absent_waits(bare: Scene) -> None:
    bare.not_ready(bare.submit(), WAITING)


def test_all_optional_and_all_absent_fails_at_the_deadline(bare: Scene) -> None:
    bare.wire(wait_s=0)
    bare.not_ready(bare.submit(), FAILED)


def test_one_that_came_is_enough(bare: Scene) -> None:
    """The innocent twin: an absent optional output blocks nothing."""
    write(bare.root, {CUSTOMERS: world()[CUSTOMERS]})
    sealed(bare, CUSTOMERS)
    answer = bare.submit()
    assert (answer.code, answer.json["state"]) == (0, "READY"), answer
    assert bare.told() == {"customers": proven(world())["customers"]}


def test_one_that_comes_later_is_enough(bare: Scene) -> None:
    bare.not_ready(bare.submit(), WAITING)
    write(bare.root, {CUSTOMERS: world()[CUSTOMERS]})
    sealed(bare, CUSTOMERS)
    assert bare.submit().code == 0
    assert bare.told() == {"customers": proven(world())["customers"]}
