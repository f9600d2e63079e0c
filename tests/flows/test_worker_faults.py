"""What is wrong with a law, and no fact about the run, ends no run: it rests where it was and can be resumed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from sr_adapters.cli import exits
from sr_domain.evidence.provided_law import LawStopped, ProvidedLaw, RunsIn
from sr_domain.record.states import RunState
from sr_domain.run.outcome import Outcome
from sr_plugins.laws import BUILTIN_LAWS
from sr_ports import BundleView, ReasonCode, Unreachable
from tests.kit import LAWS, WAIT_S, Lab, request
from tests.worlds import FLAG, WORLD, small_world, write_files

KIND = "sha256_bundle_digest"
SOUND = next(law for law in BUILTIN_LAWS if law.kind == KIND)
FLAG_A = f"gates/gate.a/{FLAG}"


@attrs.frozen
class Law:
    """The first gate's law, with a bug of its own."""

    work: Callable[[BundleView], Any]
    kind: str = KIND

    def digest(self, bundle: BundleView) -> Any:
        return self.work(bundle)


def raises(bundle: BundleView) -> Any:
    raise ZeroDivisionError("oops")


def laws(work: Callable[[BundleView], Any], version: str = "1.2", runs_in: RunsIn = RunsIn.WORKER) -> dict[str, Any]:
    return {**LAWS, KIND: ProvidedLaw(Law(work), "acme-laws", version, runs_in)}


BROKEN, MENDED = laws(raises), laws(SOUND.digest)
NOBODY = {kind: law for kind, law in LAWS.items() if kind != KIND}


def spoilt(**files: bytes | None) -> dict[str, bytes]:
    changed = {**small_world(), **files}
    return {path: data for path, data in changed.items() if data is not None}


def submitted(lab: Lab, files: dict[str, bytes], by: dict[str, Any], **changes: Any) -> Outcome:
    return lab.runner(laws=by).submit(request(engine_run_root=lab.world(files), **changes))


def rests(outcome: Outcome, state: RunState, code: ReasonCode) -> None:
    assert (outcome.state, outcome.reason_code) == (state, code)
    assert exits.exit_for_outcome(outcome) == exits.UNREACHABLE
    assert "acme-laws" in outcome.message
    assert "1.2" in outcome.message


def test_a_law_that_fails_lets_the_run_rest_until_it_is_mended(lab: Lab) -> None:
    outcome = submitted(lab, small_world(), BROKEN)
    rests(outcome, RunState.VERIFYING, ReasonCode.LAW_FAILED)
    assert "gate.a: the law sha256_bundle_digest of acme-laws 1.2 failed: ZeroDivisionError: oops" in outcome.message
    assert lab.authority.holder(outcome.run_id) is None
    before = lab.kinds(outcome.run_id)
    again = lab.runner(laws=BROKEN).resume(outcome.run_id)
    rests(again, RunState.VERIFYING, ReasonCode.LAW_FAILED)
    added = lab.kinds(outcome.run_id)[len(before) :]
    assert added == ["LEASE_TAKEN"], "the same fault met again adds nothing"
    told = lab.runner(laws=BROKEN).explain(outcome.run_id)
    assert (told.reason_code, told.next.command) == ("LAW_FAILED", "resume")
    first = told.gates[0]
    assert (first.id, first.verdict, first.detail) == ("gate.a", "UNKNOWN", "LAW_FAILED")
    assert lab.runner(laws=BROKEN).status(outcome.run_id).reason_code is ReasonCode.LAW_FAILED
    done = lab.runner(laws=MENDED).resume(outcome.run_id)
    assert (done.state, done.reason_code) == (RunState.READY, None)
    assert not lab.runner(laws=MENDED).audit(outcome.run_id).findings
    assert lab.runner(laws=MENDED).explain(outcome.run_id).reason_code is None


