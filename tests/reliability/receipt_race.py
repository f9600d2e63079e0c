"""Schedules of runs of one scope with other bytes: operators set receipts aside while the runs go on.

As `simulation`. Leases lapse anywhere, between a look and the append that it was for as well.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import attrs

from sr_adapters.memory.authority import MemoryAuthority
from sr_adapters.memory.root import MemoryEngineRoot, MemoryEngineRoots
from sr_domain.encoding.ids import run_id_for
from sr_domain.flows import advance
from sr_domain.record.states import RunState
from sr_ports import ReasonCode, SrError, Unreachable
from tests.reliability.lab import TTL_S, Lab, request
from tests.reliability.memory_world import world
from tests.reliability.planted import BASE, RUN, Planted
from tests.reliability.simulation import Simulation
from tests.reliability.stepped import Worker

THEIRS, THIRD, FOURTH = run_id_for("theirs"), run_id_for("third"), run_id_for("fourth")
LATEST = 80
"""By which step the runs beside the operator's have begun: most of them while he is at it."""
ALL = (THEIRS, THIRD, FOURTH, RUN)


@attrs.define
class ReceiptRace(Simulation):
    """One schedule: the run `theirs` left its receipt by a crash, and RUN, of other bytes, rests for it.

    The run `third` is of the bytes of `theirs`, `fourth` of those of RUN; each side has an operator.
    """

    def __attrs_post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.stops_at_reads = False
        self.lab = Lab(Path("/"), wait_s=600)
        self.lab.authority = MemoryAuthority(self.lab.clock.now)
        self.planted = Planted(self.lab.store)
        self.files = world()
        runner = self.lab.runner(self.ports())
        gone = Unreachable(ReasonCode.STORE_UNREACHABLE, "died")
        try:
            with mock.patch.object(advance, "decide_ready", side_effect=gone):
                runner.submit(request("theirs", engine_run_root="theirs"))
        except Unreachable:
            self.lab.clock.sleep(TTL_S + 1)
        self._expect(runner.submit(request(engine_run_root="memory")).reason_code == "INSTANCE_RECEIPT_ORPHAN", "none")

    def ports(self) -> dict[str, Any]:
        theirs = MemoryEngineRoot(world(events=b"x"), "theirs")
        ours = MemoryEngineRoot(self.files, "memory")
        return {**self.lab.world_ports(), "roots": MemoryEngineRoots({"memory": ours, "theirs": theirs})}

    def _worker(self, number: int) -> Worker:
        acts: tuple[Callable[[Any], Any], ...] = (
            lambda runner: runner.recover_receipt(RUN, "events", reason="race", actor="operator"),
            lambda runner: runner.resume(THEIRS),
            lambda runner: runner.submit(request("third", engine_run_root="theirs")),
            lambda runner: runner.submit(request("fourth", engine_run_root="memory")),
            lambda runner: runner.recover_receipt(THIRD, "events", reason="race", actor="another operator"),
        )

        def act(ports: Mapping[str, Any]) -> Any:
            return acts[number](self.lab.runner(ports))

        return Worker(number, act, sleeps_until=self.rng.randrange(LATEST) if number else 0)

    def _disturb(self, alive: list[Worker]) -> None:
        dice = self.rng.random()
        if dice < 0.01:
            self.rng.choice(alive).killed = True
        elif dice < 0.02:
            self.lab.clock.sleep(TTL_S + 1)
        elif dice < 0.14:  # somebody sleeps before a swap while the others get somewhere, mostly past the lease
            swapping = [worker for worker in alive if worker.about_to == "replace" and worker.sleeps_until < self.steps]
            if swapping:
                self.rng.choice(swapping).sleeps_until = self.steps + self.rng.randrange(20, 300)
                self.lab.clock.sleep(self.rng.choice((1.0, TTL_S + 1)))

    def _check(self) -> None:
        """No two runs decide of one scope with other bytes."""
        decided = {run_id: found for run_id in ALL if (found := self._events_of(run_id)) is not None}
        self._expect(len(set(decided.values())) < 2, f"two runs decided with other bytes: {sorted(decided)}")

    def _events_of(self, run_id: str) -> str | None:
        """The digest of the scope's output in a run's decision."""
        blob = self.lab.store.read(f"{BASE}/run_record/{run_id}.jsonl")
        lines = () if blob is None else blob.data.splitlines()
        decided = next((json.loads(line) for line in lines if b'"EVIDENCE_COMPLETE"' in line), None)
        outputs = [] if decided is None else decided["details"]["outputs"]
        return next((str(one["digest"]) for one in outputs if one["output_id"] == "events"), None)

    def _settle(self) -> str:
        """Whoever is left goes on: some run is READY, what it rests on stands, and every record is sound."""
        for _ in range(3):
            self.lab.clock.sleep(TTL_S + 1)
            runner = self.lab.runner(self.ports())
            for run_id in ALL:
                try:
                    runner.resume(run_id)
                except SrError:
                    continue
                self._check()
        runner = self.lab.runner(self.ports())
        states = {run_id: self._record(run_id).state for run_id in ALL}
        ready = [run_id for run_id, state in states.items() if state is RunState.READY]
        self._expect(bool(ready), f"nobody is READY: {states}")
        for run_id in ready:
            self._expect(not runner.audit(run_id).findings, f"audit of {run_id}: {runner.audit(run_id).findings[:1]}")
        return "theirs" if {THEIRS, THIRD} & set(ready) else "operator"
