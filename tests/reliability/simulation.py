"""Deterministic simulation: many workers, one virtual clock, every interleaving decided by a seed.

Each worker is a thread that stops before every port call until the scheduler lets it go on;
so exactly one runs at a time, and a seed replays to the letter. Between calls the scheduler
lets time pass (leases lapse), kills workers, loses answers, fills the disk, and spoils or mends evidence.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs

from sr_adapters.memory.authority import MemoryAuthority
from sr_domain.encoding.ids import run_id_for
from sr_domain.encoding.times import parse_instant
from sr_domain.record.ledger import Ledger, check_ledger
from sr_domain.record.states import RunState
from sr_domain.run.outcome import Outcome
from sr_ports import Fault, ReasonCode, SrError
from sr_ports.conformance.crash import Died
from tests.reliability.full_disk import on_disk
from tests.reliability.lab import TTL_S, Lab, request
from tests.reliability.loss import ROLLED_BACK, rolled_back
from tests.reliability.lost_store import lose
from tests.reliability.memory_world import VERSIONS, roots, versions_in, world
from tests.reliability.planted import BASE, FACTS, RUN, SIGNAL, STATUS, Planted, forged
from tests.reliability.stepped import Skewed, Stepped, Worker

ESTABLISHED = 0.15
"""The share of schedules that begin with the run READY already: what follows is re-emits and successors."""
HEIRS = ("heir-1", "heir-2")
"""Keys of requests that would supersede the run, each from its own worker."""
READS = 0.4
"""The share of schedules that stop before each read of evidence as well; of the others' steps more are writes."""
SKEW = timedelta(days=2)
"""By how much the clocks of some workers are ahead or behind."""
LIVES, REST, LOST = 2, 40, 0.4
WRITES = frozenset({"create", "replace", "publish"})
IN_THE_WAY = (ReasonCode.TRUTH_ALTERED, ReasonCode.INSTANCE_RECEIPT_ORPHAN)
"""Why a run rests until an operator sets aside what was planted."""


class Broken(AssertionError):
    """An invariant does not hold. Names the seed, so that it can be replayed."""


