"""Take a guard out, and the harness must fail: else it proves nothing.

Each mutation removes one guard by a patch. Schedules are tried until one breaks a law; a
mutation that survives them all fails this test. `docs/reliability.md` lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs
import pytest

from sr_adapters.memory.store import MemoryObjectStore
from sr_adapters.runtime import heartbeat
from sr_domain.artifacts.documents import control_fact
from sr_domain.artifacts.revisions import today
from sr_domain.encoding.canonical import exact_json
from sr_domain.flows import advance, commit, work
from sr_domain.record import ledger
from sr_domain.record.kinds import Draft
from sr_domain.run import collect_evidence
from sr_domain.run.held_run import HeldRun
from sr_ports import Stored
from tests.reliability.simulation import Broken, Simulation

SEEDS = 12_000
Patch = Callable[[pytest.MonkeyPatch], None]


def no_fence_check(patch: pytest.MonkeyPatch) -> None:
    """An append with a lower fence is taken, and nobody is told that the lease is gone."""
    original = ledger.Ledger.append

    def append(self: Any, drafts: Iterable[Draft], *, fence: int, **kwargs: Any) -> Any:
        return original(self, drafts, fence=max(fence, self.fence), **kwargs)

    patch.setattr(ledger.Ledger, "append", append)
    patch.setattr(HeldRun, "renew", lambda self: None)
    patch.setattr(heartbeat.HeldLease, "check", lambda self: None)
    patch.setattr(HeldRun, "_refuse_if_moved", lambda self, based_on: None)


def no_compare_and_swap(patch: pytest.MonkeyPatch) -> None:
    """The store swaps whatever is there."""

    def replace(self: MemoryObjectStore, key: str, data: bytes, *, etag: str) -> Stored | None:
        with self._lock:
            return self._put(key, data)

    patch.setattr(MemoryObjectStore, "replace", replace)


def no_write_once(patch: pytest.MonkeyPatch) -> None:
    """The store creates over what is there."""

    def create(self: MemoryObjectStore, key: str, data: bytes) -> Stored | None:
        with self._lock:
            return self._put(key, data)

    patch.setattr(MemoryObjectStore, "create", create)


def planned(run: HeldRun) -> Any:
    """The plan that the run has on record."""
    committed = run.history.plan
    assert committed is not None
    return committed.details


def publish_before_facts(patch: pytest.MonkeyPatch) -> None:
    """READY goes out before the facts view is there."""
    original = commit._write_facts

    def early(run: HeldRun, decided: Any) -> Any:
        facts = run.derives.facts(decided.event.details, today())
        signal = today().ready_signal(run.layout, facts, planned(run).plan["plan_hash"], decided.ts_utc)
        fact = control_fact(
            "fp.bus.control.v1",
            "READY",
            signal["message_id"],
            signal,
            layout=run.layout,
            run_id=run.run_id,
            at=decided.ts_utc,
            more=run.known_store.attributes(),
        )
        run.ports.bus.publish(fact)
        return original(run, decided)

    patch.setattr(commit, "_write_facts", early)


def decide_without_the_ledger(patch: pytest.MonkeyPatch) -> None:
    """The facts view is written before the decision is on record."""
    original = commit.decide_ready

    def early(run: HeldRun, decision: Any, still_so: Any) -> None:
        facts = run.derives.facts(decision.document(), today())
        run.ports.store.create(run.layout.facts(run.run_id), exact_json(facts))
        original(run, decision, still_so)

    patch.setattr(advance, "decide_ready", early)


def forget_to_publish(patch: pytest.MonkeyPatch) -> None:
    """A run counts as settled although READY was never published."""
    patch.setattr(work, "settled", lambda record: record.state is not None and record.state.final)


def no_claim(patch: pytest.MonkeyPatch) -> None:
    """Whoever has its evidence becomes READY, whoever else supersedes the same run."""
    patch.setattr(advance, "claim_place", lambda run: None)


def no_second_look(patch: pytest.MonkeyPatch) -> None:
    """What changed while it was read is not looked at again."""
    patch.setattr(collect_evidence, "_seen_twice", lambda found, changes: found)


def view_adopted(patch: pytest.MonkeyPatch) -> None:
    """A facts view that stands is taken for the run's own, whatever the record says."""
    original = HeldRun.write_derived

    def adopted(self: HeldRun, key: str, digest: str | None, derive: Callable[[], bytes | None]) -> bytes:
        standing = self.ports.store.read(key) if "/run_facts_view/" in key else None
        return original(self, key, digest, derive) if standing is None else standing.data

    patch.setattr(HeldRun, "write_derived", adopted)


@attrs.frozen
class Mutation:
    """`seen_at`: a schedule that showed it, tried first; where it no longer does, all are tried."""

    name: str
    patch: Patch
    seen_at: int = 0


MUTATIONS = (
    Mutation("compare-and-swap taken out", no_compare_and_swap, seen_at=369),
    Mutation("write-once taken out", no_write_once),
    Mutation("publish before the facts view", publish_before_facts, seen_at=81),
    Mutation("facts view before the decision", decide_without_the_ledger, seen_at=87),
    Mutation("fence, lease check, renewal and the look at what moved taken out", no_fence_check, seen_at=1_085),
    Mutation("publication forgotten", forget_to_publish, seen_at=8_799),
    Mutation("claim on the place of successor taken out", no_claim, seen_at=808),
    Mutation("second look taken out", no_second_look, seen_at=1_444),
    Mutation("a view that stands is adopted", view_adopted, seen_at=27),
)


LATE = (
    "facts view before the decision",
    "publication forgotten",
    "second look taken out",
    "fence, lease check, renewal and the look at what moved taken out",
)
"""Mutations that only a late schedule shows."""


@pytest.mark.parametrize(
    "mutation",
    [pytest.param(one, marks=pytest.mark.slow if one.name in LATE else []) for one in MUTATIONS],
    ids=lambda one: one.name,
)
def test_the_harness_notices(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    mutation.patch(monkeypatch)
    for seed in (mutation.seen_at, *range(SEEDS)):
        try:
            Simulation(seed, workers=3).run()
        except (Broken, AssertionError, Exception) as found:  # noqa: BLE001 - any failure is a catch
            print(f"{mutation.name}: noticed at seed {seed}: {found}")  # noqa: T201
            return
    pytest.fail(f"{mutation.name}: survived {SEEDS} schedules")