def test_another_gates_conflict_is_no_fact_while_a_law_fails(lab: Lab) -> None:
    files = spoilt(**{"gates/gate.b/report.json": b"[1]"})
    policy = {"member_digests": "ENFORCE"}
    outcome = lab.runner(laws=BROKEN, policy=policy).submit(request(engine_run_root=lab.world(files)))
    rests(outcome, RunState.VERIFYING, ReasonCode.LAW_FAILED)
    done = lab.runner(laws=MENDED, policy=policy).resume(outcome.run_id)
    assert done.state is RunState.QUARANTINED


@pytest.mark.parametrize("missing", [None, WORLD], ids=["nothing", "an output"])
def test_no_deadline_ends_a_run_whose_law_fails(lab: Lab, missing: str | None) -> None:
    files = small_world() if missing is None else spoilt(**{missing: None})
    outcome = submitted(lab, files, BROKEN)
    lab.clock.sleep(WAIT_S * 2)
    rests(lab.runner(laws=BROKEN).resume(outcome.run_id), RunState.VERIFYING, ReasonCode.LAW_FAILED)
    write_files(lab.root / "engine", small_world())
    assert lab.runner(laws=MENDED).resume(outcome.run_id).state is RunState.READY


def test_a_root_that_is_not_at_rest_is_told_before_a_law_that_fails(lab: Lab) -> None:
    def writes(bundle: BundleView) -> Any:
        bundle.files()
        write_files(lab.root / "engine", {"gates/gate.a/z.csv": b"1,2,3"})
        raise ZeroDivisionError("oops")

    outcome = submitted(lab, small_world(), laws(writes))
    assert (outcome.state, outcome.reason_code) == (RunState.WAITING_EVIDENCE, ReasonCode.EVIDENCE_UNSTABLE)
    write_files(lab.root / "engine", small_world())
    assert lab.runner(laws=MENDED).resume(outcome.run_id).state is RunState.READY


def test_a_run_that_waits_rests_where_it_was_and_goes_on_waiting(lab: Lab) -> None:
    """A fault that is over is told no more, also where the run waits for the same as before."""
    waits = submitted(lab, spoilt(**{WORLD: None}), MENDED)
    assert waits.state is RunState.WAITING_EVIDENCE
    lab.world({WORLD: b"the world"})
    rests(lab.runner(laws=BROKEN).resume(waits.run_id), RunState.WAITING_EVIDENCE, ReasonCode.LAW_FAILED)
    (lab.root / "engine" / WORLD).unlink()
    again = lab.runner(laws=MENDED).submit(request(engine_run_root=str(lab.root / "engine")))
    assert (again.state, again.reason_code) == (RunState.WAITING_EVIDENCE, ReasonCode.EVIDENCE_WAITING)
    lab.world({WORLD: b"the world"})
    assert lab.runner(laws=MENDED).resume(waits.run_id).state is RunState.READY


def test_a_law_that_is_gone_is_named_by_what_the_run_was_planned_with(lab: Lab) -> None:
    waits = submitted(lab, spoilt(**{FLAG_A: None}), MENDED)
    lab.world(small_world())
    gone = lab.runner(laws=NOBODY).resume(waits.run_id)
    rests(gone, RunState.WAITING_EVIDENCE, ReasonCode.UNKNOWN_HASHING_LAW)
    assert "it was acme-laws==1.2 when the run was planned" in gone.message
    assert lab.runner(laws=MENDED).resume(waits.run_id).state is RunState.READY


def test_laws_of_scenario_runner_itself_may_be_of_any_version(lab: Lab) -> None:
    waits = submitted(lab, spoilt(**{FLAG_A: None}), LAWS)
    lab.world(small_world())
    newer = {kind: attrs.evolve(law, version="9.9.9") for kind, law in LAWS.items()}
    assert lab.runner(laws=newer).resume(waits.run_id).state is RunState.READY


