"""Guards that one attack shows: with the guard it fails, with the guard taken out it succeeds.

The guards that need an interleaving are taken out in `test_mutations.py`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_adapters.runtime.clock import ManualClock
from sr_domain.encoding.canonical import exact_json
from sr_domain.flows import advance, submit
from sr_domain.flows.keep_proofs import keep_proofs
from sr_domain.record.states import RunState
from sr_domain.run import collect_evidence
from sr_domain.run.answers import settled_outcome
from sr_domain.run.collect_evidence import collect
from sr_domain.run.held_run import HeldRun
from sr_ports import Lease, SrError
from tests.reliability.lab import START, Lab, request
from tests.reliability.loss import RECORD, readies
from tests.reliability.memory_world import roots, world
from tests.reliability.planted import BASE, FACTS, RUN, STATUS, forged

Patch = Callable[[pytest.MonkeyPatch], None]
RECEIPTS = f"{BASE}/instance_receipts/"


def asked(lab: Lab, files: Mapping[str, bytes], key: str = "key", **ports: Any) -> RunState | None:
    """Where a submit over these files leaves the run; None where it rests by a fault."""
    wired = {**lab.world_ports(), "roots": roots(files), **ports}
    with contextlib.suppress(SrError):
        return lab.runner(wired).submit(request(key, engine_run_root="memory")).state
    return None


def receipts(lab: Lab) -> list[str]:
    return [one.key for one in lab.store.list(RECEIPTS)]


class Changing(dict[str, bytes]):
    """The files of a world that is replaced by its next version once one of them was read."""

    def __init__(self) -> None:
        super().__init__(world())
        self.reads = 0

    def get(self, path: str, default: Any = None) -> Any:
        found = super().get(path, default)
        if path == "up/report.json":
            self.reads += 1
            if self.reads == 2:
                self.update(world(version=1))
        return found


def changed_while_read(lab: Lab) -> bool:
    """READY of a world that was another when it was read first."""
    return asked(lab, Changing()) is RunState.READY


def no_second_look(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(collect_evidence, "_seen_twice", lambda found, changes: found)


class Mending(ManualClock):
    """A clock under which the world is mended as soon as anybody waits for it."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(START)
        self.files = files

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.files.update(world())


def mended_while_it_settles(lab: Lab) -> bool:
    """A run is quarantined for a contradiction of the last second."""
    files = world(spoil="gate.end")
    lab.clock = Mending(files)
    lab.__attrs_post_init__()
    return asked(lab, files) is RunState.QUARANTINED