@attrs.define
class Simulation:
    """One schedule. `seed`: decides everything. `workers`: processes at work on the same run."""

    seed: int
    workers: int = 3
    rng: random.Random = attrs.field(init=False)
    lab: Lab = attrs.field(init=False)
    files: dict[str, bytes] = attrs.field(init=False)
    back: threading.Semaphore = attrs.field(factory=lambda: threading.Semaphore(0))
    seen_record: bytes = b""
    seen_facts: bytes | None = None
    seen_final: str | None = None
    steps: int = 0
    heirs: set[str] = attrs.field(factory=set)
    established: bool = False
    spoiled: bool = False
    full: bool = False
    version: int = 0
    stops_at_reads: bool = False
    planted: Planted = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.files = world(
            skip=("world",) if self.rng.random() < 0.3 else (), spoil="gate.up" if self.rng.random() < 0.2 else ""
        )
        self.lab = Lab(Path("/"), wait_s=self.rng.choice((0, 30, 600)))
        self.lab.authority = MemoryAuthority(self.lab.clock.now)
        self.planted = Planted(self.lab.store)
        self.established = self.rng.random() < ESTABLISHED
        self.stops_at_reads = self.rng.random() < READS
        if self.established:
            self.files = world()
            self.lab.runner(self.ports()).submit(request(engine_run_root="memory"))

    def ports(self) -> dict[str, Any]:
        return {**self.lab.world_ports(), "roots": roots(self.files)}

    def ports_of(self, worker: Worker) -> dict[str, Any]:
        """A worker's ports: its clock may be days ahead or behind, which may end nothing."""
        skew = random.Random(f"{self.seed}/{worker.number}").choice((-1, 0, 0, 1)) * SKEW
        ports = on_disk(self.ports(), lambda: self.full)
        return {**ports, "clock": Skewed(self.lab.clock, skew)} if skew else ports

    def run(self) -> str:
        """Play the schedule, then settle; the state the run ended in. Raises `Broken`."""
        crew = [self._worker(number) for number in range(self.workers)]
        threads = [threading.Thread(target=self._live, args=(worker,), daemon=True) for worker in crew]
        for thread in threads:
            thread.start()
        while alive := [worker for worker in crew if not worker.done]:
            self._disturb(alive)
            awake = [worker for worker in alive if worker.sleeps_until <= self.steps]
            worker = self.rng.choice(awake or alive)
            worker.turn.release()
            self.back.acquire()
            self.steps += 1
            self._check()
        for thread in threads:
            thread.join()
        for worker in crew:
            if worker.bug is not None:
                raise Broken(f"seed {self.seed}: worker {worker.number}: {worker.bug!r}") from worker.bug
        state = self._settle()
        if not self.heirs and self.rng.random() < ROLLED_BACK:
            wrong = rolled_back(self.lab, self.rng, lambda: self.lab.runner(self.ports()))
            self._expect(wrong is None, str(wrong))
        return state

    def _worker(self, number: int) -> Worker:
        weights = (1, 2, 3, 10) if self.established else (12, 6, 1, 1)
        does = self.rng.choices(("submit", "resume", "re-emit", "supersede"), weights)[0]
        heir = HEIRS[number % len(HEIRS)]

        def act(ports: Mapping[str, Any]) -> Any:
            runner = self.lab.runner(ports)
            match does:
                case "resume":
                    return [runner.resume(run_id) for run_id in list(runner.unsettled())]
                case "re-emit":
                    return runner.reemit(RUN, "BOTH", actor="operator")
                case "supersede":
                    self.heirs.add(heir)
                    return runner.submit(request(heir, engine_run_root="memory", supersedes=RUN))
                case _:
                    return runner.submit(request(engine_run_root="memory"))

        return Worker(number, act)

    def _live(self, worker: Worker) -> None:
        worker.turn.acquire()
        try:
            for _ in range(LIVES):
                self._process(worker)
                worker.sleeps_until = self.steps + self.rng.randrange(REST)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is a bug to report
            worker.bug = error
        finally:
            worker.done = True
            self.back.release()

    def _process(self, worker: Worker) -> None:
        """One process of the worker, from start to end or death."""
        worker.killed = False
        try:
            worker.act({name: Stepped(name, port, worker, self) for name, port in self.ports_of(worker).items()})
        except (Died, SrError):
            return

    def _disturb(self, alive: list[Worker]) -> None:
        dice = self.rng.random()
        if dice < 0.08:
            self._pause(alive)
        elif dice < 0.10:
            self.rng.choice(alive).killed = True
        elif dice < 0.16:
            self.rng.choice(alive).lose = self.rng.choice(("done", "undone"))
        elif dice < 0.20:
            self._change_evidence()
        elif dice < 0.22:  # a plugin breaks, or is mended
            self.lab.law.broken = not self.lab.law.broken
        elif dice < 0.23 and self.seen_record:  # without a record it would be one that was lost
            self.planted.plant(self.rng.choice(sorted(forged())))
        elif dice < 0.24:  # the disk that they all write on fills up, or has room again
            self.full = not self.full

    def _pause(self, alive: list[Worker]) -> None:
        """Somebody sleeps while the others get somewhere: before a write if anybody is about to write, and mostly
        past the lease.
        """
        writers = [worker for worker in alive if worker.about_to in WRITES]
        self.rng.choice(writers or alive).sleeps_until = self.steps + self.rng.randrange(20, 120)
        self.lab.clock.sleep(self.rng.choice((1.0, TTL_S + 1, TTL_S + 1)))
        if self.rng.random() < 0.5:
            self._change_evidence()

    def _change_evidence(self) -> None:
        """What was missing comes; the world is replaced by its next version, or a gate is contradicted or mended."""
        if self.rng.random() < 0.5 and self.version + 1 < VERSIONS:
            self.version += 1
        else:
            self.spoiled = not self.spoiled
        self.files.update(world(spoil="gate.end" if self.spoiled else "", version=self.version))

    def _check(self) -> None:
        """The laws of the mission, after every single step."""
        store = self.lab.store
        blob = store.read(f"{BASE}/run_record/{RUN}.jsonl")
        record = b"" if blob is None else blob.data
        if record != self.seen_record:
            self._expect(record.startswith(self.seen_record), "the record did not only grow")
            self._expect(isinstance(check_ledger(RUN, record), Ledger), "the record is not sound")
            self.seen_record = record
            self._check_decision(record)
            self._check_deadline(record)
        facts = self.planted.own(FACTS)
        if facts is not None:
            self._expect(self.seen_facts in (None, facts), "the facts view changed")
            self._expect(
                b'"RUN_FAILED"' not in record and b'"RUN_QUARANTINED"' not in record, "a facts view beside a failure"
            )
            self.seen_facts = facts
        else:
            self._expect(self.seen_facts is None, "the facts view vanished")
            self._expect(self.planted.own(SIGNAL) is None, "READY without a facts view")
            self._expect(not self.lab.ready_messages(), "READY published without a facts view")
        status = self.planted.own(STATUS)
        if status:
            state = json.loads(status)["state"]
            self._expect(self.seen_final in (None, state), "a final status changed")
            if RunState(state).final:
                self.seen_final = state

        if self.heirs:
            ready = [key for key in self.heirs if self._record(run_id_for(key)).state is RunState.READY]
            self._expect(len(ready) < 2, "two successors")
            self._expect(not ready or self._record(RUN).state is RunState.READY, "a successor of what is not READY")

    def _check_decision(self, record: bytes) -> None:
        """READY is decided of one observation, and nothing that was planted is on record as what follows from it."""
        lines = [line for line in record.splitlines() if b'"EVIDENCE_COMPLETE"' in line]
        for details in (json.loads(line)["details"] for line in lines):
            self._expect(len(versions_in(details)) == 1, "READY of two observations")
            self._expect(details["facts_view_digest"] not in self.planted.digests, "a planted view decided")
            self._expect(any("instance_receipts" in one.key for one in self._receipts()), "READY without its receipt")

    def _check_deadline(self, record: bytes) -> None:
        """No run fails for want of evidence before the authority's clock has come to its deadline."""
        if b'"EVIDENCE_MISSING_DEADLINE"' not in record:
            return
        accepted = json.loads(next(line for line in record.splitlines() if b'"RUN_ACCEPTED"' in line))
        deadline = parse_instant(accepted["details"]["evidence_deadline_utc"])
        self._expect(deadline <= self.lab.clock.now(), "it failed before its deadline")

    def _receipts(self) -> list[Any]:
        return [
            one for one in self.lab.store.list(f"{BASE}/instance_receipts/") if one.key not in self.planted.standing
        ]

    def _record(self, run_id: str) -> Ledger:
        blob = self.lab.store.read(f"{BASE}/run_record/{run_id}.jsonl")
        ledger = check_ledger(run_id, b"" if blob is None else blob.data)
        self._expect(isinstance(ledger, Ledger), f"the record of run {run_id} is not sound")
        assert isinstance(ledger, Ledger)
        return ledger

    def _expect(self, holds: bool, what: str) -> None:
        if not holds:
            raise Broken(f"seed {self.seed}, step {self.steps}: {what}")

    def _settle(self) -> str:
        """Leases lapse, time runs to the deadline, a fresh process finishes: one outcome, clean audit."""
        self.lab.law.broken = self.full = False
        record = self._record(RUN)
        if record.state is RunState.READY and record.first("READY_PUBLISHED") is None:
            self._expect(
                RUN in self.lab.runner(self.ports()).unsettled(), "READY nobody heard of, and nobody looks for it"
            )
        for _ in range(2):  # nobody may have been admitted yet: then the deadline is only anchored now
            self.lab.clock.sleep(SKEW.total_seconds() + self.lab.wait_s + TTL_S + 1)
            outcome = self._asked()
            self._check()
        self._expect(outcome.state is not None and outcome.state.final, f"settled as {outcome.state}")
        again = self._asked()
        self._expect(again.state is outcome.state, "a second answer")
        self._settle_heirs()
        runner = self.lab.runner(self.ports())
        self.planted.set_aside(runner)  # beside a run that failed a planted view stands in nobody's way
        for run_id in runner.recorded_runs():
            audit = runner.audit(run_id)
            self._expect(not audit.findings, f"audit of {run_id}: {audit.findings[:1]}")
        heard = [one for one in self.lab.bus.tail("fp.bus.control.v1") if one.attributes["run_id"] == RUN]
        messages = {one.message_id for one in heard if one.attributes["kind"].startswith("READY")}
        self._expect(len(messages) == (outcome.state is RunState.READY), f"{len(messages)} READY messages")
        wrong = lose(self.lab, self.ports(), RUN, self.rng) if self.rng.random() < LOST else None
        self._expect(wrong is None, str(wrong))
        self._expect(self._asked().state is outcome.state, "another answer once the store was put back")
        return str(outcome.state)

    def _asked(self) -> Outcome:
        """The answer to the run's request, once an operator has set aside what was planted in its way."""
        for _ in range(2 + len(self.planted.there)):  # one is met after the other
            runner = self.lab.runner(self.ports())
            try:
                outcome = runner.submit(request(engine_run_root="memory"))
            except Fault as fault:
                self._expect(fault.code is ReasonCode.TRUTH_ALTERED and bool(self.planted.standing), str(fault))
            else:
                if outcome.reason_code not in IN_THE_WAY:
                    return outcome
            self.planted.set_aside(self.lab.runner(self.ports()))
        raise Broken(f"seed {self.seed}: what was planted stands in the way for ever")

    def _settle_heirs(self) -> None:
        """Every successor ends too; of a READY run with a sound world exactly one is READY."""
        for _ in range(2):
            self.lab.clock.sleep(SKEW.total_seconds() + self.lab.wait_s + TTL_S + 1)
            runner = self.lab.runner(self.ports())
            for run_id in list(runner.unsettled()):
                if runner.resume(run_id).reason_code in IN_THE_WAY:
                    self.planted.set_aside(runner, run_id)
            self._check()
        left = list(self.lab.runner(self.ports()).unsettled())
        self._expect(not left, f"unsettled for ever: {left}")
        links = [one for one in self.lab.bus.tail("fp.bus.control.v1") if one.attributes["kind"] == "RUN_SUPERSEDED"]
        named = {one.attributes["superseded_by"] for one in links}
        ready = {run_id_for(key) for key in self.heirs if self._record(run_id_for(key)).state is RunState.READY}
        self._expect(named == ready, "the bus names another successor than the one that is READY")