class WithoutRecords:
    """A store in which no record can be begun."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def create(self, key: str, data: bytes) -> Any:
        if "/run_record/" in key:
            raise Unreachable(ReasonCode.STORE_UNREACHABLE, "no store")
        return self._store.create(key, data)


def bound_only(lab: Lab, **changes: Any) -> None:
    """The key is bound, and the worker went away before anything was recorded."""
    asked = request(engine_run_root=lab.world(small_world()), **changes)
    with pytest.raises(Unreachable):
        lab.runner(laws=MENDED, store=WithoutRecords(lab.store)).submit(asked)


def test_a_run_without_its_plan_rests_open_until_its_laws_are_there(lab: Lab) -> None:
    bound_only(lab)
    outcome = submitted(lab, small_world(), NOBODY)
    assert (outcome.state, outcome.reason_code) == (RunState.OPEN, ReasonCode.UNKNOWN_HASHING_LAW)
    assert exits.exit_for_outcome(outcome) == exits.UNREACHABLE
    assert lab.runner().resume(outcome.run_id).state is RunState.READY


def test_a_fact_about_the_request_ends_it_also_where_a_law_is_missing(lab: Lab) -> None:
    bound_only(lab, output_ids=["world", "nowhere"])
    outcome = submitted(lab, small_world(), NOBODY, output_ids=["world", "nowhere"])
    assert (outcome.state, outcome.reason_code) == (RunState.FAILED, ReasonCode.UNKNOWN_OUTPUT_ID)


@pytest.mark.parametrize(("where", "noted"), [(RunsIn.CALLER, True), (RunsIn.WORKER, False), (RunsIn.OWN, False)])
def test_the_decision_notes_a_law_of_anothers_that_ran_in_the_callers_process(
    lab: Lab, where: RunsIn, noted: bool
) -> None:
    outcome = submitted(lab, small_world(), laws(SOUND.digest, runs_in=where))
    assert outcome.state is RunState.READY
    notes = lab.document("run_facts_view", outcome.run_id)["evidence_notes"]
    assert ("LAW_IN_CALLERS_PROCESS:gate.a" in notes) is noted
    assert any(note.startswith("GATE_LAW:gate.a:") for note in notes)


def test_a_consumer_hears_of_a_law_that_fails_as_of_something_that_is_away(lab: Lab) -> None:
    run_id = submitted(lab, small_world(), MENDED).run_id
    assert lab.runner(laws=MENDED).verify(run_id).ok
    with pytest.raises(Unreachable) as caught:
        lab.runner(laws=BROKEN).verify(run_id)
    assert caught.value.code is ReasonCode.LAW_FAILED


def test_a_law_that_was_ended_for_its_time_keeps_no_lease(lab: Lab) -> None:
    class Late(Law):
        def watched(self, bundle: BundleView, check: Callable[[], None]) -> Any:
            check()
            raise LawStopped("it ran for more than 5 s", late=True)

    late = {**LAWS, KIND: ProvidedLaw(Late(raises), "acme-laws", "1.2", RunsIn.WORKER)}
    outcome = submitted(lab, small_world(), late)
    rests(outcome, RunState.VERIFYING, ReasonCode.LAW_TIMEOUT)
    assert lab.authority.holder(outcome.run_id) is None
    assert lab.runner(laws=MENDED).submit(request(engine_run_root=str(lab.root / "engine"))).state is RunState.READY


def away(what: str) -> Exception:
    return Unreachable(ReasonCode.STORE_UNREACHABLE, what)


@pytest.mark.parametrize("kind", [ValueError, away], ids=["any error", "something is away"])
def test_what_a_law_quotes_is_told_without_its_secrets(lab: Lab, kind: Callable[[str], Exception]) -> None:
    def quotes(_: BundleView) -> Any:
        raise kind("table orders: GET http://h/?token=hidden-1 password=hidden-2")

    try:
        told = submitted(lab, small_world(), laws(quotes)).message
    except Unreachable as error:
        told = error.what
    assert "table orders" in told
    assert "hidden" not in told
    assert [path for path, data in lab.truth().items() if b"hidden" in data] == []