def nothing_settles(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(collect_evidence, "_stand_still", lambda run, root, seconds: root.changes())


def view_planted(lab: Lab) -> bool:
    """A view that stands before the run begins is what the bus tells of."""
    lab.store.create(FACTS, forged()[FACTS])
    asked(lab, world())
    bundle = json.loads(forged()[FACTS])["bundle_hash"]
    return bundle in {one.payload["bundle_hash"] for one in lab.ready_messages()}


def a_view_is_adopted(patch: pytest.MonkeyPatch) -> None:
    original = HeldRun.write_derived

    def adopted(self: HeldRun, key: str, digest: str | None, derive: Callable[[], bytes | None]) -> bytes:
        standing = self.ports.store.read(key) if key == FACTS else None
        return original(self, key, digest, derive) if standing is None else standing.data

    patch.setattr(HeldRun, "write_derived", adopted)


def status_planted(lab: Lab) -> bool:
    """A duplicate of a READY run is told that it failed."""
    assert asked(lab, world()) is RunState.READY
    blob = lab.store.read(STATUS)
    other = exact_json({**json.loads(blob.data), "state": "FAILED"})
    lab.store.replace(STATUS, other, etag=blob.etag)
    return asked(lab, world()) is RunState.FAILED


def answers_come_from_the_status(patch: pytest.MonkeyPatch) -> None:
    def told(ports: Any, layout: Any, run_id: str, known: Any) -> Any:
        outcome, status = settled_outcome(ports, layout, run_id, known), ports.store.read(layout.status(run_id))
        state = RunState(json.loads(status.data)["state"])
        return None if outcome is None else attrs.evolve(outcome, state=state)

    patch.setattr(submit, "settled_outcome", told)


def hostile_run_waits(lab: Lab) -> bool:
    """A run that only waits leaves a receipt, and a sound run of its scope is not READY."""
    asked(lab, world(skip=("world",), events=b"x"), "hostile")
    left = bool(receipts(lab))
    return left and asked(lab, world()) is not RunState.READY


def receipts_are_written_before_the_verdict(patch: pytest.MonkeyPatch) -> None:
    def early(run: HeldRun, *args: Any, **kwargs: Any) -> Any:
        evidence = collect(run, *args, **kwargs)
        keep_proofs(run, evidence)
        return evidence

    patch.setattr(advance, "collect", early)


@attrs.frozen
class Replacing:
    """An authority at whose renewal somebody replaces the receipt that stands, as an operator elsewhere may."""

    authority: Any
    store: Any

    def renew(self, lease: Lease, *, ttl_s: float) -> Lease:
        for key in (one.key for one in self.store.list(RECEIPTS)):
            forgery = next(data for place, data in forged().items() if place == key)
            self.store.replace(key, forgery, etag=self.store.read(key).etag)
        renewed: Lease = self.authority.renew(lease, ttl_s=ttl_s)
        return renewed

    def __getattr__(self, name: str) -> Any:
        return getattr(self.authority, name)


def receipt_replaced_at_renewal(lab: Lab) -> bool:
    """READY beside a receipt that says something else."""
    return asked(lab, world(), authority=Replacing(lab.authority, lab.store)) is RunState.READY


def receipts_are_not_looked_at_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(advance, "own_receipts_stand", lambda run, receipts: None)


def rolled_back_behind_its_decision(lab: Lab) -> bool:
    """A second READY, of another world, once an operator accepted that an older backup is all there is."""
    assert asked(lab, world()) is RunState.READY
    lines = lab.store.read(RECORD).data.splitlines(keepends=True)
    at = next(at for at, line in enumerate(lines) if b"EVIDENCE_STARTED" in line)
    for stored in list(lab.store.list(f"{BASE}/")):
        lab.store.delete(stored.key)
    lab.store.create(RECORD, b"".join(lines[:at]))
    runner = lab.runner({**lab.world_ports(), "roots": roots(world(version=1))})
    with contextlib.suppress(SrError):
        runner.recover_run(RUN, reason="drill", actor="operator")
    return len(readies(lab)) > 1


def it_always_goes_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("sr_domain.flows.recover_run._Loss._goes_on", lambda loss, tells, heard: True)


CASES = {
    "going on only where it was never READY": (rolled_back_behind_its_decision, it_always_goes_on),
    "the second look": (changed_while_read, no_second_look),
    "settling": (mended_while_it_settles, nothing_settles),
    "a view is held against the record": (view_planted, a_view_is_adopted),
    "answers from the record": (status_planted, answers_come_from_the_status),
    "receipts after the verdict": (hostile_run_waits, receipts_are_written_before_the_verdict),
    "receipts are looked at again": (receipt_replaced_at_renewal, receipts_are_not_looked_at_again),
}


@pytest.mark.parametrize("name", CASES)
def test_the_attack_fails_and_succeeds_once_the_guard_is_taken_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    attack, take_out = CASES[name]
    assert not attack(Lab(Path("/")))
    take_out(monkeypatch)
    assert attack(Lab(Path("/"))), f"without {name} nothing is noticed"


def test_a_sound_world_is_ready() -> None:
    """The innocent twin of them all."""
    lab = Lab(Path("/"))
    assert asked(lab, world()) is RunState.READY
    assert len(receipts(lab)) == 1
    assert lab.ledger(RUN).state is RunState.READY
    assert hashlib.sha256(lab.store.read(FACTS).data).hexdigest() in lab.ledger(RUN).data.decode()
