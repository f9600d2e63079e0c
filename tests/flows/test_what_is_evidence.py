"""Only what a template, an index or a law names is evidence; a decided run keeps the rules of its day."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from sr_domain.plan.pack import OutputSpec
from sr_domain.record.states import RunState
from sr_ports import ReasonCode
from tests.kit import Lab, request
from tests.releases import by
from tests.worlds import DAILY, EVENTS, FLAG, pack, small_world

R = ReasonCode
TREE = OutputSpec("tree", "data/tree/**/x.bin", "scope_manifest_fingerprint", ("manifest_fingerprint",), ("gate.a",))
MARK = b"\xef\xbb\xbf"


def link(name: str, target: str) -> Callable[[Path], None]:
    return lambda root: (root / name).symlink_to(target)


def fifo(name: str) -> Callable[[Path], None]:
    return lambda root: os.mkfifo(root / name)


BESIDE = {
    "an editor's lock beside a glob": link(f"{DAILY}/.#part-0.bin.txt", "me@host.1:2"),
    "a link out beside a glob": link(f"{DAILY}/etc", "/etc"),
    "a FIFO beside a glob": fifo(f"{DAILY}/pipe"),
    "a lock beside an index's members": link("gates/gate.b/.#report.json", "me@host.1:2"),
    "a FIFO beside an index's members": fifo("gates/gate.c/pipe"),
    "a lock at the root": link(".#lock", "me@host.1:2"),
}
TAKEN = {
    "a lock that a glob takes": (link(f"{DAILY}/part-1.bin", "me@host.1:2"), "daily", R.PATH_ESCAPES),
    "a lock in a folder": (link(f"{EVENTS}/.#part-0.bin", "me@host.1:2"), "events", R.PATH_ESCAPES),
    "a FIFO in a folder": (fifo(f"{EVENTS}/pipe"), "events", R.NOT_A_FILE),
    "a FIFO that a glob takes": (fifo(f"{DAILY}/part-1.bin"), "daily", R.NOT_A_FILE),
    "a lock in a whole bundle": (link("gates/gate.a/.#z.csv", "me@host.1:2"), "gate.a", R.PATH_ESCAPES),
}


@pytest.mark.parametrize("spoil", BESIDE.values(), ids=BESIDE.keys())
def test_what_lies_beside_the_evidence_decides_nothing(lab: Lab, spoil: Callable[[Path], None]) -> None:
    root = lab.world(small_world())
    spoil(Path(root))
    outcome = lab.runner().submit(request(engine_run_root=root))
    assert outcome.state is RunState.READY, outcome.message
    assert lab.runner().verify(outcome.run_id).ok


@pytest.mark.parametrize(("spoil", "subject", "code"), TAKEN.values(), ids=TAKEN.keys())
def test_what_is_named_and_is_no_regular_file_is_a_conflict(
    lab: Lab, spoil: Callable[[Path], None], subject: str, code: ReasonCode
) -> None:
    root = lab.world(small_world())
    spoil(Path(root))
    outcome = lab.runner().submit(request(engine_run_root=root))
    assert outcome.state is RunState.QUARANTINED
    (kept,) = lab.document("quarantine", outcome.run_id)["conflicts"]
    assert (kept["subject"], kept["code"]) == (subject, code.value)


def test_a_wait_looks_at_no_more_than_the_evidence_either(lab: Lab) -> None:
    files = small_world()
    held = files.pop("gates/gate.c/index.json")
    root = Path(lab.world(files))
    link("gates/gate.c/.#index.json", "me@host.1:2")(root)
    asked = request(engine_run_root=str(root))
    assert lab.runner().submit(asked).state is RunState.WAITING_EVIDENCE
    (root / "gates/gate.c/index.json").write_bytes(held)
    assert lab.runner().submit(asked).state is RunState.READY


def marked(files: dict[str, bytes]) -> dict[str, bytes]:
    """Every small text with a byte order mark and line ends of another system."""
    small = (FLAG, "index.json", "run_receipt.json")
    return {name: MARK + data.replace(b"\n", b"\r\n") if name.endswith(small) else data for name, data in files.items()}


def test_a_world_with_byte_order_marks_is_the_same_world(lab: Lab) -> None:
    outcome = lab.reuse(marked(small_world()))
    assert outcome.state is RunState.READY, outcome.message
    assert lab.runner().verify(outcome.run_id).ok


def tree_world(lab: Lab) -> str:
    """A world with an output below ``**``, and a link to a folder where only ``**`` would enter it."""
    root = lab.world({**small_world(), "data/tree/a/x.bin": b"1", "data/other/x.bin": b"2"})
    link("data/tree/linked", "../other")(Path(root))
    return root


def test_two_stars_enter_no_link(lab: Lab) -> None:
    root = tree_world(lab)
    runner = partial(lab.runner, packed=pack((TREE,)))
    outcome = runner().submit(request(engine_run_root=root, output_ids=["tree"]))
    assert outcome.state is RunState.READY
    decided = lab.ledger(outcome.run_id).first("EVIDENCE_COMPLETE")
    assert decided is not None
    assert (decided.details["revision"], decided.details["outputs"][0]["files"]) == (2, 1)
    assert runner().verify(outcome.run_id).ok


def test_a_run_that_the_first_release_decided_is_proven_by_its_rules(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree_world(lab)
    runner = partial(lab.runner, packed=pack((TREE,)))
    with monkeypatch.context() as then:
        by(then, 1)
        outcome = runner().submit(request(engine_run_root=root, output_ids=["tree"]))
    decided = lab.ledger(outcome.run_id).first("EVIDENCE_COMPLETE")
    assert decided is not None
    assert decided.details["revision"] == 1
    assert decided.details["outputs"][0]["files"] == 2
    assert runner().verify(outcome.run_id).ok
    assert not runner().audit(outcome.run_id).findings
    (Path(root) / "data/other/x.bin").write_bytes(b"3")
    assert [one.code for one in runner().verify(outcome.run_id).findings] == [R.TRUTH_ALTERED]
