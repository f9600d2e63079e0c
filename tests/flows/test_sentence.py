"""The sentence that explain opens with: where a run is, and the first thing at fault."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from sr_domain.queries.explain import Explanation
from sr_domain.queries.sentence import sentence, shortened, sized
from sr_domain.record.ledger import Ledger
from sr_domain.run.outcome import NextStep
from sr_ports import EngineCall, EngineResult, ReasonCode, Unreachable
from tests.flows.test_worker_faults import BROKEN, submitted
from tests.kit import Lab, request
from tests.worlds import receipt, small_world


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab.memory(tmp_path)


def said(lab: Lab, run_id: str) -> str:
    return lab.runner().explain(run_id).sentence


def test_ready_says_since_when_and_what_was_read(lab: Lab) -> None:
    told = said(lab, lab.reuse(small_world()).run_id)
    assert told == "READY since 2026-01-31 13:42 UTC: 3 gates passed, 3 outputs, 32 bytes, every byte read."


def test_an_optional_output_that_is_absent_is_said(lab: Lab) -> None:
    told = said(lab, lab.reuse(small_world(), output_ids=["world", "extra"]).run_id)
    assert told.endswith("1 gate passed, 1 output, 9 bytes, every byte read, 1 optional output absent.")


def test_a_superseded_run_says_so_first(lab: Lab) -> None:
    old = lab.reuse(small_world()).run_id
    new = lab.reuse(small_world(), run_equivalence_key="new", supersedes=old).run_id
    assert said(lab, old).startswith(f"Superseded by run {new[:8]}: read that one. READY since ")


class _Deaf:
    """A bus that takes nothing."""

    def publish(self, *args: object, **kwargs: object) -> None:
        raise Unreachable(ReasonCode.BUS_UNREACHABLE, "the bus is away")


def test_ready_that_the_bus_has_not_taken_is_said(lab: Lab) -> None:
    run_id = lab.runner(bus=_Deaf()).submit(request(engine_run_root=lab.world(small_world()))).run_id
    assert said(lab, run_id).endswith("every byte read. The control bus has not been told yet: BUS_UNREACHABLE.")


def test_a_contradiction_names_both_sides_and_the_first_file(lab: Lab) -> None:
    torn = {**small_world(), "gates/gate.a/z.csv": b"1,3"}
    told = said(lab, lab.reuse(torn).run_id)
    assert told.startswith("Quarantined since 2026-01-31 13:42 UTC: gate.a states 0ca1e99e…, its bundle gives ")


def test_a_contradiction_without_two_digests_says_what_it_is(lab: Lab) -> None:
    told = said(lab, lab.reuse(small_world() | receipt(seed=8)).run_id)
    assert told.startswith("Quarantined since 2026-01-31 13:42 UTC: run_receipt.json: ")
    assert told.endswith(" First file at fault: run_receipt.json.")


def test_more_contradictions_are_counted(lab: Lab) -> None:
    other = small_world() | receipt(seed=8)
    assert said(lab, lab.reuse({**other, "gates/gate.a/z.csv": b"1,3"}).run_id).endswith(" 1 more conflict.")


def test_a_run_that_is_worked_on_names_who_holds_it(lab: Lab) -> None:
    told: list[str] = []

    def looks(call: EngineCall) -> EngineResult:
        told.append(said(lab, str(call.invocation["run_id"])))
        return EngineResult(ReasonCode.ENGINE_EXIT_NONZERO, None)

    lab.runner(engine=looks).submit(request())
    assert told[0].startswith("Engine started since 2026-01-31 13:42 UTC: held by ")


def test_waiting_says_what_is_missing_and_until_when(lab: Lab) -> None:
    short = {name: data for name, data in small_world().items() if not name.startswith(("gates/gate.c/", "data/daily"))}
    told = said(lab, lab.reuse(short).run_id)
    assert told == (
        "Waiting since 2026-01-31 13:42 UTC: 1 of 3 gates and 1 of 3 outputs missing, first gate.c "
        "(gates/gate.c/_passed.flag). Unless it comes by 2026-01-31 13:52 UTC, the run fails."
    )


def test_evidence_that_never_came_fails_with_its_first_name(lab: Lab) -> None:
    short = {name: data for name, data in small_world().items() if not name.startswith("gates/gate.c/")}
    run_id = lab.reuse(short).run_id
    lab.clock.sleep(601)
    lab.runner().resume(run_id)
    told = said(lab, run_id)
    assert told.startswith("Failed at 2026-01-31 13:52 UTC: ")
    assert told.endswith("still missing at the deadline: gate.c (gates/gate.c/_passed.flag).")


def test_an_engine_that_fails_is_quoted(lab: Lab) -> None:
    def fails(call: EngineCall) -> EngineResult:
        return EngineResult(ReasonCode.ENGINE_EXIT_NONZERO, None, detail="exit code 3")

    told = said(lab, lab.runner(engine=fails).submit(request()).run_id)
    assert told == "Failed at 2026-01-31 13:42 UTC: the engine ended with an error; attempt 2: exit code 3."


def test_what_cannot_be_planned_is_named(lab: Lab) -> None:
    told = said(lab, lab.reuse(small_world(), output_ids=["world", "nothing_such"]).run_id)
    assert "nothing_such" in told


def test_a_run_that_rests_by_a_workers_fault_says_so(lab: Lab) -> None:
    run_id = submitted(lab, small_world(), BROKEN).run_id
    told = said(lab, run_id)
    assert told.startswith("Evidence being read, and resting since 2026-01-31 13:42 UTC: gate.a: the law ")
    assert told.endswith("ZeroDivisionError: oops.")


def test_a_record_that_was_altered_is_not_to_be_relied_on(lab: Lab) -> None:
    run_id = lab.reuse(small_world()).run_id
    key = next(key for key in lab.truth() if "run_facts_view" in key)
    lab.store.delete(key)
    lab.store.create(key, b"{}")
    assert said(lab, run_id).startswith(f"Not to be relied on: {key} is not what the record of its run says")


def test_a_root_that_is_still_written_is_said_with_its_first_path(lab: Lab) -> None:
    short = {name: data for name, data in small_world().items() if not name.startswith("gates/gate.c/")}
    run_id = lab.reuse(short).run_id
    ledger, told = lab.ledger(run_id), lab.runner().explain(run_id)
    until = " Unless it comes by 2026-01-31 13:52 UTC, the run fails."
    changed = sentence(ledger, attrs.evolve(told, changed=("data/a.bin", "data/b.bin")))
    assert changed.endswith(f": the engine root is still being written, first data/a.bin.{until}")
    nothing = sentence(ledger, attrs.evolve(told, gates=(), outputs=(), detail="a receipt stands in the way"))
    assert nothing.endswith(f": a receipt stands in the way.{until}")


def _bare(**changes: object) -> Explanation:
    told = Explanation("a" * 32, None, None, "", "", NextStep(), None, None, None, (), (), ())
    return attrs.evolve(told, **changes)  # type: ignore[arg-type]


def test_a_record_without_an_admission_says_that(lab: Lab) -> None:
    assert sentence(Ledger("a" * 32), _bare()) == "Never admitted: its record holds no admission."


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1 kB"), (131_072, "131 kB"), (999_600, "1 MB"),
     (2_500_000_000, "2.5 GB"), (10**21, "1e+06 PB")],
)  # fmt: skip
def test_sizes_are_told_by_thousands(size: int, words: str) -> None:
    assert sized(size) == words


def test_digests_are_cut_wherever_they_stand() -> None:
    assert shortened(f"path=x={'a' * 64}/flag") == "path=x=aaaaaaaa…/flag"
    assert shortened("a" * 63) == "a" * 63


@pytest.mark.parametrize(("kill_after", "begins"), [("RUN_ACCEPTED", "Admitted"), ("PLAN_COMMITTED", "Planned"),
                                                    ("EVIDENCE_STARTED", "Evidence being read")])  # fmt: skip
def test_a_run_that_was_left_says_that_nobody_holds_it(lab: Lab, kill_after: str, begins: str) -> None:
    run_id = lab.reuse(small_world()).run_id
    key = next(key for key in lab.truth() if "run_record" in key)
    lines = lab.truth()[key].splitlines(keepends=True)
    upto = next(at for at, line in enumerate(lines) if kill_after.encode() in line)
    upto += 2 if kill_after == "PLAN_COMMITTED" else 0
    fresh = Lab.memory(lab.root)
    fresh.store.create(key, b"".join(lines[: upto + 1]))
    told = said(fresh, run_id)
    assert told == f"{begins} since 2026-01-31 13:42 UTC: nobody holds it, resume takes it on."
